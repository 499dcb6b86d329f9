"""What a detector is: a pure state machine from facts to signs, with a card that says what it sees and when it fails.

Lives here: the three kinds of fact (`Held` rows, a `Step` of the grid, `Event`s), the `Sign` a detector makes of them, its
`Card`, and the `Detector` contract. A detector knows nothing of findings, trust or alerts: `judging` makes those of its signs.

INVARIANTS that the conformance suite holds every detector to
- Pure: no clock, file, chance; the same state and facts give the same signs and the same state.
- Bounded: the size of its state depends on the world (channels, units) and its parameters, not on how long it runs.
- Total: no fact, however odd, raises. NaN, infinities, zero spread, a channel seen for the first time, time that stands still.
- Independent of batching: rows or events split in other batches give the same signs.
- An episode has one `BEGAN`, any number of `GOES_ON`, at most one `ENDED`, all with the same `began_at`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cityward.time import MINUTE
from cityward.watch.events import Event
from cityward.watch.world import World

STEP_US = 5 * MINUTE
"""The grid's step. PRECEDENT: loop detectors of every road authority we have data of report in 5 minutes."""


class Severity(StrEnum):
    """How bad, if it is what it looks like. Ordered by `rank`."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (low) to 3 (critical)."""
        return list(Severity).index(self)


class Phase(StrEnum):
    """Where in its episode a sign stands."""

    BEGAN = "began"
    GOES_ON = "goes-on"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Held:
    """Admitted observations, as history holds them: columns of length N, sorted by channel, then observed_at, then seq.

    channel: int32. value: float64, finite, catalogue unit. observed_at, received_at: int64 city us. seq: int64.
    now: the newest `received_at` the watch has seen; it only rises.
    """

    channel: NDArray[np.int32]
    value: NDArray[np.float64]
    observed_at: NDArray[np.int64]
    received_at: NDArray[np.int64]
    seq: NDArray[np.int64]
    now: int

    def __len__(self) -> int:
        return len(self.channel)


@dataclass(frozen=True, slots=True)
class Step:
    """One finished step of the grid, for all C channels at once. `at` is its end; it began `STEP_US` before (city us).

    mean: (C,) float64, the mean of the step's readings; NaN where there was none. count: (C,) int32, how many.
    newest: (C,) float64, the last of them by time. learning: whether this step is the past being read again to learn from, in
    which signs are not wanted (they are dropped, not counted).
    """

    at: int
    mean: NDArray[np.float64]
    newest: NDArray[np.float64]
    count: NDArray[np.int32]
    learning: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of sign a detector makes: what it is called, how bad, and what to do now.

    weight: how much a sign of score 1 takes from the trust of its unit, 0 (none) to 1 (all).
    delay_us: how soon after its beginning an attack of twice the threshold is seen: what the bench holds it to. 0: at once.
    technique: id of MITRE ATT&CK for ICS, where one fits.
    """

    id: str
    title: str
    severity: Severity
    weight: float
    todo: str
    delay_us: int = 0
    technique: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """What people are told of a detector. The manual's page and the console are made of this.

    reads: what it is fed. hears: whether a detector of rows or steps is told the events too (`hear`, before the rows of the same
    turn). parameters: name -> value of its thresholds, as they are in force.
    """

    id: str
    title: str
    reads: Literal["rows", "steps", "events"]
    sees: str
    fails_when: tuple[str, ...]
    source: str
    kinds: tuple[Kind, ...]
    parameters: Mapping[str, float | int | str] = field(default_factory=dict[str, float | int | str])
    hears: bool = False

    def kind(self, id_: str) -> Kind:
        """The kind of this id.

        Raises:
            KeyError: it has none.
        """
        for kind in self.kinds:
            if kind.id == id_:
                return kind
        raise KeyError(f"{self.id} has no kind {id_}")


@dataclass(frozen=True, slots=True)
class Sign:
    """What a detector says.

    unit: the registry's unit it is about, -1 where it is about something else: then `about` names it as `kind:id`
    (`party:northlight`, `address:192.0.2.7`, `person:operator`, `place:`). channel: the channel, -1 for the whole unit.
    others: further units in the same thing (a coordinated change), sorted, without `unit`.
    began_at: when what it describes began, as far as can be told; at: the time of the fact that completed it (city us).
    score: in units of the threshold: 1.0 is just at it. facts: what was seen and what was expected, in words with units.
    """

    kind: str
    unit: int
    channel: int
    began_at: int
    at: int
    score: float
    phase: Phase = Phase.BEGAN
    about: str = ""
    others: tuple[int, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    records: tuple[str, ...] = ()  # evidence entries it rests on (`<log>:<index>`), where facts came with one


class Detector(Protocol):
    """One detector: a folder of `detectors/` whose package offers it as `DETECTOR`.

    Its state is a dataclass whose fields are NumPy arrays, numbers, texts, plain dicts and lists of what JSON can hold, or
    further such dataclasses: `memory` writes it down, and reads it back into the shape that `begin` gives. It is changed in
    place by the one method that `card.reads` names (and by `hear`, where `card.hears`); the others are never called and
    return nothing.
    """

    @property
    def card(self) -> Card: ...

    def begin(self, world: World) -> Any:
        """The state before the first fact."""
        ...

    def rows(self, state: Any, held: Held, world: World) -> Sequence[Sign]:
        """What these rows show. Called with every batch, also an empty one (time goes on)."""
        ...

    def step(self, state: Any, step: Step, world: World) -> Sequence[Sign]:
        """What this step shows. Steps come in order, none left out, also those in which nobody spoke."""
        ...

    def hear(self, state: Any, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
        """What these events show. Called with every batch, also an empty one."""
        ...
