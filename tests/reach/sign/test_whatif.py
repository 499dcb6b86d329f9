"""May we sign this: the proposals of the demo city, and what a verdict must and must not follow from."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from cityward.place.loader import Proposed, load_with
from cityward.reach.exposure.answers import Bound
from cityward.reach.exposure.nodes import Mode, Node, Predicate
from cityward.reach.rules.rulebook import counts_of
from cityward.reach.sign.hunt import Search
from cityward.reach.sign.report import report_of
from cityward.reach.sign.whatif import Judgement, Verdict, judge
from declarations import TOWN, ZONES, reader

FOLDER = Path(__file__).parents[3] / "examples" / "doggerford"
DAY = date(2026, 8, 1)


def proposal(name: str) -> str:
    return (FOLDER / "proposals" / f"{name}.yaml").read_text()


def given(overlay: str) -> Proposed:
    return load_with("place.yaml", lambda name: (FOLDER / name).read_bytes(), "offer.yaml", overlay.encode())


def judged(overlay: str, day: date = DAY) -> Judgement:
    return judge(given(overlay), day)


def town(rules: str, overlay: str) -> Judgement:
    text = f"{TOWN}rules:\n{rules}"
    return judge(load_with("place.yaml", reader({"place.yaml": text}), "offer.yaml", overlay.encode(), ZONES), DAY)


def test_a_proposal_that_breaks_no_rule_is_allowed_whatever_the_city_breaks_already():
    judgement = judged(proposal("noise-research"))
    assert judgement.verdict is Verdict.ALLOW
    assert judgement.broken == judgement.possibly == ()
    assert judgement.conditions == ()
    assert any(finding.weight == "deny" and finding.certain for finding in judgement.before)


def test_the_university_newly_reads_what_it_asks_for_and_nothing_else():
    reach = judged(proposal("noise-research")).reach
    assert [(one.scenario, one.item, one.bound) for one in reach.new] == [
        (
            Node(Predicate.PARTY, "cedar-university"),
            Node(Predicate.DATASET, "pedestrian-counts", Mode.READ),
            Bound.CERTAIN,
        )
    ]
    assert (reach.new_certain, reach.new_possible, reach.gone_certain, reach.gone_possible) == (1, 0, 0, 0)


def test_the_night_desk_may_be_signed_under_the_two_conditions_that_mend_its_two_faults():
    judgement = judged(proposal("night-desk"))
    assert judgement.verdict is Verdict.CONDITIONS
    assert {(f.rule, f.subject) for f in judgement.broken} == {
        ("no-hands-from-abroad-on-control", "accesses.signals-night-desk"),
        ("sub-contracting-is-agreed", "agreements.signal-night-desk-2026"),
    }
    assert [change.path for change in judgement.conditions] == [
        "agreements.signal-night-desk-2026.subcontracting",
        "accesses.signals-night-desk.from_places",
    ]
    assert judgement.search is Search.EXHAUSTIVE


def test_the_conditions_written_into_the_proposal_make_it_allowed():
    mended = proposal("night-desk").replace("subcontracting: allowed", "subcontracting: forbidden")
    mended = mended.replace("from_places: [xc]", "from_places: [gb, no]")
    assert judged(mended).verdict is Verdict.ALLOW


def test_the_crowd_cameras_are_denied_and_no_empty_proposal_is_offered_instead():
    judgement = judged(proposal("crowd-cameras"))
    assert judgement.verdict is Verdict.DENY
    assert {finding.rule for finding in judgement.broken} == {"no-addressee-cameras-joined-to-the-core"}
    assert judgement.search is Search.FAILED and judgement.tried > 0


def test_what_is_only_possible_asks_for_the_fact_and_denies_nothing():
    judgement = judged(proposal("charging-app"))
    assert judgement.verdict is Verdict.CONDITIONS
    assert judgement.broken == () and judgement.conditions == ()
    assert any(finding.weight == "deny" for finding in judgement.possibly)
    assert judgement.find_out == ("parties.spark-lane.owners",)


def test_the_fact_found_out_and_harmless_makes_it_allowed():
    known = proposal("charging-app").replace("owners: unknown", "owners: []")
    assert judged(known).verdict is Verdict.ALLOW


def test_the_fact_found_out_and_harmful_denies_or_asks_for_changes():
    held = proposal("charging-app").replace("owners: unknown", "owners: [{party: corvane-holding, share: 70}]")
    judgement = judged(held)
    assert judgement.verdict is Verdict.CONDITIONS
    assert {f.rule for f in judgement.broken} >= {"personal-data-stays-in-reach-of-the-allowed"}
    assert judgement.conditions


def test_the_verdict_and_all_its_parts_are_the_same_for_the_same_inputs():
    first, second = (report_of(judged(proposal("night-desk")), str, str) for _ in range(2))
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


def test_the_inputs_change_with_what_they_are_the_digest_of():
    one, other = judged(proposal("noise-research")).inputs, judged(proposal("night-desk")).inputs
    assert (one.base, one.rules, one.instruments) == (other.base, other.rules, other.instruments)
    assert one.overlay != other.overlay and one.proposed != other.proposed
    assert set(one.instruments) == {"xa-cooperation-act", "xb-continuity-order"}


RULES = """\
  no-plain-flows: {about: flows, forbid: [{protection: {flow: [none]}}], weight: deny}
"""
FLOW = """\
flows:
  to-workbench:
    from: cityward
    to: workbench
    datasets: [counts]
    purpose: planning
    protocol: http
    protection: none
    agreement: acme-2026
    observability: imported
"""


def test_a_single_change_is_the_condition_where_one_is_enough():
    judgement = town(RULES, FLOW)
    assert judgement.verdict is Verdict.CONDITIONS
    assert [change.path for change in judgement.conditions] == ["flows.to-workbench.protection"]


def test_a_rule_of_weight_note_is_told_and_changes_nothing():
    judgement = town(RULES.replace("weight: deny", "weight: note"), FLOW)
    assert judgement.verdict is Verdict.ALLOW
    assert [finding.rule for finding in judgement.notes] == ["no-plain-flows"]


def test_a_rule_of_weight_condition_that_nothing_mends_is_to_be_accepted_by_name():
    rule = "  no-newcomers: {about: parties, forbid: [{party: {as: [itself], incorporated_in: [xb]}}], weight: condition}\n"
    judgement = town(rule, "parties:\n  newcomer: {kind: company, incorporated_in: xb}\n")
    assert judgement.verdict is Verdict.CONDITIONS
    assert [finding.subject for finding in judgement.accept] == ["parties.newcomer"]


def test_the_same_rule_of_weight_deny_denies():
    rule = "  no-newcomers: {about: parties, forbid: [{party: {as: [itself], incorporated_in: [xb]}}], weight: deny}\n"
    judgement = town(rule, "parties:\n  newcomer: {kind: company, incorporated_in: xb}\n")
    assert judgement.verdict is Verdict.DENY


def test_a_subject_that_broke_the_rule_before_breaks_it_anew_by_somebody_else():
    rule = "  no-hands: {about: systems, forbid: [{access: {modes: [command]}}], weight: deny}\n"
    text = TOWN + "accesses:\n  old: {party: acme, target: workbench, modes: [command]}\n" + f"rules:\n{rule}"
    overlay = "accesses:\n  new: {party: acme-group, target: workbench, modes: [read, command]}\n"
    judgement = judge(load_with("place.yaml", reader({"place.yaml": text}), "o.yaml", overlay.encode(), ZONES), DAY)
    assert [finding.subject for finding in judgement.broken] == ["systems.workbench"]
    assert [change.path for change in judgement.conditions] == ["accesses.new.modes"]


def test_what_the_proposal_mends_is_told():
    rule = "  no-hands: {about: systems, forbid: [{access: {modes: [command]}}], weight: deny}\n"
    text = TOWN + "accesses:\n  old: {party: acme, target: cityward, modes: [command]}\n" + f"rules:\n{rule}"
    overlay = b"removes: {accesses: [old]}\n"
    judgement = judge(load_with("place.yaml", reader({"place.yaml": text}), "o.yaml", overlay, ZONES), DAY)
    assert judgement.verdict is Verdict.ALLOW
    assert [finding.subject for finding in judgement.repaired] == ["systems.cityward"]
    assert judgement.reach.gone_certain > 0 == judgement.reach.new_certain


@pytest.mark.parametrize("day", [date(2026, 6, 1), date(2030, 1, 1)])
def test_an_agreement_that_does_not_hold_on_the_day_does_not_excuse_a_flow(day: date):
    rule = "  by-agreement: {about: flows, forbid: [{agreement: {state: [ended, not-begun]}}], weight: deny}\n"
    overlay = FLOW.replace("agreement: acme-2026", "agreement: later") + (
        "agreements:\n  later: {kind: supply, parties: [council, acme], datasets: [counts], purposes: [planning],"
        " starts: 2026-07-01, ends: 2026-12-31}\n"
    )
    text = f"{TOWN}rules:\n{rule}"
    judgement = judge(load_with("place.yaml", reader({"place.yaml": text}), "o.yaml", overlay.encode(), ZONES), day)
    assert [finding.subject for finding in judgement.broken] == ["flows.to-workbench"]


@pytest.mark.parametrize(
    "rule",
    [
        "{about: systems, forbid: [{access: {modes: [command]}}], weight: deny}",
        "{about: systems, forbid: [{reached_by: {parties: not-responsible, modes: [command]}}], weight: deny}",
    ],
)
def test_who_broke_the_rule_before_is_not_told_as_new(rule: str):
    text = f"{TOWN}accesses:\n  old: {{party: acme, target: cityward, modes: [command]}}\nrules:\n  hands: {rule}\n"
    overlay = b"parties:\n  new-firm: {kind: company, incorporated_in: xb}\n" + (
        b"accesses:\n  new: {party: new-firm, target: cityward, modes: [command]}\n"
    )
    judgement = judge(load_with("place.yaml", reader({"place.yaml": text}), "o.yaml", overlay, ZONES), DAY)
    told = {finding.subject: " ".join(fact.text for fact in finding.held.facts) for finding in judgement.broken}
    assert "new-firm" in told["systems.cityward"] and "acme" not in told["systems.cityward"]
    assert all("new-firm" in asked.scenario.subject for f in judgement.broken for asked in f.held.asked)


MANY_RULES = """\
  no-plain-flows: {about: flows, forbid: [{protection: {flow: [none]}}], weight: deny}
  leaves-in-time: {about: agreements, forbid: [{agreement: {exit_days_over: 30}}], weight: condition}
  no-handing-on: {about: agreements, forbid: [{agreement: {subcontracting: [allowed]}}], weight: condition}
  no-hands: {about: accesses, forbid: [{access: {modes: [command]}}], weight: condition}
  no-newcomers: {about: parties, forbid: [{party: {as: [itself], incorporated_in: [xb]}}], weight: WEIGHT}
"""
MANY = (
    FLOW.replace("agreement: acme-2026", "agreement: big")
    + """\
parties:
  newcomer: {kind: company, incorporated_in: xb}
agreements:
  big:
    {kind: supply, parties: [council, acme, newcomer], datasets: [counts], purposes: [planning],
      subcontracting: allowed, exit_days: 90}
accesses:
  desk: {party: newcomer, target: cityward, modes: [read, command], agreement: big}
"""
)
MENDING = {
    "flows.to-workbench.protection",
    "agreements.big.exit_days",
    "agreements.big.subcontracting",
    "accesses.desk.modes",
}


@pytest.mark.parametrize(
    ("weight", "verdict", "accept", "refused"),
    [
        ("condition", Verdict.CONDITIONS, ["parties.newcomer"], []),
        ("deny", Verdict.DENY, [], ["parties.newcomer"]),
    ],
)
def test_what_nothing_mends_leaves_the_changes_that_mend_the_rest(weight: str, verdict, accept: list, refused: list):
    judgement = town(MANY_RULES.replace("WEIGHT", weight), MANY)
    assert len(judgement.broken) == 5 and judgement.verdict is verdict
    assert {change.path for change in judgement.conditions} == MENDING
    assert [finding.subject for finding in judgement.accept] == accept
    assert [finding.subject for finding in judgement.refused] == refused
    assert judgement.search is Search.PARTLY


def test_nothing_is_asked_for_that_mends_nothing():
    rules = MANY_RULES.replace("WEIGHT", "condition").splitlines(keepends=True)
    judgement = town(rules[1] + rules[4], MANY)
    assert [change.path for change in judgement.conditions] == ["agreements.big.exit_days"]


def test_waived_cases_of_the_place_as_it_is_are_counted_apart_as_the_rulebook_counts_them():
    judgement = judged(proposal("noise-research"))
    counts = counts_of(given(proposal("noise-research")).base.place, DAY)
    report = report_of(judgement, str, str)
    assert (report.broken_before, report.waived_before) == (counts.cases, counts.waived_cases)
    assert counts.waived_cases > 0
