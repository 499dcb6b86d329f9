"""R-07: an incident is taken in hand before its clock runs out."""

from __future__ import annotations

from collections.abc import Iterable

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.trail import Entry
from cityward.evidence.records import Acknowledged, Found
from cityward.time import DAY, HOUR

CLOCK_US = DAY
"""SPEC: the early warning that NIS2 art. 23 asks for is due within 24 hours."""
SERIOUS = frozenset({"high", "critical"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each serious incident."""
    opened: dict[str, Entry[Found]] = {}
    for entry in dossier.trail.of(Found):
        if entry.record.incident and entry.record.severity in SERIOUS:
            opened.setdefault(entry.record.incident, entry)
    taken: dict[str, Entry[Acknowledged]] = {}
    for entry in dossier.trail.of(Acknowledged):
        taken.setdefault(entry.record.incident, entry)
    for incident, first in opened.items():
        yield _judged(dossier, incident, first, taken.get(incident))
    if not opened and dossier.place.devices:
        said = "there was no serious incident: whether one would be taken in hand was not seen"
        yield Judged("place", Result.UNKNOWN, said, missing="an exercise")


def _judged(dossier: Dossier, incident: str, first: Entry[Found], taken: Entry[Acknowledged] | None) -> Judged:
    subject, path = f"incidents.{incident}", (first.record.subject, f"incidents.{incident}")
    waited = (taken.record.at if taken is not None else dossier.now_us) - first.record.at
    if taken is not None and waited <= CLOCK_US:
        said = f"incident {incident} was taken in hand after {waited / HOUR:.1f} hours"
        return Judged(subject, Result.PROVEN, said, (on_record(EvidenceClass.OBSERVED, taken, said),), path)
    if waited <= CLOCK_US:
        said = f"incident {incident} is open since {waited / HOUR:.1f} hours, and nobody took it yet"
        return Judged(subject, Result.UNKNOWN, said, path=path, missing="somebody who takes it in hand")
    said = f"incident {incident} waited {waited / HOUR:.1f} hours; its clock is {CLOCK_US // HOUR}"
    ground = on_record(EvidenceClass.OBSERVED, first, said)
    return Judged(subject, Result.FAILED, said, (ground,), path, mend=f"cityward watch ack {incident}")


def _found(ago: int) -> Found:
    return Found(
        at=NOW_US - ago, by="watch", finding="f1", detector="limits", what="beyond its limits", subject="counter-1",
        property="vehicle-count", severity="high", phase="began", began_at=NOW_US - ago, score=9.0, incident="i1", facts={},
    )  # fmt: skip


def _acknowledged(ago: int) -> Acknowledged:
    return Acknowledged(at=NOW_US - ago, by="web", incident="i1", person="ada", state="acknowledged", note="")


CONTROL = Control(
    id="R-07",
    title="Every serious incident is taken in hand within its first clock",
    severity=Severity.HIGH,
    supports={"NCSC": ("N14",), "NIS2": ("23",), "DSL": ("notice",)},
    check=check,
    proof_lasts_us=366 * DAY,
    false_positives="An incident that was dealt with by telephone, and acknowledged later, counts as late.",
    avoid=Example(TOWN, (("watch:1", _found(2 * DAY)), ("web:1", _acknowledged(18 * HOUR))), NOW_US),
    prefer=Example(TOWN, (("watch:1", _found(5 * HOUR)), ("web:1", _acknowledged(3 * HOUR))), NOW_US),
    says="serious incidents",
)
