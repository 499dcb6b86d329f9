"""Single points of failure, and pairs that fail together what neither fails alone.

Every candidate is tried once through the cascade: exact, no sampling.

INVARIANT: only certain links count. What is not known makes no point of failure; `scenarios.dark` tells what it could add.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from cityward.place.model import Place
from cityward.reach.blast.alone import Board, Candidate, Tried, alone, board_of, candidates
from cityward.reach.blast.cascade import Cascade
from cityward.reach.blast.citizens import citizens
from cityward.reach.blast.pairs import Falling, firing
from cityward.reach.blast.subjects import Subject
from cityward.reach.exposure.answers import Axis


class FailurePoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One subject whose end fails functions, or two whose common end fails more than either. Functions in declared order."""

    subjects: tuple[Subject, ...]
    axis: Axis | None = None
    functions: tuple[str, ...]  # of two subjects: those that neither fails alone
    essential: tuple[str, ...]
    affected: int  # people of the union of their areas, where known


class FailurePoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of them, those that fail most essential functions first, then most functions, then most people."""

    singles: tuple[FailurePoint, ...]
    pairs: tuple[FailurePoint, ...]
    tried: int
    all_pairs: bool  # False where there are more than `MAX_PAIRS` to look at


def failure_points(place: Place, cascade: Cascade) -> FailurePoints:
    """Every system, device group, named member, site, party (with its group) and jurisdiction (on each axis) alone; and in pairs.

    Jurisdictions make no pairs: they are too large for a second one to say more.
    """
    board = board_of(place, cascade)
    every = list(candidates(board))
    return points_of(board, alone(board, every), len(every), lambda _one, _other: True)


def points_of(
    board: Board, tried: Sequence[Tried], many: int, wanted: Callable[[Candidate, Candidate], bool]
) -> FailurePoints:
    """The points of failure among candidates that were tried, `many` with those that do nothing; of pairs, those wanted."""
    telling = _Telling(board)
    kept = [one for one in tried if one.short and one.candidate.axis is None]
    named = [one.candidate for one in kept]
    likely, all_pairs = firing(board, kept, lambda one, other: wanted(named[one], named[other]))
    together = Falling(board).functions(kept, likely)
    pairs = [telling.point((named[i].subject, named[k].subject), None, functions) for (i, k), functions in together]
    singles = [
        telling.point((one.subject,), one.axis, t.functions) for t in tried if t.functions for one in (t.candidate,)
    ]
    return FailurePoints(singles=_ordered(singles), pairs=_ordered(pairs), tried=many, all_pairs=all_pairs)


@dataclass(slots=True)
class _Telling:
    """Functions told once for all points that fail the same ones."""

    board: Board
    told: dict[tuple[int, ...], FailurePoint] = field(default_factory=dict[tuple[int, ...], FailurePoint])

    def point(self, subjects: tuple[Subject, ...], axis: Axis | None, functions: Sequence[int]) -> FailurePoint:
        """The point of failure of some subjects. Functions are numbers of the cascade's points, in order."""
        key = tuple(functions)
        if key not in self.told:
            place, points = self.board.place, self.board.cascade.points
            names = tuple(points[number].id for number in key)
            self.told[key] = FailurePoint(
                subjects=subjects,
                axis=axis,
                functions=names,
                essential=tuple(name for name in names if place.functions[name].essential),
                affected=citizens(place, names).affected,
            )
        like = self.told[key]
        return FailurePoint(
            subjects=subjects, axis=axis, functions=like.functions, essential=like.essential, affected=like.affected
        )


def _ordered(points: list[FailurePoint]) -> tuple[FailurePoint, ...]:
    """Most first; of equal ones, in the order of the declaration."""
    return tuple(sorted(points, key=lambda p: (-len(p.essential), -len(p.functions), -p.affected)))
