"""What is told of a fall: which functions degrade and fail when, through which lines of the declaration, and for whom.

Lives here: the records that go to JSON and to the console, and their making from two passes of the cascade (certain, and with
what is not known taken as worst case). Does not live here: what begins dark (`scenarios`, `sanctioned`, `hostile`).

INVARIANT: `possible` never repeats what is certain: an effect stands there only if it comes by a possible link, or sooner by one.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from math import inf

import msgspec

from cityward.place.model import Place
from cityward.reach.blast.cascade import Cascade, Falls, Kind, Point, Starts, fall
from cityward.reach.blast.cascade import Step as CauseStep
from cityward.reach.blast.citizens import Citizens, citizens
from cityward.reach.exposure.answers import Bound


class Also(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another point that had to fall, and did so earlier or at the same hour."""

    id: str
    hours: float


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One point on the way. `also`: the other points that had to fall, where one alone was not enough."""

    kind: Kind
    id: str
    hours: float
    path: str  # the declaration line it rests on
    also: tuple[Also, ...] = ()


class Fallen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A party, site, system, device or member that goes dark."""

    kind: Kind
    id: str
    hours: float


class Effect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that fails. `missing` names the facts not known that it rests on; empty for a certain effect."""

    function: str
    essential: bool
    degrades_h: float
    fails_h: float
    cause: tuple[Step, ...]
    missing: tuple[str, ...] = ()


class Missing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact that is not known, and the possible effects that rest on it."""

    path: str
    functions: tuple[str, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What falls. Things and effects in the order of their hours.

    `perhaps`: what goes dark only if what is not known is so, or sooner then.
    """

    fallen: tuple[Fallen, ...]
    effects: tuple[Effect, ...]
    citizens: Citizens
    possible: tuple[Effect, ...]
    possible_citizens: Citizens  # of the certain and the possible effects together
    missing: tuple[Missing, ...]  # those that most effects rest on first
    perhaps: tuple[Fallen, ...] = ()


def outcome(place: Place, cascade: Cascade, starts: Starts, held: Container[int] = ()) -> Outcome:
    """What falls from the starts, certainly and possibly."""
    lower = fall(cascade, starts, Bound.CERTAIN, held)
    upper = fall(cascade, starts, Bound.POSSIBLE, held)
    certain, possible = tuple(effects(place, lower)), tuple(_sooner(place, upper, lower))
    return Outcome(
        fallen=tuple(fallen(lower)),
        effects=certain,
        citizens=citizens(place, (effect.function for effect in certain)),
        possible=possible,
        possible_citizens=citizens(place, (effect.function for effect in (*certain, *possible))),
        missing=missing(possible),
        perhaps=tuple(one for one in fallen(upper) if one.hours < lower.hours(Point(one.kind, one.id))),
    )


def fallen(falls: Falls) -> Iterator[Fallen]:
    """What went dark, functions apart."""
    for point, hours in falls.at.items():
        kind, name = falls.cascade.points[point]
        if kind not in (Kind.FUNCTION, Kind.ANY):
            yield Fallen(kind=kind, id=name, hours=hours)


def effects(place: Place, falls: Falls) -> Iterator[Effect]:
    """The functions that fail, in the order in which they degrade."""
    for number, hours in falls.at.items():
        point = falls.cascade.points[number]
        if point.kind is Kind.FUNCTION:
            function = place.functions[point.id]
            yield Effect(
                function=point.id,
                essential=function.essential,
                degrades_h=hours,
                fails_h=hours + function.tolerance_hours,
                cause=tuple(_step(falls, step) for step in falls.cause(point)),
                missing=falls.missing(point),
            )


def _sooner(place: Place, upper: Falls, lower: Falls) -> Iterator[Effect]:
    for effect in effects(place, upper):
        if effect.degrades_h < lower.hours(Point(Kind.FUNCTION, effect.function)):
            yield effect


def _step(falls: Falls, step: CauseStep) -> Step:
    also = tuple(Also(id=point.id, hours=falls.hours(point)) for point in step.also)
    return Step(kind=step.point.kind, id=step.point.id, hours=step.hours, path=step.path, also=also)


def missing(possible: tuple[Effect, ...]) -> tuple[Missing, ...]:
    """The facts that possible effects rest on, by how many effects each touches."""
    resting: dict[str, list[str]] = {}
    for effect in possible:
        for path in effect.missing:
            resting.setdefault(path, []).append(effect.function)
    ordered = sorted(resting.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(Missing(path=path, functions=tuple(functions)) for path, functions in ordered)


def failing(place: Place, falls: Falls) -> dict[str, float]:
    """Function -> hours until it fails, of those that do."""
    return {
        name: hours + function.tolerance_hours
        for name, function in place.functions.items()
        if (hours := falls.hours(Point(Kind.FUNCTION, name))) < inf
    }
