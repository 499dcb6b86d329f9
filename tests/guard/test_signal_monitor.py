"""The monitor: each fault is found where it is, once; broken sequencers are found out; columns give what single looks give."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cityward.guard.signals.breaches import Breach, Fault
from cityward.guard.signals.colours import Colour
from cityward.guard.signals.monitor import MOST_TOLD, Monitor
from cityward.guard.signals.rules import JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.place.junctions import Junction
from junctions import CROSSING, junctions

RULES = JunctionRules.of(CROSSING)
LETTERS = {"R": Colour.RED, "Y": Colour.AMBER, "G": Colour.GREEN, "F": Colour.FLASHING, "O": Colour.RED_AMBER, "?": 9}


def looked(*runs: tuple[str, int], monitor: Monitor | None = None) -> list[Breach]:
    """What is found when so many seconds of each are shown: north, south, east, walk by their letters."""
    monitor = Monitor(RULES) if monitor is None else monitor
    found: list[Breach] = []
    second = 0
    for letters, seconds in runs:
        for _ in range(seconds):
            lights = dict(zip(RULES.groups, (LETTERS[letter] for letter in letters), strict=True))
            found += monitor.see(lights, second)
            second += 1
    return found


PLAIN = (
    ("RRRR", 9),
    ("GGRR", 21),
    ("YYRR", 3),
    ("RRRR", 2),
    ("RRGR", 20),
    ("RRYR", 3),
    ("RRRR", 2),
    ("RRRG", 15),
    ("RRRR", 9),
)
"""The plan of the crossing as it should be shown."""


def test_has_nothing_to_say_of_the_plan():
    assert looked(*PLAIN, *PLAIN) == []


FAULTS: dict[str, tuple[tuple[tuple[str, int], ...], list[tuple[int, Fault, str, str, float, float]]]] = {
    "two greens that conflict, told each second": (
        (("RRRR", 9), ("GGRR", 9), ("GGGR", 2)),
        [
            (18, Fault.CONFLICT, "north", "east", 0, 0),
            (18, Fault.CONFLICT, "south", "east", 0, 0),
            (19, Fault.CONFLICT, "north", "east", 0, 0),
            (19, Fault.CONFLICT, "south", "east", 0, 0),
        ],
    ),
    "a green against an amber is also a short intergreen": (
        (("RGRR", 9), ("RYRR", 2), ("RYGR", 1)),
        [(11, Fault.AMBER_CONFLICT, "south", "east", 0, 0), (11, Fault.INTERGREEN, "south", "east", 2, 5)],
    ),
    "an intergreen one second short, by its own direction": (
        # 4 s serve north, and not south
        (("GGRR", 9), ("YYRR", 3), ("RRRR", 1), ("RRGR", 1)),
        [(13, Fault.INTERGREEN, "south", "east", 4, 5)],
    ),
    "the way back has another intergreen": (
        (("RRGR", 9), ("RRYR", 3), ("RRRR", 2), ("GGRR", 1)),
        [(14, Fault.INTERGREEN, "east", "south", 5, 6)],
    ),
    "an intergreen of a green two changes ago": (
        (("RRRG", 9), ("RRRR", 8), ("GRRR", 1)),
        [(17, Fault.INTERGREEN, "walk", "north", 8, 9)],
    ),
    "at once": (
        (("RRRG", 9), ("GRRR", 1)),
        [(9, Fault.INTERGREEN, "walk", "north", 0, 9)],
    ),
    "a short green": ((("RRRR", 9), ("GRRR", 4), ("YRRR", 1)), [(13, Fault.GREEN, "north", "", 4, 5)]),
    "a green that stood at the first look is not held against anybody": ((("GRRR", 1), ("YRRR", 3), ("RRRR", 1)), []),
    "a short amber": ((("GRRR", 9), ("YRRR", 2), ("RRRR", 1)), [(11, Fault.AMBER, "north", "", 2, 3)]),
    "no amber": ((("GRRR", 9), ("RRRR", 1)), [(9, Fault.NO_AMBER, "north", "", 0, 3)]),
    "pedestrians have none": ((("RRRG", 9), ("RRRR", 1)), []),
    "amber out of red": ((("RRRR", 9), ("YRRR", 1)), [(9, Fault.COLOUR, "north", "", 0, 0)]),
    "green out of amber": ((("GRRR", 9), ("YRRR", 1), ("GRRR", 1)), [(10, Fault.COLOUR, "north", "", 0, 0)]),
    "red and amber before green is known": ((("RRRR", 9), ("ORRR", 1), ("GRRR", 1)), []),
    "a colour that is none": (
        (("RRRR", 1), ("?RRR", 2), ("RRRR", 1)),
        [(1, Fault.COLOUR, "north", "", 0, 0), (2, Fault.COLOUR, "north", "", 0, 0)],
    ),
    "all flash": ((("GGRR", 9), ("FFFF", 5), ("RRRR", 5)), []),
    "one flashes beside a green": ((("GGRR", 9), ("GGFR", 1)), [(9, Fault.COLOUR, "east", "", 0, 0)]),
    "green out of flashing": ((("FFFF", 9), ("GRRR", 1)), [(9, Fault.COLOUR, "north", "", 0, 0)]),
    "a red too long, told once": (
        (("GRRR", 5), ("YRRR", 3), ("RRRR", 130)),
        [
            (121, Fault.RED, "east", "", 121, 120),
            (121, Fault.RED, "south", "", 121, 120),
            (121, Fault.RED, "walk", "", 121, 120),
            (129, Fault.RED, "north", "", 121, 120),
        ],
    ),
}


@pytest.mark.parametrize(("runs", "expected"), FAULTS.values(), ids=FAULTS)
def test_finds(runs: tuple[tuple[str, int], ...], expected: list[tuple[int, Fault, str, str, float, float]]):
    assert looked(*runs) == [Breach(*one) for one in expected]


@pytest.mark.parametrize(("runs", "expected"), FAULTS.values(), ids=FAULTS)
def test_finds_the_same_in_columns(
    runs: tuple[tuple[str, int], ...], expected: list[tuple[int, Fault, str, str, float, float]]
):
    rows = np.array(
        [[LETTERS[letter] for letter in letters] for letters, seconds in runs for _ in range(seconds)], dtype=np.int8
    )
    monitor = Monitor(RULES)
    assert monitor.see_many(rows, np.arange(len(rows), dtype=np.float64)) == tuple(Breach(*one) for one in expected)
    assert monitor.totals == Counter(fault for _, fault, *_ in expected)


def test_names_a_group_that_is_not_declared_and_one_that_shows_nothing():
    monitor = Monitor(RULES)
    found = monitor.see({"north": Colour.RED, "south": Colour.RED, "east": Colour.RED, "tram": Colour.GREEN}, 0)
    assert found == (Breach(0, Fault.COLOUR, "walk"), Breach(0, Fault.UNKNOWN, "tram"))


def test_a_jump_of_the_clock_serves_no_intergreen():
    monitor = Monitor(RULES)
    lights = {"north": Colour.RED, "south": Colour.RED, "east": Colour.RED}
    assert monitor.see({**lights, "walk": Colour.GREEN}, 0) == ()
    assert monitor.see({**lights, "walk": Colour.RED}, 10) == ()
    found = monitor.see({**lights, "walk": Colour.RED, "east": Colour.GREEN}, 3600)
    assert found == (Breach(2, Fault.INTERGREEN, "walk", "east", 1.0, 9.0),)


def test_latches_at_a_conflict_until_a_person_lets_it_go_on():
    monitor = Monitor(RULES)
    looked(("GGRR", 2), ("GGGR", 1), monitor=monitor)
    assert monitor.latched
    looked(("RRRR", 5), monitor=monitor)
    assert monitor.latched
    assert set(monitor.safe_lights.values()) == {Colour.FLASHING}
    monitor.reset()
    assert not monitor.latched
    assert monitor.totals[Fault.CONFLICT] == 2


def test_out_of_flashing_a_junction_begins_anew_from_darkness():
    sequencer, monitor, found = Sequencer(RULES, 0), Monitor(RULES), list[Breach]()
    for second in range(39):
        lights = sequencer.tick(second) if not 20 <= second < 30 else monitor.safe_lights
        if second == 30:
            sequencer.restart(second)
            lights = sequencer.lights
        found += monitor.see(lights, second)
    assert found == []
    assert set(sequencer.lights.values()) == {Colour.RED}  # pedestrians may have been about: 9 s more
    assert sequencer.tick(39)["east"] is Colour.GREEN


def test_who_goes_on_out_of_flashing_as_if_nothing_was_is_found_out():
    monitor = Monitor(RULES)
    assert looked(("GGRR", 9), ("FFFF", 9), ("GGRR", 1), monitor=monitor) == [
        Breach(18, Fault.COLOUR, "north"),
        Breach(18, Fault.COLOUR, "south"),
    ]


def test_does_not_latch_where_nobody_was_endangered_by_another():
    monitor = Monitor(RULES)
    looked(("RRRR", 9), ("GRRR", 2), ("YRRR", 1), monitor=monitor)
    assert monitor.totals == {Fault.GREEN: 1}
    assert not monitor.latched


@pytest.mark.parametrize("absurd", [None, "green", 3.0, True, 10**400, -1, math.nan, [3]], ids=lambda v: repr(v)[:10])
def test_takes_any_colour_and_any_time(absurd: Any):
    monitor = Monitor(RULES)
    found = monitor.see(dict.fromkeys(RULES.groups, absurd), absurd)
    assert {breach.fault for breach in found} == {Fault.COLOUR}


@st.composite
def columns(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Mostly what lamps show, held for some seconds; sometimes anything."""
    odd = st.integers(-2, 6)
    usual = st.sampled_from([Colour.RED, Colour.RED, Colour.GREEN, Colour.AMBER, Colour.FLASHING, Colour.RED_AMBER])
    cells = draw(arrays.arrays(np.int8, (draw(st.integers(1, 12)), 4), elements=st.one_of(usual, usual, odd)))
    held = draw(st.lists(st.integers(1, 90), min_size=len(cells), max_size=len(cells)))
    rows = np.repeat(cells, held, axis=0)
    times = np.cumsum(np.ones(len(rows)))
    for _ in range(draw(st.integers(0, 3))):
        at, step = draw(st.integers(0, len(rows) - 1)), draw(st.sampled_from([-50.0, 0.25, 1e6, math.nan, math.inf]))
        times[at:] = times[at:] + step if math.isfinite(step) else times[at:]
        times[at] = step if not math.isfinite(step) else times[at]
    return rows, times


@settings(max_examples=60, deadline=None)
@given(columns(), st.integers(0, 1000))
def test_columns_and_single_looks_say_the_same(shown: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]], cut: int):
    rows, times = shown
    one, many = Monitor(RULES), Monitor(RULES)
    singly = [
        breach
        for row, now in zip(rows, times, strict=True)
        for breach in one.see(dict(zip(RULES.groups, map(int, row), strict=True)), float(now))
    ]
    cut = min(cut, len(rows))
    together = [*many.see_many(rows[:cut], times[:cut]), *many.see_many(rows[cut:], times[cut:])]
    assert together == singly[:MOST_TOLD]
    assert (many.totals, many.latched, many.looks) == (one.totals, one.latched, one.looks)
    assert many.seconds == one.seconds
    # and both go on alike
    after = dict.fromkeys(RULES.groups, Colour.GREEN)
    assert one.see(after, 1e7) == many.see(after, 1e7)


def test_tells_no_more_than_so_many_and_counts_all():
    monitor = Monitor(RULES)
    rows = np.full((20_000, 4), Colour.GREEN, dtype=np.int8)
    found = monitor.see_many(rows, np.arange(20_000, dtype=np.float64))
    assert len(found) == MOST_TOLD
    assert monitor.totals[Fault.CONFLICT] == 20_000 * 5


# sequencers that are broken on purpose


class NoIntergreen(Sequencer):
    def _is_clear(self, group: int) -> bool:
        return self._colours[group] is Colour.RED


class AmberIsEnough(Sequencer):
    def _is_clear(self, group: int) -> bool:
        others = (self._colours[other] for other, _ in self.rules.before[group])
        return self._colours[group] is Colour.RED and all(colour is Colour.RED for colour in others)


class NoMinimumGreen(Sequencer):
    def _may_end(self, stage: int) -> bool:
        return not self._pending


class CutAmber(Sequencer):
    def _advance(self) -> None:
        for group in [g for g in self._clearing if self._t - self._since[g] >= 1]:
            self._show(group, Colour.RED)
        super()._advance()


class NoAmber(Sequencer):
    def _show(self, group: int, colour: Colour) -> None:
        super()._show(group, Colour.RED if colour is Colour.AMBER else colour)


class NoWayOut(Sequencer):
    def _begin(self, stage: int) -> None:
        super()._begin(stage)
        self._latest = math.inf


class AllTogether(Sequencer):
    def _begin(self, stage: int) -> None:
        super()._begin(stage)
        self._pending = set(range(len(self.rules.groups)))

    def _is_clear(self, group: int) -> bool:
        return self._colours[group] is Colour.RED


class BackIsAsThere(Sequencer):
    """Takes the intergreen of the other direction."""

    def _is_clear(self, group: int) -> bool:
        between = self.rules.intergreen
        ready = all(
            self._colours[other] is Colour.RED and self._t - self._ended[other] >= between[group, other]
            for other, _ in self.rules.before[group]
        )
        return self._colours[group] is Colour.RED and ready


class BelievesTheClock(Sequencer):
    """Counts what its clock jumps over."""

    def _pass(self, now_s: float) -> None:
        self._t += now_s - self._now
        self._now = now_s


MUTANTS: list[tuple[Callable[[JunctionRules, float], Sequencer], Fault]] = [
    (NoIntergreen, Fault.AMBER_CONFLICT),
    (AmberIsEnough, Fault.INTERGREEN),
    (NoMinimumGreen, Fault.GREEN),
    (CutAmber, Fault.AMBER),
    (NoAmber, Fault.NO_AMBER),
    (NoWayOut, Fault.RED),
    (AllTogether, Fault.CONFLICT),
    (BackIsAsThere, Fault.INTERGREEN),
    (BelievesTheClock, Fault.INTERGREEN),
]


@pytest.mark.parametrize(("broken", "fault"), MUTANTS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_finds_out_a_sequencer_that_is_broken(broken: Callable[[JunctionRules, float], Sequencer], fault: Fault):
    sequencer, monitor, jump = broken(RULES, 0), Monitor(RULES), 0
    for second in range(1200):
        jump += 5 if second % 97 == 0 else 0  # a clock that runs ahead now and then
        sequencer.wish((second // 7 % 4) if second < 600 else 0, second + jump)
        monitor.see(sequencer.tick(second + jump), second + jump)
    assert monitor.totals[fault] > 0


def test_the_same_test_finds_nothing_where_the_sequencer_is_whole():
    test = test_finds_out_a_sequencer_that_is_broken
    with pytest.raises(AssertionError):
        test(Sequencer, Fault.INTERGREEN)


@settings(max_examples=20, deadline=None)
@given(junctions())
def test_reads_the_declaration_by_itself_and_as_the_rules_do(junction: Junction):
    monitor, rules = Monitor(JunctionRules.of(junction)), JunctionRules.of(junction)
    between = {(first, then): seconds for first, then, seconds in monitor._tables.pairs}
    assert {(i, j) for i, j in zip(*np.nonzero(rules.conflict), strict=True)} == between.keys()
    assert all(rules.intergreen[pair] >= seconds for pair, seconds in between.items())
