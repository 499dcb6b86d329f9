"""The fragment in the making: records, ids, and an honest account of what was lost and what was filled in.

INVARIANT: the account is bounded: beyond `MAX_TOLD` entries are counted, and the count is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from cityward.adapters.exchange.imports.contract import Assumed, Imported, Record, Unmapped
from cityward.adapters.exchange.imports.declared import Declared, replacing
from cityward.adapters.exchange.imports.fields import Fields, as_text, squash
from cityward.adapters.exchange.imports.naming import Names, slug
from cityward.adapters.exchange.imports.selection import Wanted, normal, wanted
from cityward.place.checks.whole import member_ids
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
        only: identifiers of the parties to take, with everyone above them (`selection.wanted`).
        schemes: of the place's identifiers, those the format has; empty: any.
    """

    def __init__(
        self, format: str, beside: Place | None = None, only: Collection[str] = (), schemes: Collection[str] = ()
    ) -> None:
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
        self.wanted: Wanted | None
        self.wanted, notes = wanted(only, beside, schemes)
        self._notes: dict[str, None] = dict.fromkeys(notes)
        self._declared = Declared(beside)
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

    def registered(self, key: str, title: str, ids: Mapping[str, str]) -> str:
        """The id of a party that has identifiers: that of the declared party with one of them, else a new one."""
        known = self._declared.with_ids(ids)
        if known is not None:
            self.names.know("parties", key, known)
            return known
        name = self.names.give("parties", key, title)
        near = self._declared.nearly(ids)
        if near is not None:
            why = f"`{near[0]}` of the place has this number under `{near[1]}`: if they are one, name the scheme alike"
            self.lose(f"parties.{name}.ids.{near[2]}", ids[near[2]], why)
        return name

    def keep_wanted(self, found: Mapping[str, str]) -> None:
        """Drop the parties that nobody wants, and tell of those that were not found.

        Args:
            found: identifier -> id of the party, of all that the files have.
        """
        if self.wanted is None:
            return
        roots = {number: found[number] for number in found if number in self.wanted.numbers}
        missing = {told: number for number, told in self.wanted.numbers.items()}
        for number in roots:
            missing.pop(self.wanted.numbers[number], None)
        for told, number in missing.items():
            what = told if normal(told) == number else f"{told} ({number})"
            self.lose("--only", what, "no party of the files has this identifier")
        self.keep_above(roots.values())

    def keep_above(self, roots: Iterable[str]) -> None:
        """Drop every party that is neither one of these nor above one, and the jurisdictions that were theirs alone."""
        parties = self._records["parties"]
        kept: dict[str, None] = {}
        pending = list(roots)
        while pending:
            name = pending.pop()
            if name in parties and name not in kept:
                kept[name] = None
                owners = parties[name].get("owners", UNKNOWN)
                pending += [] if owners == UNKNOWN else [stake["party"] for stake in owners]
        self._drop("parties", [name for name in parties if name not in kept])
        places = self._records["jurisdictions"]
        seats = {record["incorporated_in"] for record in parties.values()}
        seats |= {places[seat].get("parent") for seat in seats if seat in places}
        self._drop("jurisdictions", [place for place in places if place not in seats])

    def _drop(self, kind: str, dropped: Collection[str]) -> None:
        for name in dropped:
            del self._records[kind][name]
            self._assumed_of.pop((kind, name), None)
        gone = frozenset(f"{kind}.{name}" for name in dropped)
        self._assumed = [one for one in self._assumed if one.path.rpartition(".")[0] not in gone]

    def party(self, name: str, text: str = "") -> str:
        """The id of a party of which nothing but the name is known, made from the text where it is new."""
        known = self.names.of(name, "parties")
        if known is None:
            known = self.names.give("parties", name, text or name)
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
        replaces = self._replace_declared()
        for (kind, name), fields in self._assumed_of.items():
            record = self._records[kind][name]
            record["note"] = sentences(record.get("note", ""), f"Assumed on import: {', '.join(fields)}.")
        left = [Unmapped(where, _times(count), why) for (where, why), count in sorted(self._left.items())]
        if self._untold:
            left.append(Unmapped("", f"{self._untold:,} more", f"only the first {MAX_TOLD:,} are listed"))
        fragment = {kind: records for kind, records in self._records.items() if records}
        return Imported(
            self.format,
            fragment,
            (*self._unmapped, *left[:MAX_TOLD]),
            tuple(self._assumed),
            tuple(self._notes),
            replaces,
        )

    def _replace_declared(self) -> tuple[str, ...]:
        """Make the records of declared parties whole, or drop those that tell nothing new."""
        parties, declared = self._records["parties"], self.beside.parties if self.beside else {}
        told: list[str] = []
        for name in [name for name in parties if name in declared]:
            record = replacing(name, declared[name], parties[name], self.lose)
            if record is None:
                self._drop("parties", frozenset({name}))
                self.note(f"Of `{name}`, which the place declares, the files tell nothing new.")
            else:
                parties[name] = record
                told.append(f"parties.{name}")
        return tuple(told)


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
