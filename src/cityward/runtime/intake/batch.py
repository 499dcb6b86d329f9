"""What goes through the intake: its settings, the batches on their way, and what the worker tells of itself.

Does not live here: what is done with them (`intake`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cityward.evidence.records import Admission
from cityward.guard.admit import Judged, Tally
from cityward.guard.batch import Frame, Messages
from cityward.runtime.ports import BudgetWindow, DeviceSeen, History, Ledger, State

EXCERPT_BYTES = 256  # what is kept of a payload that nobody decodes


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """How the worker batches. `gather_s` bounds what a reading waits, the others what a batch may weigh."""

    stream: str
    partitions: tuple[int, ...]
    by: str
    declaration: str
    gather_s: float = 1.0
    most_messages: int = 20_000  # to be decoded
    most_stopped: int = 200_000  # stopped by their envelope: some 300 bytes each
    most_bytes: int = 8 << 20  # to be decoded: some 140,000 readings, half a second's work
    gated: bool = True
    log_partitions: int = 4  # how many there are in all


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the verdict goes, in this order."""

    ledger: Ledger
    history: History
    state: State


@dataclass(frozen=True, slots=True)
class Batch:
    """A judged batch on its way to the stores."""

    messages: Messages
    judged: Judged
    tally: Tally
    admission: Admission
    upto: Mapping[int, int]
    seen: Sequence[DeviceSeen]
    budgets: Sequence[BudgetWindow] = ()
    frames: Sequence[Frame] = ()


@dataclass(slots=True)
class Progress:
    """What the worker has done since it started; read by its metrics. Times in seconds of CPU.

    classes: of what was held, class of the device -> `admitted` or the reason word -> rows.
    """

    messages: int = 0
    rows: int = 0
    batches: int = 0
    retries: int = 0
    last_error: str = ""
    classes: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    cpu: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Gathered:
    """A run of the log, looked at: parallel lists. Payloads of what `screened` stopped are cut to an excerpt."""

    messages: list[Messages] = field(default_factory=list[Messages])
    formats: list[str] = field(default_factory=list[str])
    screened: list[NDArray[np.uint8]] = field(default_factory=list[NDArray[np.uint8]])
    to_read: int = 0
    weight: int = 0

    def __len__(self) -> int:
        return len(self.formats)

    def whole(self) -> tuple[Messages, list[str], NDArray[np.uint8]]:
        """All of it as one."""
        parts = self.messages
        if len(parts) == 1:
            return parts[0], self.formats, self.screened[0]
        return (
            Messages(
                unit=[u for m in parts for u in m.unit],
                payload=[p for m in parts for p in m.payload],
                received_at=np.concatenate([np.asarray(m.received_at) for m in parts]),  # type: ignore[arg-type]
                seq=[s for m in parts for s in m.seq],
                logged_at=np.concatenate([np.asarray(m.logged_at) for m in parts]),  # type: ignore[arg-type]
            ),
            self.formats,
            np.concatenate(self.screened),
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """What was gathered for a batch, and the gate's windows as they stood when it was cut."""

    messages: Messages
    formats: Sequence[str]
    screened: NDArray[np.uint8]
    seen: Sequence[DeviceSeen]
    budgets: Sequence[BudgetWindow]


class Timed:
    """Adds the CPU time of this thread to a part of the progress."""

    def __init__(self, progress: Progress, part: str) -> None:
        self._progress, self._part = progress, part

    def __enter__(self) -> None:
        self._start = time.thread_time()

    def __exit__(self, *_: object) -> None:
        cpu = self._progress.cpu
        cpu[self._part] = cpu.get(self._part, 0.0) + time.thread_time() - self._start
