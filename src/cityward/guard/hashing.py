"""SipHash over columns: a keyed hash of many short messages at once.

Source: SipHash (Aumasson, Bernstein 2012).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def siphash(words: Sequence[NDArray[np.uint64]], key: bytes) -> NDArray[np.uint64]:
    """(N,) SipHash-2-4 of N messages of as many 64-bit little-endian words as there are columns, under a key of 16 bytes."""
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    halves = [int.from_bytes(key[i : i + 8], "little") for i in (0, 8)] * 2
    v = [np.full(len(words[0]), constant ^ k, dtype=np.uint64) for constant, k in zip(constants, halves, strict=True)]
    last = np.full(len(words[0]), (8 * len(words) % 256) << 56, dtype=np.uint64)
    spare = np.empty_like(last)
    for word in (*words, last):
        v[3] ^= word
        for _ in range(2):
            _round(v, spare)
        v[0] ^= word
    v[2] ^= np.uint64(0xFF)
    for _ in range(4):
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
