"""Fetches what does not come by itself: registers that are asked for, files that are dropped, feeds that are pulled.

Theory of operation
-------------------
Each source has a loop of its own: gather, put all of it into the log in the names of the devices it is of, say that it is
taken, wait. What fails is said when it begins and when it ends, and tried again later each time, up to `LONGEST_PAUSE_S`: a
cabinet that is away must not be called ever faster, and one that is back must not wait for hours.

What goes into the log is judged there like what devices send themselves.

INVARIANTS
- A source that fails or hangs stops no other.
- What a source gave is taken only when the log holds all of it; else it is gathered again, and the gate knows repeats.
- Bounded: `MOST_GATHERED` messages in one turn; the source keeps the rest for its next.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from cityward.errors import CitywardError, LinkError

MOST_GATHERED = 5000
LONGEST_PAUSE_S = 300.0
AT_ONCE = 64  # publications under way of one source

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Gathered:
    """One message: whose, in which format (a codec's id), and its body."""

    device: str
    codec: str
    body: bytes


class Source(Protocol):
    """One thing to be asked again and again."""

    @property
    def name(self) -> str:
        """As people know it."""
        ...

    @property
    def every_s(self) -> float:
        """Real seconds between two turns."""
        ...

    @property
    def longest_s(self) -> float:
        """How long one turn may take."""
        ...

    async def gather(self) -> Sequence[Gathered]:
        """What there is now; empty: nothing.

        Raises:
            LinkError: it did not answer.
        """
        ...

    async def taken(self) -> None:
        """The log holds all that the last `gather` gave.

        Raises:
            LinkError: the source did not take note; it may give the same again.
        """
        ...

    async def close(self) -> None:
        """Give back what is held."""
        ...


class Intake(Protocol):
    """The log's way in."""

    async def publish(self, device: str, codec: str, payload: bytes) -> int:
        """The sequence under which the log holds it.

        Raises:
            LinkError: it may or may not hold it.
        """
        ...


@dataclass(slots=True)
class SourceProgress:
    """What became of one source since the start. trouble: what is wrong now."""

    turns: int = 0
    messages: int = 0
    failures: int = 0
    trouble: str = ""


@dataclass(slots=True)
class Collector:
    """All sources of a city."""

    sources: Sequence[Source]
    intake: Intake
    progress: dict[str, SourceProgress] = field(default_factory=dict[str, SourceProgress])

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped."""
        try:
            async with asyncio.TaskGroup() as group:
                for source in self.sources:
                    group.create_task(self._loop(source, stop))
        finally:
            for source in self.sources:
                with contextlib.suppress(Exception):
                    await source.close()

    async def _loop(self, source: Source, stop: asyncio.Event) -> None:
        standing = self.progress.setdefault(source.name, SourceProgress())
        pause = source.every_s
        while not stop.is_set():
            trouble = await self._turn(source, standing)
            if trouble and not standing.trouble:
                log.warning("a source does not answer", source=source.name, why=trouble)
            elif standing.trouble and not trouble:
                log.info("a source answers again", source=source.name)
            standing.trouble = trouble
            pause = min(2 * pause, max(LONGEST_PAUSE_S, source.every_s)) if trouble else source.every_s
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def _turn(self, source: Source, standing: SourceProgress) -> str:
        """What went wrong; "" where nothing did."""
        standing.turns += 1
        try:
            async with asyncio.timeout(source.longest_s):
                found = await source.gather()
                for start in range(0, min(len(found), MOST_GATHERED), AT_ONCE):
                    await self._publish(found[start : min(start + AT_ONCE, MOST_GATHERED)])
                if found:
                    await source.taken()
        except CitywardError as error:
            standing.failures += 1
            return error.what
        except TimeoutError:
            standing.failures += 1
            return f"no answer within {source.longest_s:g} s"
        except Exception as error:  # a source is an adapter to a foreign thing: its fault must not stop the others
            log.exception("a source failed", source=source.name)
            standing.failures += 1
            return f"its own fault: {type(error).__name__}"
        standing.messages += len(found)
        return ""

    async def _publish(self, some: Sequence[Gathered]) -> None:
        answers = await asyncio.gather(
            *(self.intake.publish(one.device, one.codec, one.body) for one in some), return_exceptions=True
        )
        lost = next((answer for answer in answers if isinstance(answer, BaseException)), None)
        if isinstance(lost, LinkError):
            raise lost
        if lost is not None:
            raise LinkError(f"the log did not take it: {type(lost).__name__}") from lost
