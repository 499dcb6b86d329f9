"""House rules as declared: what they may ask of what, and what is said about one that cannot be judged."""

from __future__ import annotations

import pytest

from cityward.place.checks.rules import CAN
from cityward.place.house_rules import About, Condition, HouseRule, Weight
from declarations import TOWN, errors_of, loaded

CAMERAS = """\
  no-addressee-cameras:
    about: devices
    forbid:
      - party: {as: [maker], incorporated_in: [xb]}
        site: {tags: [sensitive]}
        path_to: {zones: [core]}
    weight: deny
    waivers: [{subject: counter-1, by: council, why: it is being replaced, until: 2027-01-01}]
"""


def ruled(*rules: str) -> str:
    return f"{TOWN}rules:\n{''.join(rules)}"


def one(about: str, condition: str) -> str:
    return ruled(f"  some-rule:\n    about: {about}\n    forbid: [{{{condition}}}]\n")


def test_a_rule_is_read_with_all_its_parts():
    rule = loaded(ruled(CAMERAS)).place.rules["no-addressee-cameras"]
    assert (rule.about, rule.weight) == (About.DEVICES, Weight.DENY)
    assert rule.forbid[0].party is not None and rule.forbid[0].party.incorporated_in == ("xb",)
    assert rule.waivers[0].by == "council"


def test_the_weight_is_condition_where_nothing_is_said():
    rule = loaded(one("datasets", "data: {personal: true}")).place.rules["some-rule"]
    assert rule.weight is Weight.CONDITION


MISTAKES = {
    "no conditions": (ruled("  some-rule: {about: devices, forbid: []}\n"), "found an empty list"),
    "empty condition": (one("devices", ""), "the condition asks nothing"),
    "condition that cannot be asked": (one("devices", "route: {not_known: true}"), "cannot be asked of devices"),
    "condition without substance": (one("devices", "party: {as: [maker]}"), "`party` says nothing that narrows it"),
    "role that is none": (one("systems", "party: {as: [maker], kinds: [company]}"), "a party is no `maker` of systems"),
    "no role at all": (one("systems", "party: {kinds: [company]}"), "rules.some-rule.forbid[0].party.as: is missing"),
    "no axis": (one("datasets", "reached_from: {jurisdictions: any, modes: [read]}"), "reached_from.axis: is missing"),
    "jurisdiction that is not there": (one("sites", "site: {in: [xq]}"), "found `xq`, which is no jurisdiction"),
    "instrument that is not there": (
        one("devices", "party: {as: [maker], addressee_of: [some-act]}"),
        "found `some-act`, which is no instrument",
    ),
    "waiver of nothing": (
        ruled(CAMERAS.replace("subject: counter-1", "subject: counter-9")),
        "found `counter-9`, which is none of the devices",
    ),
    "not allowed, of a thing": (
        one("systems", "reached_from: {jurisdictions: not-allowed, axis: party, modes: [read]}"),
        "`not-allowed` is measured by a dataset",
    ),
    "share of functions by role": (
        one("parties", "concentration: {of: functions, as: [operator], over_percent: 40}"),
        "no party stands in a role to a function",
    ),
    "unknown word": (one("devices", "colour: {is: red}"), "unknown field `colour`"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_rule_that_cannot_be_judged_is_an_error_with_its_line_and_a_mend(mistake: str):
    text, said = MISTAKES[mistake]
    errors = errors_of(text)
    assert any(said in error for error in errors), errors
    assert all("  where: place.yaml:" in error and "  mend:  " in error for error in errors)


def test_every_condition_can_be_asked_of_something_and_nothing_else_can():
    assert CAN.keys() == set(Condition.__struct_fields__)
    assert all(CAN.values())


def test_nothing_in_the_types_says_foreign_without_saying_whose():
    fields = {field for part in Condition.__struct_fields__ for field in (part,)} | set(HouseRule.__struct_fields__)
    assert not {"foreign", "domestic", "hostile", "risk", "score"} & fields
