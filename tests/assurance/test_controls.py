"""What every control keeps to, found by scanning: it fails on its bad place, holds on its good one, and rests on records."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from cityward.assurance.concluding import UnfoundedError, conclude
from cityward.assurance.control import Control, Example
from cityward.assurance.controls import find_controls
from cityward.assurance.examples import NOW_US, TOWN, admission, changed, dossier_of
from cityward.assurance.results import PROVING, EvidenceClass, Ground, Judged, Result
from cityward.evidence.records import Attested, Release, RiskAccepted
from cityward.time import DAY

CONTROLS = find_controls()
every_control = pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS.keys())

EMPTY = """\
place: nowhere
name: Nowhere
position: [0.0, 0.0]
responsible: council
jurisdictions: {xa: {code: XA, home: true}}
parties: {council: {kind: public-body, incorporated_in: xa}}
"""


def judged(control: Control, example: Example, without: frozenset[str] = frozenset()) -> Result:
    return conclude(control, dossier_of(example, without)).result


@every_control
def test_it_fails_on_the_place_to_avoid(control: Control) -> None:
    assert judged(control, control.avoid) is Result.FAILED


@every_control
def test_it_holds_on_the_place_to_prefer(control: Control) -> None:
    assert judged(control, control.prefer) in {Result.PROVEN, Result.STATED}


@every_control
def test_an_empty_place_is_unknown(control: Control) -> None:
    assert judged(control, Example(EMPTY)) is Result.UNKNOWN


@every_control
def test_what_is_proven_is_not_without_the_records_it_names(control: Control) -> None:
    verdict = conclude(control, dossier_of(control.prefer))
    if verdict.result is not Result.PROVEN:
        assert all(ground.cls not in PROVING for one in verdict.subjects for ground in one.grounds)
        return
    named = {ground.record for one in verdict.subjects for ground in one.grounds if ground.cls in PROVING}
    assert named
    assert named <= {entry for entry, _ in control.prefer.entries}
    after = conclude(control, dossier_of(control.prefer, frozenset(named)))
    assert after.result is Result.UNKNOWN


@every_control
def test_it_says_what_fails_how_it_comes_about_and_what_to_do(control: Control) -> None:
    failed = [one for one in conclude(control, dossier_of(control.avoid)).subjects if one.result is Result.FAILED]
    assert failed
    assert all(one.said and one.mend for one in failed)
    again = [one for one in conclude(control, dossier_of(control.avoid)).subjects if one.result is Result.FAILED]
    assert [(one.path, one.finding(control.id)) for one in failed] == [(o.path, o.finding(control.id)) for o in again]


@every_control
def test_it_names_its_clauses_and_its_false_positives(control: Control) -> None:
    assert control.false_positives
    assert control.supports["NCSC"]
    assert set(control.supports["NCSC"]) <= {f"N{n}" for n in range(1, 15)}


@every_control
def test_a_proof_that_is_old_says_when_it_was_last_seen(control: Control) -> None:
    then = conclude(control, dossier_of(control.prefer))
    later = conclude(control, dossier_of(replace(control.prefer, now_us=NOW_US + 400 * DAY)))
    for before, after in zip(then.subjects, later.subjects, strict=True):
        if before.result is Result.PROVEN and after.result is Result.UNKNOWN:
            assert after.missing
    assert later.result is not Result.PROVEN


@pytest.mark.parametrize("name", ["X-02", "X-03", "K-01", "P-02", "P-07"])
def test_what_a_gate_showed_speaks_for_a_month(name: str) -> None:
    control = CONTROLS[name]
    assert judged(control, replace(control.prefer, now_us=NOW_US + 29 * DAY)) is Result.PROVEN
    aged = conclude(control, dossier_of(replace(control.prefer, now_us=NOW_US + 31 * DAY)))
    assert aged.result is Result.UNKNOWN
    assert all("last seen on 2027-01-15" in one.said for one in aged.subjects)


@pytest.mark.parametrize("name", ["P-03", "P-07", "X-03"])
def test_a_receipt_under_another_declaration_is_not_judged_by_this_one(name: str) -> None:
    control = CONTROLS[name]
    older = tuple(
        (entry, structs.replace(record, declaration="1" * 64) if isinstance(record, Release) else record)
        for entry, record in control.avoid.entries
    )
    assert judged(control, replace(control.avoid, entries=older)) is Result.UNKNOWN


@pytest.mark.parametrize(
    ("form", "result"),
    [
        ({"aggregate": "5 devices, 3600 s"}, Result.PROVEN),
        ({"pseudonymise": "30 days"}, Result.PROVEN),
        ({"delay": "60 s"}, Result.FAILED),
        ({"watermark": "each copy tells whose it is"}, Result.FAILED),
    ],
)
def test_a_form_reduces_where_it_hides_whom_it_is_about(form: dict[str, str], result: Result) -> None:
    control = CONTROLS["P-05"]
    (entry, release), *_ = control.prefer.entries
    assert isinstance(release, Release)
    assert judged(control, replace(control.prefer, entries=((entry, structs.replace(release, form=form)),))) is result


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ("allowed_jurisdictions: [xa]", "allowed_jurisdictions: [pact]", Result.STATED),
        ("allowed_jurisdictions: [xa],", "", Result.UNKNOWN),
        ("council: {kind: public-body,", "council: {kind: public-body, owners: unknown,", Result.UNKNOWN),
        ("council: {kind: public-body,", "council: {kind: public-body, owners: [{party: firm}],", Result.FAILED),
        ("protects: [counts]", "protects: [counts-in]", Result.STATED),
    ],
    ids=["a bloc that it is in", "nowhere is named", "owners unknown", "an owner abroad", "by a flow"],
)
def test_keys_are_judged_with_the_holders_owners(old: str, new: str, result: Result) -> None:
    control = CONTROLS["P-08"]
    text = control.prefer.declaration
    assert old in text
    text = text.replace(old, new).replace(
        "xb: {code: XB}", "xb: {code: XB}\n  pact: {kind: bloc, code: PCT, members: [xa]}"
    )
    assert judged(control, replace(control.prefer, declaration=text)) is result


def test_who_refuses_is_named_for_the_very_reason() -> None:
    """Another refusal after it, for another reason, is not what shows it."""
    control = CONTROLS["X-02"]
    late = ("worker-0:2", admission("counts-in", 5, 2, "unknown-device"))
    verdict = conclude(control, dossier_of(replace(control.prefer, entries=(*control.prefer.entries, late))))
    assert [ground.record for one in verdict.subjects for ground in one.grounds] == ["worker-0:1"]


HOME_LAW = "instruments:\n  act: {jurisdiction: xb, powers: [disclose], addressees: [{nexus: incorporated-in}]}\n"


def test_a_land_whose_parties_have_access_but_that_has_no_power_declared_does_not_reach() -> None:
    control = CONTROLS["J-02"]
    text = control.avoid.declaration
    assert HOME_LAW in text
    assert judged(control, replace(control.avoid, declaration=text.replace(HOME_LAW, ""))) is Result.STATED


K_04 = CONTROLS["K-04"]
UNSEEN = Example(changed(("observability: enforced", "observability: inferred")))


def stating(until: int, subject: str = "flows.counts-in") -> Attested:
    return Attested(
        at=NOW_US - DAY, by="web", control="K-04", subject=subject, person="ada", said="nothing else goes there",
        scope="the yard", until=until,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("control", "until", "result"),
    [
        (replace(K_04, attestable=True), NOW_US + DAY, Result.STATED),
        (replace(K_04, attestable=True), NOW_US, Result.UNKNOWN),
        (K_04, NOW_US + DAY, Result.UNKNOWN),
    ],
    ids=["in force", "expired", "of a control that takes none"],
)
def test_what_a_person_states_is_stated_while_it_is_in_force(control: Control, until: int, result: Result) -> None:
    example = replace(UNSEEN, entries=(("web:1", stating(until)),), now_us=NOW_US)
    assert judged(control, example) is result


def test_a_statement_about_another_subject_says_nothing() -> None:
    entries = (("web:1", stating(NOW_US + DAY, "flows.another")),)
    assert judged(replace(K_04, attestable=True), replace(UNSEEN, entries=entries, now_us=NOW_US)) is Result.UNKNOWN


@pytest.mark.parametrize(("until", "result"), [(NOW_US + DAY, Result.ACCEPTED), (NOW_US, Result.FAILED)])
def test_a_risk_is_borne_until_its_end(until: int, result: Result) -> None:
    borne = RiskAccepted(
        at=NOW_US - DAY, by="web", control="K-04", subject="flows.undeclared", owner="council", person="ada",
        why="a trial of two weeks", until=until,
    )  # fmt: skip
    entries = (("worker-0:0", K_04.prefer.entries[0][1]), *K_04.avoid.entries, ("web:1", borne))
    assert judged(K_04, replace(K_04.avoid, entries=entries)) is result


@pytest.mark.parametrize(
    "grounds",
    [(), (Ground(EvidenceClass.DECLARED, "place.yaml:1", ""),), (Ground(EvidenceClass.ATTESTED, "web:1", ""),)],
)
def test_nobody_calls_something_proven_by_hand(grounds: tuple[Ground, ...]) -> None:
    by_hand = replace(K_04, check=lambda _: [Judged("flows.x", Result.PROVEN, "all is well", grounds)])
    with pytest.raises(UnfoundedError, match=r"K-04 calls flows\.x proven"):
        conclude(by_hand, dossier_of(Example(TOWN)))


def test_the_worst_subject_makes_the_result_and_the_others_are_counted() -> None:
    two = changed(("services:", "  more-in:\n    {from: lamp-1, to: cityward, datasets: [counts], purpose: planning, "
                   "protocol: mqtt, observability: inferred}\nservices:"))  # fmt: skip
    verdict = conclude(K_04, dossier_of(replace(K_04.prefer, declaration=two)))
    assert verdict.result is Result.UNKNOWN
    assert verdict.by_result == {Result.PROVEN: 1, Result.UNKNOWN: 1}
