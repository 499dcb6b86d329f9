"""A role's ledger with a heart: counts what the role puts on record, and beats at a bounded interval.

Theory of operation. The role appends through `Heart`, which passes everything on and counts it. Beside it, `beating` puts a
`Heartbeat` on the same ledger: one at the start, one every `BEAT_S` of machine time, one at an orderly stop. A beat that the
ledger does not take is tried again at the next interval under the same number, so a full disk shows as silence, a process
that was killed shows as silence, and only what was taken out of a log shows as a missing number.

INVARIANTS
- A heart never stops what it beats for: a ledger that does not answer costs a beat.
- The beat comes from the role's own event loop: a loop that stands still does not beat.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from threading import Lock

import structlog

from cityward.errors import CitywardError
from cityward.evidence.heartbeats import Pulse, last_beat
from cityward.evidence.records import AnyRecord, Heartbeat
from cityward.runtime.ports import Ledger
from cityward.time import SECOND

BEAT_S = 60.0
TAIL = 10_000  # entries that may have followed a beat of which nobody knows whether it was kept
LATE = 2.0  # a verifier calls it silence after so many intervals

log = structlog.get_logger(__name__)


class Heart:
    """`runtime.ports.Ledger` over another one, with heartbeats. Of any number of threads, as the one below."""

    def __init__(self, ledger: Ledger, pulse: Pulse, now_us: Callable[[], int]) -> None:
        self._ledger, self._pulse, self._now_us = ledger, pulse, now_us
        self._counting = Lock()
        self._unsure: Heartbeat | None = None  # a beat that failed, and may have reached the disk all the same

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        """Append durably, and count.

        Raises:
            LinkError, EvidenceError: as the ledger below.
        """
        entries = self._ledger.append(records)
        with self._counting:
            self._pulse.count(records)
        return entries

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        """The newest entries with their ids, oldest first."""
        return self._ledger.tail(most)

    def beat(self, state: str) -> None:
        """Put a heartbeat on record.

        Raises:
            LinkError, EvidenceError: as the ledger below; the number is not used up.
        """
        with self._counting:
            self._find_unsure()
            beat = self._unsure = self._pulse.due(state, self._now_us())
            self._ledger.append([beat])
            self._pulse.beaten(beat)
            self._unsure = None

    def _find_unsure(self) -> None:
        """A ledger that failed may have kept what it was given: a beat that stands there is not to stand there twice."""
        if self._unsure is not None:
            newest_first = (record for _, record in reversed(self._ledger.tail(TAIL)))
            if last_beat(newest_first, self._unsure.gate) == self._unsure.beat:
                self._pulse.beaten(self._unsure)
            self._unsure = None


def within_us(speed: float, every_s: float = BEAT_S) -> int:
    """What a beat says of the next, in city us: the city's clock runs `speed` times as fast as the machine's."""
    return max(1, round(LATE * every_s * speed * SECOND))


@asynccontextmanager
async def beating(heart: Heart, every_s: float = BEAT_S) -> AsyncGenerator[Ledger]:
    """Beat while the body runs: first now, last when it ends."""
    await _try(heart, "begun")
    stop = asyncio.Event()
    task = asyncio.create_task(_keep(heart, every_s, stop))
    try:
        yield heart
    finally:
        stop.set()
        await task  # not cancelled: a beat on its way to the ledger must be there before the last one
        await _try(heart, "stopped")


async def _keep(heart: Heart, every_s: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), every_s)
        except TimeoutError:
            await _try(heart, "alive")


async def _try(heart: Heart, state: str) -> None:
    try:
        await asyncio.to_thread(heart.beat, state)
    except CitywardError as error:
        log.warning("the ledger took no heartbeat", why=error.what, state=state)
