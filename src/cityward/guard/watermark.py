"""Whose copy is this? A mark in the values that only the holder of the recipient's key can see.

Theory of operation
-------------------
Values are told on a grid of half their property's resolution. Two neighbours of the grid, 2j and 2j + 1, are a pair; which of
the two is told is a keyed bit of (time told, j): SipHash-1-3 under a key of the recipient and the property. In a copy that
carries the recipient's mark every row agrees with its bit; in any other each agrees with chance 1/2, whatever the values are,
because the bits are those of a keyed function. So the chance that so many of n rows agree by accident is the tail of the
binomial distribution: forty rows that all agree are one in 10**12.

It stands in each row by itself: rows may be reordered, left out, joined with others. It needs no device. It is gone where
values are rounded to the resolution or noise of its size is added, where times are changed, and in what counts or states
(`vehicle-count`, `lamp-level`), which are told as they are: a changed count would be false.

INVARIANT: no value is changed by its property's resolution or more.

Source: SipHash (Aumasson, Bernstein 2012). PRECEDENT: parity marks by keyed hash of a row's own key (Agrawal, Kiernan 2002).
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.catalogue import PROPERTIES

RESOLUTION: dict[str, float] = {
    "air-temperature": 0.1, "dew-point": 0.1, "relative-humidity": 0.1, "air-pressure": 0.1, "rain": 0.1, "wind-speed": 0.1,
    "pm2-5": 0.1, "pm10": 0.1, "so2": 0.1, "no2": 0.1, "co": 1.0, "o3": 0.1, "illuminance": 0.1, "sound-level": 0.1,
    "vehicle-speed": 0.02, "fill-level": 0.1, "water-level": 0.002, "lamp-power": 0.1,
}  # fmt: skip
"""What no use of a property can tell apart, in its unit: at most what good instruments resolve. Others are not marked."""

_CHUNK = 16_384  # rows at a time: the columns of the hash stay in the processor's cache
_HAIR = 1e-9  # of a pair: what stands on the grid is in the pair it begins, whatever division makes of it
_EXACT = 4_096  # up to so many rows the chance is worked out exactly


@dataclass(frozen=True, slots=True)
class Found:
    """What a copy shows. agreed: of `rows` rows that say anything. chance: that so many agree in a copy without this mark."""

    rows: int
    agreed: int
    chance: float


def marked(
    value: NDArray[np.float64], properties: Sequence[str], code: NDArray[np.int32], at: NDArray[np.int64], key: bytes
) -> NDArray[np.float64]:
    """The values as this recipient is told them.

    Args:
        value: (N,) in the properties' units.
        properties: by code; of those without a `RESOLUTION` the values stay.
        code: (N,) the property of each row.
        at: (N,) the times as they are told, us.
        key: the recipient's.
    """
    step = _steps(properties)[code]
    can = step > 0
    pair = np.floor(value / np.where(can, 2 * step, 1.0) + _HAIR)
    can &= np.abs(pair) < 2.0**52
    pair = np.where(can, pair, 0.0).astype(np.int64)
    bit = _bits(_keys(properties, key), code, at, pair)
    return np.where(can, np.round((2 * pair + bit) * step, 6), value)


def find(
    value: NDArray[np.float64], properties: Sequence[str], code: NDArray[np.int32], at: NDArray[np.int64], key: bytes
) -> Found:
    """How far a copy carries a recipient's mark; arguments as of `marked`. Rows that say the same are counted once."""
    step = _steps(properties)[code]
    ok = (step > 0) & np.isfinite(value)
    point = np.rint(value[ok] / step[ok])
    known = np.unique(np.stack([code[ok].astype(np.int64), at[ok], point.astype(np.int64)], axis=1), axis=0)
    pairs, both = np.unique(np.stack([known[:, 0], known[:, 1], known[:, 2] >> 1], axis=1), axis=0, return_counts=True)
    if len(pairs) != len(known):  # where both of a pair stand, one agrees for certain: that says nothing
        single = {tuple(p) for p in pairs[both == 1].tolist()}
        known = known[[(a, b, c >> 1) in single for a, b, c in known.tolist()]]
    bits = _bits(_keys(properties, key), known[:, 0], known[:, 1], known[:, 2] >> 1)
    agreed = int((bits == (known[:, 2] & 1)).sum())
    return Found(len(known), agreed, _tail(len(known), agreed))


def _steps(properties: Sequence[str]) -> NDArray[np.float64]:
    return np.array([RESOLUTION.get(p, 0.0) / 2 if p in PROPERTIES else 0.0 for p in properties])


def _keys(properties: Sequence[str], key: bytes) -> NDArray[np.uint64]:
    """(P, 2) a key of each property, made of the recipient's."""
    made = (hmac.new(key, b"cityward watermark 2 " + name.encode(), "sha256").digest()[:16] for name in properties)
    return np.frombuffer(b"".join(made), dtype="<u8").astype(np.uint64).reshape(-1, 2)


def _tail(rows: int, agreed: int) -> float:
    """P(X >= agreed) of X binomial(rows, 1/2); by Hoeffding's bound, which is never below it, where there are many rows."""
    if 2 * agreed <= rows:
        return 1.0
    if rows > _EXACT:
        return math.exp(-2 * (agreed - rows / 2) ** 2 / rows)
    return sum(math.comb(rows, n) for n in range(agreed, rows + 1)) / 2**rows


def _bits(
    keys: NDArray[np.uint64], code: NDArray[Any], at: NDArray[np.int64], pair: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(N,) a keyed bit of each row. One bit is told of each hash, and of few rows twice the same: 1-3 rounds do."""
    out = np.empty(len(at), dtype=np.int64)
    for first in range(0, len(at), _CHUNK):
        part = slice(first, first + _CHUNK)
        words = (np.ascontiguousarray(at[part]).view(np.uint64), np.ascontiguousarray(pair[part]).view(np.uint64))
        mine = keys[code[part]]
        hashed = _hashed(words, mine[:, 0], mine[:, 1], 1, 3)
        out[part] = (hashed & np.uint64(1)).astype(np.int64)
    return out


def siphash(words: Sequence[NDArray[np.uint64]], key: bytes) -> NDArray[np.uint64]:
    """(N,) SipHash-2-4 of N messages of as many 64-bit little-endian words as there are columns, under a key of 16 bytes."""
    k0, k1 = (np.uint64(int.from_bytes(key[i : i + 8], "little")) for i in (0, 8))
    return _hashed(words, k0, k1, 2, 4)


def _hashed(
    words: Sequence[NDArray[np.uint64]],
    k0: NDArray[np.uint64] | np.uint64,
    k1: NDArray[np.uint64] | np.uint64,
    rounds: int,
    last_rounds: int,
) -> NDArray[np.uint64]:
    """SipHash with so many rounds for each word and at the end; the keys of all rows, or of each."""
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v = [np.empty(len(words[0]), dtype=np.uint64) for _ in constants]
    for state, constant, k in zip(v, constants, (k0, k1) * 2, strict=True):
        np.bitwise_xor(np.uint64(constant), k, out=state)
    last = np.full(len(words[0]), (8 * len(words) % 256) << 56, dtype=np.uint64)
    spare = np.empty_like(last)
    for word in (*words, last):
        v[3] ^= word
        for _ in range(rounds):
            _round(v, spare)
        v[0] ^= word
    v[2] ^= np.uint64(0xFF)
    for _ in range(last_rounds):
        _round(v, spare)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _round(v: list[NDArray[np.uint64]], spare: NDArray[np.uint64]) -> None:
    for a, b, turn, wide in ((0, 1, 13, True), (2, 3, 16, False), (0, 3, 21, False), (2, 1, 17, True)):
        v[a] += v[b]
        _turn(v[b], turn, spare)
        v[b] ^= v[a]
        if wide:
            _turn(v[a], 32, spare)


def _turn(x: NDArray[np.uint64], by: int, spare: NDArray[np.uint64]) -> None:
    """Rotate left, in place: new arrays would cost as much as the hash."""
    np.left_shift(x, np.uint64(by), out=spare)
    x >>= np.uint64(64 - by)
    x |= spare
