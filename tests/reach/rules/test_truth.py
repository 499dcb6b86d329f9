"""Three values: what is not known never makes a yes or a no."""

from __future__ import annotations

import pytest

from cityward.reach.rules.truth import MOST_TOLD, NO, YES, Truth, all_of, any_of, possibly, unless, without, yes

MAYBE = possibly("it may be", "some.path", witness="w")
SURE = yes("it is", "other.path", witness="v")


@pytest.mark.parametrize(
    ("those", "truth"),
    [
        ((), Truth.YES),
        ((SURE, SURE), Truth.YES),
        ((SURE, MAYBE), Truth.POSSIBLY),
        ((MAYBE, NO), Truth.NO),
        ((NO, SURE), Truth.NO),
    ],
)
def test_all_hold_as_far_as_the_weakest(those: tuple, truth: Truth):
    assert all_of(those).truth is truth


@pytest.mark.parametrize(
    ("those", "truth"),
    [((), Truth.NO), ((NO, MAYBE), Truth.POSSIBLY), ((MAYBE, SURE), Truth.YES), ((NO, NO), Truth.NO)],
)
def test_any_holds_as_far_as_the_strongest(those: tuple, truth: Truth):
    assert any_of(those).truth is truth


@pytest.mark.parametrize(
    ("held", "lifting", "truth"),
    [
        (SURE, NO, Truth.YES),
        (SURE, YES, Truth.NO),
        (SURE, MAYBE, Truth.POSSIBLY),
        (MAYBE, NO, Truth.POSSIBLY),
        (MAYBE, YES, Truth.NO),
    ],
)
def test_what_lifts_takes_away_as_far_as_it_holds(held, lifting, truth: Truth):
    assert unless(held, [lifting]).truth is truth


def test_a_possible_statement_names_the_missing_fact_and_a_certain_one_none():
    assert all_of((SURE, MAYBE)).missing == ("some.path",)
    assert any_of((SURE, MAYBE)).missing == ()


def test_what_is_possible_beside_a_certainty_is_kept_apart():
    held = any_of((SURE, MAYBE))
    assert held.witnesses == ("v",)
    assert held.also is not None and held.also.witnesses == ("w",)


def test_every_witness_is_named_even_where_not_all_are_told():
    held = any_of(yes(f"it is {i}", witness=f"w{i}") for i in range(10))
    assert len(held.facts) == MOST_TOLD
    assert held.witnesses == tuple(f"w{i}" for i in range(10))


def test_nothing_more_is_asked_once_one_does_not_hold():
    def asking():
        yield NO
        raise AssertionError("asked on")

    assert all_of(asking()) is NO


def test_without_the_known_witnesses_only_the_new_ones_are_told_in_their_setting():
    many = any_of(yes(f"by {n}", witness=str(n)) for n in range(MOST_TOLD + 4))
    held = all_of((yes("it is personal", witness="0"), many))
    known = frozenset(str(n) for n in range(MOST_TOLD + 3))
    assert [fact.text for fact in without(held, known).facts] == ["it is personal", f"by {MOST_TOLD + 3}"]
    assert without(held, frozenset(held.witnesses)) is held


def test_what_lifts_possibly_still_does_when_known_witnesses_are_left_out():
    held = unless(any_of((yes("by a", witness="a"), yes("by b", witness="b"))), [MAYBE])
    new = without(held, frozenset({"a"}))
    assert (new.truth, [fact.text for fact in new.facts], new.missing) == (Truth.POSSIBLY, ["by b"], ("some.path",))
