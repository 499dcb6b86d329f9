"""What if a party turns against the city: what it could reach, what could no longer be trusted, and what would stop when.

What it reaches is the exposure's answer (`reach/exposure`); this module adds hours. What the party can order, update or lay hands
on stops at hour 0, if it wants it so; what falls with that, and with the party itself, follows by the cascade.

A function *loses integrity* where its service is misled or commanded, or where a thing that it needs can be written to, commanded
or updated: it may go on, and do the wrong thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from cityward.place.model import Place
from cityward.reach.blast.cascade import Cascade, Kind, Point, Start
from cityward.reach.blast.outcome import Outcome, outcome
from cityward.reach.exposure.answers import Bound, Exposure
from cityward.reach.exposure.derive import by_head, derive
from cityward.reach.exposure.nodes import Mode, Node, Predicate
from cityward.reach.exposure.order import Fan

STOPPING = (Mode.COMMAND, Mode.UPDATE, Mode.PHYSICAL)
"""What can be done to a thing that can also stop it."""
FALSIFYING = (Mode.WRITE, Mode.COMMAND, Mode.UPDATE)
"""What can be done to a thing so that it goes on, wrongly."""


class Reached(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item and a mode. `certain` is False where it rests on what is not known."""

    kind: str  # dataset, thing, service
    id: str
    mode: Mode
    certain: bool


class LostIntegrity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that may do the wrong thing, and the items through which, each with the line that joins it to the function."""

    function: str
    essential: bool
    certain: bool
    through: tuple[Reached, ...]
    paths: tuple[str, ...]


class Hostile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer. Items in the exposure's order; functions in declared order."""

    party: str
    reached: tuple[Reached, ...]
    integrity: tuple[LostIntegrity, ...]
    outcome: Outcome

    def by_mode(self, mode: Mode) -> tuple[Reached, ...]:
        """What is read, written, commanded, updated, touched, stopped or misled."""
        return tuple(one for one in self.reached if one.mode == mode)


def hostile(place: Place, cascade: Cascade, exposure: Exposure, party: str) -> Hostile:
    """What a party could do with all it has.

    Args:
        place: the declaration.
        cascade: compiled from it.
        exposure: of the same declaration, closed for scenarios among which is the party.
        party: who turns.
    """
    asked = _Asked(place, cascade, exposure, Node(Predicate.PARTY, party))
    reached = tuple(asked.reached())
    starts = {cascade.number[Point(Kind.PARTY, party)]: Start(0.0, f"parties.{party}")}
    starts.update(asked.stopped(reached))
    return Hostile(
        party=party,
        reached=reached,
        integrity=tuple(_integrity(place, {(one.kind, one.id, one.mode): one for one in reached})),
        outcome=outcome(place, cascade, starts),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    place: Place
    cascade: Cascade
    exposure: Exposure
    scenario: Node

    def reached(self) -> Iterator[Reached]:
        """What the party reaches, functions apart: those have hours."""
        certain = set(self.exposure.reached(self.scenario, Bound.CERTAIN))
        for node in self.exposure.reached(self.scenario, Bound.POSSIBLE):
            if node.predicate is not Predicate.FUNCTION:
                yield Reached(
                    kind=node.predicate.value, id=node.subject, mode=Mode(node.detail), certain=node in certain
                )

    def stopped(self, reached: tuple[Reached, ...]) -> dict[int, Start]:
        """The things that the party can stop by its own hand, at once; certainly, where one of the modes is certain."""
        starts: dict[int, Start] = {}
        heads = by_head(self.exposure.model.clauses)
        for one in sorted(reached, key=lambda one: not one.certain):
            point = self._point(one.id) if one.mode in STOPPING and one.kind == Predicate.THING else None
            if point is not None and point not in starts:
                starts[point] = Start(0.0, self._path(one.id), () if one.certain else self._missing(one, heads))
        return starts

    def _point(self, thing: str) -> int | None:
        found = (self.cascade.number.get(Point(kind, thing)) for kind in (Kind.SYSTEM, Kind.DEVICE, Kind.MEMBER))
        return next((number for number in found if number is not None), None)

    def _path(self, thing: str) -> str:
        return f"systems.{thing}" if thing in self.place.systems else f"devices.{thing}"

    def _missing(self, one: Reached, heads: Fan) -> tuple[str, ...]:
        """The facts that the shortest derivation of a possible answer rests on."""
        model = self.exposure.model
        seed = model.nodes.number[self.scenario]
        target = model.nodes.number[Node(Predicate.THING, one.id, one.mode)]
        derivation = derive(model, seed, target, heads=heads)
        facts = {model.missing_of(step.clause) for step in derivation.steps} if derivation is not None else set[str]()
        return tuple(sorted(fact for fact in facts if fact is not None))


def _integrity(place: Place, reached: dict[tuple[str, str, Mode], Reached]) -> Iterator[LostIntegrity]:
    for name, function in place.functions.items():
        asked = [
            (("service", function.service, mode), f"functions.{name}.service") for mode in (Mode.MISLEAD, Mode.COMMAND)
        ]
        for i, need in enumerate(function.needs):
            asked += [
                (("thing", thing, mode), f"functions.{name}.needs[{i}]") for thing in need.of for mode in FALSIFYING
            ]
        through = [(reached[key], path) for key, path in asked if key in reached]
        if through:
            yield LostIntegrity(
                function=name,
                essential=function.essential,
                certain=any(one.certain for one, _ in through),
                through=tuple(one for one, _ in through),
                paths=tuple(dict.fromkeys(path for _, path in through)),
            )
