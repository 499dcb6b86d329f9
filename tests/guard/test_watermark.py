"""The watermark: found in its own copies, however cut and mixed; in others as seldom as is said; what matters is not changed."""

from __future__ import annotations

import hmac
import math
import struct

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from cityward.catalogue import PROPERTIES
from cityward.guard.forms import RecipientKeys
from cityward.guard.hashing import siphash
from cityward.guard.watermark import RESOLUTION, find, marked
from cityward.place.release import Form
from releases import KEYS, laid_out, passed, rows_of, table

TOWN = laid_out()
NAMES = ["air-temperature", "vehicle-count"]
MINE, OTHERS = bytes(range(32)), bytes(range(1, 33))
CHANCE = np.random.default_rng(7)
VALUES = CHANCE.normal(12, 6, 400).round(1)
AT = (1_728_000_000 + 60 * np.arange(400)) * 1_000_000
WARM = np.zeros(400, dtype=np.int32)
COPY = marked(VALUES, NAMES, WARM, AT, MINE)


def test_which_of_a_pair_is_told_is_the_lowest_bit_of_the_masked_block_under_the_recipients_key() -> None:
    """Worked out row by row, by the words of the module alone."""
    names = ["air-temperature", "wind-speed"]
    code = np.array([0, 1, 0, 1], dtype=np.int32)
    value, at = np.array([12.3, 4.5, -7.1, 0.0]), AT[:4]
    right: list[float] = []
    for row in range(4):
        name, pair = names[code[row]], int(np.floor(value[row] / 0.1 + 1e-9))
        mask = hmac.new(MINE, f"cityward watermark 3 {name}".encode(), "sha256").digest()[:16]
        block = bytes(a ^ b for a, b in zip(struct.pack("<qq", at[row], pair), mask, strict=True))
        key = hmac.new(MINE, b"cityward watermark 3", "sha256").digest()
        bit = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)[0] & 1
        right.append(round((2 * pair + bit) * 0.05, 6))
    assert marked(value, names, code, at, MINE).tolist() == right


def test_the_hash_is_siphash_2_4():
    """Beside one written down by the paper's text alone, which itself gives the paper's vector (appendix A)."""
    assert _plain(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
    words = CHANCE.integers(0, 2**63, (3, 50), dtype=np.uint64)
    right = [_plain(MINE[:16], b"".join(int(w).to_bytes(8, "little") for w in column)) for column in words.T]
    assert siphash(list(words), MINE[:16]).tolist() == right


def _plain(key: bytes, text: bytes) -> int:
    mask = 2**64 - 1

    def turn(x: int, by: int) -> int:
        return (x << by | x >> 64 - by) & mask

    def rounds(v: list[int], times: int) -> None:
        for _ in range(times):
            v[0] = (v[0] + v[1]) & mask
            v[2] = (v[2] + v[3]) & mask
            v[1], v[3] = turn(v[1], 13) ^ v[0], turn(v[3], 16) ^ v[2]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[1]) & mask
            v[0] = (v[0] + v[3]) & mask
            v[1], v[3] = turn(v[1], 17) ^ v[2], turn(v[3], 21) ^ v[0]
            v[2] = turn(v[2], 32)

    k = [int.from_bytes(key[i : i + 8], "little") for i in (0, 8)]
    v = [k[0] ^ 0x736F6D6570736575, k[1] ^ 0x646F72616E646F6D, k[0] ^ 0x6C7967656E657261, k[1] ^ 0x7465646279746573]
    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) % 256])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i : i + 8], "little")
        v[3] ^= word
        rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def test_is_found_in_a_part_of_a_copy_in_any_order():
    some = CHANCE.permutation(400)[:40]
    found = find(COPY[some], NAMES, WARM[some], AT[some], MINE)
    assert (found.rows, found.agreed) == (40, 40)
    assert found.chance == pytest.approx(2.0**-40)


@pytest.mark.parametrize("values", [VALUES, marked(VALUES, NAMES, WARM, AT, OTHERS)], ids=["unmarked", "another's"])
def test_is_not_found_in_other_copies(values: np.ndarray):
    found = find(values, NAMES, WARM, AT, MINE)
    assert found.chance > 1e-4


def test_the_stated_chance_is_how_often_it_is_wrong():
    """Of 2,000 keys that marked nothing, about one in a hundred says one in a hundred."""
    some = slice(0, 60)
    said = [find(VALUES[some], NAMES, WARM[some], AT[some], n.to_bytes(32, "big")).chance for n in range(2000)]
    for level in (0.1, 0.01):
        expected = 2000 * level
        assert sum(c <= level for c in said) <= expected + 4 * math.sqrt(expected)


def test_outlasts_half_of_a_copy_being_changed():
    changed = COPY.copy()
    changed[::2] += CHANCE.normal(0, 1, 200).round(1)
    assert find(changed, NAMES, WARM, AT, MINE).chance < 1e-9


def test_is_gone_where_values_are_rounded_to_what_matters():
    """Said in docs/release.md."""
    assert find(COPY.round(0), NAMES, WARM, AT, MINE).chance > 1e-4


@pytest.mark.parametrize("value", [1e300, -1e300, 1.7e308, 1e18, np.inf, np.nan])
def test_values_too_large_to_be_marked_say_nothing_in_a_copy(value: float):
    told = np.append(COPY[:40], [value] * 40)
    found = find(told, NAMES, np.append(WARM[:40], WARM[:40]), np.append(AT[:40], AT[40:80]), MINE)
    assert found == find(COPY[:40], NAMES, WARM[:40], AT[:40], MINE)


def test_rows_told_twice_count_once():
    twice = [np.concatenate([column, column]) for column in (COPY[:30], AT[:30])]
    found = find(twice[0], NAMES, np.zeros(60, dtype=np.int32), twice[1], MINE)
    assert found.rows <= 30


@given(st.sampled_from(sorted(RESOLUTION)), st.floats(0, 1), st.booleans(), st.integers(0, 2**60))
def test_changes_no_value_by_its_resolution(prop: str, share: float, on_the_grid: bool, at: int):
    low, high = PROPERTIES[prop].low, PROPERTIES[prop].high
    value = low + share * (high - low)
    value = round(value, 1) if on_the_grid else value
    told = marked(np.array([value]), [prop], np.zeros(1, dtype=np.int32), np.array([at]), MINE)
    assert abs(told[0] - value) < RESOLUTION[prop]
    again = marked(told, [prop], np.zeros(1, dtype=np.int32), np.array([at]), MINE)
    assert again[0] == told[0]


def test_counts_and_states_are_told_as_they_are():
    assert not any(PROPERTIES[p].unit == "count" or PROPERTIES[p].kind == "state" for p in RESOLUTION)
    counts = np.array([0.0, 3.0, 7.0])
    told = marked(counts, NAMES, np.ones(3, dtype=np.int32), AT[:3], MINE)
    assert told.tolist() == counts.tolist()
    assert find(counts, NAMES, np.ones(3, dtype=np.int32), AT[:3], MINE).rows == 0


def test_a_released_copy_tells_whose_it_is():
    rows = rows_of(TOWN, *(("meter-01", n, float(v)) for n, v in enumerate(VALUES[:60])))
    told = table(passed(rows, Form(watermark=True, pseudonymise=True), TOWN))
    value, at = (np.array([row[name] for row in told]) for name in ("value", "observed_at"))
    code = np.zeros(60, dtype=np.int32)
    assert find(value, ["air-temperature"], code, at, KEYS.mark).chance < 1e-15
    assert find(value, ["air-temperature"], code, at, RecipientKeys(names=bytes(32), mark=bytes(32)).mark).chance > 1e-4


def test_an_empty_copy_says_nothing():
    none = find(np.empty(0), NAMES, np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64), MINE)
    assert (none.rows, none.agreed, none.chance) == (0, 0, 1.0)
