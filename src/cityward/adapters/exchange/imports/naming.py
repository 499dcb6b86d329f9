"""Foreign names as ids of ours: kebab-case, the same for the same file, and never two things under one id.

Kinds that may stand in one field of a declaration share one namespace, as in `place.reading.references`.

INVARIANTS
- `give` returns an id that `is_id` accepts, that no rival kind has, and that is not the word `unknown`.
- A file's names are given in linear time, also where all are equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping

from cityward.ids import ID_LENGTH
from cityward.place.reading.references import REFERENCES
from cityward.place.record import UNKNOWN

_NOT_ID = re.compile(r"[^a-z0-9]+")
_SPELLED = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "ae", "ø": "o", "Ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "Ł": "l"}
)


def slug(text: str, empty: str) -> str:
    """The text in kebab-case, at most 64 letters; `empty` where nothing of it is left."""
    folded = unicodedata.normalize("NFKD", text[: 4 * ID_LENGTH].translate(_SPELLED))
    plain = folded.encode("ascii", "ignore").decode().lower()
    return _NOT_ID.sub("-", plain).strip("-")[:ID_LENGTH].rstrip("-") or empty


def _rivals() -> dict[str, frozenset[str]]:
    """kind -> the kinds whose ids it may not have, itself among them."""
    rivals: dict[str, set[str]] = {kind: {kind} for kind in REFERENCES} | {"purposes": {"purposes"}}
    for fields in REFERENCES.values():
        for kinds in fields.values():
            for kind in kinds:
                rivals.setdefault(kind, {kind}).update(kinds)
    return {kind: frozenset(others) for kind, others in rivals.items()}


RIVALS: Mapping[str, frozenset[str]] = _rivals()


class Names:
    """The ids given so far, by kind and by what the file calls the thing."""

    def __init__(self, taken: Mapping[str, Collection[str]]) -> None:
        self._used: dict[str, set[str]] = defaultdict(set)
        for kind, ids in taken.items():
            self._used[kind].update(ids)
        self._given: dict[tuple[str, str], str] = {}
        self._last: dict[tuple[str, str], int] = {}

    def give(self, kind: str, key: str, text: str) -> str:
        """A new id for a thing.

        Args:
            kind: of record.
            key: what the file refers to it by; where two things have one, `of` finds the first.
            text: what the id is made from.
        """
        base = slug(text, kind.rstrip("s").replace("_", "-"))
        name, number = base, self._last.get((kind, base), 1)
        while self._is_taken(kind, name):
            number += 1
            suffix = f"-{number}"
            name = base[: ID_LENGTH - len(suffix)].rstrip("-") + suffix
        self._last[kind, base] = number
        self._used[kind].add(name)
        self._given.setdefault((kind, key), name)
        return name

    def claim(self, kind: str, name: str) -> bool:
        """Keep an id as it is; False where it is taken."""
        if self._is_taken(kind, name):
            return False
        self._used[kind].add(name)
        self._given.setdefault((kind, name), name)
        return True

    def know(self, kind: str, key: str, name: str) -> None:
        """What the file refers to by `key` has an id already."""
        self._given.setdefault((kind, key), name)

    def of(self, key: str, *kinds: str) -> str | None:
        """The id of what the file calls so, in the first of the kinds that has it."""
        return next((self._given[kind, key] for kind in kinds if (kind, key) in self._given), None)

    def _is_taken(self, kind: str, name: str) -> bool:
        return name == UNKNOWN or any(
            name in self._used[rival] for rival in RIVALS.get(kind, (kind,)) if rival in self._used
        )
