"""The watch's book, the containments and the evidence of a web door, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from cityward.errors import PlaceError
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.containment import Containment, containment_of, target_named
from cityward.runtime.containing import ContainmentRow, Stand
from cityward.watch.contract import Severity
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState
from places import tiny_place
from web.house import NOON


@dataclass
class MemoryBook:
    """`WatchReader`, as lists."""

    held: dict[str, Incident] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    stands: dict[str, DeviceStanding] = field(default_factory=dict)
    changes: int = 1  # grows by hand, and with what people say

    def version(self) -> int:
        return self.changes

    def incidents(
        self, state: IncidentState | None = None, most: int = 100, after: str | None = None
    ) -> Sequence[Incident]:
        assert after is None  # the pages are the real book's
        return [i for i in self.held.values() if state in (None, i.state)][:most]

    def incident_counts(self) -> Mapping[IncidentState, Mapping[Severity, int]]:
        counts: dict[IncidentState, dict[Severity, int]] = {}
        for i in self.held.values():
            by_severity = counts.setdefault(i.state, {})
            by_severity[i.severity] = by_severity.get(i.severity, 0) + 1
        return counts

    def incident(self, id_: str) -> Incident | None:
        return self.held.get(id_)

    def findings(self, *, incident: str | None = None, most: int = 100, **_: Any) -> Sequence[Finding]:
        return [f for f in self.found if incident in (None, f.incident)][:most]

    def standings(self) -> Mapping[str, DeviceStanding]:
        return self.stands

    def acknowledge(self, incident: str, person: str, note: str, state: IncidentState) -> bool:
        self.held[incident] = msgspec.structs.replace(self.held[incident], state=state, person=person, note=note)
        self.changes += 1
        return True


@dataclass
class MemoryContainments:
    """`Containing` over the tiny place: the preview is the real one, nothing is cut off."""

    rows: list[ContainmentRow] = field(default_factory=list)

    def preview(self, target: str) -> Containment:
        place = tiny_place()
        return containment_of(place, compile_cascade(place), target_named(place, target))

    def begin(self, target: str, reason: str, person: str, seconds: int) -> ContainmentRow:
        units = self.preview(target).units
        row = ContainmentRow(f"c{len(self.rows)}", target, reason, person, NOON, seconds, units, Stand.BEGUN)
        self.rows.insert(0, replace(row, begun_at=NOON, until=NOON + seconds * 1_000_000))
        return self.rows[0]

    def approve(self, id_: str, person: str) -> ContainmentRow:
        raise PlaceError(f"`{person}` asked for this containment and cannot approve it")

    refuse = approve

    def lift(self, id_: str, person: str) -> ContainmentRow:
        [at] = [n for n, row in enumerate(self.rows) if row.id == id_]
        self.rows[at] = replace(self.rows[at], state=Stand.LIFTED, ended_by=person, ended_at=NOON)
        return self.rows[at]

    def all(self) -> Sequence[ContainmentRow]:
        return self.rows


@dataclass
class MemoryEvidence:
    """`Ledger`, as a list."""

    records: list[Any] = field(default_factory=list)

    def append(self, records: Sequence[Any]) -> Sequence[str]:
        self.records += records
        return [f"web:{n}" for n in range(len(records))]

    def tail(self, most: int) -> Sequence[Any]:
        return []
