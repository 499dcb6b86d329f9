"""What exercises showed, as judgements: a control that was never tried is a hope, and one tried long ago is one again.

An exercise speaks for what it attacked, and for nothing beside it. Attacking a device speaks for its model and for the flows from
it; attacking a camera for its device and model; attacking a recipient for its party.

INVARIANTS
- An exercise of another declaration speaks for a subject only where both say the same of what was attacked.
- A control rests on the musts of a scenario that are about it, and on no others: what else held there proves nothing of it, and
  what else was missed is not held against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from cityward.assurance.control import TRIED_LASTS_US, Control, Dossier, Tries, on_record
from cityward.assurance.results import EvidenceClass, Judged, Result
from cityward.assurance.trail import Entry
from cityward.evidence.records import Exercised
from cityward.time import iso

_ANY = ("*",)
_SPEAKS_FIRST = (Result.FAILED, Result.PROVEN)


def tried(dossier: Dossier, subject: str, tries: Tries) -> Judged:
    """What exercises of these scenarios that attacked a subject (`services.lights`) say of it.

    Of each scenario the newest one speaks. One in which a must of ours was missed is made good by the same scenario, run again
    and held, and by no other.
    """
    newest: dict[str, tuple[Entry[Exercised], str]] = {}
    for run in sorted(dossier.attacked.get(subject, ()), key=lambda run: run[0].record.at):
        if run[0].record.scenario in tries:
            newest[run[0].record.scenario] = run
    if not newest:
        missing = f"an exercise of {_words(tuple(tries))} that attacks it"
        return Judged(subject, Result.UNKNOWN, f"`{subject}` was never tried", path=(subject,), missing=missing)
    latest_first = sorted(newest.values(), key=lambda run: -run[0].record.at)
    told = [_of_run(dossier, subject, run, tries[run[0].record.scenario]) for run in latest_first]
    return next((one for result in _SPEAKS_FIRST for one in told if one.result is result), told[0])


def trying(controls: Mapping[str, Control], scenario: str) -> tuple[str, ...]:
    """The controls that rest on some of a scenario's musts. One that rests on any scenario at all is tried by none of them."""
    return tuple(name for name, control in controls.items() if control.tries.get(scenario, _ANY) != _ANY)


def _of_run(dossier: Dossier, subject: str, run: tuple[Entry[Exercised], str], musts: tuple[str, ...]) -> Judged:
    entry, attacked = run
    scenario, when = entry.record.scenario, iso(entry.record.at)[:10]
    missing = f"an exercise of {scenario} that attacks it"
    if dossier.now_us - entry.record.at > TRIED_LASTS_US:
        said = f"the last exercise of `{subject}` was on {when}, more than twelve months ago"
        return Judged(subject, Result.UNKNOWN, said, path=(subject,), missing=missing)
    if not _still_says(dossier, entry.record, attacked):
        said = f"since `{subject}` was tried on {when}, what is declared of `{attacked}` changed, or is not known to be the same"
        return Judged(subject, Result.UNKNOWN, said, path=(subject, attacked), missing=missing)
    return _told(subject, entry, musts)


def _words(scenarios: tuple[str, ...]) -> str:
    """All of them, or the first and last of a long row."""
    return " or ".join(scenarios) if len(scenarios) <= 4 else f"{scenarios[0]} to {scenarios[-1]}"


def _still_says(dossier: Dossier, record: Exercised, attacked: str) -> bool:
    if record.declaration == dossier.loaded.digest:
        return True
    return record.declared.get(attacked, "") == dossier.digest_of(attacked) != ""


def _told(subject: str, run: Entry[Exercised], musts: tuple[str, ...]) -> Judged:
    record = run.record
    held, lost = _ours(record.met, musts), _ours(record.missed, musts)
    said = f"{record.scenario}, seed {record.seed}: {len(held)} of {len(held) + len(lost)} held of what it rests on"
    ground, path = on_record(EvidenceClass.TESTED, run, said), (subject, f"exercises.{record.scenario}")
    if lost:
        return Judged(subject, Result.FAILED, said, (ground,), path, mend=f"see what was missed: {', '.join(lost)}")
    unasked = [pattern for pattern in musts if not any(fnmatchcase(one, pattern) for one in held)]
    if unasked:
        said = f"{record.scenario}, seed {record.seed}, attacked `{subject}`, and did not ask for {', '.join(unasked)}"
        missing = f"an exercise of {record.scenario} that asks for it"
        return Judged(subject, Result.UNKNOWN, said, path=path, missing=missing)
    return Judged(subject, Result.PROVEN, said, (ground,), path)


def _ours(musts: Iterable[str], patterns: tuple[str, ...]) -> list[str]:
    return [one for one in musts if any(fnmatchcase(one, pattern) for pattern in patterns)]
