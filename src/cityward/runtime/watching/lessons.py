"""Teaching the watch the past: at its first start, and when a backlog of late readings has come in.

Theory of operation
-------------------
A lesson runs in a thread on fresh states of its own, chunk by chunk in the order of time, up to `LESSON_DAYS` back and less where
that were more than `LESSON_ROWS`. Marked rows are left out: what was poisoned is not learned. Meanwhile the live states go on;
the steps that become due are kept, shown to the lesson when it is through, and then its states take the place of the live ones.

INVARIANT: a lesson reads what was held at one position of the history; what came later it sees as live steps, or not at all.
Bounded: rows in memory (`CHUNK_ROWS`), rows in all, steps kept (`MOST_STEPS`; beyond, the lesson is given up and counted).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cityward.insight.marks import Mark, covered
from cityward.runtime.watching.ports import HistoryAt, Tail
from cityward.time import DAY, HOUR
from cityward.watch.contract import STEP_US, Held, Step
from cityward.watch.panel import Lesson, Panel, follow, learned, new_lesson, teach

LESSON_DAYS = 28
LESSON_ROWS = 50_000_000
CHUNK_ROWS = 4_000_000
MOST_STEPS = 2000  # a week of steps; of 20,000 channels 800 MB


@dataclass(slots=True)
class Teacher:
    """Gives lessons from the past. `marks`: those in force now."""

    tail: Tail
    marks: Callable[[], Sequence[Mark]]
    given: int = 0
    given_up: int = 0
    _task: asyncio.Task[Lesson | None] | None = None
    _since: list[Step] = field(default_factory=list[Step])

    def teach(
        self, panel: Panel, which: Sequence[str], upto: HistoryAt, until: int, stop: asyncio.Event
    ) -> Lesson | None:
        """Show the past before `until` to fresh states of these detectors; None when stopped half way. Takes its time.

        Raises:
            LinkError: the history does not answer.
        """
        lesson = new_lesson(panel, which)
        if not lesson.panel.detectors:
            return lesson
        since, chunk = self._span(until)
        marks = self.marks()
        for start in range(since, until, chunk):
            if stop.is_set():
                return None
            end = min(start + chunk, until)
            teach(lesson, unmarked(self.tail.past(upto, start, end, CHUNK_ROWS), marks, panel), end)
        return lesson

    def _span(self, until: int) -> tuple[int, int]:
        """(since, length of a chunk), both multiples of a step."""
        span = LESSON_DAYS * DAY
        rows = self.tail.count(until - span, until)
        while rows > LESSON_ROWS and span > HOUR:
            span //= 2
            rows = self.tail.count(until - span, until)
        chunk = min(DAY, max(HOUR, span * CHUNK_ROWS // max(rows, 1)))
        return (until - span) // STEP_US * STEP_US, chunk // STEP_US * STEP_US

    # -- beside the live watch ----------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a lesson is under way."""
        return self._task is not None

    def begin(self, panel: Panel, which: Sequence[str], upto: HistoryAt, stop: asyncio.Event) -> None:
        """Begin a lesson beside the live watch, up to the last step that is done."""
        self._since = []
        self._task = asyncio.create_task(asyncio.to_thread(self.teach, panel, which, upto, panel.grid.closed, stop))

    def see(self, step: Step) -> None:
        """A step became due while a lesson is under way."""
        if self.busy:
            self._since.append(step)

    async def finish(self, panel: Panel) -> Sequence[str]:
        """Let a lesson that is through take the place of the live states; the detectors that learned.

        Raises:
            LinkError: the history did not answer; the lesson is given up.
        """
        if self._task is None or (not self._task.done() and len(self._since) <= MOST_STEPS):
            return ()
        task, self._task, steps, self._since = self._task, None, self._since, []
        if not task.done():
            self.given_up += 1  # the thread ends by itself; what it learned is nobody's
            return ()
        lesson = await task
        if lesson is None:
            return ()
        for step in steps:
            follow(lesson, step)
        learned(panel, lesson)
        self.given += 1
        return tuple(lesson.panel.detectors)

    async def close(self) -> None:
        """Wait for the thread: it ends at its next chunk once `stop` is set."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)


def unmarked(held: Held, marks: Sequence[Mark], panel: Panel) -> Held:
    """Without the rows that marks are on."""
    if not marks or not len(held):
        return held
    keep = ~covered(held.channel, held.observed_at, marks, panel.world.registry)
    columns: dict[str, Any] = {
        name: getattr(held, name)[keep] for name in ("channel", "value", "observed_at", "received_at", "seq")
    }
    return replace(held, **columns)
