"""Deciding: total, finite, never changed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.policy.contract import Decision, Grounds, ReleaseReason, Request
from cityward.policy.table import Draft, Table, decide, tabulate
from policy.towns import ASKED, NOON, releasing, table

R = ReleaseReason
TABLE = table(releasing())

names = st.one_of(st.sampled_from(["acme-desk", "counts", "planning", "levels", ""]), st.text(max_size=20))
moments = st.one_of(st.integers(), st.just(NOON))
requests = st.builds(Request, recipient=names, dataset=names, purpose=names, origin=st.integers(), at=moments)


@given(requests)
def test_every_request_has_an_answer_and_only_the_declared_one_is_a_yes(request: Request):
    found = decide(request, TABLE)
    declared = (request.recipient, request.dataset, request.purpose) == ("acme-desk", "counts", "planning")
    in_range = 0 <= request.origin <= 1 and -(1 << 63) <= request.at < (1 << 63) - 1
    assert found.allowed == (declared and in_range)
    assert found.allowed != bool(found.reasons)
    assert found.rules == TABLE.digest


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.integers()),
    st.dictionaries(names, names),
)


@given(junk, junk, junk, junk, junk)
def test_what_is_no_request_at_all_is_a_no(recipient: Any, dataset: Any, purpose: Any, origin: Any, at: Any):
    assert not decide(Request(recipient, dataset, purpose, origin, at), TABLE).allowed
    assert not decide(recipient, TABLE).allowed


def test_a_declared_key_with_an_unreadable_moment_is_a_fault():
    assert decide(dataclasses.replace(ASKED, at="now"), TABLE).reasons == (R.FAULT,)  # type: ignore[arg-type]


def test_an_empty_table_says_no_to_all():
    assert decide(ASKED, tabulate({}, {})).reasons == (R.UNDECLARED, R.UNKNOWN_RECIPIENT)


def test_answers_are_made_beforehand():
    assert decide(ASKED, TABLE) is decide(dataclasses.replace(ASKED, at=NOON + 1), TABLE)


def test_a_table_cannot_be_changed():
    with pytest.raises(TypeError):
        TABLE.rows["acme-desk", "counts", "lighting"] = TABLE.rows["acme-desk", "counts", "planning"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        TABLE.digest = ""  # type: ignore[misc]


def test_a_decision_is_allowed_exactly_when_nothing_speaks_against_it():
    with pytest.raises(ValueError, match="exactly when"):
        Decision(True, (R.FAULT,), Grounds(), tabulate({}, {}).stranger.form, "")


def test_the_order_of_the_drafts_is_no_part_of_the_digest():
    one, other = ("a", "b", "c"), ("d", "e", "f")
    draft = Draft(frozenset(), Grounds(), addresses=1)

    def made(*keys: tuple[str, str, str]) -> Table:
        return tabulate(dict.fromkeys(keys, draft), {})

    assert made(one, other).digest == made(other, one).digest != made(one).digest
