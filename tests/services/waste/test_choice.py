"""Choice: bounded whatever it is shown; the minimum round first."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.services.waste.choice import MUST_PRIZE_M, Candidate, Policy, Why, choose
from cityward.services.waste.filling import Filling

POLICY = Policy(
    service_level=0.9, next_days=1, m_per_hour=100, m_per_visit=500, stops_most=6, group_share=0.5, group_free=2
)
PACE = Filling(10, 0.5, 20)


def container(unit: str, level: float | None, **changes: object) -> Candidate:
    fields = {"group": unit[0], "filling": PACE, "full": 95.0, "days": 1.0, "longest_days": 7.0, "fixed_today": False}
    return Candidate(unit=unit, level=level, **{**fields, **changes})  # type: ignore[arg-type]


def test_must_worth_and_wait():
    found = {one.unit: one for one in choose([container("a1", 94), container("b1", 74), container("c1", 20)], POLICY)}
    assert found["a1"].why is Why.LIKELY_FULL and found["a1"].prize == MUST_PRIZE_M
    assert found["b1"].why is Why.WORTH_IT and 0 < found["b1"].prize < 2000
    assert "c1" not in found


def test_at_no_cost_of_overflow_only_what_must_be_is_chosen():
    free = Policy(service_level=0.9, next_days=1, m_per_hour=0, m_per_visit=0, stops_most=6)
    assert [one.unit for one in choose([container("a1", 94), container("b1", 74)], free)] == ["a1"]


def test_a_longer_gap_until_the_next_round_collects_more():
    weekend = Policy(service_level=0.9, next_days=3, m_per_hour=0, m_per_visit=0, stops_most=6)
    assert [one.unit for one in choose([container("a1", 94), container("b1", 72)], weekend)] == ["a1", "b1"]


@pytest.mark.parametrize(("level", "on_day", "chosen"), [(None, True, True), (None, False, False), (20.0, True, False)])
def test_the_fixed_day_counts_where_the_level_is_not_known(level: float | None, on_day: bool, chosen: bool):
    assert bool(choose([container("a1", level, fixed_today=on_day)], POLICY)) is chosen


@pytest.mark.parametrize("views", [5_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_no_choice_is_outside_its_limits_in_random_views(views: int):
    rng = np.random.default_rng(6)
    groups = list("ab")
    for _ in range(views // 25):  # draws of settings and containers, 25 mornings of each
        count, policy = int(rng.integers(1, 5)), _policy(rng)
        paces = [Filling(float(m), float(u), float(s)) for m, u, s in rng.exponential((12, 3, 40), (count, 3)) + 0.01]
        street = [groups[i] for i in rng.integers(0, 2, count)]
        for morning in rng.random((25, count, 3)):
            candidates = [
                Candidate(f"{street[n]}{n}", street[n], None if r[0] < 0.2 else float(r[0] * 130 - 20), paces[n], 95.0,
                          float(r[1] * 10), 7.0, bool(r[2] < 0.3))
                for n, r in enumerate(morning)
            ]  # fmt: skip
            _holds(candidates, policy)


def _policy(rng: np.random.Generator) -> Policy:
    # the dear part is the forecast: a service level of nearly one asks for no other
    return Policy(
        float(rng.uniform(0.5, 0.99)), float(rng.integers(1, 4)), float(rng.choice([0, 100])), float(rng.choice([0, 500])),
        int(rng.integers(1, 5)), float(rng.uniform(0.2, 1)), int(rng.integers(1, 4)),
    )  # fmt: skip


def _holds(candidates: list[Candidate], policy: Policy) -> None:
    found = choose(candidates, policy)
    units = [one.unit for one in found]
    by_unit = {one.unit: one for one in candidates}
    assert len(units) == len(set(units)) <= policy.stops_most and set(units) <= by_unit.keys()
    assert all(one.prize > 0 and 0 <= one.chance <= 1 for one in found)
    assert all(by_unit[one.unit].level is not None for one in found if one.by_level)
    due = {one.unit for one in candidates if one.days >= one.longest_days}
    first = units[: min(len(due), policy.stops_most)] if len(due) >= policy.stops_most else units
    assert len(due & set(units)) == min(len(due), policy.stops_most) or due <= set(first) or _fixed(candidates)
    if len({one.group for one in candidates}) > 1:
        most = max(policy.group_free, int(policy.group_share * len(candidates)))
        for group in {one.group for one in candidates}:
            assert sum(1 for one in found if one.by_level and by_unit[one.unit].group == group) <= most


def _fixed(candidates: list[Candidate]) -> bool:
    return any(one.level is None and one.fixed_today for one in candidates)
