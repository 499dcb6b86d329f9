"""The gate before a camera: who may look, who may not and why, and what holds for any question at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.guard.viewing import (
    MENDS,
    Granted,
    HeldRole,
    Opened,
    Passed,
    Request,
    ViewReason,
    decide,
    passed,
    still,
)
from cityward.guard.viewing_rules import CameraRule, RoleRule, ViewingRules
from cityward.place.release import Aggregate, Form, Posture
from cityward.time import HOUR, MINUTE, SECOND

NOW = 1_760_000_000 * SECOND


def camera(name: str, **fields: Any) -> CameraRule:
    known: dict[str, Any] = {
        "device": name, "dataset": "video", "purposes": frozenset({"safety"}), "longest_us": 15 * MINUTE,
        "cameras_most": 2, "clear": False, "keep_us": 24 * HOUR, "sensitivity": "restricted", "area": "docks",
        "allowed": frozenset({"xa"}),
    }  # fmt: skip
    return CameraRule(**known | fields)


CAMERAS = {
    "quay": camera("quay", clear=True),
    "gate": camera("gate"),
    "hall": camera("hall", area="centre", keep_us=0, cameras_most=4),
    "yard": camera("yard", cameras_most=1),
}
ROLES = {
    "desk": RoleRule("council", frozenset({"video"}), two_person=False, ours=True, just_in_time=False),
    "careful": RoleRule("council", frozenset({"video"}), two_person=True, ours=True, just_in_time=False),
    "plates": RoleRule("council", frozenset({"plates"}), two_person=False, ours=True, just_in_time=False),
    "support": RoleRule("maker", frozenset({"video"}), two_person=False, ours=False, just_in_time=True),
    "standing-support": RoleRule("maker", frozenset({"video"}), two_person=False, ours=False, just_in_time=False),
    "far-support": RoleRule("far", frozenset({"video"}), two_person=False, ours=False, just_in_time=True),
}
LANDS = {"council": (frozenset({"xa"}),), "maker": (frozenset({"xa"}),), "far": (frozenset({"xa"}), frozenset({"xb"}))}
POSTURES = {
    "crisis": Posture(stop_sensitivity=("restricted",), by=("desk",)),
    "docks-closed": Posture(areas=("docks",), stop_purposes=("safety",), by=("desk",)),
    "calm": Posture(form="late", by=("desk",)),
    "covered": Posture(form="plain", by=("desk",)),
    "counts": Posture(form="cells", by=("desk",)),
    "abroad": Posture(stop_jurisdictions=("xb",), by=("desk",)),
}
FORMS = {"late": Form(delay_s=600), "plain": Form(drop=("device",)), "cells": Form(aggregate=Aggregate(least=5))}


def rules(*postures: str, **cameras: CameraRule) -> ViewingRules:
    held = {name: POSTURES[name] for name in postures if name in POSTURES}
    return ViewingRules(
        CAMERAS | cameras, ROLES, LANDS, held, FORMS, "rules", undeclared=frozenset(postures) - POSTURES.keys()
    )


ASKED = Request(
    person="ada", party="council", camera="quay", purpose="safety", reason="a fight was called in", seconds=300, at=NOW,
    city_now=NOW, roles=(HeldRole("desk"),),
)  # fmt: skip
RECORDED = replace(ASKED, kind="recorded", since=NOW - HOUR, until=NOW - HOUR + 10 * MINUTE)
SUPPORT = replace(ASKED, person="mel", party="maker", roles=(HeldRole("support", NOW + HOUR),))


def test_lets_look_whoever_has_the_right_a_purpose_and_a_reason_until_the_time_is_over() -> None:
    decision = decide(ASKED, rules(), ())

    assert (decision.allowed, decision.role, decision.until) == (True, "desk", NOW + 300 * SECOND)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (replace(ASKED, camera="attic"), ViewReason.UNDECLARED),
        (replace(ASKED, purpose=""), ViewReason.WRONG_PURPOSE),
        (replace(ASKED, purpose="marketing"), ViewReason.WRONG_PURPOSE),
        (replace(ASKED, reason=""), ViewReason.NO_REASON),
        (replace(ASKED, reason="   because   "), ViewReason.NO_REASON),  # 7 characters
        (replace(ASKED, reason="x" * 501), ViewReason.NO_REASON),
        (replace(ASKED, reason="a fight\x1b[2J at the quay"), ViewReason.NO_REASON),
        (replace(ASKED, seconds=901), ViewReason.TOO_LONG),
        (replace(ASKED, seconds=0), ViewReason.TOO_LONG),
        (replace(ASKED, roles=()), ViewReason.NO_RIGHT),
        (replace(ASKED, roles=(HeldRole("plates"),)), ViewReason.NO_RIGHT),
        (replace(ASKED, roles=(), elsewhere=("desk",)), ViewReason.FROM_ELSEWHERE),
        (replace(ASKED, roles=(HeldRole("careful"),)), ViewReason.SECOND_PERSON),
        (replace(ASKED, cover="clear"), ViewReason.SECOND_PERSON),
        (replace(ASKED, cover="clear", second="ada", second_approves=True), ViewReason.SECOND_PERSON),
        (replace(ASKED, cover="clear", second="bo"), ViewReason.SECOND_PERSON),
        (replace(RECORDED, cover="clear", second="bo", second_approves=True), ViewReason.NOT_CLEAR),
        (replace(ASKED, camera="gate", cover="clear", second="bo", second_approves=True), ViewReason.NOT_CLEAR),
        (replace(RECORDED, since=NOW - 25 * HOUR), ViewReason.NOT_KEPT),
        (replace(RECORDED, until=NOW + 1), ViewReason.NOT_KEPT),
        (replace(RECORDED, until=RECORDED.since), ViewReason.NOT_KEPT),
        (replace(RECORDED, camera="hall"), ViewReason.NOT_KEPT),
        (replace(RECORDED, since=NOW - 3 * HOUR, until=NOW), ViewReason.TOO_LONG),
        (replace(SUPPORT, roles=()), ViewReason.NO_SESSION),
        (replace(SUPPORT, roles=(HeldRole("standing-support"),)), ViewReason.NO_SESSION),
        (replace(SUPPORT, roles=(HeldRole("desk"),)), ViewReason.NO_SESSION),  # a role of another party
        (replace(SUPPORT, roles=(), elsewhere=("support",)), ViewReason.FROM_ELSEWHERE),
        (replace(SUPPORT, party="far", roles=(HeldRole("far-support"),)), ViewReason.NOT_ALLOWED_THERE),
        (replace(ASKED, cover="bare"), ViewReason.FAULT),
    ],
)
def test_refuses_for_one_reason(request_: Request, reason: ViewReason) -> None:
    decision = decide(request_, rules(), ())

    assert decision.reasons == (reason,)
    assert passed(request_, decision) is None
    assert MENDS[reason]


def test_tells_every_reason_at_once() -> None:
    decision = decide(replace(ASKED, purpose="marketing", reason="", seconds=10**6, roles=()), rules(), ())

    assert decision.reasons == (
        ViewReason.NO_RIGHT, ViewReason.WRONG_PURPOSE, ViewReason.NO_REASON, ViewReason.TOO_LONG,
    )  # fmt: skip


def test_shows_the_clear_picture_to_two_persons() -> None:
    clear = replace(ASKED, cover="clear", second="bo", second_approves=True)

    assert decide(clear, rules(), ()).allowed
    assert decide(replace(clear, second=""), rules(), ()).waits


def test_lets_the_makers_support_look_only_while_its_role_is_open() -> None:
    decision = decide(replace(SUPPORT, roles=(HeldRole("support", NOW + MINUTE),)), rules(), ())

    assert (decision.allowed, decision.until) == (True, NOW + MINUTE)


@pytest.mark.parametrize(
    ("posture", "request_", "allowed"),
    [
        ("crisis", ASKED, False),
        ("docks-closed", ASKED, False),
        ("docks-closed", replace(ASKED, camera="hall"), True),
        ("calm", ASKED, False),
        ("calm", replace(RECORDED, since=NOW - 11 * MINUTE, until=NOW - 10 * MINUTE), True),
        ("calm", replace(RECORDED, since=NOW - 11 * MINUTE, until=NOW - 9 * MINUTE), False),
        ("covered", ASKED, True),
        ("covered", replace(ASKED, cover="clear", second="bo", second_approves=True), False),
        ("counts", ASKED, False),
        ("abroad", ASKED, True),
        ("abroad", SUPPORT, True),
        ("nobody-knows-this", ASKED, False),
    ],
)  # fmt: skip
def test_a_posture_stops_a_view_or_leaves_it_covered_and_late(posture: str, request_: Request, allowed: bool) -> None:
    decision = decide(request_, rules(posture), ())

    assert decision.allowed is allowed
    assert allowed or decision.reasons == (ViewReason.POSTURE,)


def test_counts_the_different_cameras_of_an_hour_and_no_others() -> None:
    near, old = Opened("gate", NOW - 59 * MINUTE), Opened("hall", NOW - HOUR)

    assert decide(ASKED, rules(), (near, old, Opened("quay", NOW))).allowed  # quay and gate: two
    assert decide(ASKED, rules(), (near, Opened("hall", NOW - 1))).reasons == (ViewReason.FAN_OUT,)


def test_one_that_may_be_opened_alone_keeps_the_others_shut_whichever_came_first() -> None:
    assert decide(ASKED, rules(), (Opened("yard", NOW - 1),)).reasons == (ViewReason.FAN_OUT,)
    assert decide(replace(ASKED, camera="yard"), rules(), (Opened("quay", NOW - 1),)).reasons == (ViewReason.FAN_OUT,)


def test_nobody_looks_through_a_camera_that_is_put_aside() -> None:
    assert decide(ASKED, rules(quay=camera("quay", in_use=False)), ()).reasons == (ViewReason.OUT_OF_USE,)


def test_only_the_gate_makes_what_pictures_are_given_for() -> None:
    decision = decide(ASKED, rules(), ())
    through = passed(ASKED, decision)
    assert through is not None

    assert through.seal("v1", "web:7").until == NOW + 300 * SECOND
    with pytest.raises(TypeError, match="ask `passed`"):
        Passed(ASKED, decision, _seal=object())
    with pytest.raises(TypeError, match="seal what passed"):
        Granted("v1", ASKED, decision, "web:7", _seal=object())
    with pytest.raises(TypeError, match="evidence record"):
        through.seal("v1", "")


def granted() -> Granted:
    through = passed(ASKED, decide(ASKED, rules(), ()))
    assert through is not None
    return through.seal("v1", "web:7")


def test_a_view_ends_with_its_time_its_role_a_posture_and_its_camera() -> None:
    later = replace(ASKED, at=NOW + MINUTE, city_now=NOW + MINUTE)
    over = still(granted(), replace(later, at=NOW + 300 * SECOND), rules())

    assert still(granted(), later, rules()).allowed
    assert over.reasons == (ViewReason.NOT_OPEN,)
    assert still(granted(), replace(later, roles=()), rules()).reasons == (ViewReason.NO_RIGHT,)
    assert still(granted(), later, rules("crisis")).reasons == (ViewReason.POSTURE,)
    assert still(granted(), later, rules(quay=camera("quay", in_use=False))).reasons == (ViewReason.OUT_OF_USE,)


# --- what holds for anything

NAMES = st.sampled_from([*CAMERAS, "attic"])
ROLES_HELD = st.lists(
    st.builds(HeldRole, st.sampled_from([*ROLES, "x"]), st.sampled_from([0, NOW + MINUTE])), max_size=4
)
REQUESTS = st.builds(
    Request,
    person=st.sampled_from(["ada", "bo"]), party=st.sampled_from(["council", "maker", "far", "nobody"]), camera=NAMES,
    purpose=st.sampled_from(["safety", "marketing"]), reason=st.sampled_from(["short", "long enough to be one"]),
    seconds=st.integers(-1, 1000), at=st.just(NOW), city_now=st.just(NOW), roles=ROLES_HELD.map(tuple),
    kind=st.sampled_from(["live", "recorded", "export"]), cover=st.sampled_from(["covered", "clear"]),
    since=st.integers(NOW - 30 * HOUR, NOW), until=st.integers(NOW - 30 * HOUR, NOW + 1),
    second=st.sampled_from(["", "ada", "bo"]), second_approves=st.booleans(),
)  # fmt: skip
OPENED = st.lists(st.builds(Opened, NAMES, st.integers(NOW - 2 * HOUR, NOW)), max_size=5)
IN_FORCE = st.lists(st.sampled_from([*POSTURES, "unheard-of"]), max_size=3, unique=True)


@given(request_=REQUESTS, opened=OPENED, more=OPENED, postures=IN_FORCE, also=IN_FORCE, longer=st.integers(1, 10_000))
@settings(max_examples=400, deadline=None)
def test_what_takes_never_gives(
    request_: Request, opened: list[Opened], more: list[Opened], postures: list[str], also: list[str], longer: int
) -> None:
    if decide(request_, rules(*postures), opened).allowed:
        return
    tighter = (
        (request_, rules(*{*postures, *also}), opened),
        (request_, rules(*postures), [*opened, *more]),
        (replace(request_, roles=request_.roles[1:]), rules(*postures), opened),
        (replace(request_, second=""), rules(*postures), opened),
    )
    for asked, by, before in tighter:
        assert not decide(asked, by, before).allowed
    if request_.seconds > 0:
        assert not decide(replace(request_, seconds=request_.seconds + longer), rules(*postures), opened).allowed


@given(st.lists(st.tuples(NAMES, st.integers(0, 4000)), max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_identity_opens_more_cameras_within_an_hour_than_the_least_bound_among_them(
    wishes: list[tuple[str, int]],
) -> None:
    opened: list[Opened] = []
    at = NOW
    for name, waits_s in wishes:
        at += waits_s * SECOND
        asked = replace(ASKED, camera=name, at=at, city_now=at)
        if decide(asked, rules(), opened).allowed:
            opened.append(Opened(name, at))
            within = {one.camera for one in opened if one.at > at - HOUR}
            assert len(within) <= min(CAMERAS[name].cameras_most for name in within)


@given(
    st.builds(
        Request,
        **{
            name: st.one_of(st.none(), st.integers(), st.text(max_size=3), st.floats(), st.just(()), st.just(NOW))
            for name in Request.__dataclass_fields__
        },
    )
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_is_asked_there_is_an_answer_and_nonsense_is_a_no(request_: Request) -> None:
    assert not decide(request_, rules(), ()).allowed
