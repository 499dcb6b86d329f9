"""Tolerant access to what other tools wrote: a field under any of its spellings, and what was not read told.

INVARIANT: no function here raises, for any value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import cast

MAX_TEXT = 2000  # a name or a note; what is longer is a document
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_TRUE, _FALSE = frozenset({"true", "yes", "y", "1"}), frozenset({"false", "no", "n", "0"})


def squash(word: str) -> str:
    """A word without case and separators: `in-process_LibraryCall` is `inprocesslibrarycall`."""
    return _squashed(word[:MAX_TEXT])


@lru_cache(maxsize=2048)  # names of fields come again and again; at most 8 MB
def _squashed(word: str) -> str:
    return _NOT_WORD.sub("", word.lower())


def spellings(words: str) -> frozenset[str]:
    """Words of a format, to be looked up squashed."""
    return frozenset(map(squash, words.split()))


def as_map(value: object) -> dict[str, object]:
    """A mapping; an empty one for anything else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """A list; a single value is a list of one, nothing is an empty list."""
    if isinstance(value, list):
        return cast("list[object]", value)
    return [] if value is None or value == "" else [value]


def as_text(value: object, most: int = MAX_TEXT) -> str:
    """One printable line; empty for what is no text or number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = (
        str(value) if isinstance(value, str) else f"{value:.12g}" if isinstance(value, float) else f"{value:d}"[:most]
    )
    text = text[: 2 * most]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."


def as_number(value: object) -> float | None:
    """A finite number, also one written as text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value[:64] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_flag(value: object) -> bool:
    """Whether it says yes."""
    return value is True or (isinstance(value, str | int) and squash(str(value)[:8]) in _TRUE)


def as_date(value: object) -> str | None:
    """The day of an ISO date or time, as `2026-01-31`."""
    text = as_text(value, 40)[:10]
    try:
        return date.fromisoformat(text).isoformat() if len(text) == len("2026-01-31") else None
    except ValueError:
        return None


class Fields:
    """The fields of one mapping under any spelling of their names, and which of them were read."""

    def __init__(self, value: object, where: str) -> None:
        self.where = where
        self._fields: dict[str, tuple[str, object]] = {}
        for key, child in as_map(value).items():
            self._fields.setdefault(squash(key), (key, child))
        self._read: set[str] = set()

    def get(self, name: str) -> object:
        """The value of a field, or None."""
        found = self._fields.get(squash(name))
        self._read.add(squash(name))
        return found[1] if found else None

    def text(self, name: str) -> str:
        """A field as text."""
        return as_text(self.get(name))

    def texts(self, name: str) -> list[str]:
        """A field as a list of texts, empty ones left out, each once."""
        return list(dict.fromkeys(filter(None, map(as_text, as_list(self.get(name))))))

    def map(self, name: str) -> dict[str, object]:
        """A field as a mapping."""
        return as_map(self.get(name))

    def list(self, name: str) -> list[object]:
        """A field as a list."""
        return as_list(self.get(name))

    def flag(self, name: str) -> bool:
        """Whether a field says yes."""
        return as_flag(self.get(name))

    def number(self, name: str) -> float | None:
        """A field as a number."""
        return as_number(self.get(name))

    def unread(self) -> Iterator[str]:
        """The names, as the file spells them, of fields that hold something and were not asked for."""
        for key, (name, value) in self._fields.items():
            if key not in self._read and value not in (None, "", False, [], {}):
                yield as_text(name, 80)
