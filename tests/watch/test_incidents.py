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
    put(docket, finding("ring-loops-01"), finding("ring-loops-01", 5 * HOUR, "noise", Severity.HIGH, detector="noise"))
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


def test_a_forged_sensor_and_a_frozen_loop_are_two_though_zone_and_technique_are_one() -> None:
    docket = Docket()
    put(docket, finding("ring-loops-01", technique="T0856"))
    put(docket, finding("twilight", detector="rate-of-change", kind="jump", technique="T0856"))
    assert [c.incident.shared for c in docket.cases.values()] == ["device:ring-loops-01", "device:twilight"]


def test_the_same_sign_at_devices_that_share_only_the_owner_of_nearly_all_is_two() -> None:
    docket = Docket()
    put(docket, finding("ring-loops-01"), finding("works-03"))  # both the council's, whose are 25 of 33 devices
    assert len(docket.cases) == 2
    other = Docket()
    put(other, finding("air-south"), finding("counters-01"))  # both the harbour's, whose are 9 of 33
    assert [c.incident.shared for c in other.cases.values()] == ["site:quay"]


def test_what_begins_after_the_window_is_another() -> None:
    docket = Docket()
    put(docket, finding("ring-loops-01"), finding("ring-loops-02", RULES.window_us + 1))
    assert len(docket.cases) == 2


def test_what_goes_on_for_days_draws_in_nothing_that_begins_later() -> None:
    docket = Docket()
    first = finding("ring-loops-01")
    home = put(docket, first)[0].id
    renewed(docket, msgspec.structs.replace(first, incident=home, at=2 * DAY))
    put(docket, finding("ring-loops-02", 2 * DAY))
    assert len(docket.cases) == 2


def test_what_began_together_and_was_noticed_hours_apart_is_one() -> None:
    docket = Docket()
    put(
        docket,
        finding("ring-loops-01", began_at=0, at=4 * HOUR),
        finding("ring-loops-02", began_at=3 * HOUR, at=9 * HOUR),
    )
    assert len(docket.cases) == 1


def test_what_one_address_did_is_one_and_what_the_machine_itself_did_is_not() -> None:
    docket = Docket()
    put(docket, finding("ring-loops-01", detector="late-use", facts={"from": "192.0.2.7"}))
    put(docket, finding("works-02", detector="second-presence", facts={"comes from": "192.0.2.7"}))
    put(docket, finding("address:192.0.2.7", detector="failed-entries"))
    assert len(docket.cases) == 1
    put(docket, finding("tide", detector="late-use", facts={"from": "127.0.0.1"}))
    put(docket, finding("twilight", detector="second-presence", facts={"comes from": "127.0.0.1"}))
    assert len(docket.cases) == 3


def test_devices_that_a_detector_names_together_are_one_whatever_each_shows() -> None:
    docket = Docket()
    put(docket, finding("ring-loops-01", detector="step-bias"), finding("bins-01", detector="limits"))
    put(docket, finding("car-parks-02", MINUTE, detector="coordinated", others=("bins-01", "bins-02", "lamps-01")))
    put(docket, finding("lamps-01", 2 * MINUTE, detector="freeze"))
    assert sorted(case.incident.findings for case in docket.cases.values()) == [1, 3]
    assert docket.cases[docket.about["lamps-01"]].incident.subjects == 4
    put(docket, finding("bins-02", DAY, detector="freeze"))  # long after: its own
    assert len(docket.cases) == 3


def test_a_wave_of_one_sign_is_gathered_though_nothing_is_shared() -> None:
    docket = Docket()
    many = [f"person:p{n}" for n in range(30)]
    put(docket, *(finding(one, kind="guesses") for one in many))
    assert len(docket.cases) == RULES.most_alike + 1
    assert sum(case.incident.findings for case in docket.cases.values()) == 30


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


def test_in_a_fast_city_a_quiet_incident_stays_for_half_an_hour_of_real_time() -> None:
    assert IncidentRules.at_speed(1.0).closes_after_us == 2 * HOUR
    assert IncidentRules.at_speed(0.01).closes_after_us == 2 * HOUR
    assert IncidentRules.at_speed(60.0).closes_after_us == 30 * HOUR
    assert IncidentRules.at_speed(600.0).closes_after_us == 300 * HOUR


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
        incident_of(docket, finding(f"person:p{n}", n * DAY, detector=f"d{n}"), WORLD, few)
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
