"""What is due at each stop: predicted where a fresh feed allows it, by the timetable where not, and called so.

INVARIANT: a departure by the timetable is never called predicted, and a trip that is known not to run is not shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

import msgspec

from cityward.services.transport.picture import Picture
from cityward.services.transport.plan import departures, line_name
from cityward.services.transport.runs import Arrival, Run
from cityward.services.transport.settings import TransportSettings

MOST_STOPS, MOST_DUE = 300, 12
AHEAD_S = 2 * 3600
LONGEST_WORD = 120


class Due(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One departure, POSIX s. expected: None where nothing but the timetable is known; low, high: of expected."""

    route: str
    line: str
    direction: str
    towards: str
    trip_id: str
    start_date: str
    stop_name: str
    aimed: int | None = None
    expected: int | None = None
    low: int | None = None
    high: int | None = None

    @property
    def at(self) -> int:
        """When to be at the stop."""
        return self.expected if self.expected is not None else (self.aimed or 0)


class StopPage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stop, and what is due there, in order. wheelchair: whether one can board, as the timetable says; None: it does not."""

    id: str
    name: str
    wheelchair: bool | None = None
    due: tuple[Due, ...] = ()


class StopPages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All stops. state: predicted (a fresh feed), timetable (none), unknown (not even a timetable). made_at: POSIX s."""

    made_at: int
    feed_at: int
    state: Literal["predicted", "timetable", "unknown"]
    zone: str
    operator: str
    stops: tuple[StopPage, ...] = ()


def stop_pages(picture: Picture, settings: TransportSettings) -> bytes:
    """`StopPages` as JSON."""
    due = due_at_stops(picture, settings)
    state = "predicted" if picture.live else "timetable" if picture.table is not None else "unknown"
    pages = StopPages(
        made_at=picture.now_s,
        feed_at=picture.at_s,
        state=state,
        zone=picture.table.zone.key if picture.table is not None else "UTC",
        operator=settings.operator,
        stops=tuple(
            StopPage(id=stop, name=_stop_name(picture, stop), wheelchair=_boarding(picture, stop), due=found)
            for stop, found in due.items()
        ),
    )
    return msgspec.json.encode(pages)


def due_at_stops(picture: Picture, settings: TransportSettings) -> dict[str, tuple[Due, ...]]:
    """Stop -> what is due there, for every stop where vehicles call."""
    predicted: dict[str, list[Due]] = defaultdict(list)
    runs = {run.trip: run for run in picture.runs}
    for arrival in picture.arrivals:
        run = runs[arrival.trip]
        # nobody departs from a trip's last stop
        if arrival.leaves - picture.now_s <= AHEAD_S and arrival.stop != run.calls[-1].stop:
            predicted[arrival.stop].append(_predicted(picture, run, arrival))
    found: dict[str, tuple[Due, ...]] = {}
    for stop in _stops(picture, predicted):
        rest = list(_by_timetable(picture, stop, runs))
        every = sorted([*predicted.get(stop, ()), *rest], key=lambda due: (due.at, due.route, due.trip_id))
        found[stop] = tuple(due for due in every if due.at >= picture.now_s - 30)[:MOST_DUE]
    return found


def _stops(picture: Picture, predicted: dict[str, list[Due]]) -> list[str]:
    table = picture.table
    if table is None:
        return sorted(predicted)[:MOST_STOPS]
    called = [stop for n, stop in enumerate(table.stops.ids) if len(table.calls_at(n))]
    if len(called) <= MOST_STOPS:
        return called
    return sorted(called, key=lambda stop: (stop not in predicted, stop))[:MOST_STOPS]


def _predicted(picture: Picture, run: Run, arrival: Arrival) -> Due:
    towards = run.calls[-1].stop
    number = picture.table.trip_of.get(run.trip_id) if picture.table is not None else None
    if picture.table is not None and number is not None:
        towards = picture.table.trips.headsigns[number] or towards
    return Due(
        route=run.route,
        line=line_name(picture.table, run.route)[:LONGEST_WORD],
        direction=run.direction,
        towards=towards[:LONGEST_WORD],
        trip_id=run.trip_id,
        start_date=run.start_date,
        stop_name=_stop_name(picture, arrival.stop),
        aimed=picture.aimed.get((run.trip, arrival.stop)),
        expected=max(round(arrival.leaves), picture.now_s),
        low=round(arrival.low),
        high=round(arrival.high),
    )


def _by_timetable(picture: Picture, stop: str, runs: dict[str, Run]) -> Iterator[Due]:
    if picture.table is None:
        return
    name = _stop_name(picture, stop)
    for one in departures(picture.table, stop, picture.now_s, picture.now_s + AHEAD_S, MOST_DUE):
        if one.key not in runs and one.key not in picture.cancelled:
            yield Due(
                route=one.route,
                line=one.line[:LONGEST_WORD],
                direction="",
                towards=one.towards[:LONGEST_WORD],
                trip_id=one.trip,
                start_date=one.key[:8],
                stop_name=name,
                aimed=one.at,
            )


def _boarding(picture: Picture, stop: str) -> bool | None:
    number = picture.table.stop_of.get(stop) if picture.table is not None else None
    said = int(picture.table.stops.wheelchair[number]) if picture.table is not None and number is not None else 0
    return None if said == 0 else said == 1


def _stop_name(picture: Picture, stop: str) -> str:
    number = picture.table.stop_of.get(stop) if picture.table is not None else None
    name = picture.table.stops.names[number] if picture.table is not None and number is not None else ""
    return (name or stop)[:LONGEST_WORD]
