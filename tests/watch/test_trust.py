"""Trust: what findings take, how it comes back, and that it does not flap."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.time import HOUR, MINUTE
from cityward.watch.contract import Phase, Severity
from cityward.watch.findings import Finding, Trust, state_of
from cityward.watch.trust import (
    HALF_LIFE_US,
    MARGIN,
    MOST_DOUBTS,
    Doubt,
    Trusts,
    forgive,
    loss_of,
    next_state,
    note,
    trust_of,
    weigh,
)


def finding(id_: str, kind: str = "frozen", score: float = 1.0, ended_at: int | None = None, at: int = 0) -> Finding:
    return Finding(
        id=id_, detector="freeze", kind=kind, title="t", subject="m", property="p", severity=Severity.LOW,
        phase=Phase.BEGAN, began_at=at, at=at, ended_at=ended_at, score=score, words="w", todo="",
    )  # fmt: skip


def test_losses_of_several_kinds_combine_as_independent_and_of_one_kind_the_largest_counts() -> None:
    trusts = Trusts()
    note(trusts, finding("a", "frozen"), 0.5, ["m"])
    note(trusts, finding("b", "frozen"), 0.3, ["m"])
    note(trusts, finding("c", "noisy"), 0.2, ["m"])
    (standing,) = weigh(trusts, 10)
    assert (standing.trust, standing.state, standing.since) == (0.4, Trust.QUARANTINED, 10)  # (1 - 0.5) x (1 - 0.2)
    assert standing.because == ("a", "b", "c")


@pytest.mark.parametrize(
    ("weight", "score", "loss"), [(0.3, 1, 0.3), (0.3, 2, 0.6), (0.16, 1000, 0.48), (0.9, 9, 0.95)]
)
def test_a_loss_is_weight_times_score_within_its_bounds(weight: float, score: float, loss: float) -> None:
    assert loss_of(weight, score) == pytest.approx(loss)


def test_trust_comes_back_by_half_every_half_life_and_its_state_a_margin_later() -> None:
    trusts = Trusts()
    note(trusts, finding("a", ended_at=0), 0.9, ["m"])
    assert [s.state for s in weigh(trusts, 0)] == [Trust.QUARANTINED]
    (half,) = weigh(trusts, HALF_LIFE_US)
    assert (half.trust, half.state) == (0.55, Trust.QUARANTINED)  # above the line, within the margin
    (more,) = weigh(trusts, 3 * HOUR)
    assert more.state is Trust.SUSPECT and more.trust == pytest.approx(1 - 0.9 * 0.5**1.5, abs=1e-4)
    (full,) = weigh(trusts, 14 * HOUR)
    assert (full.trust, full.state) == (1.0, Trust.TRUSTED)
    assert trusts.standings == {} == trusts.doubts


def test_what_goes_on_does_not_fade_and_is_not_forgiven() -> None:
    trusts = Trusts()
    note(trusts, finding("a"), 0.6, ["m"])
    note(trusts, finding("b", "noisy", ended_at=0), 0.6, ["m"])
    weigh(trusts, 0)
    forgive(trusts, ["a", "b"])
    (standing,) = weigh(trusts, 100 * HOUR)
    assert (standing.trust, standing.because) == (0.4, ("a",))


def test_no_state_is_older_than_the_finding_it_rests_on() -> None:
    trusts = Trusts()
    note(
        trusts, finding("a", at=90), 0.3, ["m"]
    )  # an event told at once, while the watch waits for readings of before it
    (suspect,) = weigh(trusts, 10)
    note(trusts, finding("b", "noisy", at=40), 0.6, ["m"])
    (quarantined,) = weigh(trusts, 60)
    assert [(s.state, s.since) for s in (suspect, quarantined)] == [(Trust.SUSPECT, 90), (Trust.QUARANTINED, 90)]


def test_a_trust_that_swings_within_the_margin_changes_its_state_once() -> None:
    state, seen = Trust.TRUSTED, []
    for trust in [0.79, 0.81, 0.78, 0.85, 0.79, 0.89]:
        state = next_state(state, trust)
        seen.append(state)
    assert set(seen) == {Trust.SUSPECT}
    assert next_state(state, 0.8 + MARGIN) is Trust.TRUSTED


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e9)), max_size=8), st.floats(0, 1), st.floats(0, 1e9))
def test_one_more_finding_never_raises_trust(some: list[tuple[float, float]], weight: float, score: float) -> None:
    doubts = [Doubt(str(n), str(n % 3), loss_of(w, s), 0, None) for n, (w, s) in enumerate(some)]
    more = [*doubts, Doubt("x", "1", loss_of(weight, score), 0, None)]
    assert 0.0 <= trust_of(more, MINUTE) <= trust_of(doubts, MINUTE) <= 1.0


@given(st.sampled_from(list(Trust)), st.floats(0, 1))
def test_a_state_is_never_better_than_its_trust(before: Trust, trust: float) -> None:
    order = list(Trust)
    assert order.index(next_state(before, trust)) >= order.index(state_of(trust))


def test_the_findings_against_one_device_are_bounded() -> None:
    trusts = Trusts()
    for n in range(3 * MOST_DOUBTS):
        note(trusts, finding(f"f{n:04d}", f"k{n}", score=n), 0.001, ["m"])
    assert len(trusts.doubts["m"]) == MOST_DOUBTS
    assert all(a < b for a, b in itertools.pairwise(sorted(trusts.doubts["m"])))
