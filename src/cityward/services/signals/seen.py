"""What a signal controller is shown of junctions, and what it answers: the contract of every controller, ours and the baselines.

All times are seconds of the street (not of the city's clock, which a demonstration may run faster). Everything here is data:
no simulator, no bus. A lane that no detector reports, or whose detector is not believed, is not in `lanes` but in `blind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.place.junctions import Junction

M = TypeVar("M", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, eq=False)
class LaneSeen:
    """One incoming lane within the junction's reach.

    vehicles, halted: counts. distances (n,) float64 m to the stop line, rising, and speeds (n,) float64 m/s: of each vehicle that
    the detector tells apart (radar and video do, loops do not: both empty then). length_m: how much of the lane is seen.
    """

    vehicles: float
    halted: float
    length_m: float
    distances: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    speeds: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, slots=True)
class PriorityAsked:
    """A proven request: who asks for which group, and in how many seconds it is at the stop line."""

    group: str
    kind: str
    by: str
    seconds: float


@dataclass(frozen=True, slots=True)
class JunctionSeen:
    """A junction at one second.

    stage: the stage whose greens are shown, or that is being changed to; since_s: how long it has been wanted.
    settled: all its greens are shown. green_s: group -> how long it has been green; red_s: how long it has been red.
    lanes, blind: see the module. room: outgoing lane -> the share of it that is free, 0..1, where known.
    calls: groups that somebody asked for by a button or a detector of its own (pedestrians, cycles). on_plan: it follows its own
    plan and not our word.
    """

    stage: int
    since_s: float
    settled: bool
    green_s: Mapping[str, float]
    red_s: Mapping[str, float]
    lanes: Mapping[str, LaneSeen]
    blind: frozenset[str] = frozenset()
    room: Mapping[str, float] = field(default_factory=dict[str, float])
    calls: frozenset[str] = frozenset()
    priority: tuple[PriorityAsked, ...] = ()
    on_plan: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """The stage that a controller would like to be shown now. why: one line for the command's cause; facts: what it rests on."""

    stage: int
    why: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Controller(Protocol[M]):
    """A way to control signals: pure, deterministic, one call for all junctions a second, so that they can be coordinated."""

    @property
    def memory(self) -> type[M]:
        """The type of what it remembers: all fields have defaults."""
        ...

    def step(
        self, junctions: Mapping[str, Junction], seen: Mapping[str, JunctionSeen], memory: M, now_s: float
    ) -> tuple[M, Mapping[str, Wish]]:
        """What it would like now, junction by junction. A junction without a wish goes on as it is."""
        ...
