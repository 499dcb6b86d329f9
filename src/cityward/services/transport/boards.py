"""What the service shows people: lines and their headways, what is due next, what is not believed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

from cityward.services.board import Board, Cell, Figure, Shape, Table
from cityward.services.transport.headways import Headway, Spacing
from cityward.services.transport.pages import due_at_stops
from cityward.services.transport.picture import Picture
from cityward.services.transport.plan import line_name, place_of
from cityward.services.transport.settings import TransportSettings

MOST_SHOWN = 40
MOST_MARKS = 1000
LONGEST = 120


def board(picture: Picture, settings: TransportSettings) -> Board:
    """The board of one moment."""
    return Board(
        summary=_summary(picture),
        figures=tuple(_figures(picture)),
        tables=(_lines(picture), _next(picture, settings), _close(picture), _not_believed(picture)),
        shapes=tuple(_shapes(picture)),
    )


def _summary(picture: Picture) -> str:
    if not picture.live:
        rest = "riders are shown the timetable" if picture.table is not None else "no times are known"
        why = picture.troubles[0] if picture.troubles else "no feed has come"
        return f"No fresh feed ({why[:LONGEST]}): {rest}, and nothing is proposed."
    bunched = sum(1 for one in picture.headways if one.spacing is Spacing.BUNCHED)
    stands = f" {len(picture.standstills)} fleets stand still." if picture.standstills else ""
    tail = "no two of a line are too close" if not bunched else f"{bunched} follow too close"
    return f"{len(picture.runs)} trips are under way; {tail}.{stands}"


def _figures(picture: Picture) -> Iterator[Figure]:
    vehicles = len(picture.believed)
    yield Figure(label="Vehicles seen", value=str(vehicles), stance="plain" if picture.live else "bad")
    yield Figure(label="Trips under way", value=str(len(picture.runs)))
    bunched = sum(1 for one in picture.headways if one.spacing is Spacing.BUNCHED)
    yield Figure(label="Too close", value=str(bunched), stance="wait" if bunched else "good")
    gaps = sum(1 for one in picture.headways if one.spacing is Spacing.GAP)
    yield Figure(label="Too far apart", value=str(gaps), stance="wait" if gaps else "good")
    ignored = len(picture.ignored)
    yield Figure(label="Reports not believed", value=str(ignored), stance="bad" if ignored else "good")
    if picture.live:
        yield Figure(label="Feed is", value=str(picture.now_s - picture.at_s), unit="s old")
    errors = [abs(error) for values in picture.learned.missed.values() for error in values]
    if errors:
        yield Figure(label="Predictions were off by", value=f"{median(errors):.0f}", unit="s", note="median of late")


def _lines(picture: Picture) -> Table:
    of_line: dict[tuple[str, str], list[Headway]] = defaultdict(list)
    for one in picture.headways:
        of_line[one.route, one.direction].append(one)
    under_way = Counter((run.route, run.direction) for run in picture.runs if run.vehicle)
    rows = [
        _line_row(picture, route, way, count, of_line[route, way]) for (route, way), count in sorted(under_way.items())
    ]
    return Table(
        title="Lines",
        columns=("Line", "Direction", "Vehicles", "Headway", "By the timetable", "Too close", "Too far apart"),
        rows=tuple(rows[:MOST_SHOWN]),
        empty="No vehicle is under way.",
    )


def _line_row(picture: Picture, route: str, way: str, count: int, found: list[Headway]) -> tuple[Cell, ...]:
    actual = f"{median(one.actual_s for one in found) / 60:.0f} min" if found else "-"
    planned = [one.planned_s for one in found if one.planned_s > 0]
    spacing = Counter(one.spacing for one in found)
    return (
        Cell(text=line_name(picture.table, route)[:LONGEST]),
        Cell(text=way),
        Cell(text=str(count)),
        Cell(text=actual),
        Cell(text=f"{median(planned) / 60:.0f} min" if planned else "-"),
        Cell(text=str(spacing[Spacing.BUNCHED]), stance="wait" if spacing[Spacing.BUNCHED] else "plain"),
        Cell(text=str(spacing[Spacing.GAP]), stance="wait" if spacing[Spacing.GAP] else "plain"),
    )


def _next(picture: Picture, settings: TransportSettings) -> Table:
    zone = picture.table.zone if picture.table is not None else ZoneInfo("UTC")
    rows: list[tuple[Cell, ...]] = []
    for dues in due_at_stops(picture, settings).values():
        for due in dues[:1]:
            how = "predicted" if due.expected is not None else "timetable"
            late = f"{(due.expected - due.aimed) / 60:+.0f} min" if due.expected and due.aimed else ""
            rows.append(
                (
                    Cell(text=due.stop_name),
                    Cell(text=due.line),
                    Cell(text=due.towards),
                    Cell(text=f"{datetime.fromtimestamp(due.at, zone):%H:%M}"),
                    Cell(text=how, stance="good" if how == "predicted" else "plain"),
                    Cell(text=late),
                )
            )
    return Table(
        title="Next departures",
        columns=("Stop", "Line", "Towards", "At", "How", "Late"),
        rows=tuple(rows[:MOST_SHOWN]),
        empty="None is known.",
    )


def _close(picture: Picture) -> Table:
    found = [one for one in picture.headways if one.spacing is Spacing.BUNCHED]
    rows = [
        (
            Cell(text=line_name(picture.table, one.route)[:LONGEST]),
            Cell(text=one.follower.vehicle, device=one.follower.vehicle),
            Cell(text=one.leader.vehicle, device=one.leader.vehicle),
            Cell(text=one.stop),
            Cell(text=f"{one.actual_s:.0f} s", stance="wait"),
            Cell(text=f"{one.planned_s:.0f} s"),
        )
        for one in found[:MOST_SHOWN]
    ]
    return Table(
        title="Too close",
        columns=("Line", "Vehicle", "Behind", "Next stop", "Gap", "By the timetable"),
        rows=tuple(rows),
        empty="No vehicle follows too close behind another.",
    )


def _not_believed(picture: Picture) -> Table:
    rows = [(Cell(text=one.vehicle), Cell(text=one.why, stance="bad")) for one in picture.ignored[:MOST_SHOWN]]
    rows += [(Cell(text="document"), Cell(text=why[: 2 * LONGEST], stance="wait")) for why in picture.troubles]
    return Table(
        title="Not used", columns=("What", "Why"), rows=tuple(rows[:MOST_SHOWN]), empty="Everything that came is used."
    )


def _shapes(picture: Picture) -> Iterator[Shape]:
    stopped = {name for one in picture.standstills for name in one.vehicles}
    for name, spot in list(picture.spots.items())[:MOST_MARKS]:
        if picture.live and abs(spot.lat) <= 90 and abs(spot.lon) <= 180:
            stance = "bad" if name in stopped else "good"
            yield Shape(at=((spot.lon, spot.lat),), label=name, device=name, stance=stance)
    if picture.table is not None:
        for stop in picture.table.stops.ids[:MOST_MARKS]:
            place = place_of(picture.table, stop)
            if place is not None:
                yield Shape(at=(place,), label=stop[:LONGEST])
