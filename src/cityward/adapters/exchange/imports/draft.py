"""The fragment in the making: records, ids, and an honest account of what was lost and what was filled in.

INVARIANT: the account is bounded: beyond `MAX_TOLD` entries are counted, and the count is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec

from cityward.adapters.exchange.imports.contract import Assumed, Imported, Record, Unmapped
from cityward.adapters.exchange.imports.fields import Fields, as_text, squash
from cityward.adapters.exchange.imports.naming import Names, slug
from cityward.place.checks import member_ids
from cityward.place.model import Place
from cityward.place.record import UNKNOWN

MAX_TOLD = 10_000  # a person or a review tool is reading
NO_PLACE = "a declaration has no place for it"
UNKNOWN_PARTY = {"incorporated_in": UNKNOWN, "owners": UNKNOWN, "subprocessors": UNKNOWN}
_NOTHING = (None, "", [], (), {})
KINDS = tuple(f.encode_name for f in msgspec.structs.fields(Place) if f.default_factory is dict or f.default == {})


class Draft:
    """What an importer fills.

    Args:
        format: the word of the format.
        beside: the place the fragment will be included in: its ids are not given again, its jurisdictions are named.
    """

    def __init__(self, format: str, beside: Place | None = None) -> None:
        self.format = format
        self.beside = beside
        self.source = format
        self.evidence = "declared"
        self.names = Names(_taken(beside))
        self._records: dict[str, dict[str, Record]] = {kind: {} for kind in KINDS}
        self._unmapped: list[Unmapped] = []
        self._left: Counter[tuple[str, str]] = Counter()
        self._assumed: list[Assumed] = []
        self._assumed_of: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._untold = 0
        self._notes: dict[str, None] = {}
        self._codes: dict[str, str] = {} if beside is None else {j.code: n for n, j in beside.jurisdictions.items()}

    # --- records

    def put(self, kind: str, name: str, record: Mapping[str, Any]) -> Record:
        """Add a record; fields that hold nothing are left out."""
        known = {"evidence": self.evidence, "source": self.source}
        kept = {field: value for field, value in {**record, **known, **record}.items() if value not in _NOTHING}
        if kept.get("evidence") == "declared":
            del kept["evidence"]  # the default
        self._records[kind][name] = kept
        return kept

    def get(self, kind: str, name: str) -> Record:
        """A record added before."""
        return self._records[kind][name]

    def records(self, kind: str) -> Mapping[str, Record]:
        """The records of a kind, so far."""
        return self._records[kind]

    def jurisdiction(self, code: str, name: str = "") -> str | None:
        """The id of the jurisdiction of an ISO 3166 code, declared where it is not yet; None where it is no code."""
        code = code.strip().upper()
        state, _, part = code.partition("-")
        if not (len(state) == 2 and state.isascii() and state.isalpha()):
            return None
        if code != state and not (1 <= len(part) <= 3 and part.isascii() and part.isalnum()):
            return None
        if code not in self._codes:
            parent = self.jurisdiction(state) if part else None
            self._codes[code] = self.names.give("jurisdictions", code, code)
            record = {"name": name, "kind": "subdivision" if part else None, "code": code, "parent": parent}
            self.put("jurisdictions", self._codes[code], record)
        return self._codes[code]

    def party(self, name: str) -> str:
        """The id of a party of which nothing but the name is known."""
        known = self.names.of(name, "parties")
        if known is None:
            known = self.names.give("parties", name, name)
            self.put("parties", known, {"name": name, "kind": "company", **UNKNOWN_PARTY})
            self.assume("parties", known, "kind", "the file does not say what kind of party it is")
        return known

    def purpose(self, model: str, word: str) -> str:
        """The id of a purpose; an empty word is a purpose that is not stated."""
        key = word or "not stated"
        known = self.names.of(key, "purposes")
        if known is None:
            known = self.names.give("purposes", key, f"{slug(model, self.format)[:40]}-{key}")
            self.put("purposes", known, {"name": f"{word} (as the file says)" if word else "Not stated"})
            if not word:
                self.get("purposes", known)["evidence"] = UNKNOWN
        return known

    # --- the account

    def lose(self, where: str, what: object, why: str) -> None:
        """One thing that is not carried over."""
        if len(self._unmapped) < MAX_TOLD:
            self._unmapped.append(Unmapped(where[:300], as_text(what, 200), why))
        else:
            self._untold += 1

    def leave(self, where: str, why: str = NO_PLACE, count: int = 1) -> None:
        """Things of a kind that is not carried over, counted. `where` is a pattern: `components[].threats`."""
        if count:
            self._left[where[:300], why] += count

    def leave_unread(self, fields: Fields, pattern: str, known: frozenset[str]) -> None:
        """What a mapping holds and nobody asked for. `known`: field names of the format, without a place here."""
        for name in fields.unread():
            why = NO_PLACE if squash(name) in known else "not a field this reader knows"
            self.leave(f"{pattern}.{name}", why)

    def assume(self, kind: str, name: str, field: str, why: str) -> None:
        """Mark a field as filled in; the record no longer rests on what the file says, and is counted as such."""
        record = self._records[kind][name]
        record["evidence"] = UNKNOWN
        self._assumed_of[kind, name].append(field)
        if len(self._assumed) < MAX_TOLD:
            self._assumed.append(Assumed(f"{kind}.{name}.{field}", as_text(str(record.get(field, "")), 80), why))

    def note(self, text: str) -> None:
        """Something to know about the whole."""
        self._notes[text] = None

    def done(self) -> Imported:
        """The outcome."""
        for (kind, name), fields in self._assumed_of.items():
            record = self._records[kind][name]
            record["note"] = sentences(record.get("note", ""), f"Assumed on import: {', '.join(fields)}.")
        left = [Unmapped(where, _times(count), why) for (where, why), count in sorted(self._left.items())]
        if self._untold:
            left.append(Unmapped("", f"{self._untold:,} more", f"only the first {MAX_TOLD:,} are listed"))
        fragment = {kind: records for kind, records in self._records.items() if records}
        return Imported(
            self.format, fragment, (*self._unmapped, *left[:MAX_TOLD]), tuple(self._assumed), tuple(self._notes)
        )


def sentences(*texts: str) -> str:
    """Texts as one, each ended by a full stop."""
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in texts if text)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _taken(place: Place | None) -> dict[str, list[str]]:
    if place is None:
        return {}
    taken = {kind: list(getattr(place, kind)) for kind in KINDS}
    taken["devices"] += [unit for name, device in place.devices.items() for unit in member_ids(name, device)]
    return taken
