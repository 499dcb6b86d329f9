"""The bench of the guard: it counts what it says, finds what is broken, and gives the same again."""

from __future__ import annotations

from cityward.adapters.bench.signal_guard import CENTRES, made_junctions, measure_safety
from cityward.guard.signals.rules import JunctionRules


def test_no_hostile_centre_gets_a_breach_and_the_broken_sequencer_is_found_out():
    told: list[str] = []
    rows = measure_safety(made_junctions(2, seed=3), 60_000, 1, told.append)
    whole, broken = rows[:-1], rows[-1]
    assert [row.centre for row in whole] == list(CENTRES)
    assert len(told) == len(CENTRES)
    assert sum(row.signal_seconds for row in whole) >= 60_000
    for row in whole:
        found = row.conflicting_greens, row.short_intergreens, row.short_greens, row.short_ambers, row.reds_too_long
        assert (*found, row.other) == (0, 0, 0, 0, 0, 0)
        assert row.changes > 3
    assert {row.centre for row in whole if row.forced} >= {"holding", "starving"}
    assert [row.centre for row in whole if row.alone] == ["loops", "loops, clock"]
    assert broken.conflicting_greens > 0
    assert broken.short_intergreens > 0
    assert broken.other > 0  # amber against green


def test_is_the_same_again_with_the_same_seed():
    first, second = (measure_safety(made_junctions(1, seed=3), 10_000, 5, lambda _: None) for _ in range(2))
    assert [(row.changes, row.alone, row.forced) for row in first] == [
        (row.changes, row.alone, row.forced) for row in second
    ]


def test_made_junctions_promise_everybody():
    assert all(JunctionRules.of(junction).unpromised == () for junction in made_junctions(20, seed=1).values())
