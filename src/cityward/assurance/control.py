"""What a control is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cityward.assurance.attacked import by_attacked
from cityward.assurance.results import EvidenceClass, Ground, Judged, Severity
from cityward.assurance.trail import Entry, Trail
from cityward.evidence.records import AnyRecord, Exercised, Record, Release
from cityward.place.digests import digest_of_subject
from cityward.place.loader import Loaded
from cityward.place.model import Place
from cityward.place.registry import Registry, number
from cityward.reach.exposure.answers import LAW, Exposure, expose
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Node
from cityward.time import DAY

PROOF_LASTS_US = 30 * DAY
"""How long what a running gate showed speaks for it. PRECEDENT: of a gate unused for a month nobody knows."""

TRIED_LASTS_US = 365 * DAY
"""How long an exercise speaks for what it attacked. PRECEDENT: critical services are to be exercised every twelve months."""

Tries = Mapping[str, tuple[str, ...]]
"""Scenario -> the musts of it that a control rests on, by id or pattern (`*-refused`): each must be asked for, and all be met."""


@dataclass(frozen=True)
class Dossier:
    """The city at one moment, as a control may know it: what is declared, and what is on record. now_us: city time."""

    loaded: Loaded
    trail: Trail
    now_us: int

    @property
    def place(self) -> Place:
        """What is declared."""
        return self.loaded.place

    @cached_property
    def exposure(self) -> Exposure:
        """Which laws reach what, over parties and over places; worked out once for all controls."""
        place = self.place
        laws = [Node(predicate, land) for land in place.jurisdictions for predicate in LAW.values()]
        return expose(compile_place(place), laws)

    @cached_property
    def registry(self) -> Registry:
        """Every unit on the street, numbered."""
        return number(self.place)

    @cached_property
    def units(self) -> Mapping[str, Sequence[str]]:
        """Device or group -> its units."""
        found: dict[str, list[str]] = {}
        for unit in self.registry.units:
            found.setdefault(unit.group, []).append(unit.id)
        return found

    @cached_property
    def attacked(self) -> Mapping[str, Sequence[tuple[Entry[Exercised], str]]]:
        """Subject -> the exercises that speak for it, oldest first, each with what of it was attacked."""
        return by_attacked(self.place, self.trail.of(Exercised))

    @cached_property
    def receipts(self) -> Sequence[Entry[Release]]:
        """What left under the present declaration, oldest first: an older one's receipts are no word on this one."""
        return tuple(entry for entry in self.trail.of(Release) if entry.record.declaration == self.loaded.digest)

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {}

    def digest_of(self, subject: str) -> str:
        """What is declared of a subject, as a digest; "" where nothing is."""
        if subject not in self._digests:
            self._digests[subject] = digest_of_subject(self.place, subject)
        return self._digests[subject]

    def declared(self, path: str, said: str) -> Ground:
        """A ground that is a line of the declaration: `flows.bins-report`."""
        return Ground(EvidenceClass.DECLARED, self.loaded.where(path), said)


def on_record(cls: EvidenceClass, entry: Entry[Record] | str, said: str, at: int = 0) -> Ground:
    """A ground that is an entry of the log."""
    if isinstance(entry, str):
        return Ground(cls, entry, said, at)
    return Ground(cls, entry.id, said, entry.record.at)


@dataclass(frozen=True, slots=True)
class Example:
    """A small place for a control's test: the declaration's text, and the entries of its log, oldest first."""

    declaration: str
    entries: tuple[tuple[str, AnyRecord], ...] = ()
    now_us: int = 1_800_000_000_000_000


@dataclass(frozen=True, slots=True)
class Control:
    """One control. supports: clauses by framework (`NCSC` -> N1, ...), ids only.

    applies_not: why the control says nothing of a place without subjects; None: then it is unknown. says: what its subjects are.
    """

    id: str
    title: str
    severity: Severity
    supports: Mapping[str, tuple[str, ...]]
    check: Callable[[Dossier], Iterable[Judged]]
    false_positives: str
    avoid: Example
    prefer: Example
    says: str = ""
    proof_lasts_us: int = PROOF_LASTS_US  # older grounds prove nothing any more; exercises have their own year
    attestable: bool = False  # a signed statement may stand in for what cannot be observed
    tries: Tries = field(default_factory=dict[str, tuple[str, ...]])  # what of exercises it rests on
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
