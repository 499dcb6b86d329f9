"""Reasons as people read them: complete, sourced, and neutral."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cityward.compose.places import load_place
from cityward.place.loader import Loaded
from cityward.reach.exposure.answers import Bound, expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.derive import derive
from cityward.reach.exposure.nodes import ANSWERED, Node, Predicate, Rule
from cityward.reach.telling.sentences import DONE, TEMPLATES, conclusion, tell
from declarations import loaded, town

DOGGERFORD = Path(__file__).parents[3] / "examples" / "doggerford"

HANDED_ON = {
    Rule.TURNED, Rule.HANDS, Rule.LIES_IN, Rule.SITS_IN, Rule.PASSES_IN, Rule.ANYWHERE, Rule.TOUCHED,
    Rule.ORDERED, Rule.MODE, Rule.GONE,
}  # fmt: skip
"""Rules that only hand a statement on: told, they would say nothing that the step before does not."""


def why(of: Loaded, scenario: Node, item: Node, bound: Bound = Bound.CERTAIN) -> list[str]:
    """The sentences of the shortest reason."""
    model = compile_place(of.place)
    enabled = model.clauses.certain if bound is Bound.CERTAIN else None
    found = derive(model, model.nodes.number[scenario], model.nodes.number[item], enabled)
    assert found is not None
    return [sentence.text for sentence in tell(of.place, model, found)]


def party(name: str) -> Node:
    return Node(Predicate.PARTY, name)


def dataset(name: str, mode: str = "read") -> Node:
    return Node(Predicate.DATASET, name, mode)


def test_every_rule_is_told_or_only_hands_on():
    assert set(Rule) == set(TEMPLATES) | HANDED_ON
    assert not set(TEMPLATES) & HANDED_ON


def test_every_answer_has_a_verb():
    assert {(kind, mode) for kind, modes in ANSWERED.items() for mode in modes} <= set(DONE)


def test_a_reason_runs_from_the_first_fact_to_the_conclusion():
    assert why(loaded(), party("acme-group"), dataset("counts")) == [
        "acme-group holds 60 % of acme.",
        "acme receives counts.",
    ]


def test_a_law_is_named_with_its_citation_and_source():
    text = town(
        ("agreements:\n  acme-2026", "instruments:\n  act:\n    name: The Act\n    jurisdiction: xb\n    powers: [disclose]\n"
         "    addressees: [{nexus: parent-incorporated-in}]\n    citation: XB 1\n    source: opinion 2\n"
         "agreements:\n  acme-2026"),
    )  # fmt: skip
    assert why(loaded(text), Node(Predicate.LAW_PARTY, "xb"), dataset("counts")) == [
        "The Act, an instrument of xb (XB 1; as told by opinion 2), gives powers to disclose.",
        "acme-group is incorporated in xb.",
        "acme-group holds 60 % of acme.",
        "By that holding The Act addresses acme.",
        "So acme may be told to disclose.",
        "acme receives counts.",
    ]


def test_two_owners_that_hold_half_together_are_told_together():
    text = town(
        ("{party: acme-group, share: 60}", "{party: acme-group, share: 30}, {party: other, share: 25}"),
        ("  acme-group: {kind: group, incorporated_in: xb}",
         "  acme-group: {kind: group, incorporated_in: xb}\n  other: {kind: group, incorporated_in: xb}"),
    )  # fmt: skip
    assert why(loaded(text), Node(Predicate.NEXUS_PARTY, "xb"), Node(Predicate.ACTS, "acme", "alter")) == [
        "acme is incorporated in xb."
    ]
    text = text.replace("acme: {kind: company, incorporated_in: xb", "acme: {kind: company, incorporated_in: xa")
    told = why(loaded(text), Node(Predicate.NEXUS_PARTY, "xb"), Node(Predicate.ACTS, "acme", "alter"))
    assert told[-1] == "acme-group holds 30 % of acme and other holds 25 % of acme, together half or more."


def test_a_possible_step_says_what_is_not_known():
    text = town(("owners: [{party: acme-group, share: 60}]", "owners: unknown"))
    told = why(loaded(text), party("acme-group"), dataset("counts"), Bound.POSSIBLE)
    assert told == ["Who owns acme is not known: it may be anybody.", "acme receives counts."]


SERVED = (
    "agreements:\n  acme-2026", "instruments:\n  act:\n    name: The Act\n    jurisdiction: xb\n    powers: [disclose]\n"
    "    addressees: [{nexus: offers-service-in}]\nagreements:\n  acme-2026",
)  # fmt: skip


@pytest.mark.parametrize(
    ("known", "unknown", "said"),
    [
        (
            "platform, site: yard, zone: core, operator: council",
            "platform, site: unknown, zone: core, operator: council",
            [
                "council operates cityward; in which jurisdiction that stands is not known.",
                "The Act addresses whoever serves in xb, so it may address council.",
            ],
        ),
        (
            "analytics, site: yard, operator: acme",
            "analytics, site: cloud, operator: unknown",
            [
                "Who operates workbench is not known: it may be any party.",
                "The Act addresses whoever serves in xb.",
                "That may be council, so The Act may address it.",
            ],
        ),
        (
            "council: {kind: public-body, incorporated_in: xa",
            "council: {kind: public-body, incorporated_in: unknown",
            ["Where council is incorporated is not known, so The Act may address it."],
        ),
    ],
    ids=["where it serves", "who serves there", "where it is from"],
)
def test_who_may_serve_there_is_told_with_what_is_not_known(known: str, unknown: str, said: list[str]):
    told = why(
        loaded(town(SERVED, (known, unknown))),
        Node(Predicate.LAW_PARTY, "xb"),
        Node(Predicate.ACTS, "council", "disclose"),
        Bound.POSSIBLE,
    )
    act = "The Act, an instrument of xb, gives powers to disclose."
    assert told == [act, *said, "So council may be told to disclose."]


def test_a_state_body_of_no_known_state_is_told_as_one():
    text = town(("acme: {kind: company, incorporated_in: xb, owners: [{party: acme-group, share: 60}]}",
                 "acme: {kind: state, incorporated_in: unknown}"))  # fmt: skip
    told = why(loaded(text), Node(Predicate.LAW_PARTY, "xb"), dataset("counts"), Bound.POSSIBLE)
    assert told == ["acme is a state body; of which state is not known.", "acme receives counts."]


def test_a_thing_that_nobody_knows_where_it_stands_may_be_hosted_by_anybody():
    text = town(("analytics, site: yard", "analytics, site: unknown"))
    told = why(loaded(text), party("council"), Node(Predicate.THING, "workbench", "physical"), Bound.POSSIBLE)
    assert told == ["Where workbench stands, and so who runs its site, is not known."]


@pytest.fixture(scope="module")
def doggerford() -> Loaded:
    return load_place(DOGGERFORD)


def test_all_that_is_said_of_doggerford_is_neutral_and_rests_on_lines(doggerford: Loaded):
    place, model = doggerford.place, compile_place(doggerford.place)
    exposure = expose(model, scenarios_of(place))
    told = 0
    for scenario in exposure.scenarios:
        for bound in Bound:
            enabled = model.clauses.certain if bound is Bound.CERTAIN else None
            for item in exposure.reached(scenario, bound)[::7]:
                found = derive(model, model.nodes.number[scenario], model.nodes.number[item], enabled)
                assert found is not None, (scenario, item)
                for sentence in tell(place, model, found):
                    told += 1
                    _is_fit_to_print(sentence.text)
                    assert all(doggerford.where(path).count(".yaml:") == 1 for path in sentence.paths)
                _is_fit_to_print(conclusion(place, scenario, item, certain=bound is Bound.CERTAIN))
    assert told > 1000


def _is_fit_to_print(sentence: str) -> None:
    assert sentence.endswith("."), sentence
    assert not re.search(
        r"\b(sp(y|ies)|hostile|enem(y|ies)|suspect|threat|controls|controlled|controlling)\b", sentence, re.I
    ), sentence
    assert "{" not in sentence, sentence
    assert "None" not in sentence, sentence
