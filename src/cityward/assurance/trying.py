"""What exercises showed, as judgements: a control that was never tried is a hope, and one tried long ago is one again.

An exercise speaks for what it attacked, and for nothing beside it. Attacking a device speaks for its model and for the flows from
it; attacking a camera for its device and model; attacking a recipient for its party.

INVARIANT: an exercise of another declaration speaks for a subject only where both say the same of what was attacked.
"""

from __future__ import annotations

from cityward.assurance.control import TRIED_LASTS_US, Dossier, on_record
from cityward.assurance.results import EvidenceClass, Judged, Result
from cityward.assurance.trail import Entry
from cityward.evidence.records import Exercised
from cityward.time import iso


def tried(dossier: Dossier, subject: str, scenarios: tuple[str, ...]) -> Judged:
    """What the newest exercise of one of these scenarios that attacked a subject (`services.lights`) says of it."""
    missing = f"an exercise of {_words(scenarios)} that attacks it"
    runs = [(entry, by) for entry, by in dossier.attacked.get(subject, ()) if entry.record.scenario in scenarios]
    if not runs:
        return Judged(subject, Result.UNKNOWN, f"`{subject}` was never tried", path=(subject,), missing=missing)
    newest, attacked = max(runs, key=lambda run: run[0].record.at)
    when = iso(newest.record.at)[:10]
    if dossier.now_us - newest.record.at > TRIED_LASTS_US:
        said = f"the last exercise of `{subject}` was on {when}, more than twelve months ago"
        return Judged(subject, Result.UNKNOWN, said, path=(subject,), missing=missing)
    if not _still_says(dossier, newest.record, attacked):
        said = f"since `{subject}` was tried on {when}, what is declared of `{attacked}` changed, or is not known to be the same"
        return Judged(subject, Result.UNKNOWN, said, path=(subject, attacked), missing=missing)
    return _told(subject, newest)


def _words(scenarios: tuple[str, ...]) -> str:
    """All of them, or the first and last of a long row."""
    return " or ".join(scenarios) if len(scenarios) <= 4 else f"{scenarios[0]} to {scenarios[-1]}"


def _still_says(dossier: Dossier, record: Exercised, attacked: str) -> bool:
    if record.declaration == dossier.loaded.digest:
        return True
    return record.declared.get(attacked, "") == dossier.digest_of(attacked) != ""


def _told(subject: str, run: Entry[Exercised]) -> Judged:
    record = run.record
    said = f"{record.scenario}, seed {record.seed}: {len(record.met)} of {len(record.met) + len(record.missed)} held"
    ground, path = on_record(EvidenceClass.TESTED, run, said), (subject, f"exercises.{record.scenario}")
    if record.missed or not record.met:
        mend = f"see what was missed: {', '.join(record.missed) or 'nothing was asked of it'}"
        return Judged(subject, Result.FAILED, said, (ground,), path, mend=mend)
    return Judged(subject, Result.PROVEN, said, (ground,), path)
