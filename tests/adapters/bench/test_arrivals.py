"""The measure of predicted arrivals: its two rules of truth, by hand, and a day of the demonstration's buses."""

from __future__ import annotations

from pathlib import Path

import pytest

from buslines import at, bus, feed
from cityward.adapters.bench.arrivals import Truth, arrival_tables, left, load, play, seen
from cityward.adapters.street.buses import feed_at
from cityward.errors import CitywardError
from cityward.services.transport.memory import Learned
from cityward.transit.decoding import decode

T = "20240610 t0800"


def test_a_stop_is_left_at_its_last_prediction_before_it_goes_and_seen_at_the_first_report_from_it():
    one, two, three = at("08:00"), at("08:01"), at("08:02")
    feeds = [
        decode(feed(one, bus("b", "t0800", "a", one))),
        decode(feed(two, bus("b", "t0800", "b", two))),
        decode(feed(three, bus("b", "t0800", "b", three, late=60))),
    ]
    assert left(feeds) == {(T, "a"): Truth(at("08:00"), 1)}
    assert seen(feeds) == {(T, "b"): Truth(two, 1)}  # where it stood in the first feed is not known to be its arrival


def test_a_trip_that_vanishes_leaves_no_truth():
    one, two = at("08:00"), at("08:01")
    assert left([decode(feed(one, bus("b", "t0800", "a", one))), decode(feed(two))]) == {}


def test_what_is_predicted_by_one_feed_does_not_hang_on_later_ones(tmp_path: Path):
    feeds = [decode(feed_at(at("09:00") + 60 * n)) for n in range(12)]
    every, _ = play(feeds, Learned())
    first, _ = play(feeds[:6], Learned())
    assert every[: len(first)] == first


def test_on_the_demonstrations_buses_it_is_better_than_their_operator(tmp_path: Path):
    for n in range(60):
        now = at("09:00") + 60 * n
        (tmp_path / f"{now}.pb").write_bytes(feed_at(now))
    assert len(load(tmp_path)) == 60
    came, *others = arrival_tables(tmp_path, None, 600)
    assert came.verdict.startswith("ours is better than both") and len(others) == 3
    ours, agency = came.head.index("ours MAE"), came.head.index("agency MAE")
    assert all(row[ours] < row[agency] for row in came.rows)  # type: ignore[operator]


def test_a_folder_without_feeds_is_told(tmp_path: Path):
    with pytest.raises(CitywardError, match="a sequence of feeds is needed"):
        load(tmp_path)
    for name in ("1", "2"):
        (tmp_path / f"{name}.pb").write_bytes(b"\xff\xff")
    with pytest.raises(CitywardError, match="cannot be read"):
        load(tmp_path)
