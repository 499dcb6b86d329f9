"""What the waste service shows: the day's crews, what each container is thought to hold, the map.

Lives here: words and shapes. Does not live here: any decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cityward.services.board import (
    MOST_ROWS,
    MOST_SHAPES,
    Board,
    Cell,
    Figure,
    Shape,
    Stance,
    Table,
)
from cityward.services.contract import Estimate, View
from cityward.services.waste.filling import HORIZON_DAYS
from cityward.services.waste.memory import CrewDay, Day, Known, WasteMemory
from cityward.services.waste.routing import SOLVER
from cityward.services.waste.settings import WasteSettings
from cityward.time import DAY, HOUR, MINUTE

WAY_POINTS = 400  # of a crew's way, as drawn


def estimates(view: View[WasteSettings], known: Mapping[str, Known]) -> list[Estimate]:
    """For each container whose level is known, when it will be full: days, with the interval of 80 %."""
    made: list[Estimate] = []
    for unit, one in known.items():
        if one.level is None:
            continue
        low, value, high = one.days
        made.append(
            Estimate(
                subject=unit,
                property="days-to-full",
                at=view.now_us + round(value * DAY),
                made_at=view.now_us,
                value=value,
                low=low,
                high=high,
                model="pooled-gamma",
                sources=(unit,),
                missing=min(1.0, max(0.0, one.missing)),
            )
        )
    return made


def board(view: View[WasteSettings], memory: WasteMemory) -> Board:
    """The whole board."""
    known, day = memory.known, memory.today
    return Board(
        summary=_summary(view, memory),
        figures=tuple(_figures(view, known, day)),
        tables=tuple(_tables(view, known, day)),
        shapes=tuple(_shapes(view, known, day))[:MOST_SHAPES],
    )


def _summary(view: View[WasteSettings], memory: WasteMemory) -> str:
    if memory.asked is not None:
        return (
            f"The round of {_date(memory.asked.day)} is being put in order: {_many(len(memory.asked.stops), 'stop')}."
        )
    if memory.today is None:
        return "No round was made yet."
    day = memory.today
    stops = sum(len(crew.stops) for crew in day.crews)
    how = "The fixed round in place of what was refused" if day.instead else _how(day, view.settings.blind_share)
    return (
        f"Round of {_date(day.day)}: {_many(stops, 'stop')} for {_many(len(day.crews), 'crew')}. {how}; {_order(day)}."
    )


def _order(day: Day) -> str:
    if day.by == SOLVER:
        return "in the shortest order that was found"
    return "each time the nearest stop next, as no better order came in time"


def _how(day: Day, blind_share: float) -> str:
    """On what the stops rest, as it was when they were chosen."""
    if day.blind > blind_share:
        return f"The fixed round, for {day.blind:.0%} of the levels were not known"
    stops = [stop for crew in day.crews for stop in crew.stops]
    by_level = sum(1 for stop in stops if stop.by_level)
    if by_level == len(stops) and not day.blind:
        return "By what the containers hold"
    by_turn = f", {len(stops) - by_level} by turn" if by_level < len(stops) else ""
    unknown = f"; {day.blind:.0%} of the levels were not known" if day.blind else ""
    return f"{by_level} by what the containers hold{by_turn}{unknown}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _figures(view: View[WasteSettings], known: Mapping[str, Known], day: Day | None) -> Iterator[Figure]:
    heard = [one for one in known.values() if one.level is not None]
    stance: Stance = "good" if 2 * len(heard) >= len(known) else "bad"
    yield Figure(label="Levels known", value=f"{len(heard)} of {len(known)}", stance=stance)
    full = sum(1 for one in heard if (one.level or 0.0) >= view.settings.full)
    yield Figure(label="Full now", value=str(full), stance="bad" if full else "good")
    soon = sum(1 for one in heard if one.days[1] <= 1.0)
    yield Figure(label="Likely full within a day", value=str(soon), stance="wait" if soon else "good")
    if day is not None:
        yield Figure(label="Way of the round", value=f"{sum(crew.metres for crew in day.crews) / 1000:.1f}", unit="km")
        yield Figure(
            label="Load", value=f"{sum(crew.load for crew in day.crews):,}", unit="kg", note="if all were full"
        )
        if day.left_out:
            yield Figure(label="Left out, though due", value=str(len(day.left_out)), stance="bad")


def _tables(view: View[WasteSettings], known: Mapping[str, Known], day: Day | None) -> Iterator[Table]:
    for crew in day.crews if day is not None else ():
        title = f"Crew {crew.crew}: {crew.metres / 1000:.1f} km, {crew.seconds / 3600:.1f} h"
        yield Table(
            title=title, columns=("Stop", "Due", "Container", "Why", "Trip"), rows=tuple(_crew_rows(crew))[:MOST_ROWS]
        )
        if crew is (day.crews[5] if day is not None and len(day.crews) > 5 else None):
            break
    rows = sorted(known.items(), key=lambda item: (item[1].level is None, item[1].days[1], item[0]))
    yield Table(
        title="Containers",
        columns=("Container", "Level", "Full in", "80 %", "A day", "Known"),
        rows=tuple(_container_row(view, unit, one) for unit, one in rows)[:MOST_ROWS],
        empty="No container is declared.",
    )


def _crew_rows(crew: CrewDay) -> Iterator[tuple[Cell, ...]]:
    for number, (stop, due, trip) in enumerate(zip(crew.stops, crew.due, crew.trips, strict=True), 1):
        why = f"{stop.why}, {stop.chance:.0%}" if stop.by_level else stop.why
        stance: Stance = "wait" if stop.by_level else "plain"
        yield (
            Cell(text=str(number)),
            Cell(text=_clock(due)),
            Cell(text=stop.unit, device=stop.unit),
            Cell(text=why, stance=stance),
            Cell(text=str(trip)),
        )


def _container_row(view: View[WasteSettings], unit: str, one: Known) -> tuple[Cell, ...]:
    name, pace = Cell(text=unit, device=unit), Cell(text=f"{one.mean:.1f} %")
    if one.level is None:
        dash = Cell(text="-")
        return name, dash, dash, dash, pace, Cell(text=one.why, stance="bad")
    low, value, high = one.days
    held = one.measured is not None and one.measured - one.level > 1.0
    level = f"{one.level:.0f} %" + (f" (says {one.measured:.0f} %)" if held else "")
    stance: Stance = "bad" if value <= 0 else "wait" if value <= 1 else "plain"
    age = (view.now_us - one.at) / HOUR
    return (
        name,
        Cell(text=level, stance="wait" if held else stance),
        Cell(text=_days(value), stance=stance),
        Cell(text=f"{_days(low)} to {_days(high)}"),
        pace,
        Cell(text=f"{age:.0f} h ago"),
    )


def _days(days: float) -> str:
    return "now" if days <= 0 else f"> {HORIZON_DAYS:.0f} d" if days >= HORIZON_DAYS else f"{days:.1f} d"


def _shapes(view: View[WasteSettings], known: Mapping[str, Known], day: Day | None) -> Iterator[Shape]:
    for crew in day.crews if day is not None else ():
        if len(crew.way) > 1:
            thin = max(1, len(crew.way) // WAY_POINTS)
            yield Shape(at=_degrees((*crew.way[::thin], crew.way[-1])), label=f"Crew {crew.crew}")
        for number, stop in enumerate(crew.stops, 1):
            if stop.unit in view.positions:
                at = _degrees((view.positions[stop.unit],))
                yield Shape(at=at, label=stop.unit, stance="wait", device=stop.unit, order=number)
    stops = {stop.unit for crew in (day.crews if day is not None else ()) for stop in crew.stops}
    for unit, one in known.items():
        if unit not in stops and unit in view.positions:
            stance: Stance = "bad" if one.level is None else "good"
            said = "not known" if one.level is None else f"{one.level:.0f} %"
            yield Shape(at=_degrees((view.positions[unit],)), label=f"{unit}: {said}", stance=stance, device=unit)


def _degrees(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    return tuple((min(max(lon, -180.0), 180.0), min(max(lat, -90.0), 90.0)) for lon, lat in points)


def _clock(at: int) -> str:
    minutes = (at % DAY) // MINUTE
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _date(day: int) -> str:
    """The date of a day since 1970. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days."""
    z = day + 719_468
    era, of_era = divmod(z, 146_097)
    year_of = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of + year_of // 4 - year_of // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of + era * 400 + (1 if month <= 2 else 0)
    return f"{year:04d}-{month:02d}-{of_year - (153 * shifted + 2) // 5 + 1:02d}"
