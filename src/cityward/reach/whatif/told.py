"""A whole answer as records with names, sentences and lines: what a page draws and a script reads.

INVARIANTS
- Certain and possible stand apart: `certain` is on every item, and counts are of what is certain.
- `moments` hold every change: a page that moves through the hours asks nobody again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from cityward.place.model import Place
from cityward.reach.blast.citizens import citizens
from cityward.reach.blast.hostile import Hostile, LostIntegrity
from cityward.reach.blast.outcome import Effect, Outcome
from cityward.reach.blast.sanctioned import Sanctioned
from cityward.reach.blast.scenarios import Blast
from cityward.reach.blast.subjects import Subject
from cityward.reach.telling.names import name_of
from cityward.reach.whatif.asking import Answer, How
from cityward.reach.whatif.parts import Line, Part, parts_of
from cityward.reach.whatif.words import AXES, DOES, headline, people, step, when

MOST_ITEMS = 1_000  # of one way, and of what goes dark: the demonstration has 15 and 40
Where = Callable[[str], str]
"""Dotted path -> `file:line  path`."""


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset, thing or service, and whether it is reached for certain. `mode`: in which way."""

    kind: str
    id: str
    name: str
    mode: str
    certain: bool


class Doing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What could be done in one way, the certain first, of these the data.

    `about_people`: how many of the certain datasets are about people.
    """

    mode: str
    verb: str
    items: tuple[Item, ...]  # the first `MOST_ITEMS`; `more` are not listed
    more: int
    certain: int
    about_people: int


class ToldEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that fails. `begins`: the thing it begins with and how that is reached, where a party or jurisdiction turns."""

    function: str
    name: str
    essential: bool
    certain: bool
    degrades_h: float
    fails_h: float
    when: str
    people: str
    affected: int
    cause: tuple[Line, ...]
    fail_safe: str
    missing: tuple[str, ...]  # `file:line  path`
    begins: Item | None = None


class Astray(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that may go on, and do the wrong thing."""

    function: str
    name: str
    essential: bool
    certain: bool
    through: tuple[Item, ...]
    people: str
    affected: int
    where: tuple[str, ...]
    missing: tuple[str, ...]


class Fall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A party, site, system, device (group) or member that goes dark."""

    kind: str
    id: str
    name: str
    hours: float
    certain: bool


class FlowCut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flow that carries nothing any more; perhaps, where its route is not known."""

    flow: str
    name: str
    where: str
    certain: bool


class FactMissing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fact to be found out, and the functions that hang on it."""

    where: str
    functions: tuple[str, ...]


class Moment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How things certainly stand from an hour on. `affected`: whom failed functions served; `dark`: parties, sites and things."""

    hours: float
    dark: int
    degraded: int
    failed: int
    affected: int
    people: str


class ToldAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer; of a jurisdiction one for each `axis`. Counts are of what is certain, `possible_affected` of all of it."""

    axis: str  # party, place, or empty
    axis_said: str
    said: str
    doings: tuple[Doing, ...]
    astray: tuple[Astray, ...]
    effects: tuple[ToldEffect, ...]
    fallen: tuple[Fall, ...]  # the first `MOST_ITEMS`; `more_fallen` are not listed
    more_fallen: int
    flows_cut: tuple[FlowCut, ...]
    parts: tuple[Part, ...]
    missing: tuple[FactMissing, ...]
    affected: int
    possible_affected: int
    of: int
    people: str
    possible_people: str
    moments: tuple[Moment, ...]  # at which something certainly or possibly changes, ascending; the first at hour 0


class WhatIf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer to one question, whole."""

    how: How
    kind: str
    id: str
    name: str
    day: date
    digest: str
    answers: tuple[ToldAnswer, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, of which declaration."""

    how: How
    subject: Subject
    day: date
    digest: str
    where: Where


def told(place: Place, asked: Asked, answers: Iterable[Answer]) -> WhatIf:
    """An answer of `asking.ask` in words."""
    return WhatIf(
        how=asked.how,
        kind=asked.subject.kind.value,
        id=asked.subject.id,
        name=name_of(place, asked.subject.id),
        day=asked.day,
        digest=asked.digest,
        answers=tuple(_answer(_Teller(place, asked.where), answer) for answer in answers),
    )


def _answer(say: _Teller, answer: Answer) -> ToldAnswer:
    place, found = say.place, answer.outcome
    axis = None if isinstance(answer, Sanctioned) else answer.axis
    effects, fallen = tuple(say.effects(answer)), tuple(say.fallen(found))
    return ToldAnswer(
        axis="" if axis is None else axis.value,
        axis_said=AXES[axis],
        said=headline(place, answer),
        doings=tuple(say.doings(answer)) if isinstance(answer, Hostile) else (),
        astray=tuple(map(say.astray, answer.integrity)) if isinstance(answer, Hostile) else (),
        effects=effects,
        fallen=fallen[:MOST_ITEMS],
        more_fallen=max(0, len(fallen) - MOST_ITEMS),
        flows_cut=tuple(say.flows(answer)) if isinstance(answer, Blast) else (),
        parts=parts_of(place, answer, say.where),
        missing=tuple(FactMissing(where=say.where(m.path), functions=say.names(m.functions)) for m in found.missing),
        affected=found.citizens.affected,
        possible_affected=found.possible_citizens.affected,
        of=found.citizens.of,
        people=people(place, found.citizens),
        possible_people=people(place, found.possible_citizens),
        moments=tuple(_moments(place, effects, fallen)),
    )


def _moments(place: Place, effects: Sequence[ToldEffect], fallen: Sequence[Fall]) -> Iterator[Moment]:
    changes = (*(one.hours for one in fallen), *(h for one in effects for h in (one.degrades_h, one.fails_h)))
    sure = [one for one in effects if one.certain]
    for hour in sorted({0.0, *changes}):
        failed = [one.function for one in sure if one.fails_h <= hour]
        touched = citizens(place, failed)
        yield Moment(
            hours=hour,
            dark=sum(one.certain and one.hours <= hour for one in fallen),
            degraded=sum(one.degrades_h <= hour < one.fails_h for one in sure),
            failed=len(failed),
            affected=touched.affected,
            people=people(place, touched) if failed else "",
        )


@dataclass(frozen=True, slots=True)
class _Teller:
    place: Place
    where: Where

    def names(self, ids: Iterable[str]) -> tuple[str, ...]:
        """What people call them."""
        return tuple(name_of(self.place, one) for one in ids)

    def doings(self, found: Hostile) -> Iterator[Doing]:
        for mode, verb in DOES.items():
            those = sorted(found.by_mode(mode), key=lambda one: (not one.certain, one.kind != "dataset"))
            items = tuple(self._item(one.kind, one.id, one.mode, one.certain) for one in those)
            if items:
                sure = [one.id for one in those if one.certain and one.kind == "dataset"]
                about = sum(self.place.datasets[name].personal for name in sure)
                certain = sum(one.certain for one in items)
                shown, more = items[:MOST_ITEMS], max(0, len(items) - MOST_ITEMS)
                yield Doing(mode=mode.value, verb=verb, items=shown, more=more, certain=certain, about_people=about)

    def _item(self, kind: str, name: str, mode: str, certain: bool) -> Item:
        return Item(kind=kind, id=name, name=name_of(self.place, name), mode=str(mode), certain=certain)

    def astray(self, one: LostIntegrity) -> Astray:
        touched = citizens(self.place, (one.function,))
        missing = dict.fromkeys(fact for item in one.through for fact in item.missing)
        return Astray(
            function=one.function,
            name=name_of(self.place, one.function),
            essential=one.essential,
            certain=one.certain,
            through=tuple(self._item(item.kind, item.id, item.mode, item.certain) for item in one.through),
            people=people(self.place, touched),
            affected=touched.affected,
            where=tuple(map(self.where, one.paths)),
            missing=tuple(map(self.where, missing)),
        )

    def effects(self, answer: Answer) -> Iterator[ToldEffect]:
        ways = {way.id: way for way in answer.ways} if isinstance(answer, Hostile) else {}
        for certain, effects in ((True, answer.outcome.effects), (False, answer.outcome.possible)):
            for one in effects:
                way = next((ways[name] for name in _named(one) if name in ways), None)
                begins = None if way is None else self._item("thing", way.id, way.mode, way.certain)
                yield self._effect(one, begins, certain)

    def _effect(self, one: Effect, begins: Item | None, certain: bool) -> ToldEffect:
        touched = citizens(self.place, (one.function,))
        return ToldEffect(
            function=one.function,
            name=name_of(self.place, one.function),
            essential=one.essential,
            certain=certain,
            degrades_h=one.degrades_h,
            fails_h=one.fails_h,
            when=when(one),
            people=people(self.place, touched),
            affected=touched.affected,
            cause=tuple(Line(text=step(self.place, one, part), where=self.where(part.path)) for part in one.cause),
            fail_safe=self.place.functions[one.function].fail_safe or "",
            missing=tuple(map(self.where, one.missing)),
            begins=begins,
        )

    def fallen(self, found: Outcome) -> Iterator[Fall]:
        for certain, those in ((True, found.fallen), (False, found.perhaps)):
            for one in those:
                name = name_of(self.place, one.id)
                yield Fall(kind=one.kind.value, id=one.id, name=name, hours=one.hours, certain=certain)

    def flows(self, blast: Blast) -> Iterator[FlowCut]:
        for certain, those in ((True, blast.flows_cut), (False, blast.flows_perhaps_cut)):
            for name in those:
                where = self.where(f"flows.{name}")
                yield FlowCut(flow=name, name=name_of(self.place, name), where=where, certain=certain)


def _named(one: Effect) -> Iterator[str]:
    """What an effect begins with: the first of its cause, and the others that had to fall."""
    for part in one.cause:
        yield part.id
        yield from (other.id for other in part.also)
