"""Who is kept out for saying too much, and for how long."""

from __future__ import annotations

from cityward.runtime.intake.penalty import FORGIVEN_US, LINGERS_US, LONGEST_US, Budget, Penalties, Penalty
from cityward.time import DAY, MINUTE, SECOND

BUDGET = Budget(messages_s=10, bytes_s=1000)  # a minute's worth: 600 messages, 60,000 bytes
START = 1_000 * DAY


def flood(
    penalties: Penalties, at: int, looks: int = 4, messages: int = 400, size: int = 0
) -> tuple[Penalty | None, int]:
    """So many looks, a second apart, from `at`; the first penalty, and when. 400 a second: 40 budgets, 36 above what drains."""
    for n in range(looks):
        now = at + (n + 1) * SECOND
        said = penalties.look("a", BUDGET, messages, size, now - SECOND, now)
        if said is not None:
            return said, now
    return None, at + looks * SECOND


def test_a_flood_of_forty_budgets_is_out_in_two_seconds_for_a_minute() -> None:
    # 36 minutes' worth a minute fill one in 1.67 s: the second look sees it
    said, when = flood(Penalties(), START)
    assert said is not None
    assert when == START + 2 * SECOND
    assert (said.device, said.until_us, said.nth) == ("a", when + MINUTE, 1)
    assert round(said.times, 6) == 40


def test_a_flood_of_bytes_counts_like_one_of_messages() -> None:
    said, when = flood(Penalties(), START, messages=1, size=40_000)
    assert said is not None
    assert when == START + 2 * SECOND


def test_four_times_the_budget_is_no_flood_however_long() -> None:
    assert flood(Penalties(), START, looks=1000, messages=40, size=4000)[0] is None


def test_a_short_backlog_is_no_flood() -> None:
    penalties = Penalties()
    assert flood(penalties, START, looks=1, messages=600)[0] is None  # a minute's worth at once, less what drains
    assert flood(penalties, START + SECOND, looks=60, messages=10)[0] is None
    assert flood(penalties, START + MINUTE, looks=1, messages=600)[0] is None


def test_each_penalty_is_twice_as_long_up_to_an_hour_and_is_forgiven_after_a_day() -> None:
    penalties, at, lasted = Penalties(), START, list[int]()
    for _ in range(8):
        said, when = flood(penalties, at)
        assert said is not None
        lasted.append((said.until_us - when) // MINUTE)
        at = said.until_us
    assert lasted == [1, 2, 4, 8, 16, 32, 60, 60]
    assert LONGEST_US == 60 * MINUTE
    later, _ = flood(penalties, at + FORGIVEN_US)
    assert later is not None
    assert later.nth == 1


def test_what_is_told_late_of_a_flood_is_no_second_offence() -> None:
    penalties = Penalties()
    said, when = flood(penalties, START)
    assert said is not None
    last = when + LINGERS_US - 1
    assert penalties.look("a", BUDGET, 10**6, 10**9, when, last) is None
    again = penalties.look("a", BUDGET, 10**6, 10**9, last, when + LINGERS_US)  # its penalty was lifted: it floods on
    assert again is not None
    assert again.nth == 2


def test_a_restart_goes_on_counting() -> None:
    penalties = Penalties()
    penalties.remember("a", 3, START - MINUTE)
    said, when = flood(penalties, START)
    assert said is not None
    assert (said.nth, said.until_us - when) == (4, 8 * MINUTE)


def test_a_device_that_keeps_to_its_budget_leaves_nothing_behind() -> None:
    penalties = Penalties()
    for n in range(1000):
        assert penalties.look(f"device-{n}", BUDGET, 50, 5000, START, START + 5 * SECOND) is None
    assert penalties._records == {}


def test_a_look_that_took_no_time_says_nothing() -> None:
    assert Penalties().look("a", BUDGET, 10**9, 10**9, START, START) is None
