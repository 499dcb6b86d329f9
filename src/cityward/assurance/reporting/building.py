"""From an assessment to a report: every judgement with what it rests on, and what must be read first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from cityward.assurance.assessing import Assessment, OfPrinciple
from cityward.assurance.control import Control, Dossier
from cityward.assurance.reporting.headlines import headlines
from cityward.assurance.reporting.model import (
    ControlTold,
    Ground,
    Judged,
    LogRead,
    MissingTold,
    PrincipleTold,
    Report,
)
from cityward.assurance.results import EvidenceClass, Result, Verdict
from cityward.assurance.results import Ground as GroundFound
from cityward.assurance.results import Judged as JudgedFound
from cityward.assurance.threats.register import register_of
from cityward.place.data import Observability
from cityward.time import iso

_ENTRY = re.compile(r"[a-z0-9-]{1,64}:\d{1,12}")
_ORDER = (Result.FAILED, Result.UNKNOWN, Result.ACCEPTED, Result.STATED, Result.PROVEN, Result.NOT_APPLICABLE)
SEEN = (Observability.ENFORCED, Observability.IMPORTED)
"""The kinds of flow of which it can be said what went over them."""


def report_of(
    found: Assessment, dossier: Dossier, controls: Mapping[str, Control], logs: Sequence[LogRead], version: str
) -> Report:
    """The report of an assessment.

    Args:
        found: what the controls said of `dossier`.
        dossier: what they were shown.
        controls: those that were asked, by id.
        logs: what was read of each log.
        version: of Cityward.
    """
    counts = Counter(judged.result for verdict in found.verdicts for judged in verdict.subjects)
    counts[Result.UNKNOWN] += sum(not verdict.subjects for verdict in found.verdicts)
    told = {verdict.control: _control(controls[verdict.control], verdict) for verdict in found.verdicts}
    return Report(
        place=dossier.place.place,
        name=dossier.place.name or dossier.place.place,
        declaration=found.declaration,
        at=iso(found.now_us),
        at_us=found.now_us,
        version=version,
        warnings=_warnings(counts, found.observability),
        headlines=headlines(found, dossier),
        observability=dict(found.observability),
        by_result=_by_result(counts),
        principles=tuple(_principle(one, told) for one in found.principles),
        controls=tuple(told.values()),
        missing=tuple(MissingTold(what=one.what, settles=one.settles, controls=one.controls) for one in found.missing),
        logs=tuple(logs),
        threats=_threats(found, dossier),
    )


def _threats(found: Assessment, dossier: Dossier) -> dict[str, int]:
    register = register_of(found, dossier)
    return {standing.value: count for standing, count in register.by_standing.items()} if register.risks else {}


def _warnings(counts: Mapping[Result, int], observability: Mapping[str, int]) -> tuple[str, ...]:
    """What must be read before any number."""
    told: list[str] = []
    total, unknown = sum(counts.values()), counts.get(Result.UNKNOWN, 0)
    if total and unknown * 2 >= total:
        told.append(
            f"More is unknown than known: of {total} subjects nobody can say anything of {unknown}. "
            "Read what would settle most of it first."
        )
    flows = sum(observability.values())
    seen = sum(observability.get(kind.value, 0) for kind in SEEN)
    if flows and seen * 2 <= flows:
        told.append(
            f"Of {flows} declared flows Cityward can see {seen}. What the other {flows - seen} carry is not known here."
        )
    return tuple(told)


def _by_result(counts: Mapping[Result, int]) -> dict[str, int]:
    return {result.value: counts.get(result, 0) for result in _ORDER}


def _by_class(counts: Mapping[EvidenceClass, int]) -> dict[str, int]:
    return {cls.value: counts.get(cls, 0) for cls in EvidenceClass}


def _principle(one: OfPrinciple, told: Mapping[str, ControlTold]) -> PrincipleTold:
    principle = one.principle
    mine = [told[control] for control in one.controls]
    to_state = [
        f"{control.id} {judged.subject}"
        for control in mine
        if control.attestable
        for judged in control.subjects
        if judged.result == Result.UNKNOWN.value
    ]
    return PrincipleTold(
        id=principle.id,
        name=principle.name,
        group=principle.group,
        ask=principle.ask,
        headline=one.headline,
        human=principle.human,
        to_state=tuple(to_state),
        controls=one.controls,
        by_result=_by_result(one.by_result),
        by_class=_by_class(one.by_class),
    )


def _control(control: Control, verdict: Verdict) -> ControlTold:
    rank = {result: i for i, result in enumerate(_ORDER)}
    subjects = sorted(verdict.subjects, key=lambda judged: (rank[judged.result], judged.subject))
    return ControlTold(
        id=control.id,
        title=control.title,
        severity=control.severity.value,
        result=verdict.result.value,
        why=verdict.why,
        supports={name: tuple(ids) for name, ids in sorted(control.supports.items())},
        false_positives=control.false_positives,
        attestable=control.attestable,
        by_result=_by_result(verdict.by_result if verdict.subjects else {Result.UNKNOWN: 1}),
        by_class=_by_class(verdict.by_class),
        subjects=tuple(_judged(control.id, judged) for judged in subjects),
    )


def _judged(control: str, judged: JudgedFound) -> Judged:
    return Judged(
        finding=judged.finding(control),
        subject=judged.subject,
        result=judged.result.value,
        said=judged.said,
        grounds=tuple(map(_ground, judged.grounds)),
        path=judged.path,
        missing=judged.missing,
        mend=judged.mend,
    )


def _ground(ground: GroundFound) -> Ground:
    on_log = _ENTRY.fullmatch(ground.record) is not None
    return Ground(
        cls=ground.cls.value,
        entry=ground.record if on_log else "",
        line="" if on_log else ground.record,
        said=ground.said,
        at=iso(ground.at) if ground.at else "",
    )
