"""Findings as SARIF: its shape, the lines it names, and what a person reads."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cityward.adapters.exchange.exports.contract import Level, Spot, Statement, ToldStep
from cityward.adapters.exchange.exports.sarif import MAX_RESULTS, findings
from cityward.compose.asking.told import told_of_check, told_of_errors, told_of_reach, told_of_rules
from cityward.errors import PlaceErrors
from declarations import loaded, town
from exported import DOGGERFORD, HOSTILE, doggerford, exported
from shapes import wrong

TEXT = {"text!": str, "markdown": str}
REGION = {"startLine": int, "startColumn": int, "endLine": int, "endColumn": int}
PHYSICAL = {"artifactLocation": {"uri": re.compile(r"(?!/)[^\s:\\]+"), "uriBaseId": str}, "region": REGION}
LOGICAL = {"name": str, "fullyQualifiedName": str, "kind": str}
LOCATION = {"id": int, "physicalLocation": PHYSICAL, "logicalLocations": [LOGICAL], "message": TEXT}
RESULT = {
    "ruleId": str,
    "ruleIndex": int,
    "kind": {"notApplicable", "pass", "fail", "review", "open", "informational"},
    "level": {"none", "note", "warning", "error"},
    "message!": TEXT,
    "locations": [LOCATION],
    "relatedLocations": [LOCATION],
    "codeFlows": [{"threadFlows!": [{"locations!": [{"location": LOCATION}]}]}],
    "partialFingerprints": {"*": str},
    "suppressions": [{"kind!": {"inSource", "external"}, "justification": str}],
}
NOTIFICATION = {"level": {"none", "note", "warning", "error"}, "message!": TEXT}
RUN = {
    "tool!": {"driver!": {"name!": str, "version": str, "rules": [{"id!": str, "shortDescription": TEXT}]}},
    "columnKind": {"utf16CodeUnits", "unicodeCodePoints"},
    "invocations": [{"executionSuccessful!": bool, "toolExecutionNotifications": [NOTIFICATION]}],
    "results": [RESULT],
    "properties": {"*": str},
}
SARIF = {
    "$schema": re.compile(r"https://docs\.oasis-open\.org/sarif/.*sarif-schema-2\.1\.0\.json"),
    "version!": {"2.1.0"},
    "runs!": [RUN],
}
"""What SARIF 2.1.0 allows of what is written here; its objects are closed but for property bags."""

DAY = date(2026, 5, 1)

ONE = Statement(
    "reach.read",
    Level.WARNING,
    "Open Moorings can read parking tickets.",
    (Spot("data.yaml", 712, "flows.tickets-to-desk"), Spot("parties.yaml", 90, "parties.open-moorings")),
    (
        ToldStep("Open Moorings is incorporated in Corrin Isles.", Spot("parties.yaml", 92)),
        ToldStep("So it is within reach."),
    ),
)


def told(*found: Statement, base: str = "") -> dict[str, Any]:
    document = json.loads(findings(found, {}, base))
    assert list(wrong(document, SARIF)) == []
    return document["runs"][0]


def fingerprint(one: Statement) -> str:
    return told(one)["results"][0]["partialFingerprints"]["cityward/v1"]


def test_the_warnings_of_doggerford_are_a_sarif_log_with_their_lines():
    document = json.loads(exported("sarif", told=told_of_check(doggerford()), base="examples/doggerford"))
    assert list(wrong(document, SARIF)) == []
    run = document["runs"][0]
    assert len(run["results"]) == len(doggerford().warnings)
    for result, warning in zip(run["results"], doggerford().warnings, strict=True):
        at = result["locations"][0]["physicalLocation"]
        file, line = warning.where.split()[0].split(":")
        assert (at["artifactLocation"]["uri"], at["region"]["startLine"]) == (f"examples/doggerford/{file}", int(line))
        assert (DOGGERFORD / file).read_text().splitlines()[int(line) - 1].strip()
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_what_is_not_known_is_open_and_never_a_pass():
    result = told(replace(ONE, level=Level.OPEN))["results"][0]
    assert (result["kind"], result["level"]) == ("open", "none")


@pytest.mark.parametrize("level", [Level.ERROR, Level.WARNING, Level.NOTE])
def test_the_other_levels_are_failures_of_that_level(level: Level):
    result = told(replace(ONE, level=level))["results"][0]
    assert (result["kind"], result["level"]) == ("fail", level.value)


def test_every_error_of_a_broken_declaration_is_a_result():
    with pytest.raises(PlaceErrors) as caught:
        loaded(town(("kind: group", "kind: grup"), ("fail_safe: 100", "fail_safe: 0")))
    run = told(*told_of_errors(caught.value))
    assert [r["level"] for r in run["results"]] == ["error", "error"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 13
    assert "did you mean `group`?" in run["results"][0]["message"]["text"]


def test_a_derivation_is_a_code_flow_with_a_line_for_each_step_that_has_one():
    result = told(ONE, base="city")["results"][0]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == [step.text for step in ONE.steps]
    assert steps[0]["location"]["physicalLocation"] == {
        "artifactLocation": {"uri": "city/parties.yaml"},
        "region": {"startLine": 92},
    }
    assert "physicalLocation" not in steps[1]["location"]
    assert result["relatedLocations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "parties.open-moorings"


def test_the_fingerprint_stays_when_lines_move():
    moved = replace(ONE, spots=tuple(replace(spot, line=spot.line + 40) for spot in ONE.spots))
    again = replace(ONE, text="declared twice, at a.yaml:3 and at b.yaml:9")
    assert fingerprint(moved) == fingerprint(ONE)
    assert fingerprint(again) == fingerprint(replace(again, text="declared twice, at a.yaml:30 and at b.yaml:90"))


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, rule="reach.write"),
        replace(ONE, text="Open Moorings can read backups."),
        replace(ONE, spots=(Spot("data.yaml", 712, "flows.backup-cloud"),)),
    ],
    ids=["rule", "text", "path"],
)
def test_different_findings_have_different_fingerprints(other: Statement):
    assert fingerprint(other) != fingerprint(ONE)


def test_the_same_finding_twice_is_told_apart_by_its_count():
    prints = [r["partialFingerprints"]["primaryLocationLineHash"] for r in told(ONE, ONE)["results"]]
    assert [one.rpartition(":")[2] for one in prints] == ["1", "2"]


def test_house_rules_and_reach_are_told_with_their_paths_and_their_waivers():
    found = {
        (one.rule, one.spots[0].path): one
        for one in (*told_of_rules(doggerford(), DAY), *told_of_reach(doggerford(), DAY))
    }
    told(*found.values())
    # the council waived the cameras at the town hall, not those at the harbour: examples/doggerford/rules.yaml
    cameras = "rule.no-addressee-cameras-on-sensitive-sites"
    assert not found[cameras, "devices.harbour-cameras"].waived
    waived = told(found[cameras, "devices.town-hall-cameras"])["results"][0]["suppressions"]
    assert (waived[0]["kind"], "until 20" in waived[0]["justification"]) == ("external", True)
    # Halden Optics maintains the video management and is incorporated in XA; only GB is allowed
    video = found["reach.read", "datasets.street-video"]
    assert video.level is Level.WARNING
    assert "Xanthia" in video.text
    steps = [step.spot.path for step in video.steps if step.spot]
    assert any(path.startswith("instruments.xa-cooperation-act") for path in steps)
    assert any(path.startswith("systems.video-management.maintained_by") for path in steps)


def test_a_rule_that_is_only_possibly_broken_is_open_and_names_the_fact():
    found = [one for one in told_of_rules(doggerford(), DAY) if one.level is Level.OPEN]
    route = next(one for one in found if one.spots[0].path == "flows.beacons-report" and "ways" in one.rule)
    assert "possibly broken" in route.text
    assert "Not known: flows.beacons-report.route." in route.text


def test_the_line_of_every_step_is_that_of_its_path():
    for one in told_of_rules(doggerford(), DAY):
        for spot in (*one.spots, *(step.spot for step in one.steps if step.spot)):
            assert doggerford().where(spot.path) == f"{spot.file}:{spot.line}  {spot.path}"


def test_braces_and_links_in_a_text_stay_text():
    text = told(replace(ONE, text=HOSTILE))["results"][0]["message"]["text"]
    assert "{{0}}" in text
    assert r"\[mend\](http" in text


def test_a_file_name_becomes_a_uri():
    spot = Spot("a dir/päth #1.yaml", 3)
    location = told(replace(ONE, spots=(spot,)))["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "a%20dir/p%C3%A4th%20%231.yaml"


@pytest.mark.slow
def test_what_is_cut_is_said():
    run = json.loads(findings([ONE] * (MAX_RESULTS + 1), {}, ""))["runs"][0]  # its schema is held to by the tests above
    assert len(run["results"]) == MAX_RESULTS
    assert "25001 findings" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
