"""What is one thing to a person: which findings join, what they share, and when it is over."""

from __future__ import annotations

import msgspec

from cityward.time import DAY, HOUR, MINUTE
from cityward.watch.contract import Phase, Severity
from cityward.watch.findings import Finding, Incident, IncidentState
from cityward.watch.incidents import Docket, IncidentRules, closed, incident_id, incident_of, recalled, renewed, said
from watch.sample_town import sample_world

WORLD = sample_world()
RULES = IncidentRules()


def finding(
    subject: str, at: int = 0, kind: str = "frozen", severity: Severity = Severity.MEDIUM, **more: object
) -> Finding:
    made = Finding(
        id=f"{subject}-{kind}-{at}", detector="freeze", kind=kind, title="Value does not move", subject=subject,
        property="", severity=severity, phase=Phase.BEGAN, began_at=at, at=at, score=1.0, words="w", todo="",
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


def put(docket: Docket, *findings: Finding) -> list[Incident]:
    return [incident_of(docket, one, WORLD, RULES)[1] for one in findings]


def test_findings_about_one_device_are_one_incident_whatever_they_found() -> None:
    docket = Docket()
    put(docket, finding("ring-loops-01"), finding("ring-loops-01", 5 * HOUR, "noise", Severity.HIGH))
    (case,) = docket.cases.values()
    assert (case.incident.findings, case.incident.subjects, case.incident.severity) == (2, 1, Severity.HIGH)
    assert case.incident.shared == "device:ring-loops-01"
    assert case.incident.id == incident_id("ring-loops-01-frozen-0")


def test_a_group_that_freezes_is_one_incident_and_told_by_what_it_shares() -> None:
    docket = Docket()
    put(docket, *(finding(f"ring-loops-0{n}", n * MINUTE) for n in (1, 2, 3)))
    (case,) = docket.cases.values()
    assert (case.incident.subjects, case.incident.shared) == (3, "group:ring-loops")
    put(docket, finding("air-south", 5 * MINUTE))  # of another group, by the same maker
    assert [c.incident.shared for c in docket.cases.values()] == ["maker:tessel"]


def test_what_comes_after_the_window_or_shares_neither_kind_nor_technique_is_another() -> None:
    docket = Docket()
    put(docket, finding("ring-loops-01"), finding("ring-loops-02", RULES.window_us + 1))
    put(docket, finding("ring-loops-03", kind="noise"))
    assert len(docket.cases) == 3


def test_the_same_technique_joins_across_detectors() -> None:
    docket = Docket()
    put(docket, finding("ring-loops-01", technique="T0856"), finding("ring-loops-02", kind="noise", technique="T0856"))
    assert len(docket.cases) == 1


def test_a_thousand_addresses_that_fail_are_one_incident() -> None:
    docket = Docket()
    put(docket, *(finding(f"address:192.0.2.{n % 250}-{n}", kind="guesses") for n in range(1000)))
    (case,) = docket.cases.values()
    assert (case.incident.findings, case.incident.shared) == (1000, "place:")
    assert len(case.incident.first_subjects) == 8


def test_an_incident_is_quiet_when_all_has_ended_and_closes_two_hours_later() -> None:
    docket = Docket()
    first, second = finding("ring-loops-01"), finding("ring-loops-01", MINUTE, "noise")
    home = put(docket, first, second)[0].id
    for one in (first, second):
        renewed(docket, msgspec.structs.replace(one, incident=home, at=HOUR, ended_at=HOUR))
    assert docket.cases[home].incident.quiet_since == HOUR
    assert closed(docket, 3 * HOUR - 1, RULES) == []
    (over,) = closed(docket, 3 * HOUR, RULES)
    assert over.state is IncidentState.CLOSED and docket.cases == {} == docket.about


def test_one_in_hand_opens_again_only_where_it_grows_worse() -> None:
    docket = Docket()
    home = put(docket, finding("ring-loops-01"))[0].id
    said(docket, {home: (IncidentState.ACKNOWLEDGED, "operator", "on it")})
    put(docket, finding("ring-loops-01", 1, "noise"))
    assert docket.cases[home].incident.state is IncidentState.ACKNOWLEDGED
    put(docket, finding("ring-loops-01", 2, "worse", Severity.CRITICAL))
    assert docket.cases[home].incident.state is IncidentState.OPEN


def test_nothing_joins_what_a_person_closed() -> None:
    docket = Docket()
    home = put(docket, finding("ring-loops-01"))[0].id
    assert said(docket, {home: (IncidentState.CLOSED, "operator", "")}) == [home]
    (new,) = put(docket, finding("ring-loops-01", 1))
    assert new.id != home


def test_too_many_open_ones_close_the_one_longest_without_news() -> None:
    docket, few = Docket(), IncidentRules(most_open=2, window_us=0)
    for n in range(4):
        incident_of(docket, finding(f"person:p{n}", n * DAY, kind=f"k{n}"), WORLD, few)
    gone = closed(docket, 4 * DAY, few)
    assert sorted(i.began_at for i in gone) == [0, DAY]


def test_a_docket_is_recalled_as_it_stood() -> None:
    docket = Docket()
    findings = [finding(f"ring-loops-0{n}", n * MINUTE) for n in (1, 2)]
    findings = [
        msgspec.structs.replace(one, incident=incident.id)
        for one, incident in zip(findings, put(docket, *findings), strict=True)
    ]
    again = recalled([case.incident for case in docket.cases.values()], findings, WORLD)
    assert again.cases == docket.cases and again.about == docket.about
