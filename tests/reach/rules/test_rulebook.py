"""Every rule is told, and stands as its cases and waivers make it stand."""

from __future__ import annotations

from datetime import date

import pytest

from cityward.reach.rules.rulebook import Kept, Rulebook, Use, counts_of, rulebook
from declarations import TOWN, loaded

DAY = date(2026, 8, 1)
ACME = "about: parties, forbid: [{party: {as: [itself], named: [acme]}}]"
STATE = "about: parties, forbid: [{party: {as: [itself], kinds: [state]}}]"
OWNED = "about: parties, forbid: [{party: {as: [itself], named: [lost], controlled_from: [xb]}}]"
LOST = "  lost: {kind: company, incorporated_in: xa, owners: unknown}\n"


def book(*rules: str, explain: int = 9) -> Rulebook:
    lines = "".join(f"  rule-{i}: {{{rule}}}\n" for i, rule in enumerate(rules))
    place = loaded(TOWN.replace("parties:\n", f"parties:\n{LOST}", 1) + f"rules:\n{lines}").place
    return rulebook(place, DAY, "digest", lambda path: path, explain)


def waiver(subject: str, until: str) -> str:
    return f"waivers: [{{subject: {subject}, by: council, why: agreed, until: {until}}}]"


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (STATE, Kept.KEPT),
        (ACME, Kept.BROKEN),
        (OWNED, Kept.POSSIBLY),
        (f"{ACME}, {waiver('acme', '2027-01-01')}", Kept.WAIVED),
        (f"{ACME}, {waiver('acme', '2026-07-31')}", Kept.BROKEN),
        (f"{ACME}, valid_from: 2030-01-01", None),
    ],
    ids=["nobody breaks it", "acme does", "for want of a fact", "waived", "ran out", "not yet a rule"],
)
def test_how_a_rule_stands(rule: str, kept: Kept | None):
    assert [one.kept for one in book(rule).rules] == ([] if kept is None else [kept])


@pytest.mark.parametrize(
    ("rule", "use"),
    [
        (f"{ACME}, {waiver('acme', '2027-01-01')}", Use.IN_USE),
        (f"{ACME}, {waiver('acme', '2020-01-01')}", Use.RAN_OUT),
        (f"{ACME}, {waiver('council', '2027-01-01')}", Use.NOT_NEEDED),
    ],
)
def test_a_waiver_says_whether_it_excuses_anything(rule: str, use: Use):
    assert [one.use for one in book(rule).rules[0].waivers] == [use]


def test_the_broken_come_first_then_the_doubtful_then_the_waived_then_the_kept():
    rules = (STATE, f"{ACME}, {waiver('acme', '2027-01-01')}", OWNED, f"{ACME}, weight: note", f"{ACME}, weight: deny")
    assert [one.rule for one in book(*rules).rules] == ["rule-4", "rule-3", "rule-2", "rule-1", "rule-0"]


def test_a_doubt_names_the_fact_and_weighs_nothing():
    found = book(f"{OWNED}, weight: deny")
    assert found.rules[0].cases[0].missing == ("parties.lost.owners",)
    assert not found.refused


def test_the_counts_are_those_of_the_rules_and_of_their_cases():
    rules = (STATE, ACME, OWNED, f"{ACME}, {waiver('acme', '2027-01-01')}")
    counts = book(*rules).counts
    assert (counts.kept, counts.broken, counts.possibly, counts.waived) == (1, 1, 1, 1)
    assert (counts.cases, counts.possible_cases, counts.waived_cases) == (1, 1, 1)


def test_waivers_that_ran_out_are_counted_of_kept_rules_too():
    out, last = waiver("acme", "2026-07-31"), waiver("acme", "2026-08-01")
    assert book(f"{ACME}, {out}", f"{STATE}, {out}", f"{ACME}, {last}").counts.waivers_ran_out == 2


def test_a_place_without_rules_has_nothing_to_count():
    counts = counts_of(loaded().place, DAY)
    assert counts.kept == counts.broken == counts.cases == 0


def test_what_is_not_explained_is_counted():
    assert book(ACME, ACME, explain=1).unexplained == 1
