"""The strictest of several forms: a join, field by field."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from cityward.place.release import Aggregate, Form, ReleaseField
from cityward.policy.forms import RAW, at_least, strictest, words_of

seconds = st.sampled_from([0, 60, 900, 3600])
forms = st.builds(
    Form,
    name=st.sampled_from(["", "hourly"]),
    aggregate=st.one_of(
        st.none(), st.builds(Aggregate, least=st.integers(2, 9), period_s=st.sampled_from([60, 900, 3600]))
    ),
    coarsen_time_s=seconds,
    coarsen_place_m=seconds,
    pseudonymise=st.booleans(),
    rotate_days=st.integers(1, 40),
    delay_s=seconds,
    drop=st.lists(st.sampled_from(get_args(ReleaseField)), unique=True, max_size=4).map(tuple),
    watermark=st.booleans(),
)
several = st.lists(forms, max_size=4)


@given(forms, forms, forms)
def test_how_they_are_grouped_changes_nothing(a: Form, b: Form, c: Form):
    assert strictest((strictest((a, b)), c)) == strictest((a, strictest((b, c)))) == strictest((a, b, c))


@given(several, st.randoms())
def test_order_changes_nothing(some: list[Form], chance: object):
    shuffled = list(some)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert strictest(shuffled) == strictest(some)


@given(several)
def test_once_is_enough(some: list[Form]):
    merged = strictest(some)
    assert strictest((merged, merged)) == strictest((*some, *some)) == merged


@given(several, forms)
def test_one_more_form_never_loosens_a_field(some: list[Form], more: Form):
    before, after = strictest(some), strictest((*some, more))
    assert at_least(after, before)
    assert at_least(after, more)
    assert (after.aggregate is not None) >= (before.aggregate is not None)
    if before.aggregate is not None and after.aggregate is not None:
        assert after.aggregate.least >= before.aggregate.least
        assert after.aggregate.period_s >= before.aggregate.period_s
    assert after.coarsen_time_s >= before.coarsen_time_s
    assert after.coarsen_place_m >= before.coarsen_place_m
    assert after.delay_s >= before.delay_s
    assert set(after.drop) >= set(before.drop)
    assert after.watermark >= before.watermark
    assert after.pseudonymise >= before.pseudonymise
    assert not before.pseudonymise or after.rotate_days <= before.rotate_days


@given(several)
def test_it_asks_for_no_more_than_one_of_them_asks(some: list[Form]):
    merged = strictest(some)
    assert merged.delay_s in {0, *(form.delay_s for form in some)}
    assert merged.aggregate is None or merged.aggregate.least in {f.aggregate.least for f in some if f.aggregate}
    assert all(any(field in form.drop for form in some) for field in merged.drop)
    assert merged.name == ""


def test_of_none_it_is_raw_and_raw_is_the_least():
    assert strictest(()) == RAW == strictest((Form(name="as it is", rotate_days=3),))
    assert at_least(RAW, RAW)
    assert not at_least(RAW, Form(watermark=True))


def test_a_rotation_counts_only_where_names_are_changed():
    loose, calm = Form(rotate_days=1), Form(pseudonymise=True, rotate_days=90)
    assert strictest((loose, calm)).rotate_days == 90


def test_words_tell_only_what_is_asked():
    assert words_of(RAW) == {}
    form = Form(aggregate=Aggregate(least=5, period_s=3600), drop=("device",), watermark=True)
    assert words_of(form) == {
        "aggregate": "cells of 5 devices or more, 3600 s",
        "drop": "without device",
        "watermark": "each copy tells whose it is",
    }
