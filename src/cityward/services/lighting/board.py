"""What lighting shows: each street's class, level and why; energy beside all-night; tonight's times; what to mend; the map.

Lives here: words and shapes, and the notices. Does not live here: any decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cityward.services.board import MOST_ROWS, MOST_SHAPES, Board, Cell, Figure, Shape, Stance, Table
from cityward.services.contract import Notice, Urgency, View
from cityward.services.lighting import faults, lines
from cityward.services.lighting.levels import class_given
from cityward.services.lighting.memory import Account, LightingMemory, Suspicion
from cityward.services.lighting.need import Need
from cityward.services.lighting.refused import said_of
from cityward.services.lighting.settings import LightingSettings, Street
from cityward.services.lighting.sky import Sky
from cityward.services.lighting.sun import Daylight, sun_times
from cityward.time import DAY, from_us

MOST_NOTICES = 200
URGENT = ("dark",)  # of lines: a dark street


@dataclass(frozen=True, slots=True)
class StreetState:
    """One street as it stands."""

    street: Street
    lamps: list[str]
    sky: Sky
    need: Need


@dataclass(frozen=True, slots=True)
class _Finding:
    """One thing to mend."""

    street: str
    unit: str
    kind: str
    words: str
    do: str
    since: int
    urgency: Urgency


def _summary(dark: int, streets: int, mend: int) -> str:
    if streets == 1:
        light = "The street needs light now" if dark else "The street needs no light now"
    else:
        light = f"{dark or 'None'} of {streets} streets need{'s' if dark < 2 else ''} light now"
    return f"{light}; {mend or 'nothing'}{' things' if mend > 1 else ' thing' if mend else ''} to look at."


def board_of(view: View[LightingSettings], states: Mapping[str, StreetState], memory: LightingMemory) -> Board:
    """The whole board."""
    dark = sum(1 for state in states.values() if state.sky.dark)
    mend = _findings(view, states, memory)
    return Board(
        summary=_summary(dark, len(states), len(mend)),
        figures=tuple(_figures(view, memory, len(mend))),
        tables=(_street_table(view, states, memory), _mend_table(mend), _tonight_table(view)),
        shapes=tuple(_shapes(view, states, memory))[:MOST_SHAPES],
    )


def notices_of(view: View[LightingSettings], states: Mapping[str, StreetState], memory: LightingMemory) -> list[Notice]:
    """What people should mend, one for each lamp and line."""
    return [
        Notice(
            id=f"lighting-{one.unit}-{one.kind}",
            subject=one.unit,
            title=f"{one.unit} {one.words}",
            urgency=one.urgency,
            since=one.since,
            do=one.do,
            sources=(one.unit,),
        )
        for one in _findings(view, states, memory)[:MOST_NOTICES]
    ]


def _findings(
    view: View[LightingSettings], states: Mapping[str, StreetState], memory: LightingMemory
) -> list[_Finding]:
    """Grouped by street, the oldest first: how a crew would drive it."""
    found: list[_Finding] = []
    for name, state in states.items():
        for lamp in state.lamps:
            one = memory.suspected.get(lamp)
            if one is not None and one.told:
                words = _words(faults.TITLES, one)
                found.append(
                    _Finding(name, lamp, one.kind, words, faults.DO.get(one.kind, ""), one.since, Urgency.ROUTINE)
                )
    for name, line in view.settings.lines.items():
        held = memory.lines.get(name)
        for kind, one in lines.told(held).items() if held is not None else ():
            urgency = Urgency.SAFETY if kind in URGENT else Urgency.ROUTINE
            found.append(
                _Finding(line.street, line.meter, kind, _words(lines.TITLES, one), _line_do(kind), one.since, urgency)
            )
    return sorted(found, key=lambda one: (one.street, one.since, one.unit))


def _words(titles: Mapping[str, str], one: Suspicion) -> str:
    return titles.get(one.kind, "looks wrong").format(seen=one.seen, expected=one.expected)


def _line_do(kind: str) -> str:
    if kind in ("day-burner", "late-off", "late-on"):
        return "Look at the photocell, the clock and the contactor."
    return "Look at the supply." if kind in ("voltage", "dark") else "Look at the lamps of the line, by night."


def _figures(view: View[LightingSettings], memory: LightingMemory, to_mend: int) -> Iterator[Figure]:
    tonight = _total([street.tonight for street in memory.streets.values()])
    month = _total([street.this_month for street in memory.streets.values()])
    for label, account in (("Energy tonight", tonight), ("Energy this month", month)):
        note = ""
        if account.baseline_kwh > 0:
            below = 100 * (1 - account.kwh / account.baseline_kwh)
            note = f"{below:z.0f} % below {account.baseline_kwh:.2f} kWh all night"
        yield Figure(label=label, value=f"{account.kwh:.2f}", unit="kWh", note=note)
    grams = view.settings.co2_g_kwh
    if grams is not None:
        saved = (month.baseline_kwh - month.kwh) * grams / 1000
        note = f"at {grams:g} g/kWh"
        yield Figure(label="CO2 spared this month", value=f"{saved:z.1f}", unit="kg", note=note)
    under = tonight.under_s / 60
    stance: Stance = "good" if under == 0 else "wait"
    yield Figure(label="Below the class tonight", value=f"{under:.0f}", unit="min", stance=stance)
    yield Figure(label="To mend", value=str(to_mend), stance="good" if not to_mend else "bad")


def _total(accounts: list[Account]) -> Account:
    return Account(
        kwh=sum(one.kwh for one in accounts),
        baseline_kwh=sum(one.baseline_kwh for one in accounts),
        dark_s=sum(one.dark_s for one in accounts),
        under_s=sum(one.under_s for one in accounts),
    )


def _street_table(view: View[LightingSettings], states: Mapping[str, StreetState], memory: LightingMemory) -> Table:
    columns = ("Street", "Sky", "Class needed", "Class given", "Level", "Why", "kWh tonight", "kWh all night")
    rows = tuple(_street_row(view, name, state, memory) for name, state in list(states.items())[:MOST_ROWS])
    return Table(title="Streets", columns=columns, rows=rows)


def _street_row(
    view: View[LightingSettings], name: str, state: StreetState, memory: LightingMemory
) -> tuple[Cell, ...]:
    levels = [last.value for lamp in state.lamps if (last := view.last_commands.get(lamp)) is not None]
    level, need = min(levels, default=None), state.need
    given, account = _given(state, level), memory.streets[name].tonight
    no = said_of(memory.held, state.lamps)
    under = bool(need.lighting_class) and (not given or given > need.lighting_class)
    return (
        Cell(text=name),
        Cell(text="night" if state.sky.dark else "day"),
        Cell(text=need.lighting_class or "-"),
        Cell(text=given or "-", stance="bad" if under else "plain"),
        Cell(text="-" if level is None else f"{level:g} %"),
        Cell(text=f"{need.why}; {no}" if no else need.why, stance="wait" if no else "plain"),
        Cell(text=f"{account.kwh:.2f}"),
        Cell(text=f"{account.baseline_kwh:.2f}"),
    )


def _given(state: StreetState, level: float | None) -> str:
    """The class that the darkest lamp's level gives."""
    if level is None or not state.need.lighting_class or state.street.installation is None:
        return ""
    return class_given(level, state.need.lighting_class, state.street.installation)


def _mend_table(found: list[_Finding]) -> Table:
    rows = tuple(
        (
            Cell(text=one.street),
            Cell(text=one.unit, device=one.unit),
            Cell(text=one.words, stance="bad"),
            Cell(text=_moment(one.since)),
            Cell(text=one.do),
        )
        for one in found[:MOST_ROWS]
    )
    return Table(title="To mend, by street", columns=("Street", "What", "Seen", "Since", "Do"), rows=rows)


def _tonight_table(view: View[LightingSettings]) -> Table:
    """When the lamps go on and off, by the sun alone; sensors may move it within twilight."""
    rows: list[tuple[Cell, ...]] = []
    for days in (0, 1):
        times = sun_times(view.now_us + days * DAY, view.position, view.settings.dusk_sun_deg)
        if times.daylight is not Daylight.CHANGES or times.rise_us is None or times.set_us is None:
            rows.append((Cell(text="-"), Cell(text=times.daylight.value.replace("-", " "))))
            continue
        rows += [
            (Cell(text=_moment(times.rise_us)), Cell(text="off")),
            (Cell(text=_moment(times.set_us)), Cell(text="on")),
        ]
    title = "Expected times, by the sun"
    return Table(title=title, columns=("When (UTC)", "Lamps"), rows=tuple(rows))


def _shapes(view: View[LightingSettings], states: Mapping[str, StreetState], memory: LightingMemory) -> Iterator[Shape]:
    for state in states.values():
        for lamp in state.lamps:
            at = view.positions.get(lamp) or view.actuators[lamp].position
            if at is None:
                continue
            one, last = memory.suspected.get(lamp), view.last_commands.get(lamp)
            stance: Stance = "bad" if one is not None and one.told else "good" if state.sky.dark else "plain"
            label = lamp if last is None else f"{lamp}: {last.value:g} %"
            yield Shape(at=((at[0], at[1]),), label=label, stance=stance, device=lamp)


def _moment(us: int) -> str:
    return from_us(us).strftime("%Y-%m-%d %H:%M")
