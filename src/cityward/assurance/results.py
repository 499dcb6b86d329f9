"""What a control says: results, grounds and findings.

INVARIANT: unknown is never a pass: nothing here turns it into one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Result(StrEnum):
    """From bad to good, as far as they can be ordered; the worst subject makes a control's result."""

    FAILED = "failed"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"  # a risk that an owner bears until an end
    STATED = "stated"
    PROVEN = "proven"
    NOT_APPLICABLE = "not-applicable"


class Severity(StrEnum):
    """What it means when the control fails."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class EvidenceClass(StrEnum):
    """How something is known. SPEC: shared vocabulary of the field guide, section 0."""

    DECLARED = "declared"
    OBSERVED = "observed"
    ENFORCED = "enforced"
    TESTED = "tested"
    ATTESTED = "attested"


PROVING = frozenset({EvidenceClass.OBSERVED, EvidenceClass.ENFORCED, EvidenceClass.TESTED})


@dataclass(frozen=True, slots=True)
class Ground:
    """One thing a judgement rests on. record: an entry of the log (`worker-0:118`), or a line (`data.yaml:12  flows.bins`)."""

    cls: EvidenceClass
    record: str
    said: str
    at: int = 0  # city us; 0 of a declared one


@dataclass(frozen=True, slots=True)
class Judged:
    """What a control says of one subject (`kind:id`).

    said: one sentence. path: how it comes about, in order, the same for the same city. missing: what would settle it, where it
    is unknown. mend: what to do, where it failed. reason: of not applicable.
    """

    subject: str
    result: Result
    said: str
    grounds: tuple[Ground, ...] = ()
    path: tuple[str, ...] = ()
    missing: str = ""
    mend: str = ""

    def finding(self, control: str) -> str:
        """A name that stays the same from report to report, while it is about the same control and subject."""
        return hashlib.sha256(f"{control}\0{self.subject}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a control says of the place. by_result, by_class: subjects, and grounds of what is proven or stated."""

    control: str
    result: Result
    subjects: tuple[Judged, ...]
    why: str = ""
    by_result: Mapping[Result, int] = field(default_factory=dict[Result, int])
    by_class: Mapping[EvidenceClass, int] = field(default_factory=dict[EvidenceClass, int])
