"""Rate limits by virtual scheduling."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cityward.web.gcra import Gcra

SECOND = 1_000_000


def test_lets_a_burst_through_then_one_per_interval() -> None:
    limit = Gcra(10)
    assert [limit.take("a", 0, SECOND, 3) for _ in range(4)] == [0, 0, 0, SECOND]
    assert limit.take("a", SECOND, SECOND, 3) == 0
    assert limit.take("a", SECOND, SECOND, 3) > 0


def test_the_wait_it_says_is_enough() -> None:
    limit = Gcra(10)
    for _ in range(3):
        limit.take("a", 0, SECOND, 3)
    wait = limit.take("a", 0, SECOND, 3)
    assert limit.take("a", wait, SECOND, 3) == 0


def test_keys_do_not_count_for_each_other() -> None:
    limit = Gcra(10)
    assert limit.take("a", 0, SECOND, 1) == 0
    assert limit.take("b", 0, SECOND, 1) == 0


def test_memory_is_bounded_and_paid_keys_go_first() -> None:
    limit = Gcra(100)
    for number in range(10_000):
        limit.take(f"k{number}", number * 10, SECOND, 5)
        assert len(limit) <= 100


@given(st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 4)), max_size=60))
def test_never_lets_more_through_than_rate_and_burst(steps: list[tuple[int, int]]) -> None:
    limit, now, passed = Gcra(10), 0, 0
    for gap, cost in steps:
        now += gap
        if limit.take("a", now, SECOND, 5, cost) == 0:
            passed += cost
    assert passed <= 5 + now // SECOND + 1


@given(st.lists(st.integers(0, 40_000_000), max_size=80), st.integers(1, 20))
def test_two_minutes_at_once_is_never_stricter_than_fixed_minutes(gaps: list[int], per_minute: int) -> None:
    """What the admit gate would take in its fixed minutes, the door's limit lets through."""
    limit, now, minute, inside = Gcra(10), 0, 0, 0
    for gap in gaps:
        now += gap
        if now // 60_000_000 != minute:
            minute, inside = now // 60_000_000, 0
        inside += 1
        if inside <= per_minute:
            assert limit.take("a", now, 60_000_000 // per_minute, 2 * per_minute) == 0
