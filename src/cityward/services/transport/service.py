"""The transport service's turn: feeds and a timetable in; arrivals, headways, advice to hold, feeds and pages for riders out.

Theory of operation
-------------------
    documents -> feeds that are fresh -> positions believed (`fleet`) -> trips under way (`sightings`)
              -> arrivals (`arrivals`) -> headways -> holds
                                       -> estimates, feeds of our own, SIRI, stop pages, the board

Where no fresh feed is shown (stale, missing, refused, quarantined) there are no trips under way: nothing is predicted or
proposed, what was learned is kept, and riders are shown the timetable, called so. What no timetable knows is said to be unknown.

INVARIANTS
- Total and deterministic: documents that cannot be read are as if they were not there, and are told on the board.
- Memory is bounded part by part (`memory`, `fleet`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from cityward.errors import DecodeError, PlaceError
from cityward.services.contract import Document, Estimate, Notice, Turn, Urgency, View, Window
from cityward.services.transport.arrivals import COVERAGE, advance
from cityward.services.transport.boards import board
from cityward.services.transport.fleet import Spot, look, name_of, standstills
from cityward.services.transport.headways import headways
from cityward.services.transport.holding import holds
from cityward.services.transport.learning import Habits
from cityward.services.transport.memory import Learned
from cityward.services.transport.picture import Picture
from cityward.services.transport.plan import planned
from cityward.services.transport.publishing import published
from cityward.services.transport.runs import Run
from cityward.services.transport.settings import TransportSettings, read_settings
from cityward.services.transport.sightings import cancelled, runs_of, vehicles_in
from cityward.time import SECOND
from cityward.transit.building import timetable
from cityward.transit.decoding import decode
from cityward.transit.realtime import Feed, VehiclePosition
from cityward.transit.timetable import Timetable

MOST_ESTIMATES = 2000
ESTIMATED_AHEAD_S = 3600


class TransportMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered: what the model learned, and where the vehicles were."""

    learned: Learned = Learned()
    spots: dict[str, Spot] = {}


class Transport:
    """The service, as `services.contract.Service` asks for it. Holds nothing."""

    settings = TransportSettings
    memory = TransportMemory
    example: Mapping[str, Any] = {
        "feeds": ["bus-feed"],
        "timetable": "bus-timetable",
        "fleets": {"buses": {"vehicles": ["buses"], "maker": "Ostra"}},
        "advised": ["buses"],
        "operator": "Ring Transit",
    }

    def read_settings(self, raw: Mapping[str, Any], where: str) -> TransportSettings | PlaceError:
        """The settings, or what is wrong with them."""
        return read_settings(raw, where)

    def reads(self, settings: TransportSettings) -> Sequence[str]:
        """The vehicles."""
        return _vehicles(settings)

    def commands(self, settings: TransportSettings) -> Sequence[str]:
        """The vehicles whose terminals take advice."""
        return list(dict.fromkeys(settings.advised))

    def windows(self, settings: TransportSettings) -> Sequence[Window]:
        """None: what it needs of the past it has learned."""
        return ()

    def documents(self, settings: TransportSettings) -> Sequence[str]:
        """The feeds, and the timetable."""
        return [*settings.feeds, *([settings.timetable] if settings.timetable is not None else [])]

    def step(self, view: View[TransportSettings], memory: TransportMemory) -> Turn[TransportMemory]:
        """One turn."""
        picture, memory = see(view, memory)
        return Turn(
            memory,
            proposals=tuple(holds(view, picture.headways)),
            estimates=tuple(_estimates(picture, view.now_us)),
            notices=tuple(_notices(picture, view)),
            published=published(picture, view.settings),
            board=board(picture, view.settings),
        )

    def work(self, body: bytes) -> bytes:
        """It has no jobs."""
        raise ValueError("transport has no slow work")


def see(view: View[TransportSettings], memory: TransportMemory) -> tuple[Picture, TransportMemory]:
    """What is going on, and what to remember of it."""
    settings, now_s = view.settings, view.now_us // SECOND
    table, told = _table(view)
    feeds, troubles = _feeds(view)
    if not feeds:
        troubles = (*told, *troubles)
        return Picture(now_s=now_s, table=table, troubles=troubles), memory
    at_s = min(max(feed.header.timestamp or 0 for feed in feeds), now_s)
    positions = [one for one in vehicles_in(feeds) if _is_shown(view, one)]
    seen = look(positions, memory.spots, table, at_s, settings)
    runs = runs_of(feeds, seen.believed, table, at_s)
    head = " ".join(str(feed.header.timestamp or 0) for feed in feeds)
    habits = Habits(settings.stand_s, settings.report_s)
    arrivals, learned = advance(memory.learned, runs, at_s, head, habits)
    aimed = _aimed(table, runs, at_s)
    picture = Picture(
        now_s=now_s,
        table=table,
        troubles=(*told, *troubles),
        feeds=tuple(feeds),
        at_s=at_s,
        runs=tuple(runs),
        arrivals=tuple(arrivals),
        aimed=aimed,
        cancelled=cancelled(feeds),
        headways=tuple(headways(runs, arrivals, aimed, settings)),
        ignored=tuple(seen.ignored),
        standstills=tuple(standstills(seen.spots, _fleets(view), at_s, settings)),
        believed=seen.believed,
        spots=seen.spots,
        learned=learned,
    )
    return picture, TransportMemory(learned=learned, spots=dict(seen.spots))


def _table(view: View[TransportSettings]) -> tuple[Timetable | None, tuple[str, ...]]:
    """The timetable, and what is wrong with it."""
    name = view.settings.timetable
    document = view.documents.get(name) if name is not None else None
    if name is None or document is None:
        return None, () if name is None else (f"no timetable has come by `{name}`",)
    try:
        return timetable(document.body), ()
    except DecodeError as error:
        return None, (f"the timetable of `{name}` cannot be read: {error.reason}",)


def _feeds(view: View[TransportSettings]) -> tuple[list[Feed], tuple[str, ...]]:
    """The feeds that are fresh, and what is wrong with the others."""
    feeds: list[Feed] = []
    troubles: list[str] = [] if view.settings.feeds else ["no feed is declared"]
    for name in view.settings.feeds:
        document = view.documents.get(name)
        feed = _fresh(name, document, view, troubles) if document is not None else None
        if document is None:
            troubles.append(f"no feed has come by `{name}`")
        if feed is not None:
            feeds.append(feed)
    return feeds, tuple(troubles)


def _fresh(name: str, document: Document, view: View[TransportSettings], troubles: list[str]) -> Feed | None:
    longest = view.settings.stale_s
    if document.age_us > longest * SECOND:
        troubles.append(f"the feed of `{name}` is {document.age_us // SECOND} s old")
        return None
    try:
        feed = decode(document.body)
    except DecodeError as error:
        troubles.append(f"the feed of `{name}` cannot be read: {error.reason}")
        return None
    behind = view.now_us // SECOND - (feed.header.timestamp or 0)
    if not -longest <= behind <= longest:
        troubles.append(f"what the feed of `{name}` says is {behind} s old")
        return None
    return feed


def _is_shown(view: View[TransportSettings], one: VehiclePosition) -> bool:
    """Whether nothing is held against the vehicle: one whose readings are left out is not looked at."""
    name = name_of(one)
    return not any(unit == name for unit, _ in view.left_out)


def _fleets(view: View[TransportSettings]) -> dict[str, Sequence[str]]:
    return {name: view.units(fleet.vehicles) for name, fleet in view.settings.fleets.items()}


def _vehicles(settings: TransportSettings) -> list[str]:
    return list(dict.fromkeys(one for fleet in settings.fleets.values() for one in fleet.vehicles))


def _aimed(table: Timetable | None, runs: Sequence[Run], at_s: int) -> dict[tuple[str, str], int]:
    """(trip, stop) -> when it should leave by the timetable."""
    aimed: dict[tuple[str, str], int] = {}
    for run in runs:
        plan = planned(table, run.trip_id, run.start_date or None, at_s) if table is not None else None
        if plan is not None:
            aimed.update({(run.trip, stop): when for stop, when in zip(plan.stops, plan.departures, strict=True)})
    return aimed


def _estimates(picture: Picture, now_us: int) -> Iterable[Estimate]:
    """Arrivals within the hour: seconds from now, for each trip and stop."""
    vehicles = {run.trip: run.vehicle for run in picture.runs}
    soon = [one for one in picture.arrivals if 0 <= one.leaves - picture.now_s <= ESTIMATED_AHEAD_S]
    for one in soon[:MOST_ESTIMATES]:
        yield Estimate(
            subject=f"{one.trip}@{one.stop}",
            property="departure",
            at=round(one.leaves) * SECOND,
            made_at=now_us,
            value=one.leaves - picture.now_s,
            low=min(one.low, one.leaves) - picture.now_s,
            high=max(one.high, one.leaves) - picture.now_s,
            coverage=COVERAGE,
            model="legs",
            sources=(vehicles[one.trip],) if vehicles[one.trip] in picture.believed else (),
        )


def _notices(picture: Picture, view: View[TransportSettings]) -> Iterable[Notice]:
    for one in picture.standstills:
        others = len([name for name in picture.spots if name not in one.vehicles])
        yield Notice(
            id=f"standstill-{one.fleet}",
            subject=one.fleet,
            title=(
                f"{len(one.vehicles)} of {one.reporting} reporting vehicles of `{one.fleet}`"
                f"{f' (maker {one.maker})' if one.maker else ''} stand still outside stops, in more than one place;"
                f" expected: vehicles of one make stop apart from each other. {others} other vehicles report."
            ),
            urgency=Urgency.SAFETY,
            since=one.since * SECOND,
            do="Ask the drivers whether the vehicles can move; see who can reach them (`cityward reach`), and contain if needed.",
            sources=tuple(name for name in one.vehicles if name in set(view.units(_vehicles(view.settings)))),
        )
