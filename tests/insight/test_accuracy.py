"""Accuracy: scores worked by hand, bounds, and a choice that does not take turns."""

from __future__ import annotations

import msgspec
import pytest

from cityward.insight import accuracy
from cityward.insight.accuracy import KEEP, LEAST, Accuracy, KeptAccuracy
from cityward.insight.estimate import Estimate
from cityward.time import HOUR


def said(at: int, value: float, model: str = "pooled", ahead: int = 1) -> Estimate:
    made = (at - ahead) * HOUR
    return Estimate("quay", "speed", at * HOUR, made, value, value - 1, value + 1, model=model)


def test_scores_are_worked_out_against_what_came() -> None:
    """Said 10 and 10, last value 7; came 12 (error 2, outside, last erred by 5), then 10 (error 0, inside, last by 3)."""
    book = Accuracy("profile-ar")
    book.note([said(1, 10.0)], last=7.0)
    book.came("quay", "speed", HOUR, 12.0)
    book.note([said(2, 10.0)], last=7.0)
    book.came("quay", "speed", 2 * HOUR, 10.0)
    (score,) = book.scores("quay", "speed")
    weight = KEEP + 1
    assert (score.count, score.horizon_us) == (2, HOUR)
    assert score.mae == pytest.approx(2 * KEEP / weight)
    assert score.rmse == pytest.approx((4 * KEEP / weight) ** 0.5)
    assert score.mean_bias == pytest.approx(2 * KEEP / weight)
    assert score.coverage == pytest.approx(1 / weight)
    assert score.skill == pytest.approx(1 - 2 * KEEP / (5 * KEEP + 3))


def test_an_estimate_whose_moment_passed_without_a_reading_is_given_up() -> None:
    book = Accuracy("profile-ar")
    book.note([said(1, 10.0), said(3, 10.0, ahead=3)], last=7.0)
    book.came("quay", "speed", 2 * HOUR, 12.0)
    assert not book.scores("quay", "speed")
    assert book.given_up == 1
    book.came("quay", "speed", 3 * HOUR, 12.0)
    assert [score.count for score in book.scores("quay", "speed")] == [1]


def test_a_reading_scores_once() -> None:
    book = Accuracy("profile-ar")
    book.note([said(1, 10.0)], last=7.0)
    for _ in range(2):
        book.came("quay", "speed", HOUR, 12.0)
    assert [score.count for score in book.scores("quay", "speed")] == [1]


def play(book: Accuracy, errors: dict[str, float], count: int, begin: int = 1) -> None:
    for at in range(begin, begin + count):
        book.note([said(at, 10.0 + error, model) for model, error in errors.items()], last=10.0)
        book.came("quay", "speed", at * HOUR, 10.0)


def test_the_first_model_speaks_until_enough_is_known() -> None:
    book = Accuracy("profile-ar")
    assert book.best("quay", "speed") == "profile-ar"
    play(book, {"profile-ar": 2.0, "pooled": 1.0}, LEAST - 1)
    assert book.best("quay", "speed") == "profile-ar"
    play(book, {"profile-ar": 2.0, "pooled": 1.0}, 1, LEAST)
    assert book.best("quay", "speed") == "pooled"


def test_a_model_that_is_hardly_better_does_not_take_over() -> None:
    book = Accuracy("profile-ar")
    play(book, {"profile-ar": 1.0, "pooled": 0.96}, 2 * LEAST)
    assert book.best("quay", "speed") == "profile-ar"


def test_what_is_kept_is_read_again_the_same() -> None:
    book = Accuracy("profile-ar")
    play(book, {"profile-ar": 2.0, "pooled": 1.0}, LEAST)
    book.best("quay", "speed")
    kept = msgspec.json.decode(msgspec.json.encode(book.keep()), type=KeptAccuracy)
    again = Accuracy("profile-ar", kept)
    assert again.scores("quay", "speed") == book.scores("quay", "speed")
    assert again.best("quay", "speed") == "pooled"


def test_too_many_waiting_estimates_are_given_up_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "MOST_WAITING", 10)
    book = Accuracy("profile-ar")
    for at in range(1, 12):
        book.note([said(at, 10.0)], last=7.0)
    assert book.given_up == 2  # 11 down to nine tenths of 10
    book.came("quay", "speed", 3 * HOUR, 10.0)
    assert [score.count for score in book.scores("quay", "speed")] == [1]


def test_scores_beyond_the_bound_are_not_begun_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "MOST_KEYS", 1)
    book = Accuracy("profile-ar")
    play(book, {"profile-ar": 2.0, "pooled": 1.0}, 1)
    assert len(book.keep().scores) == 1
    assert book.not_begun == 1


def test_readings_and_last_values_that_are_no_numbers_score_nothing() -> None:
    book = Accuracy("profile-ar")
    book.note([said(1, 10.0)], last=float("nan"))
    book.note([said(1, 10.0)], last=7.0)
    book.came("quay", "speed", HOUR, float("nan"))
    assert not book.scores("quay", "speed")
    assert book.given_up == 1
