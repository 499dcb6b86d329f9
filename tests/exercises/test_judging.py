"""Musts are met in time, or missed with a reason; none is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cityward.exercises.judging import Docket, Judgement
from cityward.exercises.scenario import Kind, Must, Plan
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Send
from cityward.time import SECOND

STEP = Send(key="lie", at_s=0, unit="counter-1", body=b"[]")


def must(at_s: float | None, kind: Kind = Kind.DETECTED, within_s: float = 60, **more: str) -> Must:
    at = None if at_s is None else round(at_s * SECOND)
    return Must(
        id=kind.value,
        kind=kind,
        said="",
        when=lambda _: at,
        since="lie",
        within_s=within_s,
        failing=more.get("failing", ""),
    )


def seen(now_s: float, began_s: float | None = 100) -> Seen:
    done = {} if began_s is None else {"lie": round(began_s * SECOND)}
    return Seen(0, round(now_s * SECOND), [], done, {}, {})


def closed(one: Must, at: Seen) -> Judgement:
    [judged] = Docket(Plan(steps=(STEP,), musts=(one,)), grace_s=10).close(at)
    return judged


def test_what_happened_in_time_is_met_and_timed_from_its_step() -> None:
    judged = closed(must(130), seen(200))
    assert (judged.met, judged.took_s) == (True, 30)


@pytest.mark.parametrize(
    ("at_s", "why"),
    [(99, "before the step"), (161, "not within 60 s"), (None, "not within 60 s")],
    ids=["too early", "too late", "never"],
)
def test_what_did_not_happen_in_its_time_is_missed(at_s: float | None, why: str) -> None:
    judged = closed(must(at_s), seen(200))
    assert not judged.met
    assert judged.took_s is None
    assert why in judged.why


def test_a_must_whose_step_was_not_carried_out_is_missed() -> None:
    assert "was not carried out" in closed(must(130), seen(200, began_s=None)).why


def test_a_known_failing_is_missed_with_its_reason() -> None:
    assert "no such detector" in closed(must(None, failing="no such detector"), seen(200)).why


def test_what_was_met_stays_so() -> None:
    docket = Docket(Plan(steps=(STEP,), musts=(replace(must(None), when=_only_at(120)),)), grace_s=10)
    docket.look(seen(120))
    [judged] = docket.close(seen(200))
    assert judged.met


def _only_at(at_s: int):
    return lambda what: what.now if what.now == at_s * SECOND else None


@pytest.mark.parametrize(("at_s", "met"), [(5, True), (None, False)], ids=["held", "broke"])
def test_what_must_be_kept_is_judged_at_the_end(at_s: float | None, met: bool) -> None:
    docket = Docket(Plan(steps=(STEP,), musts=(must(at_s, Kind.KEPT),)), grace_s=10)
    docket.look(seen(500))
    assert docket.met() == 0
    [judged] = docket.close(seen(500))
    assert (judged.met, judged.took_s) == (met, None)


def test_it_is_over_when_nothing_is_open() -> None:
    docket = Docket(Plan(steps=(STEP,), musts=(must(130),)), grace_s=10)
    docket.look(seen(140))
    assert docket.over(seen(140))


def test_it_waits_for_what_may_still_come_and_for_what_is_still_being_written() -> None:
    docket = Docket(Plan(steps=(STEP,), musts=(must(None),)), grace_s=10)
    for now_s, ended in ((101, False), (165, False), (171, True)):
        docket.look(seen(now_s))
        assert docket.over(seen(now_s)) is ended


def test_it_watches_what_must_be_kept_for_a_while() -> None:
    docket = Docket(Plan(steps=(STEP,), musts=(must(1, Kind.KEPT, within_s=3600),)), grace_s=10)
    assert [docket.over(seen(at)) for at in (150, 279, 280)] == [False, False, True]


def test_its_time_is_up_whatever_is_open() -> None:
    docket = Docket(Plan(steps=(STEP,), musts=(must(None, within_s=9999),), settle_s=300), grace_s=10)
    assert [docket.over(seen(at, began_s=None)) for at in (309, 310)] == [False, True]
