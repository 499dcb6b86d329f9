"""Who is kept out for saying too much, and for how long."""

from __future__ import annotations

from cityward.runtime.penalty import FORGIVEN_US, LONGEST_US, Budget, Penalties
from cityward.time import DAY, MINUTE, SECOND

BUDGET = Budget(messages_s=10, bytes_s=1000)
START = 1_000 * DAY


def flood(penalties: Penalties, at: int, looks: int = 2, messages: int = 201, size: int = 0):
    """So many looks, five seconds apart, from `at`; what the last one said. 200 messages in 5 s are four times the budget."""
    said = None
    for n in range(looks):
        said = penalties.look("a", BUDGET, messages, size, at + n * 5 * SECOND, at + (n + 1) * 5 * SECOND)
    return said


def test_a_flood_of_ten_seconds_is_barred_for_a_minute() -> None:
    said = flood(Penalties(), START)
    assert said is not None
    assert (said.device, said.until_us, said.nth) == ("a", START + 10 * SECOND + MINUTE, 1)
    assert round(said.times, 6) == 4.02


def test_a_flood_of_bytes_counts_like_one_of_messages() -> None:
    assert flood(Penalties(), START, messages=1, size=20_001) is not None


def test_four_times_the_budget_is_no_flood_however_long() -> None:
    assert flood(Penalties(), START, looks=100, messages=200, size=20_000) is None


def test_a_burst_shorter_than_ten_seconds_is_no_flood() -> None:
    penalties = Penalties()
    assert flood(penalties, START, looks=1, messages=100_000) is None
    assert flood(penalties, START + 5 * SECOND, looks=1, messages=0) is None
    assert flood(penalties, START + 10 * SECOND, looks=1, messages=100_000) is None


def test_looks_far_apart_do_not_add_up() -> None:
    penalties = Penalties()
    assert flood(penalties, START, looks=1) is None
    assert flood(penalties, START + 10 * MINUTE, looks=1) is None


def test_each_penalty_is_twice_as_long_up_to_an_hour_and_is_forgiven_after_a_day() -> None:
    penalties, at, lasted = Penalties(), START, list[int]()
    for _ in range(8):
        said = flood(penalties, at)
        assert said is not None
        lasted.append((said.until_us - at - 10 * SECOND) // MINUTE)
        at = said.until_us
    assert lasted == [1, 2, 4, 8, 16, 32, 60, 60]
    assert LONGEST_US == 60 * MINUTE
    later = flood(penalties, at + FORGIVEN_US)
    assert later is not None
    assert later.nth == 1


def test_a_restart_goes_on_counting() -> None:
    penalties = Penalties()
    penalties.remember("a", 3, START - MINUTE)
    said = flood(penalties, START)
    assert said is not None
    assert (said.nth, said.until_us - START - 10 * SECOND) == (4, 8 * MINUTE)


def test_a_device_that_keeps_to_its_budget_leaves_nothing_behind() -> None:
    penalties = Penalties()
    for n in range(1000):
        assert penalties.look(f"device-{n}", BUDGET, 50, 5000, START, START + 5 * SECOND) is None
    assert penalties._records == {}


def test_a_look_that_took_no_time_says_nothing() -> None:
    assert Penalties().look("a", BUDGET, 10**9, 10**9, START, START) is None
