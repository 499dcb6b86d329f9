"""`cityward bench signals safety`: ten million signal-seconds of controllers that wish anything, and what the monitor counted.

Every junction is driven by every kind of hostile centre; each second its sequencer is asked what it shows, and a monitor that
knows nothing of the sequencer is shown it. Under two kinds the junction's own detectors are forged as well, so that what it does
when it is alone, or doubts the centre, is driven too. A signal-second is one group for one second. Beside them runs a junction
whose sequencer is broken on purpose, so that a count of nought is not that of a monitor that is asleep. Everything is seeded.

Does not live here: where the junctions come from (`adapters.sumo`, or `made_junctions`).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from cityward.guard.signals.before import Before
from cityward.guard.signals.breaches import Fault
from cityward.guard.signals.colours import Colour, Lights
from cityward.guard.signals.monitor import Monitor
from cityward.guard.signals.rules import PLAN, JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.place.junctions import Conflict, Junction, PlanStep, SignalGroup

LOOKS_AT_ONCE = 20_000
BROKEN_S = 2_000
NO_COUNTS = (math.nan, math.inf, -math.inf, -5.0, 1e300)
ABSURD: tuple[Any, ...] = (-2, 99, 10**400, 0.5, math.nan, None, "1", True, b"", [0])

Wisher = Callable[[random.Random, JunctionRules, Sequencer, int], Any]
"""What a centre wishes at a second; any value. None: nothing."""
Looper = Callable[[random.Random, JunctionRules, int], Before]
"""What the loops of a junction say at a second; any numbers."""


class Centre(NamedTuple):
    """A kind of hostile centre. loops: what it has the junction's own detectors say; None: there are none."""

    wishes: Wisher
    clock: Callable[[random.Random], float]
    loops: Looper | None = None


class SafetyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of centre over all junctions. changes: stages begun; forced: by the longest wait.

    alone: seconds led by its own look.
    """

    centre: str
    junctions: int
    signal_seconds: int
    changes: int
    alone: int
    forced: int
    conflicting_greens: int
    short_intergreens: int
    short_greens: int
    short_ambers: int
    reds_too_long: int
    other: int
    seconds: float


def measure_safety(
    junctions: Mapping[str, Junction], signal_seconds: int, seed: int, tell: Callable[[str], None]
) -> list[SafetyRow]:
    """A row for each kind of centre, then one for the broken sequencer.

    Args:
        junctions: declared junctions by name.
        signal_seconds: at least so many in all, shared evenly by the kinds and by the junctions.
        seed: of everything that is drawn.
        tell: is told how far it is.
    """
    rules = {name: JunctionRules.of(junction, name) for name, junction in junctions.items()}
    groups = sum(len(one.groups) for one in rules.values())
    seconds = math.ceil(signal_seconds / (len(CENTRES) * groups))
    rows: list[SafetyRow] = []
    for kind in CENTRES:
        rows.append(_row(kind, rules, seconds, seed, Sequencer))
        tell(f"{kind}: {rows[-1].signal_seconds:,} signal-seconds in {rows[-1].seconds:.0f} s")
    first = next(iter(rules))
    return [*rows, _row("random", {first: rules[first]}, BROKEN_S, seed, Broken, "(broken on purpose)")]


def _row(
    kind: str, rules: Mapping[str, JunctionRules], seconds: int, seed: int, make: type[Sequencer], name: str = ""
) -> SafetyRow:
    begun, totals = time.perf_counter(), dict.fromkeys(Fault, 0)
    changes = alone = forced = shown = 0
    for nth, one in enumerate(rules.values()):
        monitor, sequencer, changed, led = _drive(CENTRES[kind], one, seconds, _chance(f"{seed} {kind} {nth}"), make)
        for fault, count in monitor.totals.items():
            totals[fault] += count
        changes, alone, forced = changes + changed, alone + led, forced + sequencer.forced
        shown += monitor.looks * len(one.groups)
    known = (Fault.CONFLICT, Fault.INTERGREEN, Fault.GREEN, Fault.AMBER, Fault.RED)
    return SafetyRow(
        centre=name or kind,
        junctions=len(rules),
        signal_seconds=shown,
        changes=changes,
        alone=alone,
        forced=forced,
        conflicting_greens=totals[Fault.CONFLICT],
        short_intergreens=totals[Fault.INTERGREEN],
        short_greens=totals[Fault.GREEN],
        short_ambers=totals[Fault.AMBER],
        reds_too_long=totals[Fault.RED],
        other=sum(count for fault, count in totals.items() if fault not in known),
        seconds=round(time.perf_counter() - begun, 1),
    )


def _drive(
    centre: Centre, rules: JunctionRules, seconds: int, chance: random.Random, make: type[Sequencer]
) -> tuple[Monitor, Sequencer, int, int]:
    """One junction, one centre: what was shown goes to the monitor by the column. Also: changes, and seconds by its own look."""
    sequencer, monitor, now = make(rules, 0.0), Monitor(rules), 0.0
    rows, times, changes, alone, stage = bytearray(), list[float](), 0, 0, sequencer.stage
    lights: Lights = {}
    row = b""
    for second in range(seconds):
        now += centre.clock(chance)
        if centre.loops is not None:
            sequencer.look(centre.loops(chance, rules, second), now)
            alone += sequencer.local
        wish = centre.wishes(chance, rules, sequencer, second)
        if wish is not None:
            sequencer.wish(wish, now)
        after = sequencer.tick(now)
        if after is not lights:
            lights, row = after, bytes(after.values())
        changes += sequencer.stage != stage
        stage = sequencer.stage
        rows += row
        times.append(now)
        if len(times) == LOOKS_AT_ONCE or second == seconds - 1:
            columns = np.frombuffer(bytes(rows), dtype=np.int8).reshape(len(times), -1)
            monitor.see_many(columns, np.array(times))
            rows, times = bytearray(), []
    return monitor, sequencer, changes, alone


def _chance(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a seeded experiment


def _random(chance: random.Random, rules: JunctionRules, sequencer: Sequencer, second: int) -> Any:
    return chance.randrange(PLAN, len(rules.stages))


def _flapping(chance: random.Random, rules: JunctionRules, sequencer: Sequencer, second: int) -> Any:
    """Away from whatever is wanted now, each second."""
    return (sequencer.stage + 1 + second % max(1, len(rules.stages) - 1)) % len(rules.stages)


def _holding(chance: random.Random, rules: JunctionRules, sequencer: Sequencer, second: int) -> Any:
    """One stage for ever: another every hour."""
    return second // 3600 % len(rules.stages)


def _starving(chance: random.Random, rules: JunctionRules, sequencer: Sequencer, second: int) -> Any:
    """A stage that leaves out whoever has waited longest, if there is one."""
    red = sequencer.red_s
    if not red:
        return sequencer.stage
    longest = rules.groups.index(max(red, key=lambda group: red[group]))
    without = [stage for stage, members in enumerate(rules.members) if longest not in members]
    return without[second // 30 % len(without)] if without else sequencer.stage


def _silent(chance: random.Random, rules: JunctionRules, sequencer: Sequencer, second: int) -> Any:
    """Wishes for some minutes, then is silent for some."""
    return chance.randrange(len(rules.stages)) if second // 120 % 2 else None


def _absurd(chance: random.Random, rules: JunctionRules, sequencer: Sequencer, second: int) -> Any:
    return chance.choice(ABSURD) if second % 3 else chance.randrange(len(rules.stages))


def _lying(chance: random.Random, rules: JunctionRules, second: int) -> Before:
    """Any numbers, others every five seconds; every ten minutes a crowd on all lanes, or none; no number at times."""
    lanes = sorted({lane for group in rules.junction.groups.values() for lane in group.lanes})
    drawn = random.Random(f"{second // 5}")  # noqa: S311 - a seeded experiment
    most = (0.0, 3.0, 40.0)[second // 600 % 3]
    said = {lane: drawn.choice(NO_COUNTS) if drawn.random() < 0.02 else drawn.uniform(0, most) for lane in lanes}
    if chance.random() < 0.05:
        said = {lane: count for lane, count in said.items() if chance.random() < 0.5}
    return Before(present=said, waiting=dict(said), room=dict.fromkeys(said, 20.0))


def _even(chance: random.Random) -> float:
    return 1.0


def _odd(chance: random.Random) -> float:
    """A clock that stumbles, and now and then jumps by up to an hour either way."""
    return (
        chance.uniform(-3600, 3600) if chance.random() < 0.001 else chance.choice((0.0, 0.3, 0.9, 1.0, 1.0, 1.1, 4.0))
    )


CENTRES: Mapping[str, Centre] = {
    "random": Centre(_random, _even),
    "flapping": Centre(_flapping, _even),
    "holding": Centre(_holding, _even),
    "starving": Centre(_starving, _even),
    "silent": Centre(_silent, _even),
    "absurd": Centre(_absurd, _even),
    "clock": Centre(_random, _odd),
    "loops": Centre(_silent, _even, _lying),
    "loops, clock": Centre(_silent, _odd, _lying),
}
"""The kinds of hostile centres, how the clock steps for each, and what the loops say."""


class Broken(Sequencer):
    """Forgets the intergreens, and every other second to end a green: what the monitor must find."""

    def _is_clear(self, group: int) -> bool:
        return True

    def _show(self, group: int, colour: Colour) -> None:
        forgets = self._colours[group] is Colour.GREEN and int(self._t) % 2 == 0
        super()._show(group, Colour.GREEN if forgets else colour)


def made_junctions(count: int, seed: int) -> dict[str, Junction]:
    """Crossings of four roads with pedestrians over each, of differing times, for where no net is at hand."""
    chance = _chance(str(seed))
    return {f"made-{nth}": _made(chance) for nth in range(count)}


def _made(chance: random.Random) -> Junction:
    roads, walks = ("north", "east", "south", "west"), ("walk-north", "walk-east", "walk-south", "walk-west")
    groups = {
        **{
            road: SignalGroup(lanes=(f"{road}-in",), amber_s=chance.choice((3.0, 4.0)), max_red_s=180) for road in roads
        },
        **{
            walk: SignalGroup(kind="pedestrian", amber_s=0, min_green_s=chance.choice((5.0, 8.0, 12.0)), max_red_s=180)
            for walk in walks
        },
    }
    across = [(a, b) for a in roads[::2] for b in roads[1::2]] + list(zip(roads, walks, strict=True))
    conflicts = tuple(
        Conflict(first=first, then=then, intergreen_s=float(chance.randint(4, 7)), back_s=float(chance.randint(4, 12)))
        for first, then in across
    )
    stages: dict[str, tuple[str, ...]] = {
        "ns": ("north", "south", "walk-east", "walk-west"),
        "ew": ("east", "west", "walk-north", "walk-south"),
    }
    stages |= {"walk": walks, "north": ("north",), "east": ("east", "walk-north")}
    plan = tuple(PlanStep(stage=stage, seconds=float(chance.randint(26, 50))) for stage in ("ns", "ew"))
    return Junction(device="made", groups=groups, conflicts=conflicts, stages=stages, plan=plan)
