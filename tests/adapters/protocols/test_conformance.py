"""One suite for every codec: found by scanning, so that a new format is held to it by being there."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.protocols.samples import (
    REGISTRY,
    Kind,
    Sample,
    as_messages,
    as_rows,
    check_invariants,
    expected_rows,
    samples,
)
from cityward.adapters.protocols import codecs
from cityward.guard.batch import Codec, Messages
from cityward.guard.reasons import Reason
from cityward.place.registry import number
from places import tiny_place

CODECS = codecs()
NOW_US = 1_785_585_600_000_000

BAD_INPUT = {
    "not-json", "wrong-type", "nan", "infinity", "beyond-range", "duplicate-key", "duplicate-key-escaped",
    "ten-megabytes", "ten-thousand-deep", "ten-thousand-deep-closed", "invalid-utf8", "unknown-device", "newline-spill",
}  # fmt: skip
"""The attacks every format has to have a sample of."""

KINDS: tuple[Kind, ...] = ("good", "hostile")


def sample(codec_id: str, kind: Kind, name: str) -> Sample:
    return samples(type(CODECS[codec_id]), kind)[name]


EVERY: list[tuple[str, Kind, str]] = [
    (c, kind, name) for c, codec in CODECS.items() for kind in KINDS for name in samples(type(codec), kind)
]
SHORT = [(c, found.payload()) for c, kind, name in EVERY if (found := sample(c, kind, name)).made is None]


@pytest.fixture(params=CODECS, ids=str)
def codec_id(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_three_formats_are_found() -> None:
    assert {"senml", "json", "ngsi-ld"} <= set(CODECS)


@pytest.mark.parametrize(("codec_id", "kind", "name"), EVERY, ids=lambda v: v)
def test_a_sample_becomes_the_rows_it_says(codec_id: str, kind: Kind, name: str) -> None:
    one = sample(codec_id, kind, name)
    claims = CODECS[codec_id].decode(as_messages([one]), REGISTRY)
    check_invariants(claims, 1)
    assert as_rows(claims) == [row | approximate(row) for row in expected_rows(one)], one.why


def approximate(row: dict[str, Any]) -> dict[str, Any]:
    return {"value": pytest.approx(row["value"], rel=1e-12)} if "value" in row else {}


def test_good_samples_have_no_fault_and_hostile_ones_have_one(codec_id: str) -> None:
    assert not [n for n, s in samples(type(CODECS[codec_id]), "good").items() if any("fault" in r for r in s.rows)]
    assert not [
        n for n, s in samples(type(CODECS[codec_id]), "hostile").items() if not any("fault" in r for r in s.rows)
    ]


def test_every_attack_has_a_sample(codec_id: str) -> None:
    assert set(samples(type(CODECS[codec_id]), "hostile")) >= BAD_INPUT


def test_all_samples_together_give_what_each_gives_alone(codec_id: str) -> None:
    every = [*samples(type(CODECS[codec_id]), "good").values(), *samples(type(CODECS[codec_id]), "hostile").values()]
    mixed = [s for pair in zip(every, reversed(every), strict=True) for s in pair]
    assert_no_influence(CODECS[codec_id], as_messages(mixed))


def test_no_messages_give_no_claims(codec_id: str) -> None:
    check_invariants(CODECS[codec_id].decode(Messages([], [], [], []), REGISTRY), 0)


def test_a_codec_forgets_the_registry_before(codec_id: str) -> None:
    place = tiny_place()
    fewer = number(msgspec.structs.replace(place, devices={k: v for k, v in place.devices.items() if k != "counter-2"}))
    codec, good = codecs()[codec_id], next(iter(samples(type(CODECS[codec_id]), "good").values()))
    codec.decode(as_messages([good]), REGISTRY)
    unit = fewer.unit_index[good.device]
    claims = codec.decode(Messages([unit], [good.payload()], [NOW_US], [1]), fewer)
    check_invariants(claims, 1, fewer)
    assert {int(fewer.channel_unit[c]) for c in claims.channel.tolist()} == {unit}


# -- whatever comes ---------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["n", "v", "t", "u", "bn", "bt", "bu", "bv", "bver", "vs", "s", "x_", "id", "type", "value", "observedAt", "unitCode",
     "at", "readings", "temperature", "humidity", "illuminance", "no2", "pm25", "count", "speed", "counter-1:", "counter-2/",
     "counter-1/count", "air-1", "urn:ngsi-ld:AirQualityObserved:air-1", "AirQualityObserved", "Property", "Relationship",
     "km/h", "Cel", "GQ", "2026-08-01T12:00:00Z", "2026-08-01T12:00:00", "", ":", '"', "\n", "[", "\\", "é"]
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from([2**28, 2**53 + 1, 1.7e308, 10**400, -0.0]),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=5))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(WORDS, st.text(max_size=3)), inner, max_size=6)
    ),
    max_leaves=25,
)  # fmt: skip


@st.composite
def near_misses(draw: st.DrawFn) -> bytes:
    """Bytes that are nearly right: trees in the words of the formats, samples, and both with a few bytes changed."""
    known = [payload for _, payload in SHORT]
    text = draw(st.one_of(TREES.map(lambda t: json.dumps(t).encode()), st.sampled_from(known), st.binary(max_size=40)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from([b"", b",", b"[", b"}", b'"', b":", b"\n", b"\\", b"\xff", b"1e999", b'"v":3,']))\
            + text[at + draw(st.integers(0, 2)) :]  # fmt: skip
    return text


BATCHES = st.lists(st.tuples(st.integers(-1, len(REGISTRY.units) - 1), near_misses()), max_size=6)


@pytest.mark.parametrize("codec_id", CODECS)
@settings(max_examples=300, deadline=None)
@given(batch=BATCHES)
def test_whatever_comes_a_codec_raises_nothing_and_lets_no_message_touch_another(
    codec_id: str, batch: list[tuple[int, bytes]]
) -> None:
    together = Messages(
        unit=[unit for unit, _ in batch],
        payload=[payload for _, payload in batch],
        received_at=[NOW_US + i for i in range(len(batch))],
        seq=range(len(batch)),
    )
    assert_no_influence(CODECS[codec_id], together)


def test_a_claim_is_never_for_another_unit_than_the_subjects(codec_id: str) -> None:
    payloads = [payload for c, payload in SHORT if c == codec_id]
    for unit in range(len(REGISTRY.units)):
        there = Messages([unit] * len(payloads), payloads, [NOW_US] * len(payloads), range(len(payloads)))
        channels = [c for c in CODECS[codec_id].decode(there, REGISTRY).channel.tolist() if c >= 0]
        assert {int(REGISTRY.channel_unit[c]) for c in channels} <= {unit}


def test_a_batch_too_large_is_refused_before_it_is_read(codec_id: str) -> None:
    huge = Messages([0], [b"[" * 50_000_000], [NOW_US], [1])
    assert as_rows(CODECS[codec_id].decode(huge, REGISTRY)) == [{"fault": Reason.TOO_LARGE.word}]


def assert_no_influence(codec: Codec, messages: Messages) -> None:
    together = codec.decode(messages, REGISTRY)
    check_invariants(together, len(messages))
    alone = [row for i in range(len(messages)) for row in as_rows(codec.decode(messages.take([i]), REGISTRY))]
    assert same(as_rows(together), alone)


def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    return json.dumps(one) == json.dumps(other)
