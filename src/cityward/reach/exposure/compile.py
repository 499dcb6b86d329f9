"""From a declaration to clauses: every rule of docs/reach.md, in its order."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from cityward.place.model import Place
from cityward.reach.exposure.clauses import ClauseList, Model
from cityward.reach.exposure.data import data
from cityward.reach.exposure.declared import Declared
from cityward.reach.exposure.failing import failing, near
from cityward.reach.exposure.parties import parties
from cityward.reach.exposure.things import things


def compile_place(place: Place) -> Model:
    """What a checked place implies. The same declaration gives the same clauses in the same order."""
    declared, to = Declared(place), ClauseList()
    for part in (parties, things, data, failing, near):
        part(declared, to)
    return to.model()


def place_on(place: Place, day: date) -> Place:
    """The place as it is on a day: records that begin later, or have ended, are left out.

    What names such a record keeps the name, which then names nothing: a site that is gone counts as not known, anything else
    as not there.
    """
    kinds: dict[str, Any] = {}
    for field in msgspec.structs.fields(place):
        records = getattr(place, field.name)
        if isinstance(records, dict):
            kinds[field.name] = {name: record for name, record in records.items() if _holds(record, day)}
    return msgspec.structs.replace(place, **kinds)


def _holds(record: Any, day: date) -> bool:
    begins, ends = record.valid_from, record.valid_to
    return (begins is None or begins <= day) and (ends is None or day <= ends)
