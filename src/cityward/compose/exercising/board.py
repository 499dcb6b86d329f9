"""All that can be tried here with all that came of it, for a page: scenarios with their steps and musts, scores, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from cityward.assurance.controls import find_controls
from cityward.assurance.trying import trying
from cityward.compose.exercising.outcome import SPEED
from cityward.compose.exercising.recording import Covered, Tried
from cityward.compose.places import load_place
from cityward.exercises.planning import PlanError, planned
from cityward.exercises.scenario import NotStaged, Scenario
from cityward.exercises.scenarios import find_scenarios
from cityward.exercises.scene import Scene
from cityward.place.loader import Loaded

SEED = 7


class MustHere(msgspec.Struct, frozen=True, kw_only=True):
    """What has to happen. failing: why it is known not to be met yet, "" else."""

    id: str
    kind: str
    said: str
    within_s: float
    failing: str


class ScenarioHere(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario for this place. why: it cannot be tried here, "" where it can. lasts_s: of the twin's time, at most."""

    id: str
    title: str
    source: str
    limits: str
    tries: tuple[str, ...]
    critical: bool
    why: str
    steps: int = 0
    lasts_s: float = 0.0
    services: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    musts: tuple[MustHere, ...] = ()


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """exercises: on record, oldest first. not_tried: critical scenarios that were not tried within twelve months."""

    scenarios: tuple[ScenarioHere, ...]
    exercises: Sequence[Tried]
    services: Sequence[Covered]
    not_tried: Sequence[str]
    speed: float = SPEED


def board_of(place: Path, tried: Sequence[Tried], covered: Sequence[Covered], left: Sequence[str]) -> Board:
    """Every scenario held against the place.

    Raises:
        PlaceErrors: the declaration is wrong.
    """
    loaded = load_place(place)
    here = tuple(_here(one, loaded) for one in find_scenarios().values())
    return Board(scenarios=here, exercises=tried, services=covered, not_tried=left)


def _here(scenario: Scenario, loaded: Loaded) -> ScenarioHere:
    head = ScenarioHere(
        id=scenario.id,
        title=scenario.title,
        source=scenario.source,
        limits=scenario.limits,
        tries=trying(find_controls(), scenario.id),
        critical=scenario.critical,
        why="",
    )
    try:
        plan = planned(scenario, Scene(loaded, 0, SPEED), SEED)
    except PlanError as error:
        return msgspec.structs.replace(head, why=str(error))
    if isinstance(plan, NotStaged):
        return msgspec.structs.replace(head, why=plan.why)
    return msgspec.structs.replace(
        head,
        steps=len(plan.steps),
        lasts_s=max((step.at_s for step in plan.steps), default=0.0) + plan.settle_s,
        services=plan.services,
        subjects=plan.subjects,
        musts=tuple(
            MustHere(id=m.id, kind=m.kind.value, said=m.said, within_s=m.within_s, failing=m.failing)
            for m in plan.musts
        ),
    )
