"""What the formats of threat models share: things, data and zones under ids of their own, and parties among the things.

A party that sends or receives stands among the things of a threat model, as if it were one. Here it is two: the party, and
what it runs, of which nothing else is known. A flow to the party itself would need an agreement, and a model tells of none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cityward.adapters.exchange.imports.contract import File, Record, refusal, unlike
from cityward.adapters.exchange.imports.documents import read_document
from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import Fields
from cityward.adapters.exchange.imports.naming import slug
from cityward.guard.reasons import Reason
from cityward.place.record import UNKNOWN

MAX_NESTED = 64  # zones and components in one another


def models_of(files: Sequence[File], wanted: str, marks: Sequence[str], mend: str) -> Iterator[Fields]:
    """The model in each file.

    Args:
        files: one model each.
        wanted: what a file should be, in words.
        marks: fields of which a model has at least one that is not empty.
        mend: what to name instead.

    Raises:
        DecodeError: a file is no mapping, has none of the marks, or cannot be read.
    """
    for file in files:
        document = read_document(file)
        if not isinstance(document, dict):
            raise refusal(Reason.WRONG_SHAPE, "the file is not a mapping", file.name, mend)
        looked_at = Fields(document, file.name)  # not the one that is given: that one tells what nobody asked for
        if not any(map(looked_at.get, marks)):
            raise unlike(wanted, file.name, mend)
        yield Fields(document, file.name)


class Parts:
    """What one model refers to: its id of a thing, a dataset or a zone, and ours."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.things: dict[str, str] = {}
        self.data: dict[str, str] = {}
        self.zones: dict[str, str] = {}

    def _of(self, kind: str) -> dict[str, str]:
        return self.data if kind == "datasets" else self.zones if kind == "zones" else self.things

    def new(self, kind: str, fields: Fields, key: str, text: str) -> str:
        """An id for an entry, made from a text; what refers to `key` means the first entry that has it."""
        name = self.draft.names.give(kind, f"{id(self)} {key}", text)
        if key and self._of(kind).setdefault(key, name) != name:
            self.draft.lose(f"{fields.where}.id", key, "given twice; what refers to it means the first")
        return name

    def apart(self, kind: str, party: str, text: str) -> str:
        """A text for the id of a thing that is called as a party of ours is: the party has the plain id."""
        return f"{text}-{kind.rstrip('s')}" if slug(text, "") == party else text

    def device(self, name: str, title: str, note: str, owner: str) -> None:
        """A device, with a model of which nothing is known."""
        model = self.draft.names.give("device_models", f"{id(self)} {name}", f"{name}-model")
        self.draft.put("device_models", model, {"name": f"Model of {title}", "maker": UNKNOWN, "updates_from": UNKNOWN})
        record = {"name": title, "note": note, "model": model, "site": UNKNOWN, "owner": owner}
        self.draft.put("devices", name, record)

    def dataset(self, name: str, title: str, note: str, sensitivity: str) -> None:
        """A dataset; whether it is personal is assumed."""
        record = {"name": title, "note": note, "personal": True, "sensitivity": sensitivity, "retention_days": UNKNOWN}
        self.draft.put("datasets", name, record)
        self.draft.assume("datasets", name, "personal", "the file does not say; taken as personal until somebody does")

    def thing(self, name: str) -> Record:
        """The record of a thing, by our id."""
        return self.draft.get("systems" if name in self.draft.records("systems") else "devices", name)

    def datasets(self, where: str, named: Sequence[str], what: str) -> list[str]:
        """Our ids of the data that is named; `what` is the format's word for it."""
        for missing in (key for key in named if key not in self.data):
            self.draft.lose(where, missing, f"no {what} of the model has this id")
        return list(dict.fromkeys(self.data[key] for key in named if key in self.data))

    def nest(self, where: str, told: str, inner: str, outer: str) -> None:
        """Put a zone into another, unless they would run in a circle or it lies in one already."""
        if self._lies_in(outer, inner):
            self.draft.lose(where, told, f"it would lie in itself, or {MAX_NESTED} deep")
        elif self.draft.get("zones", inner).setdefault("parent", outer) != outer:
            self.draft.lose(where, told, f"it is nested in `{self.draft.get('zones', inner)['parent']}` already")

    def _lies_in(self, zone: str, outer: str) -> bool:
        at: str | None = zone
        for _ in range(MAX_NESTED):
            if at is None or at == outer:
                return at == outer
            at = self.draft.get("zones", at).get("parent")
        return True
