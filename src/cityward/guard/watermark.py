"""Whose copy is this? A mark in the values that only the holder of the recipient's key can see.

Theory of operation
-------------------
Values are told on a grid of half their property's resolution. Two neighbours of the grid, 2j and 2j + 1, are a pair; which of
the two is told is a keyed bit of (time told, j): the lowest of AES-256 of that block under a key of the recipient's, the block
masked for the property. In a copy that carries the recipient's mark every row agrees with its bit; in any other each agrees with
chance 1/2, whatever the values are, because the bits are those of a keyed function. So the chance that so many of n rows agree by
accident is the tail of the binomial distribution: forty rows that all agree are one in 10**12.

It stands in each row by itself: rows may be reordered, left out, joined with others. It needs no device. It is gone where
values are rounded to the resolution or noise of its size is added, where times are changed, and in what counts or states
(`vehicle-count`, `lamp-level`), which are told as they are: a changed count would be false.

INVARIANT: no value is changed by its property's resolution or more.

Source: AES (FIPS 197). PRECEDENT: parity marks by keyed hash of a row's own key (Agrawal, Kiernan 2002).
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from cityward.catalogue import PROPERTIES

RESOLUTION: dict[str, float] = {
    "air-temperature": 0.1, "dew-point": 0.1, "relative-humidity": 0.1, "air-pressure": 0.1, "rain": 0.1, "wind-speed": 0.1,
    "pm2-5": 0.1, "pm10": 0.1, "so2": 0.1, "no2": 0.1, "co": 1.0, "o3": 0.1, "illuminance": 0.1, "sound-level": 0.1,
    "vehicle-speed": 0.02, "fill-level": 0.1, "water-level": 0.002, "lamp-power": 0.1,
}  # fmt: skip
"""What no use of a property can tell apart, in its unit: at most what good instruments resolve. Others are not marked."""

_CHUNK = 16_384  # rows at a time: their columns stay in the processor's cache
_HAIR = 1e-9  # of a pair: what stands on the grid is in the pair it begins, whatever division makes of it
_MOST = 2.0**52  # pairs beyond it are no whole numbers any more: such values stay as they are
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
    steps, pen = _steps(properties), _Pen(properties, key)
    out = np.empty_like(value)
    for first in range(0, len(value), _CHUNK):
        part = slice(first, first + _CHUNK)
        kind = code[part].astype(np.intp)  # once: it looks up three things
        out[part] = _marked(value[part], steps[kind], pen, kind, at[part])
    return out


def _marked(
    value: NDArray[np.float64], step: NDArray[np.float64], pen: _Pen, code: NDArray[np.intp], at: NDArray[np.int64]
) -> NDArray[np.float64]:
    """A few rows of `marked`; most often all of them can be."""
    can = step > 0
    pair = value / (2 * step if bool(can.all()) else np.where(can, 2 * step, 1.0))
    pair += _HAIR
    np.floor(pair, out=pair)
    can &= np.abs(pair) < _MOST
    every = bool(can.all())
    point = (pair if every else np.where(can, pair, 0.0)).astype(np.int64)
    bit = pen.bits(code, at, point)
    point *= 2
    point += bit
    told = np.round(point * step, 6)
    return told if every else np.where(can, told, value)


def find(
    value: NDArray[np.float64], properties: Sequence[str], code: NDArray[np.int32], at: NDArray[np.int64], key: bytes
) -> Found:
    """How far a copy carries a recipient's mark; arguments as of `marked`. Rows that say the same are counted once.

    What is too large to be marked says nothing.
    """
    step = _steps(properties)[code]
    with np.errstate(over="ignore"):  # a copy holds what it likes
        point = np.rint(np.divide(value, step, out=np.full(len(value), np.inf), where=step > 0))
    ok = np.abs(point) < 2 * _MOST  # NaN is not
    point = point[ok]
    known = np.unique(np.stack([code[ok].astype(np.int64), at[ok], point.astype(np.int64)], axis=1), axis=0)
    pairs, both = np.unique(np.stack([known[:, 0], known[:, 1], known[:, 2] >> 1], axis=1), axis=0, return_counts=True)
    if len(pairs) != len(known):  # where both of a pair stand, one agrees for certain: that says nothing
        single = {tuple(p) for p in pairs[both == 1].tolist()}
        known = known[[(a, b, c >> 1) in single for a, b, c in known.tolist()]]
    bits = _Pen(properties, key).bits(known[:, 0], known[:, 1], known[:, 2] >> 1)
    agreed = int((bits == (known[:, 2] & 1)).sum())
    return Found(len(known), agreed, _tail(len(known), agreed))


def _steps(properties: Sequence[str]) -> NDArray[np.float64]:
    return np.array([RESOLUTION.get(p, 0.0) / 2 if p in PROPERTIES else 0.0 for p in properties])


class _Pen:
    """Tells the keyed bits of one recipient.

    SECURITY: ECB hides nothing of repeated blocks, and need not: no ciphertext is told, only one bit of each block, and a row
    that is told twice is to carry the same bit. Masks (XOR before the cipher) make properties independent of each other.
    """

    def __init__(self, properties: Sequence[str], key: bytes) -> None:
        made = (hmac.new(key, b"cityward watermark 3 " + name.encode(), "sha256").digest()[:16] for name in properties)
        self._masks = np.frombuffer(b"".join(made), dtype="<i8").reshape(-1, 2).T.copy()
        aes = algorithms.AES(hmac.new(key, b"cityward watermark 3", "sha256").digest())
        self._cipher = Cipher(aes, modes.ECB()).encryptor()  # noqa: S305 - see above

    def bits(self, code: NDArray[Any], at: NDArray[np.int64], pair: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) a keyed bit of each row."""
        block = np.empty((len(at), 2), dtype="<i8")
        for half, (mask, word) in enumerate(zip(self._masks, (at, pair), strict=True)):
            np.bitwise_xor(mask[code], word, out=block[:, half])
        said = self._cipher.update(block.data.cast("B")) if len(block) else b""
        return np.frombuffer(said, dtype="<i8")[::2] & 1


def _tail(rows: int, agreed: int) -> float:
    """P(X >= agreed) of X binomial(rows, 1/2); by Hoeffding's bound, which is never below it, where there are many rows."""
    if 2 * agreed <= rows:
        return 1.0
    if rows > _EXACT:
        return math.exp(-2 * (agreed - rows / 2) ** 2 / rows)
    return sum(math.comb(rows, n) for n in range(agreed, rows + 1)) / 2**rows
