"""The rules of release as another tool reads them: what it is given is enough to ask Cedar."""

from __future__ import annotations

import json
from datetime import date

import cedarpy
import pytest

from cityward.policy.cedar import request_of
from cityward.policy.contract import Request
from exported import AT, exported, hostile

NOON = 1_780_315_200_000_000  # 2026-06-01T12:00Z


def asked(text: str, request: Request) -> bool:
    document = json.loads(text)
    schema, policies = ("\n".join(document[part]) for part in ("schema", "policies"))
    assert cedarpy.validate_policies(policies, schema).validation_passed
    entities = cedarpy.Entities.from_json_str(json.dumps(document["entities"]), schema)
    answer = cedarpy.is_authorized(request_of(request), policies, entities)
    assert not answer.diagnostics.errors
    return answer.allowed


@pytest.mark.parametrize("text", [exported("cedar"), exported("cedar", at=AT), exported("cedar", hostile())])
def test_cedar_answers_from_the_file_alone(text: str):
    assert asked(text, Request("planner-desk", "loop-speeds", "transport-planning", 0, NOON))
    assert not asked(text, Request("planner-desk", "loop-speeds", "billing", 0, NOON))
    assert not asked(text, Request("planner-desk", "loop-speeds", "transport-planning", -1, NOON))
    ended = Request("planner-desk", "loop-speeds", "transport-planning", 0, NOON + 365 * 86_400_000_000)
    assert not asked(text, ended)
    assert date.fromtimestamp(ended.at / 1e6) > date(2026, 12, 31)  # planner-2026 ends with the year
