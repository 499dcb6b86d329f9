"""What if a party turns against the city, or a jurisdiction by its laws: what it reaches, what is misled, what stops.

What it reaches is the exposure's answer (`reach/exposure`); this module adds hours. What the party can order, update or lay hands
on stops at hour 0, if it wants it so; what falls with that, and with the party itself, follows by the cascade.

How it reaches what it stops, and on which facts a possible answer rests, is told for what the answer names, by the shortest
derivation each; at most `MOST_DERIVED` of them.

A function *loses integrity* where its service is misled or commanded, or where a thing that it needs can be written to, commanded
or updated: it may go on, and do the wrong thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
from msgspec.structs import replace

from cityward.place.model import Place
from cityward.place.services import Function
from cityward.reach.blast.cascade import Cascade, Kind, Point, Start
from cityward.reach.blast.outcome import Outcome, outcome
from cityward.reach.exposure.answers import LAW, Axis, Bound, Exposure
from cityward.reach.exposure.derive import Derivation, by_head, derive
from cityward.reach.exposure.nodes import Mode, Node, Predicate, Use
from cityward.reach.exposure.order import Fan

STOPPING = (Mode.COMMAND, Mode.UPDATE, Mode.PHYSICAL)
"""What can be done to a thing that can also stop it."""
FALSIFYING = (Mode.WRITE, Mode.COMMAND, Mode.UPDATE)
"""What can be done to a thing so that it goes on, wrongly."""


MOST_DERIVED = 1_000
"""Derivations looked for in one answer: a second of work on a place of a hundred thousand rules."""


class Reached(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item and a mode. `certain` is False where it rests on what is not known; where integrity is lost, on these facts."""

    kind: str  # dataset, thing, service
    id: str
    mode: Mode
    certain: bool
    missing: tuple[str, ...] = ()


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the party comes to stop a thing by its own hand: the lines of the shortest derivation, from the party to the thing."""

    id: str
    mode: Mode
    certain: bool
    paths: tuple[str, ...]
    missing: tuple[str, ...] = ()


class LostIntegrity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that may do the wrong thing, and the items through which, each with the line that joins it to the function."""

    function: str
    essential: bool
    certain: bool
    through: tuple[Reached, ...]
    paths: tuple[str, ...]


class Hostile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer. Items in the exposure's order; functions in declared order.

    `axis` is None where a party turns; else `party` is a jurisdiction, and those turn whom its law reaches on that axis.
    """

    party: str
    axis: Axis | None = None
    reached: tuple[Reached, ...]
    integrity: tuple[LostIntegrity, ...]
    outcome: Outcome
    ways: tuple[Way, ...] = ()  # to the things that the effects begin with
    without_facts: int = 0  # items through which integrity is possibly lost, whose facts were too many to look for

    def by_mode(self, mode: Mode) -> tuple[Reached, ...]:
        """What is read, written, commanded, updated, touched, stopped or misled."""
        return tuple(one for one in self.reached if one.mode == mode)


def hostile(place: Place, cascade: Cascade, exposure: Exposure, party: str, most_derived: int | None = None) -> Hostile:
    """What a party could do with all it has.

    Args:
        place: the declaration.
        cascade: compiled from it.
        exposure: of the same declaration, closed for scenarios among which is the party.
        party: who turns.
        most_derived: how many derivations to look for, `MOST_DERIVED` where left out; 0 leaves out by which ways it comes about.
    """
    asked = _Asked(place, cascade, exposure, Node(Predicate.PARTY, party), most_derived)
    return _answer(asked, {cascade.number[Point(Kind.PARTY, party)]: Start(0.0, f"parties.{party}")}, None)


def hostile_land(
    place: Place, cascade: Cascade, exposure: Exposure, land: str, axis: Axis, most_derived: int | None = None
) -> Hostile:
    """What a jurisdiction could do by the laws that are declared of it: over its parties, or over what lies there.

    Beside what it reaches, the parties stop at hour 0 whom it can bring to stop.

    Args:
        place, cascade, exposure: as in `hostile`, closed for the law of the jurisdiction on that axis.
        land: the jurisdiction.
        axis: by what it has power.
        most_derived: as in `hostile`.
    """
    asked = _Asked(place, cascade, exposure, Node(LAW[axis], land), most_derived)
    return _answer(asked, asked.brought_to_stop(), axis)


def _answer(asked: _Asked, own: dict[int, Start], axis: Axis | None) -> Hostile:
    """`own`: what is dark before anything is stopped by hand."""
    reached = tuple(asked.reached())
    falls, ways = asked.falls(own, reached)
    integrity = tuple(asked.integrity(reached))
    items = {item for lost in integrity for item in lost.through if not item.certain}
    return Hostile(
        party=asked.scenario.subject,
        axis=axis,
        reached=reached,
        integrity=integrity,
        outcome=falls,
        ways=ways,
        without_facts=sum(not item.missing for item in items),
    )


@dataclass
class _Asked:
    place: Place
    cascade: Cascade
    exposure: Exposure
    scenario: Node
    most_derived: int | None = None
    derived: dict[Reached, Derivation | None] = field(default_factory=dict[Reached, "Derivation | None"])

    def reached(self) -> Iterator[Reached]:
        """What the party reaches, functions apart: those have hours."""
        certain = set(self.exposure.reached(self.scenario, Bound.CERTAIN))
        for node in self.exposure.reached(self.scenario, Bound.POSSIBLE):
            if node.predicate is not Predicate.FUNCTION:
                yield Reached(
                    kind=node.predicate.value, id=node.subject, mode=Mode(node.detail), certain=node in certain
                )

    def brought_to_stop(self) -> dict[int, Start]:
        """The parties that stop when told to, certainly or possibly."""
        starts: dict[int, Start] = {}
        for name in self.place.parties:
            stops, path = Node(Predicate.ACTS, name, Use.STOP), f"parties.{name}"
            if self.exposure.holds(Bound.POSSIBLE, self.scenario, stops):
                certain = self.exposure.holds(Bound.CERTAIN, self.scenario, stops)
                starts[self.cascade.number[Point(Kind.PARTY, name)]] = Start(0.0, path, () if certain else (path,))
        return starts

    def falls(self, own: dict[int, Start], reached: tuple[Reached, ...]) -> tuple[Outcome, tuple[Way, ...]]:
        """What falls with the party itself and with what it stops by its own hand, at once; and how it comes to what is told.

        Of a possible start the facts are looked for only where an effect rests on it: until then its record stands for them.
        """
        stopped = self._stopped(reached)
        starts = {point: Start(0.0, path, () if one.certain else (path,)) for point, (one, path) in stopped.items()}
        found = outcome(self.place, self.cascade, own | starts)
        told = _told(found)
        ways = {point: self._way(one) for point, (one, path) in stopped.items() if one.id in told or path in told}
        for point, way in ways.items():
            if way.missing:
                starts[point] = Start(0.0, starts[point].path, way.missing)
        return outcome(self.place, self.cascade, own | starts), tuple(way for way in ways.values() if way.paths)

    def _stopped(self, reached: tuple[Reached, ...]) -> dict[int, tuple[Reached, str]]:
        """The things that the party can stop, with their records; certainly, where one of the modes is certain."""
        found: dict[int, tuple[Reached, str]] = {}
        for one in sorted(reached, key=lambda one: not one.certain):
            point = self._point(one.id) if one.mode in STOPPING and one.kind == Predicate.THING else None
            if point is not None and point not in found:
                found[point] = (one, self._path(one.id))
        return found

    def _way(self, one: Reached) -> Way:
        derivation = self._derivation(one)
        model, steps = self.exposure.model, derivation.steps if derivation is not None else ()
        paths = tuple(dict.fromkeys(path for step in steps for path in model.paths_of(step.clause)))
        return Way(id=one.id, mode=one.mode, certain=one.certain, paths=paths, missing=self._missing(one))

    def _point(self, thing: str) -> int | None:
        found = (self.cascade.number.get(Point(kind, thing)) for kind in (Kind.SYSTEM, Kind.DEVICE, Kind.MEMBER))
        return next((number for number in found if number is not None), None)

    def _path(self, thing: str) -> str:
        return f"systems.{thing}" if thing in self.place.systems else f"devices.{thing}"

    @property
    def _most(self) -> int:
        return MOST_DERIVED if self.most_derived is None else self.most_derived

    @cached_property
    def _heads(self) -> Fan:
        return by_head(self.exposure.model.clauses)

    def _derivation(self, one: Reached) -> Derivation | None:
        """The shortest; None where enough were looked for. A certain answer by certain rules."""
        if one not in self.derived and len(self.derived) < self._most:
            model = self.exposure.model
            seed = model.nodes.number[self.scenario]
            target = model.nodes.number[Node(Predicate(one.kind), one.id, one.mode)]
            enabled = model.clauses.certain if one.certain else None
            self.derived[one] = derive(model, seed, target, enabled, self._heads)
        return self.derived.get(one)

    def _missing(self, one: Reached) -> tuple[str, ...]:
        """The facts that the shortest derivation of an answer rests on."""
        derivation, model = self._derivation(one), self.exposure.model
        facts = {model.missing_of(step.clause) for step in derivation.steps} if derivation is not None else set[str]()
        return tuple(sorted(fact for fact in facts if fact is not None))

    def integrity(self, reached: tuple[Reached, ...]) -> Iterator[LostIntegrity]:
        """The functions that may do the wrong thing, in declared order."""
        known = {(one.kind, one.id, one.mode): one for one in reached}
        for name, function in self.place.functions.items():
            through = [(known[key], path) for key, path in _served_by(name, function) if key in known]
            if through:
                yield LostIntegrity(
                    function=name,
                    essential=function.essential,
                    certain=any(one.certain for one, _ in through),
                    through=tuple(
                        one if one.certain else replace(one, missing=self._missing(one)) for one, _ in through
                    ),
                    paths=tuple(dict.fromkeys(path for _, path in through)),
                )


def _told(found: Outcome) -> frozenset[str]:
    """What the effects name: the things on their way, and the facts they rest on."""
    effects = (*found.effects, *found.possible)
    steps = (
        name for effect in effects for step in effect.cause for name in (step.id, *(other.id for other in step.also))
    )
    return frozenset((*steps, *(path for effect in effects for path in effect.missing)))


def _served_by(name: str, function: Function) -> Iterator[tuple[tuple[str, str, Mode], str]]:
    """The answers by which a function loses integrity, each with the line that joins it to the function."""
    for mode in (Mode.MISLEAD, Mode.COMMAND):
        yield ("service", function.service, mode), f"functions.{name}.service"
    for i, need in enumerate(function.needs):
        for thing in need.of:
            for mode in FALSIFYING:
                yield ("thing", thing, mode), f"functions.{name}.needs[{i}]"
