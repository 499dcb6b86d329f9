"""The role `network`: watches flow logs that others write, and tells of connections that no declared flow explains.

A firewall or a Zeek sensor writes its log; `cityward run --network-log FILE` has it followed (`adapters.flow_logs.following`)
while the city runs. Every few seconds what was added is held against the declaration, as `cityward reconcile` does, and what
differs is told to the watch: a declared thing that spoke, or tried to speak, where no declared flow leads (`declared: no`), or
otherwise than its flows say (`declared: otherwise`).

INVARIANTS
- No connection is left out: the position in each log is kept behind what the bus has taken. After a kill a few may be told again.
- Bounded: `MOST_TOLD` events a look and log, the others are told by their number; `following` bounds the rest.
- A log that cannot be read, or is none, is said once in our own log and in `network.progress.json`, and tried again.

Fails when: nobody's log covers the network a device uses. Who comes in from outside is told by `cityward reconcile`, to a person.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

from cityward.adapters.bus.events import NatsEvents
from cityward.adapters.bus.log import connect, disconnect
from cityward.adapters.flow_logs.following import FollowedLog, Look, Position
from cityward.compose.files import writing
from cityward.compose.setting import Setting
from cityward.errors import LinkError
from cityward.place.loader import Loaded
from cityward.reach.reconcile.ends import Ends
from cityward.reach.reconcile.matching import Matcher
from cityward.reach.reconcile.outcomes import Bucket, Sighting
from cityward.reach.reconcile.seen import Seen
from cityward.runtime.ports import EventSink
from cityward.time import DAY, iso
from cityward.watch.events import Event, EventKind, cut

log = structlog.get_logger(__name__)

BY = "network"
LOOK_S = 2.0
PUBLISHED_S = 0.05
OLDEST = DAY  # what a log tells of days ago is for `cityward reconcile`
MOST_TOLD = 256
POSITIONS, PROGRESS = "network.positions.json", "network.progress.json"
OTHERS = "network:(others)"
_KINDS = {"systems": "system:", "parties": "party:"}  # a device is named by its id alone, as everywhere in events


class Destinations:
    """Which of what was seen is worth telling. City time `at`; the log's own times stand in the details."""

    def __init__(self, loaded: Loaded) -> None:
        self.ends = Ends(loaded.place)
        self._matcher = Matcher(loaded.place, self.ends)

    def events(self, seen: Iterable[Seen], at: int, by: str) -> list[Event]:
        """At most `MOST_TOLD` and one that says how many more there are."""
        told = list(self._told(seen, at, by))
        if len(told) <= MOST_TOLD:
            return told
        more = sum(int(event.detail["count"]) for event in told[MOST_TOLD:])
        detail = {"declared": "no", "count": str(more), "different": str(len(told) - MOST_TOLD)}
        return [*told[:MOST_TOLD], Event(at=at, kind=EventKind.DESTINATION, by=by, subject=OTHERS, detail=detail)]

    def _told(self, seen: Iterable[Seen], at: int, by: str) -> Iterator[Event]:
        for one in seen:
            sighting = self._matcher.sighting(msgspec.structs.replace(one, refused=""))  # tried is as telling as done
            declared = {Bucket.UNDECLARED: "no", Bucket.CHANGED: "otherwise"}.get(sighting.bucket)
            if declared is not None and sighting.source:
                yield self._event(sighting, one, declared, at, by)

    def _event(self, sighting: Sighting, seen: Seen, declared: str, at: int, by: str) -> Event:
        source, to = self.ends.find(seen.source), sighting.destination or seen.destination
        detail = {
            "to": cut(to),
            "port": "" if seen.port is None else str(seen.port),
            "protocol": cut(seen.protocol or seen.transport),
            "count": str(max(1, seen.count)),
            "declared": declared,
            "where": cut(seen.where_from),
        }
        if seen.refused:
            detail["refused"] = cut(seen.refused)
        if seen.last_us is not None:
            detail["last"] = iso(seen.last_us)
        subject = cut(_KINDS.get(source.kind, "") + source.id)
        return Event(at=at, kind=EventKind.DESTINATION, by=by, subject=subject, source=cut(seen.source), detail=detail)


@dataclass(slots=True)
class Watched:
    """One log with what became of it."""

    log: FollowedLog
    counts: Counter[str] = field(default_factory=Counter[str])
    trouble: str = ""


class Network:
    """Follows the logs of a city. `events` hears what differs; positions are kept in the state directory."""

    def __init__(self, setting: Setting, paths: Sequence[Path], events: EventSink) -> None:
        self._setting, self._events = setting, events
        self._destinations = Destinations(setting.loaded)
        self._root = setting.home.root
        held = _positions(self._root / POSITIONS)
        matters = self._destinations.ends.either_declared
        self.watched = [Watched(FollowedLog(path, held.get(str(path), Position()), matters)) for path in paths]

    def look(self) -> bool:
        """Look into every log once, and tell; whether there is more to read at once."""
        more = False
        for one in self.watched:
            try:
                found = one.log.look(self._since())
            except LinkError as error:
                self._say(one, error.what)
                continue
            self._count(one, found)
            for event in self._destinations.events(found.seen, self._setting.now_us(), BY):
                self._events.tell(event)
                one.counts["told"] += 1
            more |= found.more
        return more

    def _since(self) -> int:
        clock = self._setting.city.city_clock
        return clock.to_machine_us(self._setting.now_us()) - OLDEST

    def _count(self, one: Watched, found: Look) -> None:
        one.counts.update({"lines": found.lines, "bad": found.bad, "beyond": found.beyond})
        one.counts["rotated"] += found.began_anew
        if found.missed:
            self._say(one, "it was rotated while nobody followed: what was written in between is not known")
            one.counts["missed"] += 1
        elif found.refused:
            self._say(one, found.refused)
        elif found.lines:
            one.trouble = ""
        if found.beyond:
            detail = {"budget": "network-log", "count": str(found.beyond)}
            at = self._setting.now_us()
            self._events.tell(Event(at=at, kind=EventKind.SHED, by=BY, subject=f"role:{BY}", detail=detail))

    def _say(self, one: Watched, what: str) -> None:
        if what != one.trouble:
            log.warning("a network log is not followed", log=one.log.path.name, why=what)
        one.trouble = what

    def keep(self) -> None:
        """Keep the positions, once the bus has what was told."""
        told = {str(one.log.path): {**one.counts, "trouble": one.trouble} for one in self.watched}
        positions = {str(one.log.path): one.log.position for one in self.watched}
        with contextlib.suppress(OSError, LinkError):  # a full disk is no reason to stop; then something is told twice
            _replace(self._root / POSITIONS, msgspec.json.encode(positions))
            _replace(self._root / PROGRESS, msgspec.json.encode(told))

    def close(self) -> None:
        """Close the files."""
        for one in self.watched:
            one.log.close()


def _positions(path: Path) -> dict[str, Position]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Position])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_suffix(".new")
    with writing(draft):
        draft.touch(mode=0o600)
        draft.write_bytes(data)
        draft.replace(path)


async def run_network(setting: Setting, stop: asyncio.Event) -> None:
    """Follow the logs that the city was started with, until told to stop."""
    city = setting.city
    client = await connect(city.bus_url, BY, city.passwords.get(BY))
    try:
        async with NatsEvents(client, BY, setting.now_us) as events:
            network = Network(setting, [Path(path) for path in city.network_logs], events)
            try:
                while not stop.is_set():
                    more = await asyncio.to_thread(network.look)
                    if await _published(events, stop):
                        await asyncio.to_thread(network.keep)
                    if not more:
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), LOOK_S)
            finally:
                network.close()
    finally:
        await disconnect(client)


async def _published(events: NatsEvents, stop: asyncio.Event) -> bool:
    """Whether the bus has all that was told; waits until it has."""
    while events.queued and not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PUBLISHED_S)
    return not events.queued
