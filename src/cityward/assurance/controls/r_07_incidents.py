"""R-07: an incident is taken in hand before its clock runs out, and whoever must be told of it is told in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cityward.assurance.control import Control, Dossier, Example, on_record
from cityward.assurance.examples import NOW_US, TOWN
from cityward.assurance.incidents.account import files_in
from cityward.assurance.incidents.affected import Known, affected_of
from cityward.assurance.incidents.clocks import Clock, ClockState, clocks_of
from cityward.assurance.incidents.file import IncidentFile
from cityward.assurance.results import EvidenceClass, Judged, Result, Severity
from cityward.assurance.trail import Entry, Trail
from cityward.evidence.records import Acknowledged, FileNoted, Found, Record
from cityward.time import DAY, HOUR, iso

CLOCK_US = DAY
"""SPEC: the early warning that NIS2 art. 23 asks for is due within 24 hours."""
SERIOUS = frozenset({"high", "critical"})


def check(dossier: Dossier) -> Iterable[Judged]:
    """One judgement for each serious incident, and one for each reporting clock of a file that applies."""
    opened: dict[str, Entry[Found]] = {}
    for entry in dossier.trail.of(Found):
        if entry.record.incident and entry.record.severity in SERIOUS:
            opened.setdefault(entry.record.incident, entry)
    files = files_in(dossier)
    taken = _taken(dossier.trail, files)
    for incident, first in opened.items():
        yield _judged(dossier, incident, first, taken.get(incident))
    for file in files.values():
        yield from _reported(dossier, file)
    if not opened and not files and dossier.place.devices:
        said = "there was no serious incident: whether one would be taken in hand was not seen"
        yield Judged("place", Result.UNKNOWN, said, missing="an exercise")


def _taken(trail: Trail, files: Mapping[str, IncidentFile]) -> Mapping[str, Entry[Record]]:
    """Incident -> the first that a person did about it: took it in hand, or put a step of its file on record."""
    found: dict[str, Entry[Record]] = {}
    steps = ((one, step) for file in files.values() for step in file.steps for one in file.incidents)
    said = ((entry.record.incident, entry) for entry in trail.of(Acknowledged))
    for incident, entry in (*said, *steps):
        before = found.get(incident)
        if before is None or entry.record.at < before.record.at:
            found[incident] = entry
    return found


def _judged(dossier: Dossier, incident: str, first: Entry[Found], taken: Entry[Record] | None) -> Judged:
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


def _reported(dossier: Dossier, file: IncidentFile) -> Iterable[Judged]:
    """One judgement for each clock. Where it is not known whether the duty applies, neither is whether it was kept."""
    affected = affected_of(dossier.place, file, dossier.trail)
    messages = {step.id: step for step in file.steps}
    for clock in clocks_of(dossier.place, file, affected, dossier.now_us):
        if clock.state is not ClockState.NOT_APPLICABLE:
            yield _clock(file, clock, messages.get(clock.entry))


def _clock(file: IncidentFile, clock: Clock, message: Entry[FileNoted] | None) -> Judged:
    subject, path = f"files.{file.id}.{clock.id}", (f"files.{file.id}", f"jurisdictions.{clock.id}")
    if message is not None:
        kept = clock.state is ClockState.TOLD
        said = f"{clock.to} was told of {file.id} at {iso(clock.told_us)}, due {iso(clock.due_us)}"
        ground = on_record(EvidenceClass.OBSERVED, message, said)
        mend = "" if kept else "say in the file why it was late, and try the way to them in an exercise"
        return Judged(subject, Result.PROVEN if kept else Result.FAILED, said, (ground,), path, mend=mend)
    told = f"cityward incident told {file.id} --duty {clock.id}"
    if clock.state is ClockState.OVERDUE and clock.applies is Known.YES:
        said = f"{clock.to} was to be told of {file.id} by {iso(clock.due_us)}; no message is on record"
        ground = on_record(EvidenceClass.OBSERVED, file.entry, said, file.opened_at)
        return Judged(subject, Result.FAILED, said, (ground,), path, mend=told)
    open_ = "it is due" if clock.state is ClockState.RUNNING else "it was due, if it applies,"
    said = f"{clock.to} is not told of {file.id} yet; {open_} by {iso(clock.due_us)} ({clock.why})"
    return Judged(subject, Result.UNKNOWN, said, path=path, missing=f"a message, or why none is due: {told}")


def _found(ago: int) -> Found:
    return Found(
        at=NOW_US - ago, by="watch", finding="f1", detector="limits", what="beyond its limits", subject="counter-1",
        property="vehicle-count", severity="high", phase="began", began_at=NOW_US - ago, score=9.0, incident="i1", facts={},
    )  # fmt: skip


def _acknowledged(ago: int) -> Acknowledged:
    return Acknowledged(at=NOW_US - ago, by="web", incident="i1", person="ada", state="acknowledged", note="")


CONTROL = Control(
    id="R-07",
    title="Every serious incident is taken in hand, and told to whom the law names, within its clocks",
    severity=Severity.HIGH,
    supports={"NCSC": ("N14",), "NIS2": ("23",), "DSL": ("notice",)},
    check=check,
    proof_lasts_us=366 * DAY,
    false_positives="An incident that was dealt with by telephone, and put on record later, counts as late.",
    avoid=Example(TOWN, (("watch:1", _found(2 * DAY)), ("web:1", _acknowledged(18 * HOUR))), NOW_US),
    prefer=Example(TOWN, (("watch:1", _found(5 * HOUR)), ("web:1", _acknowledged(3 * HOUR))), NOW_US),
    says="serious incidents, and reporting clocks of incident files",
)
