"""The pasts that services ask for: read from the history at the start and once a city hour, shown without what is not believed.

Theory of operation
-------------------
Reading goes on beside the loop, one service at a time, in a thread of its own; until a new past is whole, the old one is
shown. What a mark covers, or a device that is not believed says, is left out when a view is made and not when it is read: a
device that is quarantined now is believed in no past either.

INVARIANTS
- At most `MOST_WINDOWS` series of `MOST_WINDOW_POINTS` values for a service; windows beyond are counted in `shed`.
- No call waits for the history longer than `Pace.call_s`; one that fails leaves what was read before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from cityward.errors import LinkError
from cityward.runtime.doubt import Doubt
from cityward.runtime.serving.binding import Bound
from cityward.runtime.serving.ports import Pasts
from cityward.runtime.serving.world import ServiceWorld
from cityward.services.contract import MOST_WINDOW_POINTS, MOST_WINDOWS, Series, Window

Key = tuple[str, str]


@dataclass(slots=True)
class _Past:
    """What one service is shown: when it was read, and the series with nothing left out."""

    read_at: int | None = None
    due_at: int | None = None  # city us
    due_s: float = 0.0  # of the loop's clock
    series: dict[Key, Series] = field(default_factory=dict[Key, Series])


class Windows:
    """See the module."""

    def __init__(self, world: ServiceWorld, bounds: Sequence[Bound], pasts: Pasts | None) -> None:
        self._world, self._pasts = world, pasts
        self._bounds = [bound for bound in bounds if bound.windows] if pasts is not None else []
        self._of = {bound.id: _Past() for bound in bounds}
        self._reading: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="service-pasts")
        self.shed: Counter[str] = Counter()

    def read_at(self, service: str) -> int | None:
        """When its past was read; None: not yet."""
        return self._of[service].read_at

    def size(self, service: str) -> tuple[int, int]:
        """(series, values) that were read for it."""
        series = self._of[service].series.values()
        return len(series), sum(len(one.times) for one in series)

    def shown(self, bound: Bound, doubt: Doubt) -> Mapping[Key, Series]:
        """The series of a service, without what is not believed now."""
        return {key: _believed(key, one, bound, doubt) for key, one in self._of[bound.id].series.items()}

    def refresh(self, now_us: int) -> None:
        """Begin to read the past of a service that is due, unless one is being read."""
        if self._reading is not None and not self._reading.done():
            return
        clock_s = asyncio.get_running_loop().time()
        for bound in self._bounds:
            past = self._of[bound.id]
            jumped = past.due_at is not None and past.due_at - now_us > 2 * self._world.pace.windows_us
            if (past.due_at is None or now_us >= past.due_at or jumped) and clock_s >= past.due_s:
                past.due_at = now_us + self._world.pace.windows_us
                past.due_s = clock_s + self._world.pace.windows_apart_s
                self._reading = asyncio.create_task(self._read(bound, past, now_us))
                return

    async def _read(self, bound: Bound, past: _Past, now_us: int) -> None:
        wanted = _spelled_out(bound)
        if len(wanted) > MOST_WINDOWS:
            self.shed[bound.id] = len(wanted) - MOST_WINDOWS
        series: dict[Key, Series] = {}
        try:
            async with asyncio.timeout(self._world.pace.refresh_s):
                for (unit, property_id), span_us in wanted[:MOST_WINDOWS]:
                    series[unit, property_id] = await self._window(unit, property_id, now_us - span_us, now_us)
        except (LinkError, TimeoutError) as error:
            self._world.is_silent(error)
        except Exception:  # whatever a window asks for: the loop goes on with the past it has
            self._world.fault(bound.id, "a past that a service asks for could not be read")
        else:
            past.series, past.read_at = series, now_us

    async def _window(self, unit: str, property_id: str, since_us: int, until_us: int) -> Series:
        assert self._pasts is not None
        window = self._pasts.window
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._world.pace.call_s):
                rows = await loop.run_in_executor(
                    self._thread, lambda: window(unit, [property_id], since_us, until_us, MOST_WINDOW_POINTS)
                )
        except TimeoutError as error:
            raise LinkError(f"the history did not answer within {self._world.pace.call_s} s") from error
        times = np.fromiter((at for _, at, _ in rows), np.int64, len(rows))
        values = np.fromiter((value for _, _, value in rows), np.float64, len(rows))
        return Series(times, values)

    async def close(self) -> None:
        """End what is being read."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        self._thread.shutdown(wait=False, cancel_futures=True)


def _spelled_out(bound: Bound) -> list[tuple[Key, int]]:
    """(unit, property) and the span of each window, groups as their units; of one named twice the longer span."""
    spans: dict[Key, int] = {}
    for window in bound.windows:
        for unit in _units(bound, window):
            key = (unit, window.property)
            spans[key] = max(spans.get(key, 0), window.span_us)
    return list(spans.items())


def _units(bound: Bound, window: Window) -> Sequence[str]:
    """SECURITY: a past is shown only of what the service is shown anyhow."""
    return bound.members.get(window.device, ())


def _believed(key: Key, series: Series, bound: Bound, doubt: Doubt) -> Series:
    unit, property_id = key
    if doubt.of_device(unit, bound.least_trust) is not None:
        return Series(series.times[:0], series.values[:0], len(series.times))
    marks = [mark for mark in doubt.marks.get(unit, ()) if not mark.properties or property_id in mark.properties]
    if not marks:
        return series
    out = np.zeros(len(series.times), dtype=np.bool_)
    for mark in marks:
        out |= (series.times >= mark.since) & (series.times < mark.until)
    return Series(series.times[~out], series.values[~out], int(out.sum()))
