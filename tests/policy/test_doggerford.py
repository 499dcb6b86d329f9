"""What may leave Doggerford, held to what was worked out by hand in `examples/doggerford/expected/release.yaml`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml

from cityward.compose.places import load_place
from cityward.place.model import Place
from cityward.place.parties import Stake
from cityward.place.release import Aggregate, Form
from cityward.policy.compile import compile_table
from cityward.policy.contract import Decision, ReleaseReason, Request, Standing
from cityward.policy.forms import strictest
from cityward.policy.table import decide
from cityward.reach.effective import lands_of
from cityward.time import to_us

FOLDER = Path(__file__).parents[2] / "examples" / "doggerford"
EXPECTED: dict[str, Any] = yaml.safe_load((FOLDER / "expected" / "release.yaml").read_text(encoding="utf-8"))
LEAVES: dict[str, dict[str, Any]] = EXPECTED["leaves"]
DAY = date(2026, 6, 1)
NOON = to_us(datetime(2026, 6, 1, 12, tzinfo=UTC))


@pytest.fixture(scope="module")
def city() -> Place:
    return load_place(FOLDER).place


def answers(city: Place, postures: frozenset[str] = frozenset(), at: int = NOON) -> dict[str, Decision]:
    """What is said to every key there is, and the table has no other."""
    standing = Standing(frozenset(), frozenset(), postures, lands_of(city))
    table = compile_table(city, standing, DAY, ZoneInfo(city.timezone))
    assert {" ".join(key) for key in table.rows} == set(LEAVES)
    return {key: decide(Request(*key.split(), 0, at), table) for key in LEAVES}


def form_of(fields: dict[str, Any]) -> Form:
    made = dict(fields)
    if "aggregate" in made:
        least, period_s = made["aggregate"]
        made["aggregate"] = Aggregate(least=least, period_s=period_s)
    return msgspec.convert({**made, "drop": tuple(made.get("drop", ()))}, Form, from_attributes=True)


def test_everything_declared_may_leave_in_the_form_worked_out(city: Place):
    found = answers(city)
    assert [key for key, answer in found.items() if not answer.allowed] == []
    assert {key: answer.form for key, answer in found.items()} == {key: form_of(form) for key, form in LEAVES.items()}


@pytest.mark.parametrize("posture", EXPECTED["postures"])
def test_a_posture_stops_what_was_worked_out_and_holds_the_rest_to_its_form(city: Place, posture: str):
    expected, found = EXPECTED["postures"][posture], answers(city, frozenset({posture}))
    stopped = [key for key in LEAVES if key.split()[0] in expected["stopped"]]
    assert {key: answer.reasons for key, answer in found.items() if not answer.allowed} == dict.fromkeys(
        stopped, (ReleaseReason.POSTURE,)
    )
    for key in LEAVES.keys() - set(stopped):
        assert found[key].form == strictest((form_of(LEAVES[key]), form_of(expected["form_of_the_rest"])))


@pytest.mark.parametrize("case", EXPECTED["term"], ids=lambda case: case["key"])
def test_a_term_begins_and_ends_when_it_was_worked_out(city: Place, case: dict[str, Any]):
    first, after = to_us(_utc(case["first"])), to_us(_utc(case["last"])) + 1_000_000
    answered = {at: answers(city, at=at)[case["key"]].reasons for at in (first - 1, first, after - 1, after)}
    late = (ReleaseReason.OUT_OF_TERM,)
    assert answered == {first - 1: late, first: (), after - 1: (), after: late}


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@pytest.mark.parametrize("case", EXPECTED["changes"], ids=lambda case: case["change"])
def test_a_change_of_one_line_is_answered_as_worked_out(city: Place, case: dict[str, Any]):
    found = answers(_changed(city, case["records"]))
    refused = {key: [reason.value for reason in answer.reasons] for key, answer in found.items() if not answer.allowed}
    assert refused == case["refused"]


def _changed(city: Place, records: dict[str, dict[str, dict[str, Any]]]) -> Place:
    kinds: dict[str, Any] = {}
    for kind, changed in records.items():
        known = getattr(city, kind)
        kinds[kind] = known | {name: msgspec.structs.replace(known[name], **_typed(to)) for name, to in changed.items()}
    return msgspec.structs.replace(city, **kinds)


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    typed = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    if isinstance(typed.get("owners"), tuple):
        typed["owners"] = msgspec.convert(fields["owners"], tuple[Stake, ...])
    return typed
