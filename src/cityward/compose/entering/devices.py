"""What the command line does with the devices of a city, running or not: their life, and what is known of each.

Each change of a device's life is put on record first (a ledger of its own, so that a running city's are left alone), then made,
then told to the watch where the city runs. It takes force within a second at every door.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock

from cityward.adapters.keys.private import write_private
from cityward.compose.entering.credentials import add_device as add
from cityward.compose.entering.credentials import add_speaker, replace_secret, speakers
from cityward.compose.home import Home
from cityward.compose.people.rights import credential_event
from cityward.compose.setting import Setting, open_setting
from cityward.compose.watching.telling import tell_watch
from cityward.errors import PlaceError
from cityward.evidence.records import DeviceLife
from cityward.place.hints import did_you_mean
from cityward.runtime.ports import CredentialRow, EventSink
from cityward.time import iso
from cityward.watch.events import Event, EventKind

ROLE = "devices"
"""The ledger of devices' lives; its own, so that it can be written while the city runs."""


class Life(StrEnum):
    """What a device's life changes to, in the words of `evidence.records.DeviceLife`."""

    ADDED = "added"
    ROTATED = "rotated"
    REVOKED = "revoked"
    LOST = "lost"
    STOLEN = "stolen"
    RETIRED = "retired"
    FOUND = "found"


OUT = (Life.REVOKED, Life.LOST, Life.STOLEN, Life.RETIRED)
_MISSING = (Life.LOST, Life.STOLEN)
_GIVEN = (Life.ADDED, Life.ROTATED, Life.FOUND)  # somebody may speak as the device from now on


@dataclass(frozen=True, slots=True)
class Asked:
    """A city, one of its devices, and who asks for the change."""

    state: Path
    device: str
    by: str


def device_rows(state: Path) -> list[dict[str, str | None]]:
    """Every declared unit, and every system that speaks for some: device, status, credential, bar, when it was last heard, and
    where it is or was connected from."""
    setting = open_setting(Home(state))
    credentials = {row.device: row.state for row in setting.state.all()}
    seen, places = setting.state.seen(), setting.state.connections()
    bars, now = {row.device: row for row in setting.state.bars()}, _machine_us()
    rows: list[dict[str, str | None]] = []
    named = [(unit.id, str(unit.status)) for unit in setting.registry.units]
    named += [(name, "speaks") for name in sorted(speakers(setting.loaded.place))]
    for name, status in named:
        place, bar = places.get(name), bars.get(name)
        barred = bar is not None and (bar.until_us is None or bar.until_us > now)
        rows.append(
            {
                "device": name,
                "status": status,
                "credential": credentials.get(name, "none"),
                "barred": bar.why if bar is not None and barred else None,
                "barred_until": iso(bar.until_us) if bar is not None and barred and bar.until_us is not None else None,
                "last_seen": iso(seen[name]) if name in seen else None,
                "source": None if place is None else place.source,
                "connected_since": iso(place.since) if place is not None and place.until is None else None,
                "connected_until": iso(place.until) if place is not None and place.until is not None else None,
            }
        )
    return rows


def add_device(asked: Asked, folder: Path | None = None) -> dict[str, str]:
    """What a device must be given that has nothing, or whose credential was revoked or retired; see `rotate_device`.

    Raises:
        PlaceError: it is not declared; or it is lost or stolen.
        LinkError: the files could not be written.
    """
    setting = open_setting(Home(asked.state))
    row = _row(setting, asked.device)
    if row is not None and row.state in _MISSING:
        raise PlaceError(
            f"`{asked.device}` is {row.state}; a new secret alone does not bring it back",
            mend=f"when you have it: cityward device rotate {asked.device}, then cityward device found {asked.device}",
        )
    return _issue(setting, asked, Life.ADDED, folder)


def rotate_device(asked: Asked, folder: Path | None = None) -> dict[str, str]:
    """What the device must be given in place of what it has: `secret`, or `http_key` with paths of `certificate`, `key`, `ca`.

    One that takes commands is given `command_key` besides: by it (Ed25519, base64) it knows that they are the city's.

    What it had is worth nothing within a second, also on the connection it holds. A lost or stolen device stays shut out.
    A certificate and its key are put into `folder`, the key for its owner only.

    Raises:
        PlaceError: it is not declared, has nothing to replace, or is revoked or retired.
        LinkError: the files could not be written.
    """
    setting = open_setting(Home(asked.state))
    row = _row(setting, asked.device)
    if row is None or row.state in {Life.REVOKED, Life.RETIRED}:
        has = "has no credential" if row is None else f"is {row.state}"
        raise PlaceError(f"`{asked.device}` {has}", mend=f"cityward device add {asked.device}")
    return _issue(setting, asked, Life.ROTATED, folder)


def take_out(asked: Asked, to: Life) -> bool:
    """Revoke a device, or take it as lost, stolen or retired. False when it is so already, or has no credential.

    Raises:
        PlaceError: it is not declared.
    """
    setting = open_setting(Home(asked.state))
    row = _row(setting, asked.device)
    if row is None or row.state == to:
        return False
    record = _record(setting, asked, to, {"was": row.state})
    done = setting.state.take_away(asked.device, to, _machine_us(), asked.by)
    _tell(setting, asked, to, record)
    return done


def find_device(asked: Asked) -> None:
    """A lost or stolen device is back, with a new secret.

    Raises:
        PlaceError: it is not declared, was not missing, or still has the secret that somebody may have read.
    """
    setting = open_setting(Home(asked.state))
    row = _row(setting, asked.device)
    if row is None or row.state not in _MISSING:
        raise PlaceError(f"`{asked.device}` is neither lost nor stolen")
    if row.issued_at <= max(b.from_us for b in setting.state.bars() if b.device == asked.device):
        raise PlaceError(
            f"`{asked.device}` was {row.state}, and whoever had it may have read its secret",
            mend=f"give it a new one first: cityward device rotate {asked.device}",
        )
    record = _record(setting, asked, Life.FOUND, {"was": row.state})
    setting.state.give_back(asked.device, _machine_us())
    _tell(setting, asked, Life.FOUND, record)


@dataclass(frozen=True, slots=True)
class RegisterDesk:
    """`web.ports.Registering`: what `cityward device add` and `rotate` do, from the console.

    SECURITY: what is sealed by the city's certificate authority is made on the city's machine only, by the command line: the
    process that anybody can talk to does not open the authority's key.
    """

    setting: Setting
    events: EventSink | None = None
    _one: Lock = field(default_factory=Lock)  # who looked gives, before another looks

    def give(self, device: str, person: str, again: bool) -> Mapping[str, str]:
        """A declared device's new `secret`, told once, and its `command_key` if it takes commands, and where it reaches the
        broker (`mqtt`); `again`: in place of the one it has.

        Raises:
            PlaceError: it is not declared; it proves itself by a certificate; it is lost or stolen; it has one already, or, with
                `again`, none.
            LinkError: another holds the ledger for long.
        """
        number = self.setting.registry.unit_index.get(device)
        if number is None:
            raise PlaceError(
                f"`{device[:64]}` is not declared", mend="declare it in the place, and start the city again"
            )
        if self.setting.registry.units[number].credential != "password":
            mend = f"on the city's machine: cityward device {'rotate' if again else 'add'} {device}"
            raise PlaceError(f"`{device}` proves itself by a certificate", mend=mend)
        with self._one:
            return {**self._given(device, person, again), "mqtt": self.setting.city.mqtt}

    def _given(self, device: str, person: str, again: bool) -> Mapping[str, str]:
        row = _row(self.setting, device)
        held = None if row is None else row.state
        if held in _MISSING:
            raise PlaceError(f"`{device}` is {held}", mend=f"when you have it: cityward device found {device}")
        if (held == "active") != again:
            has = "has a secret already" if held == "active" else "has no secret to replace"
            raise PlaceError(f"`{device}` {has}", mend="look again: somebody else may have changed it")
        asked = Asked(self.setting.home.root, device, person)
        return _issue(self.setting, asked, Life.ROTATED if again else Life.ADDED, None, self.events)


def _row(setting: Setting, device: str) -> CredentialRow | None:
    if device not in setting.registry.unit_index and device not in speakers(setting.loaded.place):
        meant = did_you_mean(device, setting.registry.unit_index)
        raise PlaceError(f"`{device[:64]}` is not declared{meant}", mend="declare it in the place, then add it")
    return next((row for row in setting.state.all() if row.device == device), None)


def _issue(
    setting: Setting, asked: Asked, to: Life, folder: Path | None, events: EventSink | None = None
) -> dict[str, str]:
    """The record comes first: a secret that nobody was given harms nobody."""
    record = _record(setting, asked, to, {})
    place, home = setting.loaded.place.place, setting.home
    if asked.device in speakers(setting.loaded.place):
        take = setting.state.reissue if to is Life.ROTATED else setting.state.issue
        made = add_speaker(setting.state, asked.device, datetime.now(UTC), take)
        _tell(setting, asked, to, record)
        return {"http_key": made.http_key or ""}
    give = replace_secret if to is Life.ROTATED else add  # SECURITY: a rotation brings nobody back
    made = give(home, place, setting.registry, setting.state, asked.device, datetime.now(UTC))
    _tell(setting, asked, to, record, events)
    knows = {} if made.command_key is None else {"command_key": made.command_key}
    if made.certificate is None or made.certificate_key is None:
        return {"secret": made.password or "", **knows}
    files = {name: (folder or Path()) / f"{asked.device}.{name}" for name in ("pem", "key")}
    write_private(files["key"], made.certificate_key.encode())
    write_private(files["pem"], made.certificate.encode(), mode=0o644)
    ca = home.keys / "ca.pem"
    paths = {"certificate": str(files["pem"]), "key": str(files["key"]), "ca": str(ca)}
    return {"http_key": made.http_key or "", **paths, **knows}


def _record(setting: Setting, asked: Asked, to: Life, detail: dict[str, str]) -> str:
    record = DeviceLife(at=setting.now_us(), by=ROLE, device=asked.device, to=to, person=asked.by, detail=detail)
    with setting.ledger_when_free(ROLE) as ledger:
        return ledger.append([record])[0]


def _tell(setting: Setting, asked: Asked, to: Life, record: str, events: EventSink | None = None) -> None:
    """Tell the watch, where a city runs: by a door's own way to it, or over the bus. The evidence stands either way."""
    by, detail = "cli" if events is None else "web", {"to": str(to), "who": asked.by}
    event = Event(at=setting.now_us(), kind=EventKind.LIFE, by=by, subject=asked.device, detail=detail, record=record)
    given = [credential_event(asked.device, asked.by, event.at, by, record)] if to in _GIVEN else []
    if events is None:
        tell_watch(setting, [event, *given])
        return
    for one in (event, *given):
        events.tell(one)


def _machine_us() -> int:
    return time.time_ns() // 1000
