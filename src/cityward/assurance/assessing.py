"""All controls asked at once, and what that says of each principle.

Pure: the same declaration, log and moment give the same assessment. Does not live here: writing it down (`compose`, `cli`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cityward.assurance.concluding import conclude
from cityward.assurance.control import Control, Dossier
from cityward.assurance.principles import PRINCIPLES, Principle
from cityward.assurance.results import EvidenceClass, Result, Verdict
from cityward.guard.admit import UNDECLARED
from cityward.place.data import Observability

MOST_MISSING = 20


@dataclass(frozen=True, slots=True)
class OfPrinciple:
    """What the controls say of one principle. by_result: subjects; by_class: grounds of what is known."""

    principle: Principle
    controls: tuple[str, ...]
    by_result: Mapping[Result, int]
    by_class: Mapping[EvidenceClass, int]

    @property
    def headline(self) -> str:
        """One honest line. A principle without controls is not known, and says so."""
        if not self.controls:
            return "no control looks at this yet: nothing is known"
        total = sum(self.by_result.values())
        parts = [f"{self.by_result.get(result, 0)} {result.value}" for result in (Result.PROVEN, Result.STATED)]
        rest = (Result.ACCEPTED, Result.UNKNOWN, Result.FAILED)
        parts += [f"{self.by_result[result]} {result.value}" for result in rest if self.by_result.get(result)]
        return f"of {total} subjects: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Missing:
    """What would settle unknown subjects: how many, of which controls."""

    what: str
    settles: int
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """The whole. observability: kind of observability -> flows declared with it."""

    declaration: str
    now_us: int
    verdicts: tuple[Verdict, ...]
    principles: tuple[OfPrinciple, ...]
    missing: tuple[Missing, ...]
    observability: Mapping[str, int]
    undeclared_refused: int


def assess(dossier: Dossier, controls: Mapping[str, Control]) -> Assessment:
    """What all controls say of a city at a moment."""
    verdicts = tuple(conclude(control, dossier) for control in controls.values())
    return Assessment(
        declaration=dossier.loaded.digest,
        now_us=dossier.now_us,
        verdicts=verdicts,
        principles=tuple(_of(principle, verdicts, controls) for principle in PRINCIPLES),
        missing=_missing(verdicts),
        observability=_observability(dossier),
        undeclared_refused=dossier.trail.flows[UNDECLARED].refused if UNDECLARED in dossier.trail.flows else 0,
    )


def _of(principle: Principle, verdicts: Sequence[Verdict], controls: Mapping[str, Control]) -> OfPrinciple:
    mine = [verdict for verdict in verdicts if principle.id in controls[verdict.control].supports.get("NCSC", ())]
    by_result, by_class = Counter[Result](), Counter[EvidenceClass]()
    for verdict in mine:
        by_result.update(verdict.by_result if verdict.subjects else {Result.UNKNOWN: 1})
        by_class.update(verdict.by_class)
    return OfPrinciple(principle, tuple(verdict.control for verdict in mine), dict(by_result), dict(by_class))


def _missing(verdicts: Iterable[Verdict]) -> tuple[Missing, ...]:
    settles, controls = Counter[str](), dict[str, dict[str, None]]()
    for verdict in verdicts:
        for judged in verdict.subjects:
            if judged.result is Result.UNKNOWN and judged.missing:
                settles[judged.missing] += 1
                controls.setdefault(judged.missing, {})[verdict.control] = None
    most = sorted(settles.items(), key=lambda item: (-item[1], item[0]))[:MOST_MISSING]
    return tuple(Missing(what, count, tuple(controls[what])) for what, count in most)


def _observability(dossier: Dossier) -> Mapping[str, int]:
    counts = Counter(flow.observability.value for flow in dossier.place.flows.values())
    return {kind.value: counts[kind.value] for kind in Observability}
