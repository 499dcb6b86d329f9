"""The cheapest steps against an answer: what the city could do first, then beside it, then beside both.

A step is tried by asking the same question of the place with the step, so what it takes away is exact. The *cheapest* asks the
least effort for each certain answer it takes away; the second is the cheapest with the first done already, and so on. Where there
are two ways to something, closing one takes nothing away: what no single step takes away stays in the answer.

Most steps only narrow, and are tried by leaving clauses out of one compiled place (`sign.narrowing`).

INVARIANT: what is not tried is counted in `untried`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from cityward.place.data import Observability
from cityward.place.model import Place
from cityward.reach.blast.hostile import STOPPING, Hostile
from cityward.reach.blast.outcome import Outcome
from cityward.reach.blast.sanctioned import Sanctioned
from cityward.reach.blast.subjects import Subject
from cityward.reach.containment import CONTAINABLE, Containment, containment_of
from cityward.reach.exposure.answers import Bound
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Mode
from cityward.reach.sign.cutting import Cutting
from cityward.reach.sign.narrowing import Narrowing, Trying, narrowing
from cityward.reach.telling.names import name_of
from cityward.reach.telling.phrases import counted
from cityward.reach.whatif.asking import Answer, Closing, How, Ready, ask, scenarios_of
from cityward.reach.whatif.steps import EFFORTS, Step, lines_fired, steps
from cityward.reach.whatif.words import stopping

MOST_TRIED = 80
BUDGET, COMPILED = 150_000, 5
"""Records of the place, for each step that is tried; one that needs compiling counts for five. Measured, in processor seconds:
the demonstration 0.5 to 3; 500 parties and 1,600 device groups 15, in which it tries 20 steps and says how many it did not."""
CHEAPEST = 3

Where = Callable[[str], str]


class Standing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is certain of an answer, counted; `possible`: all that is only possible. `people`: whom certain failures touch."""

    read: int  # datasets
    falsified: int  # datasets
    moved: int  # systems and devices that could be commanded, changed or stopped
    astray: int  # functions
    failing: int  # functions
    people: int
    possible: int

    @property
    def answers(self) -> int:
        """Everything that is certain, each once."""
        return self.read + self.falsified + self.moved + self.astray + self.failing


class Lesser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step, and what is left of the answer with it and those before it. `effort`: 1 to 5, as in `steps`."""

    told: str
    where: str
    effort: int
    effort_said: str
    loses: str
    after: Standing
    spared: tuple[str, ...]  # functions that no longer fail for certain, by name


class Contained(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What containing the subject would do at once: how many units it cuts off, what that costs, what is left of the answer."""

    target: str
    units: int
    services: tuple[str, ...]
    costs: str
    after: Standing
    unknown: int  # lines that may hide more of what is meant


class Lessened(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cheapest steps, each with those before it done; none where no single step takes anything certain away."""

    before: Standing
    steps: tuple[Lesser, ...]
    tried: int
    untried: int
    contained: Contained | None


def lessened(ready: Ready, how: How, subject: Subject, where: Where) -> Lessened:
    """What the city could do about one answer.

    Args:
        ready: the place of the day asked for.
        how, subject: the question.
        where: dotted path -> `file:line  path`.
    """
    now = ask(ready, how, (subject,))
    before = standing_of(now)
    found = _distinct(steps(ready.place, _lines(ready, how, subject, now)))
    offered = _within_budget(_Bench(ready.place, how, subject, tuple(found)), _size(ready.place))
    chosen = tuple(_cheapest(ready.place, (how, subject), offered, now))
    return Lessened(
        before=before,
        steps=tuple(_told(ready.place, one, where) for one in chosen),
        tried=len(offered),
        untried=len(found) - len(offered),
        contained=_contained(ready, how, subject) if subject.kind in CONTAINABLE else None,
    )


def _within_budget(bench: _Bench, size: int) -> list[Step]:
    """The steps that are tried: the least effort first, of equals those that cost little to try; as many as fit."""
    left, offered = BUDGET, list[Step]()
    for step in sorted(bench.offered[: 4 * MOST_TRIED], key=lambda one: (one.effort, not bench.narrows(one))):
        cost = size if bench.narrows(step) else size * COMPILED
        if cost <= left and len(offered) < MOST_TRIED:
            offered.append(step)
            left -= cost
    return offered


class _Tried(NamedTuple):
    """A step, the answers before it and with it."""

    step: Step
    now: Sequence[Answer]
    after: Sequence[Answer]

    @property
    def price(self) -> float:
        """Effort for each certain answer that is taken away; infinite where none is."""
        gone = standing_of(self.now).answers - standing_of(self.after).answers
        return self.step.effort / gone if gone > 0 else inf


def _cheapest(
    place: Place, question: tuple[How, Subject], offered: Sequence[Step], now: Sequence[Answer]
) -> Iterator[_Tried]:
    """One step after the other, each tried with those before it done."""
    for _ in range(CHEAPEST):
        bench = _Bench(place, *question, tuple(offered))
        tried = [_Tried(step, now, bench.after(step)) for step in offered]
        best = min(tried, key=lambda one: (one.price, one.step.effort), default=None)
        if best is None or best.price == inf:
            return
        yield best
        place, now = best.step.apply(place), best.after
        again = (one for one in tried if one is not best and (one.price < inf or bench.narrows(one.step)))
        offered = [one.step for one in again]  # what took nothing away, and is dear to try, is not tried again


def standing_of(answers: Sequence[Answer]) -> Standing:
    """An answer counted; of a jurisdiction both axes together, each item once."""
    turned = [one for one in answers if isinstance(one, Hostile)]
    sure = [item for one in turned for item in one.reached if item.certain]
    outcomes = [one.outcome for one in answers]
    return Standing(
        read=len({item.id for item in sure if item.kind == "dataset" and item.mode == Mode.READ}),
        falsified=len({item.id for item in sure if item.kind == "dataset" and item.mode == Mode.WRITE}),
        moved=len({item.id for item in sure if item.kind == "thing" and item.mode in _MOVING}),
        astray=len({lost.function for one in turned for lost in one.integrity if lost.certain}),
        failing=len(_failing(outcomes)),
        people=max((outcome.citizens.affected for outcome in outcomes), default=0),
        possible=sum(sum(not item.certain for item in one.reached) for one in turned)
        + sum(len(outcome.possible) for outcome in outcomes),
    )


_MOVING = (Mode.WRITE, Mode.STOP, *STOPPING)


def _failing(outcomes: Iterable[Outcome]) -> set[str]:
    return {effect.function for outcome in outcomes for effect in outcome.effects}


def _lines(ready: Ready, how: How, subject: Subject, answers: Sequence[Answer]) -> Iterator[str]:
    """The lines that an answer rests on; where nothing is certain, those that what is possible rests on."""
    if how is How.HOSTILE:
        scenarios = scenarios_of(subject)
        exposure = ready.closed(scenarios)
        certain = [line for one in scenarios for line in lines_fired(exposure, one, Bound.CERTAIN)]
        yield from certain or (line for one in scenarios for line in lines_fired(exposure, one, Bound.POSSIBLE))
    for answer in answers:
        for effect in answer.outcome.effects or answer.outcome.possible:
            yield from (step.path for step in effect.cause)
        if isinstance(answer, Sanctioned):
            yield from answer.uncovered


def _distinct(found: Iterable[Step]) -> list[Step]:
    return list({(one.told, one.path): one for one in found}.values())


def _size(place: Place) -> int:
    return sum(
        len(getattr(place, kind)) for kind in ("parties", "systems", "devices", "flows", "accesses", "functions")
    )


@dataclass
class _Bench:
    """One question of one place, made ready for trying steps."""

    place: Place
    how: How
    subject: Subject
    offered: tuple[Step, ...]

    def after(self, step: Step) -> tuple[Answer, ...]:
        """The answer with one step."""
        changed = step.apply(self.place)
        return ask(Ready(changed, self._closing(step), most_derived=0), self.how, (self.subject,))

    def narrows(self, step: Step) -> bool:
        """Whether a try needs no compiling."""
        return self.how is not How.HOSTILE or step in self._narrowed

    def _closing(self, step: Step) -> Closing | None:
        """How to close the place with a step; None where it is to be compiled."""
        if self.how is not How.HOSTILE or step not in self._narrowed:
            return None
        enabled = self._trying.clauses(self._narrowed[step])
        return None if enabled is None else lambda scenarios: self._trying.exposed(scenarios, enabled)

    @cached_property
    def _narrowed(self) -> dict[Step, Narrowing]:
        cutting, found = Cutting(self.place), dict[Step, Narrowing]()
        for step in self.offered:
            made = Narrowing((step.cut,), ()) if step.cut else narrowing(self.place, step.apply(self.place), cutting)
            if made is not None:
                found[step] = made
        return found

    @cached_property
    def _trying(self) -> Trying:
        return Trying(compile_place(self.place), self._narrowed.values())  # its own: links are added to it


def _told(place: Place, one: _Tried, where: Where) -> Lesser:
    step, left = one.step, _failing(answer.outcome for answer in one.after)
    spared = [name for name in _failing(answer.outcome for answer in one.now) if name not in left]
    return Lesser(
        told=step.told,
        where=where(step.path),
        effort=step.effort,
        effort_said=EFFORTS[step.effort],
        loses=step.loses,
        after=standing_of(one.after),
        spared=tuple(sorted(name_of(place, name) for name in spared)),
    )


# --- what can be done at once


def _contained(ready: Ready, how: How, subject: Subject) -> Contained:
    place, found = ready.place, containment_of(ready.place, ready.cascade, subject)
    after = ask(Ready(without_devices(place, found), most_derived=0), how, (subject,))
    return Contained(
        target=f"{subject.kind.value}:{subject.id}",
        units=len(found.units),
        services=tuple(
            f"{name_of(place, hit.service)}: {_hit(hit.actuators, hit.of_actuators, hit.sources)}"
            for hit in found.services
        ),
        costs="; ".join(said for blast in found.cost if (said := stopping(place, blast.outcome))),
        after=standing_of(after),
        unknown=len(found.unknown),
    )


def without_devices(place: Place, found: Containment) -> Place:
    """The place in which no enforced flow comes from or goes to what is contained: the gates hold these, and no others."""
    cut = frozenset((*found.devices, *found.units))
    flows = {
        name: flow
        for name, flow in place.flows.items()
        if flow.observability is not Observability.ENFORCED or cut.isdisjoint((flow.from_, flow.to))
    }
    return replace(place, flows=flows)


def _hit(actuators: int, of: int, sources: int) -> str:
    lost = [
        *([f"{actuators:,} of {counted(of, 'actuator')}"] if actuators else []),
        *([counted(sources, "device it reads", "devices it reads")] if sources else []),
    ]
    return " and ".join(lost)
