"""All detectors side by side: fed each turn in one order, written down and read back, and taught the past.

Lives here: the panel (detectors, their states, the grid) and the lesson (fresh states that are shown the past).
Does not live here: reading the world and judging the signs.

INVARIANTS
- A turn feeds events first, then rows, then the steps they made due. What a detector is fed follows from the facts alone.
- A detector that fails is counted, loses its state and begins anew; the others go on. A fault is never silent: `faults` has it.
- At most `MOST_SIGNS` signs a turn and detector; `shed` counts the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cityward.errors import DecodeError
from cityward.watch import memory
from cityward.watch.contract import Detector, Held, Sign, Step
from cityward.watch.events import Event
from cityward.watch.grid import Grid, GridRules, new_grid, take
from cityward.watch.world import World

MOST_SIGNS = 5000
GRID = "(grid)"

Signs = list[tuple[str, Sign]]


def _no_clock() -> float:
    return 0.0


@dataclass(slots=True)
class Panel:
    """The detectors of a city. states, signatures (see `memory`): by detector's id. clock: seconds of CPU, for `cpu`; read_at:
    what it said when it was last asked.

    faults: detector -> how often it failed; last_fault: what it said last. rows, steps, events: how many were shown.
    """

    world: World
    detectors: Mapping[str, Detector]
    rules: GridRules
    grid: Grid
    states: dict[str, Any]
    signatures: dict[str, str]
    clock: Callable[[], float] = _no_clock
    read_at: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict[str, float])
    faults: Counter[str] = field(default_factory=Counter[str])
    last_fault: dict[str, str] = field(default_factory=dict[str, str])
    shed: int = 0
    rows: int = 0
    steps: int = 0
    events: int = 0

    def turn(self, held: Held, events: Sequence[Event], on_step: Callable[[Step], None] | None = None) -> Signs:
        """Show what came; the signs, as (detector, sign). `held.now` is the time it is now. `on_step` sees each step too."""
        signs: Signs = []
        self.read_at = self.clock()
        self.rows += len(held)
        self.events += len(events)
        for id_, detector in self.detectors.items():
            if detector.card.reads == "events" or detector.card.hears:
                self.feed(signs, id_, detector.hear, events, held.now)
            if detector.card.reads == "rows":
                self.feed(signs, id_, detector.rows, held)
        for step in take(self.grid, held, held.now, self.rules):
            self.steps += 1
            self.step(step, signs)
            if on_step is not None:
                on_step(step)
        return signs

    def step(self, step: Step, signs: Signs) -> None:
        """Show one step to those who see steps."""
        self.read_at = self.clock()
        for id_, detector in self.detectors.items():
            if detector.card.reads == "steps":
                self.feed(signs, id_, detector.step, step)

    def feed(self, signs: Signs, id_: str, method: Callable[..., Sequence[Sign]], *facts: Any) -> None:
        """Show facts to one detector, by its method for them. It is charged the time since the clock was last read."""
        try:
            found = method(self.states[id_], *facts, self.world)
        except Exception as error:  # a detector is a plug-in: its fault must not blind the others
            self.faults[id_] += 1
            self.last_fault[id_] = f"{type(error).__name__}: {error}"
            self.states[id_] = self.detectors[id_].begin(self.world)
            return
        finally:
            now = self.clock()
            self.cpu[id_] = self.cpu.get(id_, 0.0) + now - self.read_at
            self.read_at = now
        self.shed += max(0, len(found) - MOST_SIGNS)
        signs.extend((id_, sign) for sign in found[:MOST_SIGNS])


def new_panel(
    detectors: Mapping[str, Detector], world: World, rules: GridRules, at: int, clock: Callable[[], float] = _no_clock
) -> Panel:
    """Nothing was seen yet; the first step begins at `at`."""
    states = {id_: detector.begin(world) for id_, detector in detectors.items()}
    grid = new_grid(world.channels, at, rules)
    signatures = {id_: memory.signature(states[id_], world, detector.card) for id_, detector in detectors.items()}
    signatures[GRID] = memory.signature(grid, world)
    return Panel(world, detectors, rules, grid, states, signatures, clock)


def written(panel: Panel) -> dict[str, tuple[str, bytes]]:
    """The parts of the panel's notes: name -> (signature, bytes)."""
    states = {**panel.states, GRID: panel.grid}
    return {name: (panel.signatures[name], memory.write(state)) for name, state in states.items()}


def read_back(panel: Panel, parts: Mapping[str, tuple[str, bytes]]) -> list[str]:
    """Put what was written in the place of what is fresh; the names of those that begin anew all the same."""
    anew: list[str] = []
    for name, fresh in {**panel.states, GRID: panel.grid}.items():
        kept = _read(parts.get(name), panel.signatures[name], fresh)
        if kept is None:
            anew.append(name)
        elif name == GRID:
            panel.grid = kept
        else:
            panel.states[name] = kept
    return anew


def _read(part: tuple[str, bytes] | None, wanted: str, fresh: Any) -> Any:
    """The state, or None where it was written under another signature or cannot be read."""
    if part is None or part[0] != wanted:
        return None
    try:
        return memory.read(part[1], fresh)
    except DecodeError:
        return None


@dataclass(slots=True)
class Lesson:
    """Some detectors on fresh states, shown the past. `upto`: the end of the last step they saw; 0: none."""

    panel: Panel
    rows: int = 0
    upto: int = 0


def new_lesson(panel: Panel, which: Iterable[str]) -> Lesson:
    """A lesson for these detectors of a panel, whose own states stay as they are."""
    chosen = {id_: panel.detectors[id_] for id_ in which if panel.detectors[id_].card.reads != "events"}
    patient = replace(panel.rules, lateness_us=0, skew_us=0)  # the past is read whole: nothing is awaited
    return Lesson(new_panel(chosen, panel.world, patient, 0, panel.clock))


def teach(lesson: Lesson, held: Held, until: int) -> None:
    """Show observations made before `until` (city us), all later than those shown before. Signs are dropped.

    They are shown as if each had come in at the moment it was observed: how late it came in truth says nothing of the street.
    """
    panel = lesson.panel
    if lesson.upto == 0:
        if not len(held):
            return
        panel.grid = new_grid(panel.world.channels, int(held.observed_at.min()), panel.rules)
    timely = replace(held, received_at=held.observed_at, now=until)
    dropped: Signs = []
    panel.read_at = panel.clock()
    for id_, detector in panel.detectors.items():
        if detector.card.reads == "rows":
            panel.feed(dropped, id_, detector.rows, timely)
    for step in take(panel.grid, timely, until, panel.rules):
        follow(lesson, step)
    lesson.rows += len(held)
    lesson.upto = max(lesson.upto, panel.grid.closed)


def follow(lesson: Lesson, step: Step) -> None:
    """Show one step that is past by now."""
    lesson.panel.step(replace(step, learning=True), [])
    lesson.upto = step.at


def learned(panel: Panel, lesson: Lesson) -> None:
    """The lesson's states take the place of the panel's."""
    panel.states.update(lesson.panel.states)
    panel.faults.update(lesson.panel.faults)
    panel.last_fault.update(lesson.panel.last_fault)


def nothing(now: int) -> Held:
    """No rows, at a time."""
    none = np.empty(0, dtype=np.int64)
    return Held(np.empty(0, dtype=np.int32), np.empty(0), none, none, none, now)
