"""What ends when a party may no longer be dealt with: on Doggerford, by hand, and the rules of covering on the small town."""

from __future__ import annotations

import msgspec
import pytest

from cityward.reach.blast.sanctioned import Perhaps, Sanctioned, sanctioned
from cityward.reach.blast.wiring import compile_cascade
from declarations import loaded, town
from reach.blast.doggerford import doggerford

DAY = 24


def asked(party: str, text: str | None = None) -> Sanctioned:
    place = loaded(*([] if text is None else [text])).place
    return sanctioned(place, compile_cascade(place), party)


def fallen(answer: Sanctioned) -> dict[str, float]:
    return {one.id: one.hours for one in answer.outcome.fallen}


def test_the_cloud_of_doggerford_stops_after_its_sixty_days() -> None:
    place, cascade = doggerford()
    answer = sanctioned(place, cascade, "fathom-cloud")
    assert answer.group == ("fathom-cloud",)
    assert [(ending.agreement, ending.exit_days) for ending in answer.endings] == [("fathom-hosting-2026", 60)]
    # Its region goes after 60 days, and with it the planner; the bins are emptied for 48 hours more, and 72 are put up with.
    (effect,) = answer.outcome.effects
    assert (effect.function, effect.degrades_h, effect.fails_h) == ("emptied-bins", 60 * DAY + 48, 60 * DAY + 120)
    # Open Moorings works under the same agreement: its access ends with it, or should.
    assert [access.access for access in answer.revoke] == ["backup-hands", "backup-night-desk"]
    assert {(held.dataset, held.at) for held in answer.get_back if held.at == "cloud-backup"} == {
        ("backups", "cloud-backup")
    }
    # What others keep in its region has to come back too.
    assert ("collection-routes", "waste-planner") in {(held.dataset, held.at) for held in answer.get_back}
    assert {one.system for one in answer.upkeep} == set()


def test_a_parent_without_agreement_stops_at_once_and_its_subsidiary_after_its_exit() -> None:
    place, cascade = doggerford()
    answer = sanctioned(place, cascade, "tessel-group")
    hours = fallen(answer)
    assert hours["tessel-group"] == 0
    assert hours["tessel-systems"] == 365 * DAY
    # Nothing was ever agreed about what the beacons hear.
    assert hours["travel-times"] == hours["travel-time-beacons"] == 0
    assert "systems.travel-times.operator" in answer.uncovered
    assert {update.id for update in answer.updates} >= {"signal-control", "ring-signals", "ring-road-loops"}
    assert [(one.system, one.by, one.others) for one in answer.upkeep] == [("signal-control", "tessel-systems", ())]


def test_a_key_that_it_holds_has_to_be_taken_over() -> None:
    place, cascade = doggerford()
    answer = sanctioned(place, cascade, "halden-optics")
    assert [(key.key, key.protects) for key in answer.take_over] == [("archive-key", ("video-archive",))]


def test_those_it_controls_perhaps_are_named_apart() -> None:
    place, cascade = doggerford()
    answer = sanctioned(place, cascade, "state-of-xanthia")
    assert answer.group == ("northlight", "corvane-holding", "state-of-xanthia")
    assert answer.perhaps == (Perhaps(party="halden-optics", missing=("parties.halden-optics.owners",)),)


STAYS = "subcontracting: allowed}"


@pytest.mark.parametrize(
    ("terms", "workbench"),
    [
        (f"exit_days: 30, {STAYS}", 30 * DAY),
        (STAYS, 0),
        (f"exit_days: 0, {STAYS}", 0),
    ],
    ids=["exit-days", "left-out", "none"],
)
def test_what_a_party_runs_stops_with_its_agreement(terms: str, workbench: float) -> None:
    assert fallen(asked("acme", town((STAYS, terms))))["workbench"] == workbench


def test_the_last_of_two_agreements_counts() -> None:
    second = "  acme-more: {kind: support, parties: [council, acme], exit_days: 90}\npurposes:\n  planning: {}"
    text = town((STAYS, f"exit_days: 30, {STAYS}"), ("purposes:\n  planning: {}", second))
    assert fallen(asked("acme", text))["workbench"] == 90 * DAY


def test_an_agreement_covers_the_data_it_lists_and_no_others() -> None:
    text = town(
        (STAYS, f"exit_days: 30, {STAYS}"),
        ("site: yard, operator: acme}", "site: yard, operator: acme, stores: [levels]}\n"
         "  counter: {kind: analytics, site: yard, operator: acme, stores: [counts]}"),
    )  # fmt: skip
    answer = asked("acme", text)
    assert fallen(answer) == {"workbench": 0, "acme": 30 * DAY, "counter": 30 * DAY}
    assert answer.uncovered == ("systems.workbench.operator",)


def test_standing_accesses_come_first() -> None:
    accesses = """accesses:
  visit: {party: acme, target: cityward, modes: [support], standing: false}
  desk: {party: acme-group, target: workbench, modes: [read]}
  other: {party: council, target: workbench, modes: [read], agreement: acme-2026}
services:
"""
    answer = asked("acme-group", town(("services:\n", accesses)))
    assert [access.access for access in answer.revoke] == ["desk", "visit"]


def test_data_received_by_a_flow_has_to_come_back() -> None:
    assert [(held.dataset, held.holder, held.at) for held in asked("acme").get_back] == [("counts", "acme", "to-acme")]


def test_an_answer_goes_to_json_and_back() -> None:
    place, cascade = doggerford()
    answer = sanctioned(place, cascade, "tessel-group")
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Sanctioned) == answer
