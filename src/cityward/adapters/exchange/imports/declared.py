"""What a register tells of a party that the place declares already: a record that replaces the declared one.

Two parties are one where a scheme and an identifier of theirs are the same. Such a record is the declared one, field by field,
with what the register adds: owners that were not named, and `incorporated_in` where it was unknown.

INVARIANT: nothing that the place declares is taken away or altered: where a register says something else, that is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from cityward.adapters.exchange.imports.contract import Record
from cityward.adapters.exchange.imports.fields import squash
from cityward.adapters.exchange.imports.selection import normal
from cityward.place.model import Place
from cityward.place.parties import Party
from cityward.place.record import UNKNOWN

Tell = Callable[[str, str, str], None]
"""where, what, why."""
Stakes = list[dict[str, Any]]


class Declared:
    """The parties of a place by their identifiers."""

    def __init__(self, place: Place | None) -> None:
        self._ids: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, tuple[str, str]] = {}
        for name, party in place.parties.items() if place is not None else ():
            for scheme, number in party.ids.items():
                self._ids.setdefault((squash(scheme), normal(number)), name)
                self._numbers.setdefault(normal(number), (name, scheme))

    def with_ids(self, ids: Mapping[str, str]) -> str | None:
        """The declared party that has one of these identifiers."""
        keys = ((squash(scheme), normal(number)) for scheme, number in ids.items())
        return next((self._ids[key] for key in keys if key in self._ids), None)

    def nearly(self, ids: Mapping[str, str]) -> tuple[str, str, str] | None:
        """(party, its scheme, the scheme here) where a number is the same under another scheme."""
        told = ((*self._numbers.get(normal(number), ("", "")), scheme) for scheme, number in ids.items())
        return next((one for one in told if one[0]), None)


def replacing(name: str, declared: Party, found: Record, tell: Tell) -> Record | None:
    """The declared record with what a register adds; None where it adds nothing."""
    record = _written(declared)
    added: Record = {}
    owners = _owners(name, record.get("owners"), found.get("owners"), tell)
    if owners is not None:
        added["owners"] = owners
    country = found.get("incorporated_in", UNKNOWN)
    if UNKNOWN not in (country, declared.incorporated_in) and country != declared.incorporated_in:
        tell(f"parties.{name}.incorporated_in", country, f"the place says `{declared.incorporated_in}`, which stays")
    elif country != UNKNOWN and declared.incorporated_in == UNKNOWN:
        added["incorporated_in"] = country
    if "valid_to" in found and declared.valid_to is None:
        tell(f"parties.{name}.valid_to", found["valid_to"], "the register says that it was dissolved; yours to enter")
    if not added:
        return None
    evidence = UNKNOWN if declared.evidence == UNKNOWN else found.get("evidence", str(declared.evidence))
    notes = " ".join(filter(None, (declared.note, found.get("note"))))
    sources = "; ".join(filter(None, (declared.source, found.get("source"))))
    return {**record, **({"note": notes} if notes else {}), **added, "evidence": evidence, "source": sources}


def _written(party: Party) -> Record:
    """A record as a person would write it: what is the default is left out."""
    plain = msgspec.to_builtins(party)
    bare = msgspec.to_builtins(Party(kind=party.kind, incorporated_in=party.incorporated_in))
    needed = ("kind", "incorporated_in")
    record = {field: value for field, value in plain.items() if field in needed or value != bare[field]}
    if isinstance(record.get("owners"), tuple | list):
        record["owners"] = [_stake(stake) for stake in record["owners"]]
    return record


def _stake(stake: dict[str, Any]) -> dict[str, Any]:
    plain = {"share": None, "mechanism": "ownership"}
    return {field: value for field, value in stake.items() if field not in plain or value != plain[field]}


def _owners(name: str, has: object, found: object, tell: Tell) -> Stakes | None:
    """The stakes the place and the register tell of together; None where the register adds none."""
    where = f"parties.{name}.owners"
    if not isinstance(found, list):
        if found == UNKNOWN:
            tell(where, "no owner", "the files name none; the place's stay as they are")
        return None
    known = cast("Stakes", has) if isinstance(has, list) else []
    shares = {_key(stake): stake.get("share") for stake in known}
    added: Stakes = []
    for stake in cast("Stakes", found):
        if stake["party"] == name:
            tell(where, name, "the register says that it owns itself")
        elif _key(stake) not in shares:
            added.append(stake)
        elif stake.get("share") not in (None, shares[_key(stake)]):
            tell(where, f"{stake['party']} {stake['share']:g} %", "the place declares another share, which stays")
    return _fitting(where, known, added, tell) if added else None


def _key(stake: dict[str, Any]) -> tuple[str, str]:
    return stake["party"], stake.get("mechanism", "ownership")


def _fitting(where: str, known: Stakes, added: Stakes, tell: Tell) -> Stakes:
    """The stakes together; new shares that bring those of their mechanism beyond a hundred are left out."""
    for mechanism in dict.fromkeys(_key(stake)[1] for stake in added):
        every = [stake.get("share") or 0.0 for stake in [*known, *added] if _key(stake)[1] == mechanism]
        if sum(every) > 100.0 + 1e-6:
            tell(where, "new shares", f"with those of the place, shares by `{mechanism}` exceed 100 %; left out")
            added = [
                {field: value for field, value in stake.items() if field != "share" or _key(stake)[1] != mechanism}
                for stake in added
            ]
    return [*known, *added]
