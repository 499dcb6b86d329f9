"""Single points of failure, and pairs that fail together what neither fails alone.

Every candidate is tried once through the cascade: exact, no sampling. A candidate leaves links *short*: touched, not fired. Two
candidates can fail something new only where both leave the same link short and together take enough of it; so only these pairs
are looked at, and each from where its two falls ended, not from the start.

INVARIANT: only certain links count. What is not known makes no point of failure; `scenarios.dark` tells what it could add.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from cityward.place.model import Place
from cityward.reach.blast.cascade import Cascade, Falls, Kind, Starts, fall
from cityward.reach.blast.citizens import citizens
from cityward.reach.blast.subjects import Subject, SubjectKind, starts_of
from cityward.reach.exposure.answers import Axis

MAX_PAIRS = 200_000  # pairs looked at: a second of work; a city has thousands


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


class Weaker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a change adds to a point of failure, or to a pair."""

    subjects: tuple[Subject, ...]
    axis: Axis | None
    functions: tuple[str, ...]
    essential: tuple[str, ...]


class Redundancy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a change moves the points of failure."""

    lost: tuple[Weaker, ...]
    won: tuple[Weaker, ...]


@dataclass(frozen=True, slots=True)
class _Tried:
    """A candidate and its fall. `short`: what it takes of each link it touches without firing it."""

    subject: Subject
    falls: Falls
    short: dict[int, int]


def failure_points(place: Place, cascade: Cascade) -> FailurePoints:
    """Every system, device group, named member, site, party (with its group) and jurisdiction (on each axis) alone; and in pairs.

    Jurisdictions make no pairs: they are too large for a second one to say more.
    """
    tried, singles, kept = 0, list[FailurePoint](), list[_Tried]()
    leading = _leading(cascade)
    for subject, axis, starts in _candidates(place, cascade):
        tried += 1
        falls = fall(cascade, starts)
        if functions := _functions(cascade, falls.at):
            singles.append(_point(place, (subject,), axis, functions))
        if subject.kind is not SubjectKind.JURISDICTION:
            short = {
                link: cascade.need[link] - left
                for link, left in falls.left.items()
                if left > 0 and cascade.head[link] in leading and cascade.head[link] not in falls.at
            }
            if short:
                kept.append(_Tried(subject, falls, short))
    likely, all_pairs = _pairs(cascade, kept)
    pairs = (_together(place, cascade, kept[one], kept[other], links) for (one, other), links in likely.items())
    return FailurePoints(
        singles=_ordered(singles),
        pairs=_ordered([pair for pair in pairs if pair is not None]),
        tried=tried,
        all_pairs=all_pairs,
    )


def lost_redundancy(before: FailurePoints, after: FailurePoints) -> Redundancy:
    """What a change makes fail by one or two ends that did not before, and what it no longer does.

    A pair of which one half now fails a function alone is told as that single, not as a pair that was won.
    """
    return Redundancy(lost=tuple(_added(before, after)), won=tuple(_added(after, before)))


def _added(before: FailurePoints, after: FailurePoints) -> Iterator[Weaker]:
    known = {(point.subjects, point.axis): set(point.functions) for point in (*before.singles, *before.pairs)}
    for point in (*after.singles, *after.pairs):
        already = set(known.get((point.subjects, point.axis), ()))
        for subject in point.subjects if len(point.subjects) > 1 else ():
            already |= known.get(((subject,), point.axis), set())
        new = tuple(name for name in point.functions if name not in already)
        if new:
            essential = tuple(name for name in point.essential if name in new)
            yield Weaker(subjects=point.subjects, axis=point.axis, functions=new, essential=essential)


_SUBJECTS = {
    Kind.PARTY: SubjectKind.PARTY,
    Kind.SITE: SubjectKind.SITE,
    Kind.SYSTEM: SubjectKind.SYSTEM,
    Kind.DEVICE: SubjectKind.DEVICE,
    Kind.MEMBER: SubjectKind.MEMBER,
}


def _candidates(place: Place, cascade: Cascade) -> Iterator[tuple[Subject, Axis | None, Starts]]:
    for point in cascade.points:
        if point.kind in _SUBJECTS:
            subject = Subject(kind=_SUBJECTS[point.kind], id=point.id)
            yield subject, None, starts_of(place, cascade, (subject,))
    for name in place.jurisdictions:
        subject = Subject(kind=SubjectKind.JURISDICTION, id=name)
        for axis in Axis:
            yield subject, axis, starts_of(place, cascade, (subject,), axis)


def _functions(cascade: Cascade, fallen: Iterable[int]) -> list[str]:
    found = sorted(number for number in fallen if cascade.points[number].kind is Kind.FUNCTION)
    return [cascade.points[number].id for number in found]


def _point(place: Place, subjects: tuple[Subject, ...], axis: Axis | None, functions: list[str]) -> FailurePoint:
    return FailurePoint(
        subjects=subjects,
        axis=axis,
        functions=tuple(functions),
        essential=tuple(name for name in functions if place.functions[name].essential),
        affected=citizens(place, functions).affected,
    )


def _ordered(points: list[FailurePoint]) -> tuple[FailurePoint, ...]:
    return tuple(sorted(points, key=lambda p: (-len(p.essential), -len(p.functions), -p.affected)))


def _leading(cascade: Cascade) -> frozenset[int]:
    """The points from which the fall of a function may follow, and the functions."""
    felled_by: dict[int, list[int]] = {}
    for link in cascade.links:
        if link.missing is None:
            felled_by.setdefault(link.head, []).extend(premise for premise, _ in link.body)
    open_ = [number for number, point in enumerate(cascade.points) if point.kind is Kind.FUNCTION]
    found = set(open_)
    for number in open_:
        new = [premise for premise in felled_by.get(number, ()) if premise not in found]
        found.update(new)
        open_.extend(dict.fromkeys(new))
    return frozenset(found)


def _pairs(cascade: Cascade, kept: list[_Tried]) -> tuple[dict[tuple[int, int], list[int]], bool]:
    """Pairs (indices of `kept`) -> the links that both together may take enough of; and whether these are all such pairs."""
    pairs: dict[tuple[int, int], list[int]] = {}
    by_link: dict[int, list[tuple[int, int]]] = {}
    for i, one in enumerate(kept):
        for link, taken in one.short.items():
            by_link.setdefault(link, []).append((-taken, i))
    for link, short in by_link.items():
        taking = sorted(short)
        for k, (most, one) in enumerate(taking):
            for less, other in taking[k + 1 :]:
                if -most - less < cascade.need[link]:
                    break
                pairs.setdefault((min(one, other), max(one, other)), []).append(link)
                if len(pairs) > MAX_PAIRS:
                    pairs.popitem()
                    return pairs, False
    return pairs, True


def _together(place: Place, cascade: Cascade, first: _Tried, second: _Tried, links: list[int]) -> FailurePoint | None:
    """What two fail that neither fails alone, by the links that both leave short; None where it is nothing."""
    one, other, new = first.falls.at, second.falls.at, set[int]()

    def fires(link: int) -> bool:
        head = cascade.head[link]
        if head in one or head in other or head in new:
            return False
        weights = (weight for at, weight in cascade.links[link].body if at in one or at in other or at in new)
        return sum(weights) >= cascade.need[link]

    open_ = list(dict.fromkeys(cascade.head[link] for link in links if fires(link)))
    new.update(open_)
    for point in open_:
        for then, _ in cascade.certain[point]:
            if fires(then):
                new.add(cascade.head[then])
                open_.append(cascade.head[then])
    functions = _functions(cascade, new)
    return _point(place, (first.subject, second.subject), None, functions) if functions else None
