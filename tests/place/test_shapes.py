"""Every wrong field is told at once; what passes converts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.errors import PlaceError
from cityward.place.data import Flow
from cityward.place.parties import Party
from cityward.place.reading.shapes import shape_of, wrong_shape
from cityward.place.reading.source import plain, read_yaml
from cityward.place.things import Device


def told(text: str, kind: Any) -> list[str]:
    errors: list[PlaceError] = []
    node = read_yaml("a.yaml", text.encode(), errors)
    assert node is not None
    assert not errors
    return [error.what for error in wrong_shape(node, shape_of(kind), "it")]


def test_tells_every_wrong_field_of_one_record_at_once():
    said = told(
        "{from: 1, too: x, datasets: [], purpose: Up, protocol: mqqt, observability: enforced, limits: {max_age_s: 0}}",
        Flow,
    )
    assert said == [
        "it.from: found the number `1`, expected an id (lower-case letters, digits, single hyphens; at most 64)",
        "it.too: unknown field `too` (did you mean `to`?)",
        "it.datasets: found an empty list",
        "it.purpose: found `Up`, expected an id (lower-case letters, digits, single hyphens; at most 64)",
        "it.protocol: found `mqqt`, expected one of `command`, `files`, `gtfs`, `gtfs-realtime`, `http`, `modbus`, "
        "`mqtt`, `ngsi-ld`, `paper`, "
        "`proprietary`, `rtsp`, `sftp`, `smtp`, `syslog`, `talq`, `webhook`",
        "it.limits.max_age_s: found the number `0`, expected a whole number from 1 to 31,622,400",
        "it.to: is missing",
    ]


@pytest.mark.parametrize("text", ["unknown", "[xa, xb]", "[]"])
def test_a_field_that_may_be_unknown_takes_the_word_or_its_own_form(text: str):
    assert told(f"{{kind: state, incorporated_in: unknown, subprocessors: {text}}}", Party) == []


def test_a_line_break_is_no_part_of_an_id():
    assert told('{model: "lamp\\n", site: a, owner: a}', Device) != []


SCALARS = st.sampled_from(
    ["x", "unknown", "Up", "mqtt", "enforced", "2026-01-31", "a\n", "", None, True, -1, 0, 1, 2**70, 1.5]
)
FIELDS = st.sampled_from(
    ["from", "to", "datasets", "purpose", "protocol", "observability", "limits", "route", "model", "site", "owner", "position",
     "positions", "areas", "needs", "of", "k", "status", "max_age_s", "valid_from", "name"]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6), max_leaves=12
)


@settings(max_examples=400)
@given(st.sampled_from([Flow, Device]), st.dictionaries(FIELDS, VALUES, max_size=10))
def test_what_passes_converts(kind: type, value: dict[str, Any]):
    errors: list[PlaceError] = []
    node = read_yaml("a.yaml", msgspec.json.encode(value), errors)
    assert node is not None
    if not any(wrong_shape(node, shape_of(kind), "it")):
        msgspec.convert(plain(node), kind)
