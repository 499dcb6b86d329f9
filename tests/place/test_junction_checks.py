"""Junctions that endanger, starve or cannot be told are refused, each with one error and a mend."""

from __future__ import annotations

import pytest

from cityward.guard.signals.rules import JunctionRules
from declarations import errors_of, loaded, town

MODEL = """
  signal-controller:
    maker: acme
    properties: {water-level: {}}
    commands:
      signal-stage: {sets: water-level, low: -1, high: 7, fail_safe: -1, per_hour: 3600}
devices:"""
UNITS = """
  signals: {model: signal-controller, site: yard, zone: street, owner: council, positions: [[2.3, 54.9], [2.31, 54.9]]}
  counter-2: {model: counter, site: yard, zone: street, area: quay, owner: council}
datasets:"""
FLOWS = """
  loop: {from: counter-2, to: cityward, datasets: [counts], purpose: planning, protocol: mqtt, observability: enforced}
  said: {from: signals, to: cityward, datasets: [counts], purpose: planning, protocol: mqtt, observability: enforced}
  stages: {from: cityward, to: signals, datasets: [counts], purpose: lighting, protocol: command, observability: enforced}
services:"""
JUNCTION = """
junctions:
  quay:
    device: signals-01
    groups:
      main: {lanes: [m_0], max_red_s: 90}
      turn: {lanes: [m_1], yields_to: [main]}
      side: {lanes: [s_0], max_red_s: 90}
      walk: {kind: pedestrian, amber_s: 0, min_green_s: 8}
    conflicts:
      - {first: main, then: side, intergreen_s: 4}
      - {first: turn, then: side, intergreen_s: 5, back_s: 4}
      - {first: main, then: walk, intergreen_s: 5, back_s: 9}
      - {first: side, then: walk, intergreen_s: 5, back_s: 9}
    stages: {go: [main, turn], cross: [side], people: [walk, turn]}
    plan: [{stage: go, seconds: 30}, {stage: cross, seconds: 20}, {stage: people, seconds: 20}]
    calls: [{devices: [counter-1], groups: [main], kind: bus}]
    links: [{group: main, to: pier, lanes: [p_0], seconds: 20}]
    detectors: {counter-2: [m_0, m_1]}
  pier:
    device: signals-02
    groups: {in: {lanes: [p_0]}, out: {}}
    conflicts: [{first: in, then: out}]
    stages: {a: [in], b: [out]}
    plan: [{stage: a, seconds: 30}, {stage: b, seconds: 30}]
"""


def place(*edits: tuple[str, str]) -> str:
    text = town(("\ndevices:", MODEL), ("\ndatasets:", UNITS), ("\nservices:", FLOWS)) + JUNCTION
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text


def test_what_holds_together_passes():
    assert set(loaded(place()).place.junctions) == {"quay", "pier"}


GO = "go: [main, turn]"
PEOPLE = "{stage: people, seconds: 20}]"
SIGNALS = "signal-stage: {sets: water-level, low: -1, high: 7, fail_safe: -1, per_hour: 3600}"

WRONG = {
    "a stage with conflicting groups": (
        (GO, "go: [main, turn, walk]"),
        "lets `main` and `walk` go together, which conflict",
    ),
    "a stage with nobody": ((GO, "go: [main, turn], none: []"), "lets nobody go"),
    "a group in no stage": (
        ("      walk: {kind", "      tram: {}\n      walk: {kind"),
        "group `tram` is in no stage: it would be red for ever",
    ),
    "a plan that leaves a group out": ((f", {PEOPLE}", "]"), "leaves `walk` out"),
    "a plan with an unknown stage": (
        (PEOPLE, "{stage: poeple, seconds: 20}]"),
        "`poeple` is no stage of this junction (did you mean `people`?)",
    ),
    "a stage with an unknown group": (
        (GO, "go: [main, trun]"),
        "`trun` is no group of this junction (did you mean `turn`?)",
    ),
    "a conflict with an unknown group": (
        ("{first: main, then: side,", "{first: mian, then: side,"),
        "`mian` is no group",
    ),
    "somebody yields to an unknown group": (("yields_to: [main]", "yields_to: [mayn]"), "`mayn` is no group"),
    "a call for an unknown group": (("groups: [main], kind: bus", "groups: [mani], kind: bus"), "`mani` is no group"),
    "a link from an unknown group": (("{group: main, to: pier", "{group: mein, to: pier"), "`mein` is no group"),
    "a plan without a minimum green": (
        ("{stage: cross, seconds: 20}", "{stage: cross, seconds: 9}"),
        "lets `side` go for 4 s; its minimum green is 5 s",
    ),  # 5 s from `turn`
    "a plan with a step shorter than its change": (
        ("{stage: cross, seconds: 20}", "{stage: cross, seconds: 4}"),
        "lasts 4 s, and the change to it takes 5 s",
    ),
    "a plan that lets somebody wait too long": (
        ("{stage: go, seconds: 30}", "{stage: go, seconds: 70}"),
        "leaves `side` red for 95 s; its longest red is 90 s",
    ),  # 20 s of pedestrians, 70 of the main road, 5 from `turn` to `side`
    "an intergreen shorter than the amber": (
        ("{first: main, then: side, intergreen_s: 4}", "{first: main, then: side, intergreen_s: 2, back_s: 4}"),
        "2 s from the end of `main` to `side` is shorter than its amber of 3 s",
    ),
    "a conflict with itself": (
        ("{first: main, then: side, intergreen_s: 4}", "{first: main, then: main}"),
        "conflicts with itself",
    ),
    "a conflict declared twice": (
        ("{first: main, then: side, intergreen_s: 4}", "{first: side, then: main}\n      - {first: main, then: side}"),
        "the conflict of `main` and `side` is declared twice",
    ),
    "a conflict with whom it yields to": (
        ("{first: main, then: side, intergreen_s: 4}", "{first: main, then: side}\n      - {first: turn, then: main}"),
        "`turn` and `main` conflict, and one of them yields to the other",
    ),
    "two junctions with one device": (
        ("device: signals-02", "device: signals-01"),
        "`signals-01` is already the controller of `quay`",
    ),
    "an unknown device": (
        ("device: signals-02", "device: signals-09"),
        "found `signals-09`, which is no device or member of a group",
    ),
    "a whole group as the device": (("device: signals-02", "device: signals"), "`signals` is a group of 2"),
    "a device that takes no stages": (
        ("device: signals-02", "device: lamps-01"),
        "`lamp`, takes no command `signal-stage`",
    ),
    "a link to nowhere": (("to: pier", "to: peer"), "found `peer`, which is no junction (did you mean `pier`?)"),
    "a link to itself": (("to: pier", "to: quay"), "the link leads back to its own junction"),
    "a link to no lane": (("lanes: [p_0], seconds", "lanes: [p_1], seconds"), "`p_1` is no lane of `pier`"),
    "an unknown detector": (
        ("detectors: {counter-2:", "detectors: {counter-3:"),
        "found `counter-3`, which is no device",
    ),
    "a detector that is a group": (("detectors: {counter-2:", "detectors: {lamps:"), "`lamps` is a group of 2"),
    "an unknown device that calls": (
        ("calls: [{devices: [counter-1]", "calls: [{devices: [ambulance]"),
        "found `ambulance`",
    ),
    "a command that is too narrow": (
        (SIGNALS, SIGNALS.replace("high: 7", "high: 1")),
        "goes from -1 to 1 and is safe at -1",
    ),
    "a command that is safe at a stage": ((SIGNALS, SIGNALS.replace("fail_safe: -1", "fail_safe: 0")), "is safe at 0"),
    "a junction that forgets sooner than it may be told": (
        (SIGNALS, SIGNALS.replace("3600", "100")),
        "forgets a wish after 15 s, and may be told only 100 an hour",
    ),
    "a plan that would be overruled": (
        ("side: {lanes: [s_0], max_red_s: 90}", "side: {lanes: [s_0], max_red_s: 58}"),
        "can wait 60 s",
    ),  # the plan takes 20 + 30 + 5; leaving the main road after 50 s, a change to `side` may take 9 s after pedestrians, and 1
}


@pytest.mark.parametrize(("edit", "expected"), WRONG.values(), ids=WRONG)
def test_is_refused(edit: tuple[str, str], expected: str):
    found = errors_of(place(edit))
    assert any(expected in error for error in found), found
    assert all("mend:" in error for error in found)


def test_so_many_groups_that_no_second_is_enough_are_refused():
    more = "".join(f"      g{n}: {{}}\n" for n in range(70))
    found = errors_of(
        place(
            (
                "    groups: {in: {lanes: [p_0]}, out: {}}\n",
                f"    groups:\n      in: {{lanes: [p_0]}}\n      out: {{}}\n{more}",
            )
        )
    )
    assert any("has 72 entries; a junction has 1 to 64" in error for error in found)


def test_an_empty_junction_is_refused():
    empty = "junctions:\n  quay: {device: signals-01, groups: {}, conflicts: [], stages: {}, plan: []}\n"
    found = errors_of(place((JUNCTION, "\n" + empty)))
    assert sum("has 0 entries" in error for error in found) == 3


def test_the_rules_promise_what_the_checks_pass():
    for junction in loaded(place()).place.junctions.values():
        assert JunctionRules.of(junction).unpromised == ()
