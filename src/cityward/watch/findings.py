"""What becomes of signs: a `Finding` a person can read, an `Incident` that gathers findings, and the `Standing` of a device.

Lives here: the values. `judging` makes findings of signs, `incidents` gathers them, `trust` weighs them.

INVARIANT: a finding's id follows from what it is about and when it began, so the same past judged again gives the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256

import msgspec

from cityward.watch.contract import Phase, Severity

SUSPECT_BELOW = 0.8
QUARANTINED_BELOW = 0.5
"""PRECEDENT: none; by meaning: one sure sign of the strongest kind, or two of middling ones, is enough to be left out."""


ONE_SOURCE = ("crowd-of-one", "copies")
"""(detector, kind) of the finding that says: this device and each of the `others` are one source."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing a detector found. Times city us; `subject` a unit's id or `kind:id`; `words` one neutral sentence.

    score: 1.0 is just at the threshold. ended_at: None while it goes on. others: further units in it.
    records: the evidence entries it rests on; `history` names the rows: `device/property`, from, until.
    """

    id: str
    detector: str
    kind: str
    title: str
    subject: str
    property: str
    severity: Severity
    phase: Phase
    began_at: int
    at: int
    ended_at: int | None = None
    score: float
    words: str
    facts: dict[str, str] = {}
    others: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    history: tuple[str, int, int] | None = None
    technique: str = ""
    todo: str
    incident: str = ""


class IncidentState(StrEnum):
    """Who has it in hand."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Incident(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings that are one thing to a person: one alert, not a thousand rows.

    shared: what they have in common (`device:…`, `maker:…`, `site:…`). findings, subjects: how many. quiet_since: None while any
    of its findings goes on. noticed_at: when the newest of its findings was first told (city us).
    """

    id: str
    title: str
    shared: str
    severity: Severity
    began_at: int
    last_at: int
    findings: int
    subjects: int
    first_subjects: tuple[str, ...]
    kinds: tuple[str, ...]
    state: IncidentState = IncidentState.OPEN
    quiet_since: int | None = None
    person: str = ""
    note: str = ""
    noticed_at: int = 0


class Trust(StrEnum):
    """What a device's data may do. `quarantined` data is kept, marked, and drives no actuator."""

    TRUSTED = "trusted"
    SUSPECT = "suspect"
    QUARANTINED = "quarantined"


class DeviceStanding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a device is trusted: `trust` 0 to 1. Absent devices are fully trusted."""

    device: str
    trust: float
    state: Trust
    since: int
    because: tuple[str, ...] = ()


def state_of(trust: float) -> Trust:
    """The state that a trust value means."""
    if trust < QUARANTINED_BELOW:
        return Trust.QUARANTINED
    return Trust.SUSPECT if trust < SUSPECT_BELOW else Trust.TRUSTED


def finding_id(detector: str, kind: str, subject: str, property_: str, began_at: int) -> str:
    """16 hexadecimal characters."""
    return sha256(f"{detector}\n{kind}\n{subject}\n{property_}\n{began_at}".encode()).hexdigest()[:16]


def pairs_that_are_one(findings: Iterable[Finding]) -> frozenset[frozenset[str]]:
    """Which two devices say the same, by the findings that go on.

    Pairs, not groups: a finding may name one after another whom a device copied; those do not become one by that.
    """
    mine = [f for f in findings if f.ended_at is None and (f.detector, f.kind) == ONE_SOURCE]
    return frozenset(frozenset({f.subject, other}) for f in mine for other in f.others if other != f.subject)
