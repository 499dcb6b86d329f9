"""What is wanted of an exercise, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cityward.compose.exercising.progress import Progress
from cityward.exercises.judging import Judgement
from cityward.exercises.scenario import Plan, Scenario
from cityward.exercises.seen import Answer
from cityward.place.loader import Loaded

SPEED = 60.0
AT_ONCE = 3  # twins: most of an exercise is waiting; one takes a fifth of a processor
Say = Callable[[str], None]
Watched = Callable[[Progress], None]
"""Whoever looks on while it runs: told at each look, never waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercising:
    """What to do. root: where twins live. keep: leave their folders."""

    place: Path
    loaded: Loaded
    root: Path
    seed: int = 7
    speed: float = SPEED
    at_once: int = AT_ONCE
    city_time_us: int
    keep: bool = False
    watched: Watched | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one scenario. why: it was not staged, or could not be carried out; then nothing else is told.

    checkpoint: SHA-256 over the twin's last checkpoints. twin: its folder, where it is kept. took_s: of the machine. answers: to
    the steps, by key.
    """

    scenario: Scenario
    staged: bool
    why: str = ""
    plan: Plan | None = None
    judged: tuple[Judgement, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    checkpoint: str = ""
    twin: str = ""
    took_s: float = 0.0
    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])

    @property
    def missed(self) -> tuple[Judgement, ...]:
        """What had to happen and did not."""
        return tuple(one for one in self.judged if not one.met)

    @property
    def is_held(self) -> bool:
        """It was carried out, and everything was met."""
        return self.staged and bool(self.judged) and not self.missed
