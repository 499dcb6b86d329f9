"""From judgements to a verdict: the rules that every control is held to, in one place.

INVARIANTS
- Proven needs an observed, enforced or tested ground that is an entry on record; whoever says proven without one, or names what
  is not on record, is refused, loudly.
- Unknown is never a pass: only a person's statement in force makes it *stated*, and only where the control allows it. Where
  the statement is that it does not hold, it failed.
- An accepted risk needs an owner and an end to come; past it, or once the subject is declared otherwise, the check speaks.
- A proof whose newest ground is older than the control lets it last (an exercise: than a year) is unknown; it says when that was
  last seen. One that is of later than the moment of the report proves nothing: a clock was set back.
- No subject is unknown, never proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from cityward.assurance.control import TRIED_LASTS_US, Control, Dossier, on_record
from cityward.assurance.results import PROVING, EvidenceClass, Ground, Judged, Result, Verdict
from cityward.evidence.records import Attested, RiskAccepted
from cityward.time import iso

WORST_FIRST = (Result.FAILED, Result.UNKNOWN, Result.ACCEPTED, Result.STATED, Result.PROVEN, Result.NOT_APPLICABLE)


HOLDS, FAILS, WITHDRAWN = "holds", "does-not-hold", "withdrawn"
"""The words of a statement."""


class UnfoundedError(AssertionError):
    """A control called something proven that rests on no record: a mistake in the control, never the city's."""


def conclude(control: Control, dossier: Dossier) -> Verdict:
    """What a control says of a place.

    Raises:
        UnfoundedError: the control breaks the first invariant.
    """
    spoken, accepted = _attested(control, dossier), _accepted(control, dossier)
    subjects = tuple(
        _with_people(_aged(control, dossier, judged), spoken, accepted)
        for judged in sorted(_founded(control, dossier), key=lambda judged: judged.subject)
    )
    if not subjects:
        return Verdict(control.id, Result.UNKNOWN, (), "there is nothing here that it could judge")
    counts = Counter(judged.result for judged in subjects)
    worst = next(result for result in WORST_FIRST if counts[result])
    classes = Counter(ground.cls for judged in subjects for ground in judged.grounds)
    return Verdict(control.id, worst, subjects, _why(counts), dict(counts), dict(classes))


def _founded(control: Control, dossier: Dossier) -> Iterable[Judged]:
    for one in control.check(dossier):
        named = [ground.record for ground in one.grounds if ground.cls in PROVING]
        if one.result is Result.PROVEN and not named:
            raise UnfoundedError(f"{control.id} calls {one.subject} proven, and names no record")
        if one.result is Result.PROVEN and not dossier.trail.ids.issuperset(named):
            raise UnfoundedError(
                f"{control.id} calls {one.subject} proven by what is not on record: {', '.join(named)}"
            )
        if one.result is Result.STATED and not one.grounds:
            raise UnfoundedError(f"{control.id} calls {one.subject} stated, and names nobody who said so")
        yield one


def _aged(control: Control, dossier: Dossier, judged: Judged) -> Judged:
    """Unknown in place of proven, where everything that it rests on is too old to speak for today."""
    if judged.result is not Result.PROVEN:
        return judged
    live = [ground for ground in judged.grounds if ground.cls in PROVING]
    if any(0 <= dossier.now_us - ground.at <= _lasts_us(control, ground) for ground in live):
        return judged
    last = max(ground.at for ground in live)
    because = "too long ago to speak for today" if last <= dossier.now_us else "after this moment: a clock was set back"
    said = f"{judged.said}; last seen on {iso(last)[:10]}, {because}"
    return replace(judged, result=Result.UNKNOWN, said=said, missing="the same, seen again")


def _lasts_us(control: Control, ground: Ground) -> int:
    return max(control.proof_lasts_us, TRIED_LASTS_US) if ground.cls is EvidenceClass.TESTED else control.proof_lasts_us


def _attested(control: Control, dossier: Dossier) -> Mapping[str, tuple[str, Attested]]:
    """Subject, or `*`, -> the newest statement about it that is in force."""
    if not control.attestable:
        return {}
    newest = dossier.trail.newest(Attested, lambda record: (record.control, record.subject))
    return {
        subject: (entry.id, entry.record)
        for (name, subject), entry in newest.items()
        if name == control.id and entry.record.until > dossier.now_us and entry.record.word != WITHDRAWN
    }


def _accepted(control: Control, dossier: Dossier) -> Mapping[str, tuple[str, RiskAccepted]]:
    newest = dossier.trail.newest(RiskAccepted, lambda record: (record.control, record.subject))
    return {
        subject: (entry.id, entry.record)
        for (name, subject), entry in newest.items()
        if name == control.id and in_force(dossier, entry.record)
    }


def in_force(dossier: Dossier, risk: RiskAccepted) -> bool:
    """Whether an acceptance counts: it has an owner, an end to come, and was of the subject as it is declared now."""
    as_then = not risk.declared or risk.declared == dossier.digest_of(declared_part(risk.subject))
    return bool(risk.owner) and risk.until > dossier.now_us and as_then


def declared_part(subject: str) -> str:
    """The record of the declaration that a subject is of: `flows.a` of `flows.a.tampering`."""
    return ".".join(subject.split(".")[:2])


def _with_people(
    judged: Judged, spoken: Mapping[str, tuple[str, Attested]], accepted: Mapping[str, tuple[str, RiskAccepted]]
) -> Judged:
    told = _stated(judged, spoken)
    if told.result is Result.FAILED and (borne := accepted.get(told.subject)) is not None:
        entry, risk = borne
        ground = on_record(EvidenceClass.ATTESTED, entry, f"borne by {risk.owner}: {risk.why}", risk.at)
        return replace(told, result=Result.ACCEPTED, grounds=(*told.grounds, ground))
    return told


def _stated(judged: Judged, spoken: Mapping[str, tuple[str, Attested]]) -> Judged:
    """What nobody knows, with a person's word: the one on the subject itself before the one on all."""
    if judged.result is not Result.UNKNOWN or (said := spoken.get(judged.subject) or spoken.get("*")) is None:
        return judged
    entry, statement = said
    ground = on_record(EvidenceClass.ATTESTED, entry, f"{statement.person}: {statement.said}", statement.at)
    if statement.word == HOLDS:
        return replace(judged, result=Result.STATED, grounds=(*judged.grounds, ground))
    told = f"{statement.person} states that it does not hold: {statement.said}"
    mend = "see to it, and state it anew"
    return replace(judged, result=Result.FAILED, said=told, grounds=(*judged.grounds, ground), mend=mend)


def _why(counts: Mapping[Result, int]) -> str:
    return ", ".join(f"{counts[result]} {result.value}" for result in WORST_FIRST if counts.get(result))
