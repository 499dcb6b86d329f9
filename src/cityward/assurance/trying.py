"""What exercises showed, as judgements: a control that was never tried is a hope, and one tried long ago is one again."""

from __future__ import annotations

from cityward.assurance.control import Dossier, on_record
from cityward.assurance.results import EvidenceClass, Judged, Result
from cityward.assurance.trail import Entry
from cityward.evidence.records import Exercised
from cityward.time import DAY

FRESH_US = 365 * DAY


def tried(dossier: Dossier, subject: str, scenarios: tuple[str, ...], service: str = "") -> Judged:
    """What the newest exercise of one of these scenarios (that touched the service, where one is named) says of a subject."""
    runs = [
        entry
        for entry in dossier.trail.of(Exercised)
        if entry.record.scenario in scenarios and (not service or service in entry.record.services)
    ]
    missing = f"an exercise of {' or '.join(scenarios)}"
    if not runs:
        return Judged(subject, Result.UNKNOWN, f"`{subject}` was never tried", path=(subject,), missing=missing)
    newest = max(runs, key=lambda entry: entry.record.at)
    if dossier.now_us - newest.record.at > FRESH_US:
        said = f"the last exercise of `{subject}` is older than twelve months"
        return Judged(subject, Result.UNKNOWN, said, path=(subject,), missing=missing)
    return _told(subject, newest)


def _told(subject: str, run: Entry[Exercised]) -> Judged:
    record = run.record
    said = f"{record.scenario}, seed {record.seed}: {len(record.met)} of {len(record.met) + len(record.missed)} held"
    ground, path = on_record(EvidenceClass.TESTED, run, said), (subject, f"exercises.{record.scenario}")
    if record.missed or not record.met:
        mend = f"see what was missed: {', '.join(record.missed) or 'nothing was asked of it'}"
        return Judged(subject, Result.FAILED, said, (ground,), path, mend=mend)
    return Judged(subject, Result.PROVEN, said, (ground,), path)
