"""Leaky buckets: when an episode begins, goes on and ends, worked out by hand; and that nothing grows."""

from __future__ import annotations

from cityward.time import MINUTE, SECOND
from cityward.watch.contract import Phase
from cityward.watch.episodes import Buckets, Rule, Turn, drain, pour

RULE = Rule("r", threshold=10, drains_us=10 * MINUTE)  # one a minute is tolerated for ever
START = 1_700_000_000 * SECOND


def phases(turns: list[Turn]) -> list[tuple[Phase, int]]:
    return [(turn.phase, (turn.at - START) // SECOND) for turn in turns]


def poured(times: list[int], amount: float = 1, until: int = 10**6) -> list[Turn]:
    buckets, out = Buckets(), list[Turn]()
    for at in times:
        out += pour(buckets, RULE, "a", amount, START + at * SECOND)
    return out + list(drain(buckets, RULE, START + until * SECOND))


def test_one_a_minute_is_no_episode_however_long():
    assert poured([60 * n for n in range(10_000)]) == []


def test_ten_at_once_are_one_and_end_when_the_bucket_has_run_dry():
    # ten at 0 s fill it; it drains one a minute
    assert phases(poured([0] * 10)) == [(Phase.BEGAN, 0), (Phase.ENDED, 600)]


def test_each_doubling_is_told_again():
    turns = poured([0] * 45)
    assert phases(turns) == [(Phase.BEGAN, 0), (Phase.GOES_ON, 0), (Phase.GOES_ON, 0), (Phase.ENDED, 45 * 60)]
    assert [turn.poured for turn in turns] == [10, 20, 40, 45]
    assert [turn.score for turn in turns[:3]] == [1, 2, 4]


def test_after_an_end_the_same_key_begins_another():
    turns = poured([0] * 10 + [3600] * 10)
    assert phases(turns) == [(Phase.BEGAN, 0), (Phase.ENDED, 600), (Phase.BEGAN, 3600), (Phase.ENDED, 4200)]
    assert [turn.began_at for turn in turns] == [START, START, START + 3600 * SECOND, START + 3600 * SECOND]


def test_a_clock_that_is_behind_counts_at_the_newest_time():
    buckets = Buckets()
    list(pour(buckets, RULE, "a", 9, START + 100 * SECOND))
    [turn] = pour(buckets, RULE, "a", 1, START)
    assert phases([turn]) == [(Phase.BEGAN, 100)]


def test_a_flood_of_keys_is_bounded_and_those_in_an_episode_stay():
    small = Rule("r", threshold=2, drains_us=MINUTE, most_keys=3)
    buckets = Buckets()
    list(pour(buckets, small, "attacker", 2, START))
    for n in range(1000):
        list(pour(buckets, small, f"key-{n}", 1, START))
    assert len(buckets.calm["r"]) + len(buckets.open["r"]) == 3
    assert "attacker" in buckets.open["r"]
    assert buckets.forgotten == 998


def test_where_all_are_in_an_episode_the_oldest_one_ends():
    small = Rule("r", threshold=1, drains_us=MINUTE, most_keys=2)
    buckets = Buckets()
    turns = [turn for key in "abc" for turn in pour(buckets, small, key, 1, START)]
    assert [(turn.key, turn.phase) for turn in turns] == [
        ("a", Phase.BEGAN), ("b", Phase.BEGAN), ("c", Phase.BEGAN), ("a", Phase.ENDED),
    ]  # fmt: skip
