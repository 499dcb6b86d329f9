"""Facts by which a proposal is judged, and which it changes itself.

What stands is declared by the city, each fact by its own source. A proposal brings what is to be agreed: agreements, flows,
accesses, keys, and where things are put and who runs them. Where it replaces or removes a declared *fact* (where a party is
incorporated, who owns it, what a jurisdiction belongs to, whether data are personal), the change is told apart: it is a decision
of its own, and comes before the signature.

INVARIANTS
- SECURITY: a proposal may come from the very party it is about. What is not listed here as to be agreed is a fact, also a field
  that is added to a record tomorrow.
- What was not known and is known now was found out, not agreed: of things and keys that is a fact whatever the field.
- Facts of a new record are the proposal's own to tell, but for what they say about what was declared before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cityward.place.hints import listed
from cityward.place.model import Place
from cityward.place.parties import Jurisdiction
from cityward.place.reading.overlay import Changes
from cityward.place.record import UNKNOWN

MOST_CHARS = 120  # of a value, as it is told

_AGREED = frozenset({"agreements", "flows", "accesses", "conduits"})
"""Kinds that are wholly for a proposal to bring, change and take away."""

_PLACED: Mapping[str, frozenset[str]] = {
    "systems": frozenset(
        {"site", "zone", "operator", "supplier", "maintained_by", "stores", "needs", "updates_from", "addresses"}
        | {"valid_from", "valid_to"}
    ),
    "devices": frozenset(
        {"model", "site", "zone", "area", "areas", "owner", "operator", "position", "positions", "status", "credential"}
        | {"needs", "addresses", "valid_from", "valid_to"}
    ),
    "keys": frozenset({"holder", "protects", "kind", "valid_from", "valid_to"}),
    "services": frozenset({"operator", "actuators", "reads", "settings"}),
    "parties": frozenset({"addresses"}),
}
"""Fields of other kinds that a proposal may change: where things are put, who runs them, who holds a key."""

_REMOVABLE = _AGREED | {"systems", "devices", "keys"}

_UNWEIGHED = frozenset({"name", "note", "evidence", "source", "asserted_by"})
"""Fields by which nothing is judged."""

_OF_OTHERS: Mapping[str, tuple[str, ...]] = {"jurisdictions": ("home", "members", "parent")}
"""Fields by which a new record says what those declared before comprise."""


@dataclass(frozen=True, slots=True)
class FactChange:
    """One fact before and after, in words; None where there was, or is, none. `source`: what the proposal says it has it from."""

    path: str
    before: str | None
    after: str | None
    source: str | None


def fact_changes(base: Place, proposed: Place, changes: Changes) -> tuple[FactChange, ...]:
    """The facts that a proposal changes, in its own order.

    Args:
        base: the place as it is, as loaded.
        proposed: likewise, with the proposal laid over.
        changes: what the proposal does.
    """
    found: list[FactChange] = []
    for path in (*changes.replaced, *changes.removed, *changes.added):
        kind, _, name = path.partition(".")
        before, after = getattr(base, kind).get(name), getattr(proposed, kind).get(name)
        if after is None:
            found += [] if kind in _REMOVABLE else [FactChange(path, "declared", None, None)]
        elif before is None:
            found += _of_others(base, kind, path, after)
        else:
            found += _replaced(kind, path, before, after)
    return tuple(found)


def take_over(facts: tuple[FactChange, ...]) -> str:
    """The condition under which a proposal that changes facts may be signed."""
    paths = listed([fact.path for fact in facts])
    return f"take over these facts into the declaration first, each by its own source, then ask again: {paths}"


def _replaced(kind: str, path: str, before: Any, after: Any) -> Iterator[FactChange]:
    if kind in _AGREED:
        return
    for field in msgspec.structs.fields(before):
        was, now = getattr(before, field.name), getattr(after, field.name)
        if was == now or field.name in _UNWEIGHED:
            continue
        if field.name not in _PLACED.get(kind, ()) or was == UNKNOWN:
            yield FactChange(f"{path}.{field.encode_name}", _said(was), _said(now), after.source)


def _of_others(base: Place, kind: str, path: str, record: Any) -> Iterator[FactChange]:
    for field in _OF_OTHERS.get(kind, ()):
        value, blank = getattr(record, field), getattr(Jurisdiction(code="XX"), field)
        names = (value,) if isinstance(value, str) else value
        if value != blank and (isinstance(names, bool) or any(name in base.jurisdictions for name in names)):
            yield FactChange(f"{path}.{field}", None, _said(value), record.source)


def _said(value: object) -> str:
    """A value as the declaration writes it, cut to a line."""
    text = _written(msgspec.to_builtins(value))
    return text if len(text) <= MOST_CHARS else f"{text[: MOST_CHARS - 3]}..."


def _written(value: object) -> str:
    match value:
        case None | [] | "":
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return "{" + ", ".join(f"{key}: {_written(each)}" for key, each in value.items() if each is not None) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_written, value)) + "]"
        case _:
            return str(value)
