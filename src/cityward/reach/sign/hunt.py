"""The search for changes to a proposal: the smallest set that mends all it newly breaks, or else the set that mends most.

Single changes first, then pairs, then step by step the change that mends most. How a set is judged is given.

INVARIANTS
- A set of changes that leaves none of the flows and accesses a proposal brings is no condition: it would be another no.
- A set is taken only when all rules, not only those it is meant for, have been judged with it.
- Where something stays broken, the changes that mend the rest are found all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations

from cityward.place.house_rules import Weight
from cityward.reach.rules.judging import Finding
from cityward.reach.sign.changes import Change

MOST_CHANGES = 6  # more conditions than these, and it is another proposal


class Search(StrEnum):
    """How the set of changes was found."""

    NONE = "none needed"
    EXHAUSTIVE = "smallest: every single change and, where none was enough, every pair was tried"
    GREEDY = "found step by step, no single change or pair being enough: a smaller set may exist"
    CUT_SHORT = "not every pair was tried: a smaller set may exist"
    PARTLY = "these mend a part; no change that was tried mends what is left"
    PARTLY_CUT = "these mend a part; not every change was tried on what is left"
    PARTLY_MANY = "these mend a part; what is left may be mended too, but more changes would be another proposal"
    FAILED = "no set of changes was found"


@dataclass(frozen=True, slots=True)
class Found:
    """The set of changes that was found."""

    changes: tuple[Change, ...]
    search: Search
    tried: int


Only = Mapping[str, Sequence[str]]
Left = Callable[[Sequence[Change], Only | None], Sequence[Finding]]
"""What stays newly broken or possibly so with changes, of the rules and subjects given, or of all."""

Score = tuple[int, int, int]
"""What is left: findings of weight deny, others, and the witnesses of both, by which progress on one finding with many shows."""


@dataclass(slots=True)
class Hunt:
    """One search. `broken` is what is to be mended, `tries` how many sets may be judged in each stage."""

    left: Left
    hollow: Callable[[Sequence[Change]], bool]
    broken: Sequence[Finding]
    offered: Sequence[Change]
    tries: int
    tried: int = 0
    until: int = 0
    cut: bool = False
    scores: dict[frozenset[Change], Score | None] = field(default_factory=dict[frozenset[Change], Score | None])

    def found(self) -> Found:
        """The smallest set, the mildest of those; failing that, the set that mends most, denials first."""
        whole = self._smallest(_all)
        short = self.cut
        if whole is not None:
            return Found(whole, Search.CUT_SHORT if short else Search.EXHAUSTIVE, self.tried)
        best = self._best(())
        score = self._score(best)
        if best and score is not None and _all(score) == 0:
            return Found(best, Search.CUT_SHORT if short or self.cut else Search.GREEDY, self.tried)
        start = _score_of(self.broken)
        if 0 < _denials(start) < _all(start) and (score is None or _denials(score)):
            best = self._best(self._smallest(_denials) or ()) or best
        return Found(best, self._partly(best), self.tried) if best else Found((), Search.FAILED, self.tried)

    def _partly(self, best: tuple[Change, ...]) -> Search:
        if self.cut:
            return Search.PARTLY_CUT
        return Search.PARTLY_MANY if len(best) >= MOST_CHANGES else Search.PARTLY

    # --- singles and pairs

    def _smallest(self, goal: Callable[[Score], int]) -> tuple[Change, ...] | None:
        """The smallest set of one or two that leaves nothing of what is aimed at."""
        self.until, self.cut = self.tried + self.tries, False
        count = goal(_score_of(self.broken))
        alone: dict[Change, int] = {}
        for change in self.offered:
            score = self._score((change,))
            if score is not None and goal(score) <= count:
                alone[change] = goal(score)
        for change in sorted(alone, key=lambda change: change.effort):
            if alone[change] == 0 and self._enough((change,), goal):
                return (change,)
        pairs = sorted(
            combinations(alone, 2),
            key=lambda two: (sum(alone[c] for c in two) > count, sum(c.effort for c in two)),
        )
        for two in pairs:  # those first that go far enough together if they help against different things
            if self.cut:
                return None
            score = self._score(two)
            if score is not None and goal(score) == 0 and self._enough(two, goal):
                return two
        return None

    # --- step by step

    def _best(self, chosen: tuple[Change, ...]) -> tuple[Change, ...]:
        """More and more of the changes that mend most, then without those that prove needless."""
        self.until, self.cut = self.tried + self.tries, False
        score = self._score(chosen) or _score_of(self.broken)
        while _all(score) and len(chosen) < MOST_CHANGES:
            step = self._step(chosen, score)
            if step is None:
                break
            chosen, score = step
        for change in chosen:
            fewer = tuple(kept for kept in chosen if kept is not change)
            less = self._score(fewer)
            if less is not None and less[:2] <= score[:2]:
                chosen, score = fewer, less
        while chosen and not self._sound(chosen):
            chosen = chosen[:-1]
        return chosen

    def _step(self, chosen: tuple[Change, ...], score: Score) -> tuple[tuple[Change, ...], Score] | None:
        """One change more, the one that mends most; first of those that help by themselves."""
        start = _score_of(self.broken)
        open_ = [change for change in self.offered if change not in chosen]
        alone = {change: self._score((change,)) for change in open_}
        helping = [change for change, by_itself in alone.items() if by_itself is not None and by_itself < start]
        others = [change for change, by_itself in alone.items() if by_itself is not None and by_itself >= start]
        for those in (helping, others):
            scored = [(self._score((*chosen, change)), change.effort, i) for i, change in enumerate(those)]
            better = [(after, effort, i) for after, effort, i in scored if after is not None and after < score]
            if better:
                after, _, i = min(better)
                return (*chosen, those[i]), after
        return None

    # --- judging a set

    def _score(self, chosen: Sequence[Change]) -> Score | None:
        """What is left of what was broken; None for a hollow set, and for one that may no longer be tried."""
        key = frozenset(chosen)
        if not chosen:
            return _score_of(self.broken)
        if key not in self.scores:
            if self.tried >= self.until:
                self.cut = True
                return None
            self.tried += 1
            self.scores[key] = None if self.hollow(chosen) else _score_of(self.left(chosen, self._asked()))
        return self.scores[key]

    def _asked(self) -> Only:
        by_rule: dict[str, list[str]] = {}
        for finding in self.broken:
            by_rule.setdefault(finding.rule, []).append(finding.subject.partition(".")[2])
        return by_rule

    def _enough(self, chosen: Sequence[Change], goal: Callable[[Score], int]) -> bool:
        return goal(_score_of(self.left(chosen, None))) == 0

    def _sound(self, chosen: Sequence[Change]) -> bool:
        """Whether it breaks nothing that was not broken without it."""
        known = {(finding.rule, finding.subject) for finding in self.broken}
        left = self.left(chosen, None)
        return all((finding.rule, finding.subject) in known for finding in left if finding.certain)


def _score_of(findings: Sequence[Finding]) -> Score:
    certain = [finding for finding in findings if finding.certain]
    denials = sum(finding.weight is Weight.DENY for finding in certain)
    return denials, len(certain) - denials, sum(len(finding.held.witnesses) for finding in certain)


def _all(score: Score) -> int:
    return score[0] + score[1]


def _denials(score: Score) -> int:
    return score[0]
