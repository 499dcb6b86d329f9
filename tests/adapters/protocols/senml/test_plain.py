"""The fast reader and the full rules say the same; what the fast one leaves, it leaves for a reason."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.protocols.samples import REGISTRY, as_rows
from cityward.adapters.protocols.conversions import Conversions
from cityward.adapters.protocols.senml import plain
from cityward.adapters.protocols.senml.codec import read_carefully
from cityward.adapters.protocols.senml.names import Names
from cityward.guard.batch import Claims, Messages
from cityward.place.registry import number
from places import tiny_place

NOW_US = 1_785_585_600_000_000
COUNTER = REGISTRY.unit_index["counter-1"]
NAMES, CONVERSIONS = Names(REGISTRY), Conversions(REGISTRY)


def there(*payloads: bytes) -> Messages:
    return Messages([COUNTER] * len(payloads), payloads, [NOW_US] * len(payloads), range(len(payloads)))


def both(messages: Messages) -> tuple[Claims, list[int], Claims]:
    claims, left = plain.read(messages, NAMES, CONVERSIONS)
    accepted = [i for i in range(len(messages)) if i not in left]
    return claims, left, read_carefully(messages, accepted, NAMES, CONVERSIONS)


NAME = st.sampled_from(
    ["speed", "count", "counter-1/speed", "counter-1:count", "", "eed", "x", "counter-2/speed", "é:"]
)
BASE = st.sampled_from(["", "counter-1/", "counter-1:", "urn:dev:ops:counter-1_", "sp", "counter-2:", "count"])
UNIT = st.sampled_from(["km/h", "m/s", "mph", "count", "Cel", ""])
NUMBER = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**70), 2**70), st.integers(0, 100))
TIME = st.one_of(
    st.integers(-100, 100), st.floats(-1e3, 2e9), st.sampled_from([0, 2**28, 1e300, -1e300, 1_785_585_600, 2.6e11])
)
RECORD = st.fixed_dictionaries(
    {"v": NUMBER},
    optional={"n": NAME, "t": TIME, "u": UNIT, "bn": BASE, "bt": TIME, "bu": UNIT, "bv": NUMBER, "zz": NUMBER},
)
PACK = st.lists(RECORD, max_size=5)


@settings(max_examples=500, deadline=None)
@given(st.lists(PACK, max_size=4))
def test_what_the_fast_reader_accepts_the_full_rules_read_alike(packs: list[list[dict[str, object]]]) -> None:
    claims, _, careful = both(there(*(json.dumps(pack).encode() for pack in packs)))
    assert as_rows(claims) == as_rows(careful)
    assert claims.message.tolist() == careful.message.tolist()
    assert not careful.fault.any()


LIKELY = st.fixed_dictionaries(
    {"v": NUMBER, "n": st.sampled_from(["speed", "count"])}, optional={"t": st.integers(-9, 9)}
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(LIKELY, min_size=1, max_size=20), min_size=1, max_size=5), st.integers(0, 2**31))
def test_plain_packs_are_all_accepted(packs: list[list[dict[str, object]]], begun: int) -> None:
    for pack in packs:
        pack[0] |= {"bn": "counter-1:", "bt": begun}
    finite = [pack for pack in packs if all(abs(float(r["v"])) < 1e300 for r in pack)]  # type: ignore[arg-type]
    _, left, _ = both(there(*(json.dumps(pack, separators=(",", ":")).encode() for pack in finite)))
    assert left == []


@settings(max_examples=300, deadline=None)
@given(
    pack=st.lists(LIKELY, min_size=1, max_size=4),
    key=st.sampled_from(["v", "n", "t", "u", "bn", "bt", "bu"]),
    at=st.integers(0, 3),
)
def test_no_duplicate_key_is_accepted(pack: list[dict[str, object]], key: str, at: int) -> None:
    values = {"v": 7, "n": "count", "t": 0, "u": "m/s", "bn": "counter-1:", "bt": 0, "bu": "m/s"}
    texts = [json.dumps(record) for record in pack]
    twice = f'"{key}": {json.dumps(values[key])}, '
    texts[at % len(texts)] = "{" + twice * 2 + texts[at % len(texts)][1:]
    clean = b'[{"bn":"counter-1:","n":"count","v":1}]'
    _, left, _ = both(there(clean, f"[{','.join(texts)}]".encode(), clean))
    assert left == [1]


@pytest.mark.parametrize(
    "payload",
    [
        b'[{"n":"count","v":1,"v":1}]',
        b'[{"n":"count","n":"count:","v":1}]',
        b'[{"n":"count","v":1,"u":"","u":""}]',
        b'[{"n":"count","v":1},{"bt":1785585600,"n":"count","v":1}]',
        b'[{"n":"count","v":1},{"bn":"counter-1:","n":"count","v":1}]',
        b'[{"n":"count","v":1},{"bu":"count","n":"count","v":1}]',
        b'[{"n":"co\\u0075nt","v":1}]',
        b'[{"n":"count","v":1,"x":1}]',
        b'[{"n":"count","v":1},{"n":"nobody","v":1}]',
        b"[]",
    ],
    ids=bytes.decode,
)
def test_leaves_to_the_full_rules(payload: bytes) -> None:
    clean = b'[{"n":"count","v":1}]'
    claims, left, _ = both(there(clean, payload, clean))
    assert left == [1]
    assert claims.message.tolist() == [0, 2]


@pytest.mark.parametrize("at", [2**28 - 1, 2**28, 2**28 + 1, 0, -1, 253_402_300_799])
def test_the_two_kinds_of_time_part_at_the_same_second(at: int) -> None:
    claims, left, careful = both(there(b'[{"n":"count","v":1,"t":%d}]' % at))
    assert left == []
    assert as_rows(claims) == as_rows(careful)


def test_names_remember_nothing_a_sender_makes_up() -> None:
    names = Names(REGISTRY)
    for i in range(1000):
        plain.read(there(b'[{"bn":"made-up-%d:","n":"count","v":1}]' % i), names, CONVERSIONS)
    assert names.remembered == 0


def test_conversions_remember_nothing_a_sender_makes_up() -> None:
    conversions = Conversions(REGISTRY)
    for i in range(1000):
        plain.read(there(b'[{"n":"count","u":"unit-%d","v":1}]' % i), NAMES, conversions)
    assert conversions.remembered == 0


def test_a_place_without_a_channel_reads_nothing() -> None:
    empty = number(msgspec.structs.replace(tiny_place(), devices={}))
    claims, left = plain.read(
        Messages([-1], [b'[{"n":"count","v":1}]'], [NOW_US], [1]), Names(empty), Conversions(empty)
    )
    assert left == [0]
    assert claims.value.dtype == np.float64
    assert len(claims) == 0
