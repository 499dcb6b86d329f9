"""What an incident file is: the fold of its steps, and of the watch's incidents that are in it.

Theory of operation
-------------------
A file begins with a step `opened`, by hand or from an incident of the watch, whose id it then has: of one incident there is one
file. Where the place says `incidents: {open_at: ...}`, an incident so severe has a file from its first finding on: nothing is
written for it, for the finding is on record, and a file is what follows from the record. Further steps join incidents and
subjects to it, decide, tell, note and close. A step after `closed` other than a note or a message opens the file again.

Does not live here: what the file tells of the city (`affected`, `timeline`, `clocks`).

INVARIANTS
- Steps are taken in the order of their time; of one time in the order of their entries.
- Who opened a file and when never changes by later steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cityward.assurance.trail import Entry, Trail
from cityward.evidence.records import FileNoted, Found

MOST_TEXT = 2000
MOST_PERSON = 128
MOST_SUBJECTS = 200  # of one file; a watch incident names no more than its findings do
SEVERITIES = ("low", "medium", "high", "critical")


class FileStep(StrEnum):
    """What a person does with a file."""

    OPENED = "opened"
    JOINED = "joined"
    DECIDED = "decided"
    TOLD = "told"
    NOTED = "noted"
    CLOSED = "closed"


QUIET = frozenset({FileStep.NOTED, FileStep.TOLD})
"""What may be said of a closed file, and leaves it closed: a late message is no new incident."""
BY_DECLARATION = "the declaration"


@dataclass(frozen=True, slots=True)
class IncidentFile:
    """One file. Times city us. opened_by: a person, or `the declaration`; entry: the entry that it began with.

    began_at: when what it is about began, as far as known. aware_at: since when the city could know of it: all reporting clocks
    run from it. subjects: as those of findings, a unit's id or `kind:id`; more_subjects: so many beyond `MOST_SUBJECTS`.
    people: what was last said of how many people it touches, in words; "": nobody said.
    """

    id: str
    title: str
    severity: str
    opened_at: int
    opened_by: str
    entry: str
    began_at: int
    aware_at: int
    closed_at: int | None
    incidents: tuple[str, ...]
    subjects: tuple[str, ...]
    more_subjects: int
    people: str
    steps: tuple[Entry[FileNoted], ...]
    findings: tuple[Entry[Found], ...]

    @property
    def state(self) -> str:
        """`open` or `closed`."""
        return "open" if self.closed_at is None else "closed"


@dataclass(slots=True)
class _Draft:
    """A file while it is folded."""

    steps: list[Entry[FileNoted]] = field(default_factory=list[Entry[FileNoted]])
    incidents: dict[str, None] = field(default_factory=dict[str, None])
    subjects: dict[str, None] = field(default_factory=dict[str, None])


def by_hand(at_us: int, person: str, title: str) -> str:
    """The id of a file that a person opens: 12 hexadecimal characters, as those of the watch's incidents."""
    return hashlib.sha256(f"file\n{at_us}\n{person}\n{title}".encode()).hexdigest()[:12]


def files_of(trail: Trail, open_at: str | None = None) -> Mapping[str, IncidentFile]:
    """Every file, by id, oldest first. open_at: the severity from which the watch's incidents have one by themselves."""
    findings = _by_incident(trail.of(Found))
    drafts: dict[str, _Draft] = {}
    if open_at is not None:
        for incident, found in findings.items():
            if _opens(found, open_at):
                drafts[incident] = _Draft(incidents={incident: None})
    for step in sorted(trail.of(FileNoted), key=_order):
        draft = drafts.setdefault(step.record.file, _Draft())
        draft.steps.append(step)
        draft.incidents.update(dict.fromkeys(step.record.incidents))
        draft.subjects.update(dict.fromkeys(step.record.subjects))
    files = (_file(name, draft, findings) for name, draft in drafts.items())
    return {one.id: one for one in sorted(files, key=lambda one: (one.opened_at, one.id))}


def _order(entry: Entry[FileNoted] | Entry[Found]) -> tuple[int, str, int]:
    log, _, number = entry.id.rpartition(":")
    return entry.record.at, log, int(number) if number.isdigit() else 0


def _by_incident(found: Iterable[Entry[Found]]) -> dict[str, list[Entry[Found]]]:
    of: dict[str, list[Entry[Found]]] = {}
    for entry in sorted(found, key=_order):
        if entry.record.incident:
            of.setdefault(entry.record.incident, []).append(entry)
    return of


def _opens(found: Sequence[Entry[Found]], open_at: str) -> bool:
    return any(_rank(entry.record.severity) >= _rank(open_at) for entry in found)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1


def _file(name: str, draft: _Draft, findings: Mapping[str, Sequence[Entry[Found]]]) -> IncidentFile:
    found = tuple(entry for incident in draft.incidents for entry in findings.get(incident, ()))
    subjects = list(dict.fromkeys([*draft.subjects, *(entry.record.subject for entry in found)]))
    opening = next((s for s in draft.steps if s.record.step == FileStep.OPENED), None)
    first: Entry[FileNoted] | Entry[Found] = opening or min(found, key=_order, default=None) or draft.steps[0]
    noticed = [entry.record.at for entry in found]
    return IncidentFile(
        id=name,
        title=opening.record.text if opening is not None else _title(found) or "(no opening is on record)",
        severity=max((entry.record.severity for entry in found), key=_rank, default=""),
        opened_at=first.record.at,
        opened_by=opening.record.person if opening is not None else BY_DECLARATION,
        entry=first.id,
        began_at=min([first.record.at, *(entry.record.began_at for entry in found), *_began(draft.steps)]),
        aware_at=min([first.record.at, *noticed]),
        closed_at=_closed_at(draft.steps),
        incidents=tuple(draft.incidents),
        subjects=tuple(subjects[:MOST_SUBJECTS]),
        more_subjects=max(0, len(subjects) - MOST_SUBJECTS),
        people=next((s.record.facts["people"] for s in reversed(draft.steps) if "people" in s.record.facts), ""),
        steps=tuple(draft.steps),
        findings=found,
    )


def _title(found: Sequence[Entry[Found]]) -> str:
    if not found:
        return ""
    first = min(found, key=_order).record
    return f"{first.detector}: {first.what} at {first.subject}"


def _began(steps: Iterable[Entry[FileNoted]]) -> list[int]:
    told = (entry.record.facts.get("began", "") for entry in steps)
    return [int(text) for text in told if text.isdecimal() and len(text) <= 18]


def _closed_at(steps: Iterable[Entry[FileNoted]]) -> int | None:
    closed: int | None = None
    for entry in steps:
        if entry.record.step == FileStep.CLOSED:
            closed = entry.record.at
        elif entry.record.step not in QUIET:
            closed = None
    return closed
