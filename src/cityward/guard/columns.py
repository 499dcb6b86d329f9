"""What goes into the release gate and what comes out of it, as columns; and the digest of what comes out.

Texts and coordinates are told by a few different words over many rows: they are kept as codes into their sorted words.

INVARIANT: the same told table has one digest, whoever computes it from whatever encoding (docs/release.md has the recipe).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Rows:
    """Held observations that somebody wants. Columns of length N: channel int32; value float64; times int64 us.

    received_at: None where nobody asks when they came: only cells do.
    """

    channel: NDArray[np.int32]
    value: NDArray[np.float64]
    observed_at: NDArray[np.int64]
    received_at: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.channel)

    def take(self, rows: NDArray[Any] | slice) -> Rows:
        """The rows at these indices, in this order; or those where a mask holds; or a slice."""
        came = None if self.received_at is None else self.received_at[rows]
        return Rows(self.channel[rows], self.value[rows], self.observed_at[rows], came)


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of words: `words[codes]`. Words are sorted, each once, and every one is used. Codes are of the least width."""

    codes: NDArray[np.unsignedinteger[Any]]
    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def tolist(self) -> list[str]:
        """The words, row by row."""
        return [self.words[code] for code in self.codes.tolist()]


Column = NDArray[Any] | Coded


def coded(codes: NDArray[Any], words: Sequence[str]) -> Coded:
    """The column of `words[codes]`, whatever order the words are in, repeated or unused."""
    seen = np.bincount(codes, minlength=len(words)).tolist()
    told = sorted({word for word, used in zip(words, seen, strict=True) if used})
    place = {word: n for n, word in enumerate(told)}
    number = np.array([place.get(word, 0) for word in words], dtype=width_of(len(told)))
    return Coded(number[codes], tuple(told))


def digest_of(columns: Mapping[str, Column]) -> str:
    """SHA-256, hexadecimal, over the told columns in their order and the rows in theirs.

    Of each column its name and a zero byte; then, of times and counts, int64; of values, binary64; of words their number as
    int64, each with a zero byte behind, and the codes as unsigned integers of 1 byte (up to 256 words), 2 (up to 65,536) or 4.
    All little-endian.
    """
    hashed = hashlib.sha256()
    for name, column in columns.items():
        hashed.update(name.encode() + b"\0")
        if isinstance(column, Coded):
            hashed.update(len(column.words).to_bytes(8, "little"))
            hashed.update("".join(word + "\0" for word in column.words).encode())
            hashed.update(np.ascontiguousarray(column.codes, dtype=width_of(len(column.words))).data)
        else:
            hashed.update(np.ascontiguousarray(column, dtype="<f8" if column.dtype.kind == "f" else "<i8").data)
    return hashed.hexdigest()


def width_of(words: int) -> str:
    """The type of codes into so many words."""
    return "<u1" if words <= 1 << 8 else "<u2" if words <= 1 << 16 else "<u4"
