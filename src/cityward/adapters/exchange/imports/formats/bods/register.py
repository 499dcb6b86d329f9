"""The statements that count, as parties with their owners.

INVARIANT: nothing that identifies a natural person leaves this module.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from cityward.adapters.exchange.imports.draft import UNKNOWN_PARTY, Draft, sentences
from cityward.adapters.exchange.imports.fields import Fields, as_date, as_map, as_text, squash
from cityward.adapters.exchange.imports.formats.bods.stakes import Stake, stakes_of, summed
from cityward.adapters.exchange.imports.formats.bods.statements import (
    Book,
    Statement,
    components_of,
    identifiers_of,
    keys_of,
)
from cityward.adapters.exchange.imports.formats.bods.words import HIDDEN, KINDS
from cityward.place.record import UNKNOWN


class Register:
    """A book of statements on its way into the draft."""

    def __init__(self, book: Book, draft: Draft) -> None:
        self.draft = draft
        self.statements, self.latest = book.statements, book.latest
        self.parties: dict[str, str] = {}  # their id -> ours
        self.found: dict[str, str] = {}  # wanted identifier -> our id
        self.told: set[str] = set()  # have no owners: natural persons, states, and where the register says so
        self.stakes: dict[str, list[Stake]] = defaultdict(list)
        self.unnamed: dict[str, list[str]] = defaultdict(list)  # subject -> why an owner has no name
        self.notes: dict[str, list[str]] = defaultdict(list)
        self.people = 0

    def read(self) -> None:
        """Carry everything over: parties first."""
        open_ones = [s for s in self.statements.values() if not s.closed]
        self.draft.leave("closed records", "they no longer hold", len(self.statements) - len(open_ones))
        for statement in open_ones:
            if statement.kind != "relationship":
                self._party(statement)
        for statement in open_ones:
            if statement.kind == "relationship":
                self._relationship(statement)
        for name in list(self.draft.records("parties")):
            self._owners(name)
        self.draft.keep_wanted(self.found)

    # --- parties

    def _party(self, statement: Statement) -> None:
        fields = Fields(statement.details, statement.where)
        person = statement.kind == "person"
        told = fields.get("personType") if person else fields.get("entityType")
        word = as_text(as_map(told).get("type")) or as_text(told)
        record = self._person(word) if person else self._entity(statement, fields, word)
        title = str(record["name"]) if person else str(record["name"] or statement.key)
        name = self.draft.registered(statement.key, title, record.get("ids", {}))
        record |= {"evidence": statement.evidence, "source": statement.source}
        self.draft.put("parties", name, record)
        self.parties.setdefault(statement.key, name)
        if self.draft.wanted is not None:
            numbers = [statement.key, *(number for _, number in identifiers_of(statement))]
            self.found |= dict.fromkeys(self.draft.wanted.among(numbers), name)
        if (person and squash(word) not in HIDDEN) or record["kind"] == "state":
            self.told.add(name)
        if not person and squash(word) not in KINDS:
            self.draft.lose(f"{statement.where}.entityType", word, "no type of entity of BODS; imported as `company`")
            self.draft.assume("parties", name, "kind", "the type of entity is not known")

    def _person(self, word: str) -> dict[str, Any]:
        """SECURITY: the details of a person are not even passed here."""
        self.people += 1
        self.draft.note("Natural persons are numbered, not named; nothing that identifies one was read.")
        unnamed = " whose identity the register does not give" if squash(word) in HIDDEN else ""
        return {
            "name": f"Natural person {self.people}",
            "note": f"A natural person{unnamed}.",
            "kind": "group",
            "incorporated_in": UNKNOWN,
        }

    def _entity(self, statement: Statement, fields: Fields, word: str) -> dict[str, Any]:
        place = fields.map("jurisdiction") or fields.map("incorporatedInJurisdiction")
        code = as_text(place.get("code"))
        jurisdiction = self.draft.jurisdiction(code, as_text(place.get("name"))) if code else None
        if code and jurisdiction is None:
            self.draft.lose(f"{fields.where}.jurisdiction", code, "no ISO 3166 code; `incorporated_in` is unknown")
        ids: dict[str, str] = {}
        for scheme, number in identifiers_of(statement):
            ids.setdefault(scheme, number)
        return {
            "name": fields.text("name"),
            "kind": KINDS.get(squash(word), "company"),
            "incorporated_in": jurisdiction or UNKNOWN,
            "subprocessors": UNKNOWN,
            "ids": ids,
            "valid_to": as_date(fields.get("dissolutionDate")),
        }

    # --- relationships

    def _relationship(self, statement: Statement) -> None:
        fields = Fields(statement.details, statement.where)
        if self._told_bycomponents_of(statement):
            self.draft.leave("indirect relationships", "told by the relationships they are made of")
            return
        subject = self._named(fields.get("subject"))
        if subject is None:
            self.draft.lose(f"{statement.where}.subject", "", "it names no entity of the file")
            return
        owner = self._named(fields.get("interestedParty"))
        if owner is not None:
            note = self.notes[subject].append
            self.stakes[subject] += stakes_of(fields, owner, self.latest, self.draft, note)
            return
        told = as_map(fields.get("interestedParty"))
        reason = as_text(told.get("reason")) or as_text(as_map(told.get("unspecified")).get("reason"))
        if squash(reason) == "nobeneficialowners":
            self.told.add(subject)
            self.notes[subject].append("The register says that there are no beneficial owners.")
        else:
            if not reason:
                self.draft.lose(
                    f"{statement.where}.interestedParty", "", "it names no party of the file: owner unknown"
                )
            self.unnamed[subject].append(reason or "not in the file")

    def _told_bycomponents_of(self, statement: Statement) -> bool:
        """Whether all the statements an indirect relationship is made of are here, a relationship among them."""
        kinds = [
            {kind for kind in ("relationship", "entity", "person") if (kind, key) in self.statements}
            for key in components_of(statement)
        ]
        return all(kinds) and any("relationship" in found for found in kinds)

    def _named(self, value: object) -> str | None:
        """The party a subject or interested party refers to."""
        return next((self.parties[key] for key in keys_of(value) if key in self.parties), None)

    # --- owners

    def _owners(self, name: str) -> None:
        record = self.draft.get("parties", name)
        stakes, reasons = self.stakes.get(name, []), self.unnamed.get(name, [])
        if reasons and stakes:
            stakes = [*stakes, self._stand_in(name, reasons)]
        if stakes:
            record["owners"] = [stake.record() for stake in summed(stakes, f"parties.{name}.owners", self.draft)]
        elif reasons or name not in self.told:
            record["owners"] = UNKNOWN
        told = [*self.notes.get(name, []), *(f"An owner is not named: {reason}." for reason in dict.fromkeys(reasons))]
        if told:
            record["note"] = sentences(record.get("note", ""), *dict.fromkeys(told))

    def _stand_in(self, name: str, reasons: list[str]) -> Stake:
        """A party for the owners that are not named, so that those that are stay."""
        owner = self.draft.names.give("parties", f"unnamed owner of {name}", f"unnamed-owner-of-{name}")
        record = {"name": f"Unnamed owner of {name}", "kind": "group", **UNKNOWN_PARTY}
        self.draft.put("parties", owner, {**record, "note": f"Not named: {', '.join(dict.fromkeys(reasons))}."})
        return Stake(owner, "ownership", None, True)
