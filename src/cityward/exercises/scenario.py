"""What a scenario is: an attack that happened somewhere, planned for this place, with what must come of it.

Does not live here: carrying it out (`compose/exercising`), judging what came of it (`judging.py`), the scenarios themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cityward.evidence.records import CommandIssued
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Persona, Step


class Kind(StrEnum):
    """What sort of thing has to happen. The score takes time to detect, contain and recover from the musts of that kind."""

    DETECTED = "detected"
    REFUSED = "refused"
    CONTAINED = "contained"
    RECOVERED = "recovered"
    KEPT = "kept"  # must hold all through: judged at the end
    RECORDED = "recorded"  # the evidence of it is whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Must:
    """One thing that has to happen, or to hold.

    when: the city time (us) at which it was so, or None while it is not; of KEPT: any number where it held to the end, None
    where it broke. since: the step from which its time counts. within_s: city seconds. failing: why it is known not to be met
    yet: it is then shown as missed with that reason, never left out.

    A time before the step's own does not count (it has another cause): let `when` look from `seen.done[since]` on.
    """

    id: str
    kind: Kind
    said: str
    when: Callable[[Seen], int | None]
    since: str
    within_s: float
    failing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A scenario for one place and seed.

    services: which the attack touches. subjects: `kind.id` (`devices.lamp`, `zones.street`). wrong: which commands the city
    would give only because of the attack; None: those that rest on a unit that a step speaks for.
    """

    steps: tuple[Step, ...]
    musts: tuple[Must, ...]
    services: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    personas: tuple[Persona, ...] = ()
    roles: tuple[str, ...] = ()  # processes of the city that it needs beside broker, door, worker, service, watch, web
    settle_s: float = 600.0  # city seconds after the last step, at most, until what is not met counts as missed
    alarms: tuple[
        str, ...
    ] = ()  # detectors whose findings belong to the attack; all other new incidents are false alarms
    wrong: Callable[[CommandIssued], bool] | None = None
    began: int = 0  # city us at which its twin begins; `planning.planned` sets it


@dataclass(frozen=True, slots=True)
class NotStaged:
    """The place has nothing that this could be tried on."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One file of `scenarios/`.

    source: the incident, in our own words. limits: what a twin cannot show.
    hour: of the sun where the place lies (12: noon), at which its twin begins; None: whenever is asked for.
    """

    id: str
    title: str
    source: str
    limits: str
    plan: Callable[[Scene, np.random.Generator], Plan | NotStaged]
    hour: float | None = None
    critical: bool = True  # of the sixteen that every place should try each year
