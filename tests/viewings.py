"""A town with cameras, and people who may look through them or may not: for tests of viewing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cityward.compose.acting.postures import PostureDesk, switcher
from cityward.compose.home import Home, write_city_file
from cityward.compose.people.giving import PeopleDesk
from cityward.compose.pictures.viewing import ViewDesk
from cityward.compose.pictures.viewing_record import ROLE
from cityward.compose.setting import Setting, open_setting
from cityward.errors import LinkError
from cityward.evidence.records import AnyRecord
from cityward.runtime.people import SessionRow, Wish
from cityward.runtime.pictures.viewing_ports import Viewer, ViewWanted
from cityward.time import HOUR
from cityward.watch.events import Event
from cityward.web.ports import machine_now_us
from towns import stopped_city

CAMERA_TOWN = """place: camera-town
name: Camera Town
position: [2.3, 54.9]
responsible: council
platform: cityward
jurisdictions: {gb: {code: GB, home: true}, xb: {code: XB}}
parties:
  council: {name: Council, kind: public-body, incorporated_in: gb}
  maker: {name: Maker, kind: company, incorporated_in: gb, owners: [], subprocessors: []}
  far-maker: {name: Far Maker, kind: company, incorporated_in: xb, owners: [], subprocessors: []}
purposes: {safety: {}, planning: {}}
areas: {docks: {population: 100}, centre: {population: 100}}
sites: {hall: {jurisdiction: gb, area: docks}}
systems: {cityward: {kind: platform, site: hall, operator: council}}
datasets:
  video: {personal: true, basis: public-task, sensitivity: restricted, retention_days: 14, allowed_jurisdictions: [gb]}
  counts: {personal: false, sensitivity: internal, retention_days: 90, properties: [camera-trouble, picture-rate]}
device_models:
  camera: {maker: maker, format: senml, properties: {camera-trouble: {}, picture-rate: {}}}
devices:
  cam:
    {model: camera, site: hall, area: docks, owner: council,
     positions: [[2.31, 54.9], [2.32, 54.9], [2.33, 54.9], [2.34, 54.9]]}
flows:
  pictures: {from: cam, to: cityward, datasets: [video], purpose: safety, protocol: rtsp, observability: enforced}
  numbers: {from: cam, to: cityward, datasets: [counts], purpose: planning, protocol: mqtt, observability: enforced}
cameras:
  quay:
    {device: cam-01, flow: pictures, dataset: video, purpose: safety, lawful_basis: public-task, view: The quay,
     stream: "file:quay.mp4", counts: {gate-line: {begin: [0, 0.5], end: [1, 0.5]}}, keep_hours: 24,
     viewing: {purposes: [safety], cameras_most: 2, clear: true}}
  gate:
    {device: cam-02, flow: pictures, dataset: video, purpose: safety, lawful_basis: public-task, view: The gate,
     stream: "file:gate.mp4", viewing: {purposes: [safety], cameras_most: 2, longest_minutes: 5}}
  yard:
    {device: cam-03, flow: pictures, dataset: video, purpose: safety, lawful_basis: public-task, view: The yard,
     stream: "file:yard.mp4", viewing: {purposes: [safety], cameras_most: 2}}
  count-only:
    {device: cam-04, flow: pictures, dataset: video, purpose: safety, lawful_basis: public-task, view: A way,
     stream: "file:way.mp4"}
roles:
  desk: {party: council, rights: [look, data, view], datasets: [video, counts], from_addresses: [127.0.0.1, "::1"]}
  second: {party: council, rights: [look, approve, audit]}
  clerk: {party: council, rights: [look]}
  officer: {party: council, rights: [look, posture]}
  support: {party: maker, rights: [look, view], datasets: [video], from_addresses: [127.0.0.1], standing: false, longest_hours: 1}
  far-support: {party: far-maker, rights: [look, view], datasets: [video], from_addresses: [127.0.0.1], standing: false}
accesses:
  support-in: {party: maker, modes: [support], target: cityward, from_places: [hall]}
  far-in: {party: far-maker, modes: [support], target: cityward, from_places: [hall]}
forms: {plain: {drop: [longitude]}}
postures:
  crisis: {by: [officer], stop_sensitivity: [restricted]}
"""

PEOPLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "ada": ("council", ("desk",)),
    "bo": ("council", ("second",)),
    "cy": ("council", ("clerk",)),
    "dan": ("council", ("officer",)),
    "eve": ("council", ("desk",)),
    "mel": ("maker", ()),
    "fay": ("far-maker", ()),
}
REASON = "a fight was called in"
JPEG = b"\xff\xd8\xff\xe0 a picture of "


@dataclass
class Told:
    """`EventSink` in memory."""

    events: list[Event] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        self.events.append(event)


@dataclass
class MemoryPictures:
    """`Pictures`: what was asked for, as text behind the head of a JPEG. away: none comes."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    away: bool = False

    async def picture(self, camera: str, mark: str) -> bytes:
        return self._give("covered", camera, mark)

    async def clear_picture(self, camera: str, mark: str, grant: str) -> bytes:
        return self._give("clear", camera, mark, grant)

    async def recorded_picture(self, camera: str, at_us: int, mark: str) -> bytes:
        return self._give("recorded", camera, mark, str(at_us))

    def _give(self, *what: str) -> bytes:
        if self.away:
            raise LinkError("nobody looks")
        self.asked.append(what)
        return JPEG + " ".join(what).encode()


@dataclass
class Watchers:
    """A stopped town of cameras, with its desk."""

    setting: Setting
    desk: ViewDesk
    people: PeopleDesk
    told: Told

    def who(self, person: str, session: bytes = b"", source: str = "127.0.0.1") -> Viewer:
        """By the roles they hold now, from an address; in a session that is open."""
        now, shown = machine_now_us(), session or person.encode()
        if self.setting.state.find(shown, now) is None:
            self.setting.state.open(SessionRow(shown, person, now + 12 * HOUR, now, now, source))
        return self.desk.rules.viewer(person, source, shown)

    def records(self) -> Sequence[AnyRecord]:
        """Of views, oldest first."""
        with self.setting.ledger_when_free(ROLE) as ledger:
            return [record for _, record in ledger.tail(100)]

    def kinds(self) -> list[str]:
        """What the records are."""
        return [type(record).__struct_config__.tag for record in self.records()]  # type: ignore[misc]

    def give(self, person: str, role: str, seconds: int = 0) -> None:
        """One role more."""
        self.people.give(Wish(person, role, "for the test", seconds), "test")

    def crisis(self) -> None:
        """The posture is on."""
        PostureDesk(self.setting, self.told).on("crisis", "flood warning", switcher(self.setting, "dan"), 3600)


def asked(camera: str = "quay", **more: Any) -> ViewWanted:
    """A fair question."""
    return replace(ViewWanted(camera, "safety", REASON, 60), **more)


@contextmanager
def watchers(folder: Path) -> Iterator[Watchers]:
    """The town, its people in their roles."""
    (folder / "town").mkdir()
    (folder / "town" / "place.yaml").write_text(CAMERA_TOWN)
    home = Home(folder / "state")
    home.prepare()
    write_city_file(home, stopped_city(folder / "town"))
    setting, told = open_setting(home), Told()
    people = PeopleDesk(setting, told)
    for name, (party, roles) in PEOPLE.items():
        people.add(name, name.title(), party, "test")
        for role in roles:
            people.give(Wish(name, role, "for the test", 0), "test")
    try:
        yield Watchers(setting, ViewDesk(setting, told), people, told)
    finally:
        setting.state.dispose()
