"""What a proposal newly breaks, and with which changes it would not. The search itself is in `hunt`.

What is tried is bounded by the size of the place, never by the clock: the same inputs give the same answer.

INVARIANTS
- Possibly is never certainly: changes are sought against what is broken for certain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import msgspec

from cityward.place.house_rules import Weight
from cityward.place.model import Place
from cityward.place.reading.overlay import Changes
from cityward.reach.exposure.answers import expose, scenarios_of
from cityward.reach.exposure.compile import compile_place, place_on
from cityward.reach.exposure.nodes import Node
from cityward.reach.rules.judging import Finding, evaluate, scenarios_asked
from cityward.reach.rules.standing import Closed, Standing
from cityward.reach.rules.truth import without
from cityward.reach.rules.why import missing_of
from cityward.reach.sign.changes import MOST_CANDIDATES, Change, candidates
from cityward.reach.sign.cutting import Cutting
from cityward.reach.sign.hunt import Found, Hunt, Search
from cityward.reach.sign.narrowing import Trying, narrowing
from cityward.reach.sign.shared import pair

MOST_WORK = 1_000_000  # records judged over all tries, about: a city of a thousand records gets a thousand tries
LEAST_TRIES = 16  # even of a place of a million records


def newly(before: Finding | None, now: Finding) -> Finding | None:
    """What is new about a finding: all of it, its certainty, witnesses, or what would possibly make it so besides.

    Only the new witnesses are told: who made it so before is no matter of this proposal.
    """
    if before is None or before.held.truth < now.held.truth:
        return now
    certain = frozenset(before.held.witnesses)
    every = certain.union(before.held.also.witnesses if before.held.also is not None else ())
    if now.held.truth == before.held.truth and not certain.issuperset(now.held.witnesses):
        return replace(now, held=without(now.held, certain))
    also = now.held.also
    return None if also is None or every.issuperset(also.witnesses) else replace(now, held=without(also, every))


def bears(finding: Finding) -> bool:
    """Whether a finding bears on the verdict: it is no note, and not waived."""
    return finding.weight is not Weight.NOTE and finding.waiver is None


def size_of(place: Place) -> int:
    """How many records a place has."""
    kinds = (getattr(place, entry.name) for entry in msgspec.structs.fields(place))
    return sum(len(kind) for kind in kinds if isinstance(kind, dict))


@dataclass
class Weighed:
    """A place as it is and as proposed, judged on a day."""

    base: Place
    proposed: Place
    changes: Changes
    day: date
    then: Standing = field(init=False)
    now: Standing = field(init=False)
    before: dict[tuple[str, str], Finding] = field(init=False)
    every: tuple[Finding, ...] = field(init=False)

    def __post_init__(self) -> None:
        base, proposed = (place_on(place, self.day) for place in (self.base, self.proposed))
        every = tuple(dict.fromkeys((*scenarios_of(base), *scenarios_of(proposed))))
        before, after = pair(base, proposed, self.changes, every)
        self.then = Standing(base, self.day, every, lambda: before)
        self.now = Standing(proposed, self.day, every, lambda: after)
        judged = evaluate(self.then)
        self.before = {(finding.rule, finding.subject): finding for finding in judged}
        self.every = evaluate(self.now)

    def new(self, findings: Iterable[Finding]) -> list[Finding]:
        """What is new about each, certain or possible."""
        seen = (newly(self.before.get((finding.rule, finding.subject)), finding) for finding in findings)
        return [finding for finding in seen if finding is not None]

    def told(self, standing: Standing, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """What is new, without what is merely possible and rests on no fact that the same rule did not want to know before."""
        return tuple(f for f in self.new(findings) if f.certain or self._asks(standing, f))

    def _asks(self, standing: Standing, finding: Finding) -> bool:
        before = self.before.get((finding.rule, finding.subject))
        if before is None:
            return True
        wanted = {path for held in (before.held, before.held.also) if held for path in missing_of(self.then, held)}
        return not wanted.issuperset(missing_of(standing, finding.held))

    def repaired(self) -> tuple[Finding, ...]:
        """What the proposal mends."""
        now = {(finding.rule, finding.subject) for finding in self.every}
        return tuple(finding for key, finding in self.before.items() if key not in now)

    def with_changes(self, chosen: Sequence[Change]) -> Standing:
        """The proposed place with changes, on the day; its exposure by leaving clauses out, where that says the same."""
        place = self.now.place
        for change in chosen:
            place = change.apply(place)
        return Standing(place, self.day, self.now.scenarios, lambda: self._closed(place, self.now.scenarios))

    def left(self, chosen: Sequence[Change], only: Mapping[str, Collection[str]] | None = None) -> list[Finding]:
        """What is new, and bears on the verdict, even with changes. Possible ones are not looked into.

        Args:
            only: rule -> the subjects to judge.
        """
        changed = self.with_changes(chosen)
        place = changed.place
        asked = scenarios_asked(place, [r for name, r in place.rules.items() if only is None or name in only])
        narrow = Standing(place, self.day, asked, lambda: self._closed(place, asked))
        return [f for f in self.new(evaluate(narrow, only)) if bears(f)]

    def _closed(self, place: Place, scenarios: Sequence[Node]) -> Closed:
        trying = self.trying
        narrowed = narrowing(self.now.place, place, self.cutting)
        enabled = trying.clauses(narrowed) if narrowed is not None else None
        if enabled is None:
            return Closed(expose(compile_place(place), scenarios))
        return Closed(trying.exposed(scenarios, enabled), enabled)

    @cached_property
    def cutting(self) -> Cutting:
        """What can be cut out of the proposed place."""
        return Cutting(self.now.place)

    @cached_property
    def trying(self) -> Trying:
        """The proposed place's model, with all that the changes offered need."""
        alone = (narrowing(self.now.place, change.apply(self.now.place), self.cutting) for change in self.offered)
        return Trying(self.now.exposure.model, [one for one in alone if one is not None])

    # --- the search

    def conditions(self) -> Found:
        """The smallest set found against all that is broken for certain; failing that, the one that mends most of it."""
        broken = [finding for finding in self.new(self.every) if bears(finding) and finding.certain]
        if not broken:
            return Found((), Search.NONE, 0)
        tries = max(LEAST_TRIES, MOST_WORK // max(1, size_of(self.proposed)))
        return Hunt(self.left, self.hollow, broken, self.offered, tries).found()

    @cached_property
    def offered(self) -> list[Change]:
        """What could be asked for."""
        paths = (*self.changes.added, *self.changes.replaced, *self.changes.removed)
        return candidates(self.then.place, self.now.place, paths)[:MOST_CANDIDATES]

    def hollow(self, chosen: Sequence[Change]) -> bool:
        """Whether changes leave none of the flows and accesses that the proposal brings."""
        brought = [path.partition(".") for path in (*self.changes.added, *self.changes.replaced)]
        ways = [(kind, name) for kind, _, name in brought if kind in ("flows", "accesses")]
        place = self.with_changes(chosen).place
        return bool(ways) and not any(name in getattr(place, kind) for kind, name in ways)
