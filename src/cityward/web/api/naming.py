"""By what name people know the ids of an answer: only of those that stand in it, so that no name is told to whom the id is not.

An id may be that of a dataset and of a purpose as well, so names are told by kind, and the kind of an id is known by its field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cityward.place.model import Place
from cityward.place.parties import Jurisdiction

KIND_OF = {
    "recipient": "recipient", "party": "party", "dataset": "dataset", "datasets": "dataset", "purpose": "purpose",
    "flow": "flow", "flows": "flow", "agreement": "agreement", "law": "jurisdiction", "possibly": "jurisdiction",
    "certain": "jurisdiction", "possible": "jurisdiction", "transfers": "jurisdiction",
}  # fmt: skip
"""A field of an answer -> what its text, or each of its texts, is the id of."""

Names = Mapping[str, Mapping[str, str]]


def names_in(place: Place, told: object) -> Names:
    """Kind -> id -> name, of every id in an answer (of plain lists and dictionaries) that has a name."""
    known: dict[str, Mapping[str, Any]] = {
        "recipient": place.recipients,
        "party": place.parties,
        "dataset": place.datasets,
        "purpose": place.purposes,
        "flow": place.flows,
        "agreement": place.agreements,
        "jurisdiction": _lands(place),
    }
    found: dict[str, dict[str, str]] = {}
    for kind, id_ in _ids(told):
        record = known[kind].get(id_)
        if record is not None and record.name:
            found.setdefault(kind, {})[id_] = record.name
    return found


def _lands(place: Place) -> dict[str, Jurisdiction]:
    """By id, and by code where only one bears it: registers write codes."""
    codes = Counter(one.code for one in place.jurisdictions.values())
    by_code = {one.code: one for one in place.jurisdictions.values() if codes[one.code] == 1}
    return by_code | dict(place.jurisdictions)


def _ids(told: object) -> Iterator[tuple[str, str]]:
    if isinstance(told, Mapping):
        for field, value in told.items():
            if field in KIND_OF and isinstance(value, str | list | tuple):
                for one in [value] if isinstance(value, str) else value:
                    if isinstance(one, str):
                        yield KIND_OF[field], one
            else:
                yield from _ids(value)
    elif isinstance(told, list | tuple):
        for one in told:
            yield from _ids(one)
