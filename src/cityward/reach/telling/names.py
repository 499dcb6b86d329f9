"""What people call things, and what a template is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cityward.place.model import Place
from cityward.place.record import Record
from cityward.reach.exposure.clauses import Paths
from cityward.reach.exposure.nodes import Node

ROLES: Mapping[str, str] = {
    "operator": "operates",
    "owner": "owns",
    "supplier": "supplies",
    "maintained_by": "maintains",
    "maker": "makes",
}
"""A field that names a party, as a verb."""


def name_of(place: Place, subject: str) -> str:
    """The name of a record of any kind, or its id. An instrument's level of share is left out."""
    subject = subject.partition(" ")[0]
    for kind in _KINDS:
        records: Mapping[str, Record] = getattr(place, kind)
        if subject in records:
            return records[subject].name or subject
    return subject


_KINDS = (
    "parties", "jurisdictions", "instruments", "systems", "devices", "datasets", "services", "functions", "sites",
    "agreements", "accesses", "keys", "flows",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What a template is given: the step's head and premises, and the names of things."""

    place: Place
    head: Node
    premises: tuple[Node, ...]
    paths: Paths

    def name(self, subject: str) -> str:
        """What people call it: the record's name, or its id."""
        return name_of(self.place, subject)

    @property
    def subject(self) -> str:
        """The name of what the head is about."""
        return self.name(self.head.subject)

    @property
    def given(self) -> str:
        """The name of what the first premise is about."""
        return self.name(self.premises[0].subject)


Template = Callable[[Said], str]
"""A sentence for a step; empty where there is nothing to say."""
