"""The place whose console `cityward bench console` measures, and the web door's parts over it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from cityward.adapters.bench.console.made import KINDS, LAMP, Changing, Channel, declaration
from cityward.adapters.bench.console.run import Bench, Wanted, measured
from cityward.adapters.bench.tables import Table
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.adapters.tiles import TileArchive
from cityward.compose.home import CityFile, Home
from cityward.compose.people.giving import PeopleDesk
from cityward.compose.places import demo_place, load_place, tiles_of
from cityward.compose.setting import Setting
from cityward.place.registry import number
from cityward.runtime.people import BUILT_IN_OPERATOR, Grant, Person, SessionRow, Stance, Step
from cityward.time import HOUR

__all__ = ["Alone", "Table", "Wanted", "run_bench_console", "standing_alone"]

SESSIONS_EACH = 8  # a person has no more
CENTRE = (2.3, 54.9)  # of the demonstration city, whose map is drawn


@dataclass(frozen=True, slots=True)
class Alone:
    """What a web door without a city around it is given."""

    setting: Setting
    history: DeltaHistory
    tiles: TileArchive | None
    people: PeopleDesk


def standing_alone(folder: Path) -> Alone:
    """The parts of the door over a prepared folder."""
    home, path = Home(folder), folder / "place.yaml"
    loaded = load_place(path)
    map_file = tiles_of(demo_place())
    setting = Setting(home, _nowhere(path, loaded.digest), loaded, number(loaded.place), SqlState(home.state_url))
    archive = TileArchive(map_file) if map_file else None
    return Alone(setting, setting.history(), archive, PeopleDesk(setting))


def _nowhere(place: Path, digest: str) -> CityFile:
    """The start of a city that is not there: no broker, no log, no ports of its own."""
    return CityFile(
        place=str(place),
        declaration=digest,
        bus_url="",
        passwords={},
        mqtt_host="127.0.0.1",
        mqtt_port=0,
        mqtt_ca=None,
        web_host="127.0.0.1",
        web_port=0,
        admin_port=0,
        clock=(0, 0, 1.0),
    )


def run_bench_console(folder: Path, wanted: Wanted, tell: Callable[[str], None]) -> list[Table]:
    """`cityward bench console` in this folder. See `adapters.bench.console`.

    Raises:
        LinkError: no Chromium, or something did not start.
    """
    (folder / "place.yaml").write_bytes(msgspec.yaml.encode(declaration(wanted.devices, CENTRE)))
    setting = standing_alone(folder).setting
    try:
        changing = Changing(setting.state, _channels(setting), wanted.changes)
        tell(f"{wanted.devices:,} devices say their first value")
        changing.fill()
        sessions = [_session(setting.state, n) for n in range(max(wanted.consoles) + 1)]
        return measured(Bench(folder, sessions, changing, wanted, tell))
    finally:
        setting.state.dispose()


def _channels(setting: Setting) -> list[Channel]:
    models, registry = setting.loaded.place.device_models, setting.registry
    limits = {prop: (low, high) for _, prop, low, high in (*KINDS, LAMP)}
    return [
        Channel(unit.id, prop, *limits[prop], registry.flows[unit.flow])
        for unit in registry.units
        for prop in models[unit.model].properties
    ]


def _session(state: SqlState, n: int) -> str:
    """A signed-in person's token; eight sessions to a person."""
    now, who = time.time_ns() // 1000, f"person-{n // SESSIONS_EACH:03d}"
    if n % SESSIONS_EACH == 0:
        state.put_person(Person(who, who.title(), "council", Stance.ACTIVE, now))
        state.put_grant(
            Grant(f"grant-{who}", who, BUILT_IN_OPERATOR, Step.GIVEN, "to be measured", now, "bench", now, 0)
        )
    token = secrets.token_urlsafe(32)
    state.open(SessionRow(sha256(token.encode()).digest(), who, now + 12 * HOUR, now, now, "127.0.0.1"))
    return token
