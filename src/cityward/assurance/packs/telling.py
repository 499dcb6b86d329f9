"""What a pack is, and what the controls' results say of its clauses.

INVARIANT: a clause that no control supports is not known; one that several support is as good as the worst of them. A clause is
never met here: the controls are evidence for it, and a person judges whether that is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityward.assurance.concluding import WORST_FIRST
from cityward.assurance.results import Result


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: its id, what it is about in our own words, and the controls that are evidence for it."""

    id: str
    words: str
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pack:
    """One framework. framework: its name in `Control.supports`. dated: as far as known; left_out: what is not mapped, and why."""

    id: str
    framework: str
    title: str
    publisher: str
    version: str
    dated: str
    source: str
    left_out: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class ClauseTold:
    """A clause with what is known of it. by_control: its controls' results."""

    id: str
    words: str
    result: Result
    by_control: Mapping[str, Result]

    @property
    def said(self) -> str:
        """One line."""
        if not self.by_control:
            return "nothing is known"
        return ", ".join(f"{control} {result.value}" for control, result in self.by_control.items())


def tell_pack(pack: Pack, results: Mapping[str, Result]) -> tuple[ClauseTold, ...]:
    """Each clause of a pack, with the results of its controls. results: control id -> its result."""
    return tuple(_tell(clause, results) for clause in pack.clauses)


def _tell(clause: Clause, results: Mapping[str, Result]) -> ClauseTold:
    mine = {control: results[control] for control in clause.controls if control in results}
    worst = next((result for result in WORST_FIRST if result in mine.values()), Result.UNKNOWN)
    if len(mine) < len(clause.controls) and worst is not Result.FAILED:
        worst = Result.UNKNOWN  # a control that was not asked is no pass
    return ClauseTold(clause.id, clause.words, worst, mine)
