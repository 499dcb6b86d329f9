"""The table, and Cedar on the rules written a second time, say the same of thousands of random requests, reason by reason."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import cedarpy
import pytest

from cityward.compose.places import load_place
from cityward.place.model import Place
from cityward.policy.cedar import SCHEMA, entities_of, policies_of, request_of
from cityward.policy.compile import compile_table
from cityward.policy.contract import Decision, ReleaseReason, Request, Standing
from cityward.policy.rules import RULES, Rule
from cityward.policy.table import Table, decide
from cityward.reach.effective import lands_of
from policy.random_releases import TODAY, random_release, requests_of

PLACES, EACH = 210, 50
FOLDER = Path(__file__).parents[2] / "examples" / "doggerford"


class Cedar:
    """A place and its standing, as Cedar judges them."""

    def __init__(self, place: Place, standing: Standing, today: date, zone: tzinfo = UTC) -> None:
        policies = policies_of(place, standing)
        checked = cedarpy.validate_policies(policies, SCHEMA)
        assert checked.validation_passed, [str(error) for error in checked.errors][:3]
        self.policies = cedarpy.PolicySet.from_str(policies)
        self.entities = cedarpy.Entities.from_json_str(json.dumps(entities_of(place, standing, today, zone)), SCHEMA)

    def decide(self, requests: list[Request]) -> list[tuple[bool, set[str]]]:
        """(allowed, the words of what spoke against it) of each."""
        answers = cedarpy.is_authorized_batch([request_of(one) for one in requests], self.policies, self.entities)
        return [self._read(answer) for answer in answers]

    @staticmethod
    def _read(answer: cedarpy.AuthzResult) -> tuple[bool, set[str]]:
        told = answer.diagnostics.id_annotations_by_reason.values()
        return answer.allowed, {name.partition("/")[0] for name in told} - {"declared"}


def disagreements(
    place: Place,
    standing: Standing,
    asked: list[Request],
    zone: tzinfo,
    seen: Counter[str],
    rules: tuple[Rule, ...] = RULES,
) -> list[str]:
    table = compile_table(place, standing, TODAY, zone, rules)
    lines: list[str] = []
    for request, (allowed, spoke) in zip(asked, Cedar(place, standing, TODAY, zone).decide(asked), strict=True):
        mine = decide(request, table)
        seen["allowed"] += mine.allowed
        seen.update(mine.reasons)
        same = _words(mine) == spoke if ReleaseReason.FAULT not in mine.reasons else "fault" in spoke
        if mine.allowed != allowed or (_carried(request, table) and not same):
            lines.append(f"{request}: the table {sorted(_words(mine))}, Cedar {allowed} {sorted(spoke)}")
    return lines


def _carried(request: Request, table: Table) -> bool:
    """Of what no flow carries, each tells less or more of the other reasons."""
    return (request.recipient, request.dataset, request.purpose) in table.rows


def _words(decision: Decision) -> set[str]:
    return {reason.value for reason in decision.reasons}


def compared(seeds: range) -> Counter[str]:
    seen = Counter[str]()
    for seed in seeds:
        release = random_release(seed)
        asked = list(requests_of(seed, release.place, EACH))
        zone = ZoneInfo("Asia/Kolkata") if seed % 3 == 0 else UTC
        found = disagreements(release.place, release.standing, asked, zone, seen)
        assert not found, f"random_release({seed}):\n" + "\n".join(found[:10])
        seen["asked"] += len(asked)
    return seen


def test_they_agree_on_more_than_ten_thousand_requests_of_random_places():
    seen = compared(range(PLACES))
    assert seen["asked"] >= 10_000
    assert 0.1 * seen["asked"] < seen["allowed"] < 0.6 * seen["asked"]
    never_of_the_table = {ReleaseReason.OVER_BUDGET}
    assert {reason for reason in ReleaseReason if seen[reason] < 20} <= never_of_the_table


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_that_is_missing_would_be_noticed(rule: Rule):
    others = tuple(one for one in RULES if one is not rule)
    for seed in range(60):
        release = random_release(seed)
        asked = list(requests_of(seed, release.place, EACH))
        if disagreements(release.place, release.standing, asked, UTC, Counter(), others):
            return
    pytest.fail(f"nobody missed {rule.__name__}")


@pytest.mark.slow
def test_they_agree_on_half_a_million_more():
    assert compared(range(PLACES, PLACES + 10_000))["asked"] == 10_000 * EACH


@pytest.mark.parametrize("postures", [set[str](), {"crisis"}, {"harbour-closed"}, {"crisis", "harbour-closed"}])
def test_they_agree_on_every_request_the_demo_could_be_asked(postures: set[str]):
    place = load_place(FOLDER).place
    standing = Standing(frozenset({"grid-lamps"}), frozenset({"planner-2026"}), frozenset(postures), lands_of(place))
    noon = 1_780_315_200_000_000
    asked = [
        Request(recipient, dataset, purpose, 0, at)
        for recipient in place.recipients
        for dataset in ("loop-speeds", "lamp-states", "weather", "bin-levels", "city-indicators", "street-video")
        for purpose in place.purposes
        for at in (noon, noon + 10 * 365 * 86_400_000_000)
    ]
    assert not disagreements(place, standing, asked, ZoneInfo("Europe/London"), Counter())


def test_a_policy_that_errs_is_left_out_by_cedar_so_none_of_ours_may():
    """Why `SCHEMA` is there: this is what Cedar does with an erring `forbid`."""
    erring = "permit (principal, action, resource); forbid (principal, action, resource) when { resource.missing };"
    request = {"principal": 'Recipient::"r"', "action": 'Action::"release"', "resource": 'Dataset::"d"', "context": {}}
    answer = cedarpy.is_authorized(request, erring, [])
    assert answer.allowed
    assert answer.diagnostics.errors
    assert not cedarpy.validate_policies(erring, SCHEMA).validation_passed
