"""What single controls over the city's own running make of what is on record, beside their two examples."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from cityward.assurance.concluding import conclude
from cityward.assurance.control import Example
from cityward.assurance.controls import find_controls
from cityward.assurance.examples import (
    DIGEST,
    NOW_US,
    SHARING,
    TOWN,
    admission,
    beat,
    changed,
    commanded,
    dossier_of,
    exercised,
    found,
    refused_command,
    released,
)
from cityward.assurance.results import EvidenceClass, Judged, Result
from cityward.evidence.records import AnyRecord, Approval, Granted, Lifecycle, Marked, OverrideBegun, PlanIssued
from cityward.policy.approvals import AS_DECLARED, scope_digest
from cityward.time import DAY, HOUR, MINUTE

CONTROLS = find_controls()


def judge(name: str, *records: AnyRecord, text: str = TOWN) -> list[Judged]:
    """What a control says of the subjects of a town with these entries."""
    entries = tuple((f"log:{n}", record) for n, record in enumerate(records))
    return list(conclude(CONTROLS[name], dossier_of(Example(text, entries, NOW_US))).subjects)


def result(name: str, *records: AnyRecord, text: str = TOWN) -> list[str]:
    return [one.result.value for one in judge(name, *records, text=text)]


QUORUM_1, QUORUM_2 = (CONTROLS["I-03"].avoid.declaration, CONTROLS["I-03"].prefer.declaration)


@pytest.mark.parametrize(
    ("text", "record", "expected"),
    [
        (QUORUM_1, commanded("c1", ("counter-1",)), "failed"),
        (QUORUM_1, structs.replace(commanded("c1", ("counter-1",)), value=100.0), "unknown"),
        (QUORUM_1, commanded("c1", ("counter-1", "counter-2")), "unknown"),
        (QUORUM_2, commanded("c1", ("counter-1", "counter-2")), "proven"),
        (QUORUM_2, commanded("c1", ()), "unknown"),
        (QUORUM_2, structs.replace(commanded("c1", ("counter-1",)), value=100.0), "unknown"),
        (QUORUM_2, refused_command("too-few-sources"), "proven"),
        (QUORUM_2, refused_command("too-old"), "unknown"),
    ],
    ids=[
        "one moved it",
        "the safe value",
        "two did",
        "two must",
        "on none",
        "one, for the safe value",
        "too few were refused",
        "refused for its age",
    ],
)
def test_one_source_is_held_to_the_quorum(text: str, record: AnyRecord, expected: str) -> None:
    assert result("I-03", record, text=text) == [expected]


def test_signals_without_a_junction_say_nothing_of_what_may_be_green_together() -> None:
    (one,) = judge("I-05", text=changed(("kind: lighting", "kind: signals")))
    assert one.result is Result.FAILED
    assert "`lamp-1`" in one.said


MARK = CONTROLS["I-07"].avoid.entries[0][1]
AGAIN = CONTROLS["I-07"].prefer.entries[1][1]


@pytest.mark.parametrize(
    ("days", "state", "retracted", "expected"),
    [
        (1, "suspect", False, "unknown"),
        (8, "suspect", False, "failed"),
        (8, "suspect", True, "failed"),
        (8, "retracted", False, "unknown"),
        (8, "retracted", True, "proven"),
        (8, "cleared", False, "proven"),
    ],
)
def test_what_is_suspect_must_be_settled_within_a_week(days: int, state: str, retracted: bool, expected: str) -> None:
    assert isinstance(MARK, Marked)
    mark = structs.replace(MARK, at=NOW_US - days * DAY, state=state)
    assert result("I-07", mark, *([AGAIN] if retracted else [])) == [expected]


def test_an_active_device_is_alive_while_the_watch_misses_none_of_it() -> None:
    heard = admission("counts-in", 5, at=NOW_US - HOUR)
    assert result("K-02", heard) == ["proven"]
    assert result("K-02", heard, found("silence", "counter-1")) == ["failed"]
    over = structs.replace(found("silence", "counter-1"), phase="ended")
    assert result("K-02", heard, found("silence", "counter-1"), over) == ["proven"]
    assert result("K-02", admission("counts-in", 5, at=NOW_US - 2 * DAY)) == ["unknown"]


def test_what_is_out_of_use_is_stated_and_what_speaks_past_us_is_unknown() -> None:
    stored = changed(("counter-1: {model: counter,", "counter-1: {model: counter, status: stored,"))
    assert result("K-02", text=stored) == ["stated"]
    (past,) = judge("K-02", text=changed(("observability: enforced", "observability: inferred")))
    assert past.result is Result.UNKNOWN
    assert "past this platform" in past.said


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("protocol: mqtt,", "protocol: mqtt, route: unknown,", "declare flows.counts-in.route"),
        ("{kind: platform, site: yard, operator: council}", "{kind: platform, site: yard, operator: unknown}",
         "declare systems.cityward.operator"),
        ("council: {kind: public-body,", "council: {kind: public-body, subprocessors: unknown,",
         "declare parties.council.subprocessors"),
    ],
)  # fmt: skip
def test_a_hop_that_nobody_knows_is_no_pass(old: str, new: str, missing: str) -> None:
    (one,) = judge("K-06", text=changed((old, new)))
    assert (one.result, one.missing) == (Result.UNKNOWN, missing)


def test_personal_data_without_categories_cannot_be_counted() -> None:
    text = CONTROLS["K-07"].prefer.declaration.replace("categories: [location, payment]", "categories: []")
    assert result("K-07", text=text) == ["unknown"]


TWO = CONTROLS["M-02"].avoid.declaration
SPLIT = TWO.replace(
    "  chief: {party: council, rights: [operate], services: [street-light, crossing]}",
    "  lights: {party: council, rights: [operate], services: [street-light]}\n"
    "  signals: {party: council, rights: [operate], services: [crossing]}",
)


def given(role: str, person: str = "sam", until: int = 0) -> Granted:
    return Granted(
        at=NOW_US - HOUR, by="people", grant=f"{role}-{person}", person=person, role=role, step="given", by_whom="ada",
        reason="", until=until,
    )  # fmt: skip


def test_two_roles_of_one_person_count_together() -> None:
    assert result("M-02", text=SPLIT) == ["stated", "stated"]
    assert result("M-02", given("lights"), given("signals", "kim"), text=SPLIT) == ["stated", "stated"]
    people = judge("M-02", given("lights"), given("signals"), text=SPLIT)
    assert [one.subject for one in people if one.result is Result.FAILED] == ["persons.sam"]


def test_a_role_that_ended_counts_no_more() -> None:
    over = given("lights", until=NOW_US - MINUTE)
    assert result("M-02", over, given("signals"), text=SPLIT) == ["stated", "stated"]


def test_a_second_person_splits_a_role() -> None:
    shared = TWO.replace("rights: [operate],", "rights: [operate], two_person: [operate],").replace(
        "roles:\n", "roles:\n  second: {party: council, rights: [approve]}\n"
    )
    assert result("M-02", text=shared) == ["stated"]


def witness(state: str, at: int = NOW_US) -> Lifecycle:
    return Lifecycle(
        at=at, by="witness", event=f"witness-{state}", detail={"witness": "hall", "key": "", "why": "sizes"}
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [(("vouches",), "proven"), (("vouches", "away"), "unknown"), (("away", "contradicts"), "failed"), ((), "unknown")],
)
def test_a_witness_says_what_it_last_said(states: tuple[str, ...], expected: str) -> None:
    records = [witness(state) for state in states]
    assert result("M-05", *records, text=CONTROLS["M-05"].prefer.declaration) == [expected]


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ([beat(1), beat(2), beat(3)], "proven"),
        ([beat(1)], "unknown"),
        ([beat(1), beat(3)], "failed"),
        ([beat(7), beat(1, state="begun"), beat(2)], "proven"),
    ],
    ids=["without a gap", "one only", "a gap", "begun anew"],
)
def test_a_beat_that_is_not_there_shows(beats: list[AnyRecord], expected: str) -> None:
    assert result("M-06", *beats) == [expected]


def test_what_came_in_must_be_accounted_for() -> None:
    assert result("M-06", admission("counts-in", 5, 2, "too-old")) == ["proven"]
    assert result("M-06", structs.replace(admission("counts-in", 5, 2, "too-old"), received=8)) == ["failed"]


def test_a_plan_without_a_cause_is_an_orphan() -> None:
    plan = PlanIssued(
        at=NOW_US, by="service", plan_id="p1", service="street-light", plan="round", crew="a", stops=1, areas={},
        digest=DIGEST, cause={}, sources=0, sources_digest=DIGEST, fixed=False, until=NOW_US + DAY,
    )  # fmt: skip
    assert result("P-06", plan) == ["failed"]
    assert result("P-06", structs.replace(plan, cause={"because": "bins are full"})) == ["proven"]


def approved(person: str, at: int = NOW_US - HOUR) -> Approval:
    """The sharing is approved as it stands."""
    scope = scope_digest("share", dossier_of(Example(SHARING)).place)
    return Approval(at=at, by="release", agreement="share", person=person, control=DIGEST, scope=scope)


@pytest.mark.parametrize("person", ["ada", AS_DECLARED])
def test_an_approval_alone_is_a_word_and_a_receipt_after_it_a_proof(person: str) -> None:
    left = structs.replace(released("planner"), agreement="share")
    assert result("P-03", approved(person), text=SHARING) == ["stated"]
    assert result("P-03", approved(person), left, text=SHARING) == ["proven"]
    assert result("P-03", approved(person), structs.replace(left, at=NOW_US - DAY), text=SHARING) == ["stated"]


def test_what_the_city_began_with_nobody_approved() -> None:
    (began,) = judge("P-03", approved(AS_DECLARED), text=SHARING)
    assert "nobody decided" in began.said
    assert all(ground.cls is EvidenceClass.DECLARED for ground in began.grounds)


def test_what_goes_to_a_party_leaves_the_zones_and_is_not_judged_as_a_crossing() -> None:
    text = SHARING.replace("{kind: platform, site: yard,", "{kind: platform, site: yard, zone: street,")
    assert result("X-01", text=text) == []


OTHER = "1" * 64


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([structs.replace(admission("counts-in", 5), declaration=OTHER)], {"gates.admit": "failed"}),
        ([structs.replace(admission("counts-in", 5, at=NOW_US - HOUR), declaration=OTHER), admission("counts-in", 5)],
         {"gates.admit": "proven"}),
        ([structs.replace(released("planner", at=NOW_US - HOUR), declaration=OTHER), admission("counts-in", 5)],
         {"gates.admit": "proven", "gates.release": "unknown"}),
    ],
    ids=["another one runs", "it was another one", "nothing left since"],
)  # fmt: skip
def test_what_runs_is_what_stands(records: list[AnyRecord], expected: dict[str, str]) -> None:
    assert {one.subject: one.result.value for one in judge("R-06", *records)} == expected


def test_a_city_that_stopped_runs_by_no_declaration() -> None:
    other = structs.replace(admission("counts-in", 5, at=NOW_US - HOUR), declaration=OTHER)
    stopped = Lifecycle(at=NOW_US - MINUTE, by="steward", event="stopped", detail={})
    assert result("R-06", other, stopped) == ["unknown"]
    assert result("R-06", other, stopped, structs.replace(stopped, at=NOW_US, event="started")) == ["failed"]


def test_who_asked_for_a_hold_does_not_agree_to_it() -> None:
    def step(word: str, person: str) -> OverrideBegun:
        return OverrideBegun(
            at=NOW_US, by="web", override="o1", step=word, service="street-light", target="lamp-1", devices=1,
            digest=DIGEST, command="dim", value=50, person=person, reason="", until=NOW_US + HOUR, preview={},
        )  # fmt: skip

    assert result("R-06", step("asked", "ada"), step("approved", "kim")) == []
    assert result("R-06", step("asked", "ada"), step("approved", "ada")) == ["failed"]


def test_a_name_used_twice_is_told_until_it_ends() -> None:
    twice = found("second-presence", "counter-1")
    refused = admission("counts-in", 5, 2, "wrong-device")
    assert result("X-05", refused, twice) == ["failed"]
    assert result("X-05", refused, twice, structs.replace(twice, phase="ended")) == ["proven"]
    assert result("X-05", refused, found("limits", "counter-1")) == ["proven"]


@pytest.mark.parametrize(("protection", "expected"), [("none", "failed"), ("unknown", "unknown"), ("tls", "unknown")])
def test_who_tells_a_lamp_what_to_do_in_the_clear_is_told(protection: str, expected: str) -> None:
    text = CONTROLS["X-06"].avoid.declaration.replace("protection: none", f"protection: {protection}")
    told = {one.subject: one.result.value for one in judge("X-06", text=text)}
    assert told == {"flows.dim-out": expected, "flows.counts-in": "unknown"}


def test_an_exercise_proves_that_a_command_is_not_obeyed_twice() -> None:
    text = CONTROLS["X-06"].avoid.declaration.replace("protection: none", "protection: tls")
    run = exercised("S-01", (), subjects=("flows.dim-out", "flows.counts-in"), met=CONTROLS["X-06"].tries["S-01"])
    assert result("X-06", run, text=text) == ["proven", "proven"]
    in_clear = CONTROLS["X-06"].avoid.declaration
    assert sorted(result("X-06", run, text=in_clear)) == ["failed", "proven"]


def test_a_role_that_manages_and_uses_is_told() -> None:
    both = changed(
        ("services:", "roles:\n  all: {party: council, rights: [devices, data], datasets: [counts]}\nservices:")
    )
    assert result("X-09", text=both) == ["failed"]
    assert result("X-09", text=both.replace("rights: [devices, data]", "rights: [devices, audit]")) == ["stated"]


def test_an_update_server_in_no_zone_is_unknown() -> None:
    text = CONTROLS["X-09"].avoid.declaration.replace(", zone: street}\ndevice_models", "}\ndevice_models")
    assert result("X-09", text=text) == ["unknown"]


def test_nothing_of_the_town_is_proven_without_a_log() -> None:
    for control in CONTROLS.values():
        verdict = conclude(control, dossier_of(replace(control.prefer, entries=())))
        assert verdict.result is not Result.PROVEN
