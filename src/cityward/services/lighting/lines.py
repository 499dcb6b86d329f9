"""What a cabinet's line draws against what it usually draws: lost lamps, day-burners, late switches, voltage out of bounds.

Theory of operation
-------------------
A line is *wanted* on, off or either (around switching); the caller says which, from the sky or from a declared schedule. Each
sample goes through three looks:

1. *Wanted off, draws power*: a late switch within `LATE` of the change, a day-burner after it. *Wanted on, draws next
   to nothing*: a late switch, or dark. Both need no learning.
2. *Wanted on and burning*: the five-minute median is held to what the line usually draws at this time of day. Usual is
   a band: the least and most of the five-minute bins around it over the nights learned (lines dim in steps by the clock, and the
   steps move by minutes), or what its lamps were told where the city tells each. The night as a whole may lie higher
   or lower (`offset`: lamps age, voltage drifts; it follows slowly and stands still while something is suspected).
   What is missing below the band by most of a lamp is told as lost lamps, what is above it as power without command.
3. *Voltage* against its bounds.

Each must show for `confirm_s`. A bin learns only from nights without a standing suspicion.

INVARIANTS
- Memory is one value per bin, a few samples, one number: bounded whatever comes.
- The first night teaches and tells nothing of lost lamps; looks 1 and 3 work from the first sample.
Fails when: lamps are lost before the first night; a loss is smaller than `LOST_SHARE` of a declared lamp; a loss happens within
`WARM_UP` of switching on (told once that is over).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import Literal

from msgspec.structs import replace

from cityward.services.lighting.faults import confirmed
from cityward.services.lighting.memory import BINS, LineMemory, Suspicion
from cityward.time import DAY, MINUTE

Wanted = Literal["on", "off", "either"]

LATE = 60 * MINUTE  # a switch later than this is none
WARM_UP = 20 * MINUTE  # discharge lamps take ten minutes to their full power
SPAN = 5 * MINUTE  # of the median
MOST_RECENT = 30
LOST_SHARE = 0.6  # of one lamp
ON_SHARE = 0.5  # of one lamp: below, the line is off
LEARN = 0.3  # of the difference, each night
FOLLOW = 0.02  # of the difference, each sample: the offset needs most of an hour
UNKNOWN = -1.0

TITLES = {
    "day-burner": "draws {seen:.0f} W by day",
    "late-off": "still draws {seen:.0f} W after it should have switched off",
    "late-on": "draws {seen:.0f} W and should have switched on",
    "dark": "draws {seen:.0f} W by night: the whole line seems to be out",
    "lost": "draws {seen:.0f} W where at least {expected:.0f} W are usual: lamps seem to be out",
    "more": "draws {seen:.0f} W where at most {expected:.0f} W are usual: something else draws power",
    "voltage": "has {seen:.1f} V, beyond {expected:.0f} V",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """What a line's meter said. power_w, voltage_v: None where it said nothing. expected_w: (least, most) where it
    follows from what the line's lamps were told; None: from what is usual.
    """

    at: int
    power_w: float | None
    voltage_v: float | None
    wanted: Wanted
    expected_w: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class LineRules:
    """What a line is held to."""

    lamp_w: float
    low_v: float
    high_v: float
    confirm_us: int


def looked_at(before: LineMemory, sample: Sample, rules: LineRules) -> LineMemory:
    """The memory after this sample; `suspected` in it says what looks wrong, by kind."""
    if before.wanted != sample.wanted:
        before = replace(before, wanted=sample.wanted, wanted_since=sample.at)
    power = sample.power_w if sample.power_w is not None and isfinite(sample.power_w) else None
    if power is None:
        voltage = _voltage(before.suspected, sample, rules)
        kept = {kind: one for kind, one in before.suspected.items() if kind != "voltage"}
        return replace(before, suspected=kept | voltage)
    memory, now = _powered(before, sample, power, rules)
    found = {
        one.kind: confirmed(one, before.suspected.get(one.kind), sample.at, rules.confirm_us) for one in now
    } | _voltage(before.suspected, sample, rules)
    return _learned(replace(memory, suspected=found), sample, power)


def told(memory: LineMemory) -> dict[str, Suspicion]:
    """What has lasted long enough to be told, by kind."""
    return {kind: one for kind, one in memory.suspected.items() if one.told}


def lamps_missing(one: Suspicion, rules: LineRules) -> int:
    """About how many lamps the missing power is."""
    return max(1, round((one.expected - one.seen) / rules.lamp_w))


def _powered(before: LineMemory, sample: Sample, power: float, rules: LineRules) -> tuple[LineMemory, list[Suspicion]]:
    is_on = power >= ON_SHARE * rules.lamp_w
    on_since = (before.on_since or sample.at) if is_on else 0
    started = is_on and before.on_since == 0
    recent = () if started else before.recent
    recent = tuple(one for one in (*recent, (sample.at, power)) if 0 <= sample.at - one[0] < SPAN)[-MOST_RECENT:]
    memory = replace(before, recent=recent, on_since=on_since, offset=0.0 if started else before.offset)
    switched = _switching(sample, power, is_on, before.wanted_since)
    if switched is not None:
        return memory, [switched]
    if sample.wanted == "off" or not is_on or sample.at - on_since < WARM_UP:
        return memory, []
    return _measured(memory, sample, median(value for _, value in recent), rules)


def _switching(sample: Sample, power: float, is_on: bool, wanted_since: int) -> Suspicion | None:
    late = sample.at - wanted_since < LATE
    if sample.wanted == "off" and is_on:
        return Suspicion(kind="late-off" if late else "day-burner", since=sample.at, seen=power, expected=0.0)
    if sample.wanted == "on" and not is_on:
        return Suspicion(kind="late-on" if late else "dark", since=sample.at, seen=power, expected=0.0)
    return None


def _measured(memory: LineMemory, sample: Sample, now: float, rules: LineRules) -> tuple[LineMemory, list[Suspicion]]:
    """Held to the usual band; the offset follows what is within a lamp of it."""
    band = sample.expected_w or usual_band(memory.usual, sample.at)
    if band is None:
        return memory, []
    low, high = band[0] + memory.offset, band[1] + memory.offset
    beyond = min(0.0, now - low) + max(0.0, now - high)
    if abs(beyond) < LOST_SHARE * rules.lamp_w:
        return replace(memory, offset=memory.offset + FOLLOW * beyond), []
    kind, expected = ("lost", low) if beyond < 0 else ("more", high)
    return memory, [Suspicion(kind=kind, since=sample.at, seen=now, expected=expected)]


def usual_band(usual: tuple[float, ...], at: int) -> tuple[float, float] | None:
    """(least, most) W of the bins around this time of day; None where it is not known."""
    if len(usual) != BINS:
        return None
    here = _bin(at)
    near = [usual[(here + n) % BINS] for n in (-2, -1, 0, 1)]  # the median looks back, so its past counts for more
    known = [value for value in near if value > 0]
    return (min(known), max(known)) if usual[here] > 0 else None


def _learned(memory: LineMemory, sample: Sample, power: float) -> LineMemory:
    """What is usual, with this sample in it: only by night, warm, and with nothing suspected."""
    warm = memory.on_since and sample.at - memory.on_since >= WARM_UP
    if memory.suspected or sample.wanted == "off" or not warm:
        return memory
    usual = list(memory.usual) if len(memory.usual) == BINS else [UNKNOWN] * BINS
    here = _bin(sample.at)
    # a bin has about five samples a night: together they move it by `LEARN`
    usual[here] = power if usual[here] < 0 else usual[here] + LEARN / 5 * (power - usual[here])
    return replace(memory, usual=tuple(round(value, 1) for value in usual))


def _voltage(before: Mapping[str, Suspicion], sample: Sample, rules: LineRules) -> dict[str, Suspicion]:
    volts = sample.voltage_v
    if volts is None or not isfinite(volts):
        return {kind: one for kind, one in before.items() if kind == "voltage"}
    if rules.low_v <= volts <= rules.high_v:
        return {}
    bound = rules.low_v if volts < rules.low_v else rules.high_v
    now = Suspicion(kind="voltage", since=sample.at, seen=volts, expected=bound)
    return {"voltage": confirmed(now, before.get("voltage"), sample.at, rules.confirm_us)}


def _bin(at: int) -> int:
    return at % DAY // (5 * MINUTE)
