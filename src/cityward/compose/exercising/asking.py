"""What the command line says of scenarios and of what came of them, as records for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from cityward.assurance.controls import find_controls
from cityward.assurance.trying import trying
from cityward.compose.exercising.outcome import SPEED, Outcome
from cityward.compose.places import load_place
from cityward.exercises.planning import planned
from cityward.exercises.scenario import NotStaged, Scenario
from cityward.exercises.scenarios import find_scenarios
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Answer
from cityward.exercises.steps import Ask, Do, Send, Step

SEED = 7
MOST_SAID = 200


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario; why: it cannot be tried here, "" where it can."""

    id: str
    title: str
    source: str
    tries: tuple[str, ...]
    critical: bool
    why: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario for one place. steps: (city seconds, what is done); musts: (kind, what must happen)."""

    id: str
    title: str
    source: str
    limits: str
    why: str = ""
    steps: tuple[tuple[float, str], ...] = ()
    musts: tuple[tuple[str, str], ...] = ()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one scenario. missed: (id, what had to happen, why it is missed). answers: step -> (status, how it begins)."""

    scenario: str
    title: str
    staged: bool
    why: str
    met: tuple[str, ...]
    missed: tuple[tuple[str, str, str], ...]
    score: dict[str, float]
    services: tuple[str, ...]
    subjects: tuple[str, ...]
    checkpoint: str
    twin: str
    seconds: float
    answers: dict[str, tuple[int, str]]


def staged_here(place: Path, seed: int = SEED) -> Sequence[Staged]:
    """Every scenario, held against a place.

    Raises:
        PlaceErrors: the declaration is wrong.
    """
    scene = Scene(load_place(place), 0, SPEED)
    controls, found = find_controls(), list[Staged]()
    for one in find_scenarios().values():
        plan = planned(one, scene, seed)
        why = plan.why if isinstance(plan, NotStaged) else ""
        found.append(
            Staged(
                id=one.id,
                title=one.title,
                source=one.source,
                tries=trying(controls, one.id),
                critical=one.critical,
                why=why,
            )
        )
    return found


def shown(scenario: Scenario, place: Path, seed: int) -> Shown:
    """One scenario as it would be carried out in a place.

    Raises:
        PlaceErrors: the declaration is wrong.
    """
    plan = planned(scenario, Scene(load_place(place), 0, SPEED), seed)
    head = Shown(id=scenario.id, title=scenario.title, source=scenario.source, limits=scenario.limits)
    if isinstance(plan, NotStaged):
        return msgspec.structs.replace(head, why=plan.why)
    steps = sorted(((step.at_s, _said(step)) for step in plan.steps), key=lambda one: one[0])
    musts = tuple((m.kind.value, f"{m.said} (within {m.within_s:.0f} s of `{m.since}`)") for m in plan.musts)
    return msgspec.structs.replace(head, steps=tuple(steps), musts=musts)


def told_of(outcome: Outcome) -> Told:
    """For programs."""
    plan = outcome.plan
    return Told(
        scenario=outcome.scenario.id,
        title=outcome.scenario.title,
        staged=outcome.staged,
        why=outcome.why,
        met=tuple(one.must.id for one in outcome.judged if one.met),
        missed=tuple((one.must.id, one.must.said, one.why) for one in outcome.missed),
        score=dict(outcome.numbers),
        services=plan.services if plan else (),
        subjects=plan.subjects if plan else (),
        checkpoint=outcome.checkpoint,
        twin=outcome.twin,
        seconds=round(outcome.took_s, 1),
        answers={key: (one.status, answered(one)) for key, one in outcome.answers.items()},
    )


def answered(answer: Answer) -> str:
    """The beginning of what was said to a step."""
    return answer.body[:MOST_SAID].decode("utf-8", "replace")


def _said(step: Step) -> str:
    times = "" if isinstance(step, Do) or step.copies == 1 else f", {step.copies} times over {step.spread_s:.0f} s"
    if isinstance(step, Send):
        proof = f"{step.credential.value} credential"
        return f"`{step.unit}` sends {len(step.body)} bytes by {step.door.value}, {proof}{times}"
    if isinstance(step, Ask):
        return f"{step.who or 'nobody'} asks {step.method} {step.path}{times}"
    said = ", ".join(f"{name}: {text[:60]}" for name, text in (step.said or {}).items())
    return f"{step.by or 'somebody'} does `{step.deed.value}` ({said})"
