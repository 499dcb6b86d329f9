"""Recordings, shown again: a segment of the archive goes to a child as any clip does, and comes out picture by picture, marked.

Segments hold covered pictures only, so that what the child shows of them as it is, is covered. One child a camera, `MOST` of
them; the one that was asked longest ago ends for another one, and what was not asked for `IDLE_S` ends with the next question.

INVARIANT: a segment that is not what was put on record is shown to nobody (`Archive.open`).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from cityward.adapters.video.exchange import MOST_SEEN, Settings, Show, Step
from cityward.adapters.video.segments import Archive
from cityward.adapters.video.watching import Watching
from cityward.errors import LinkError
from cityward.runtime.pictures.camera_ports import SegmentRow
from cityward.time import SECOND

MOST = 2
IDLE_S = 60.0
MOST_STEPS = 600  # of up to `MOST_SEEN` pictures each: the longest segment at the highest rate
SETTINGS = Settings(frames_per_s=60.0, width_most=1920)


@dataclass(slots=True)
class _Replay:
    """One camera's child. at_s: the newest moment that it was asked for, of the segment's own time."""

    watching: Watching
    segment: str = ""
    at_s: float = 0.0
    asked_s: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Replays:
    """See the module. speed: of the city's clock. make: a child; tests give another."""

    archive: Archive
    speed: float = 1.0
    make: Callable[[], Watching] = lambda: Watching(SETTINGS)
    clock: Callable[[], float] = time.monotonic
    _open: OrderedDict[str, _Replay] = field(default_factory=OrderedDict[str, "_Replay"])

    async def picture(self, camera: str, at_us: int, mark: str) -> bytes:
        """What the recording shows at a moment, city us.

        Raises:
            LinkError: nothing is kept of it, or it cannot be shown.
            EvidenceError: what is kept is not what was put on record.
        """
        rows = await asyncio.to_thread(self.archive.between, camera, at_us, at_us + 1, 1)
        if not rows:
            raise LinkError("nothing is kept of that moment")
        row, replay = rows[0], await self._of(camera)
        async with replay.lock:
            try:
                return await self._shown(replay, row, self._into(row, at_us), mark)
            finally:
                if self._open.get(camera) is not replay:  # it was ended for another one meanwhile
                    await replay.watching.close()

    def _into(self, row: SegmentRow, at_us: int) -> float:
        """Seconds of the segment's own time. A step gives the first picture behind its moment, so that it is asked for one
        picture earlier: never behind the end, where a clip begins again."""
        between_us = (row.end_us - row.begin_us) / max(1, row.pictures - 1)
        return max(0.0, (at_us - row.begin_us - between_us) / SECOND / self.speed)

    async def _shown(self, replay: _Replay, row: SegmentRow, at_s: float, mark: str) -> bytes:
        begins = replay.segment != row.name or at_s < replay.at_s
        if begins:
            replay.segment = ""
            body = await asyncio.to_thread(self.archive.open, row)
            await replay.watching.play(body)
        for step_s in ([0.0] if begins else []) + [at_s] * MOST_STEPS:  # the clip's time begins with its first step
            looked = await replay.watching.look(Step(at_s=1.0 + step_s))
            if looked is None:
                replay.segment = ""
                raise LinkError("the recording cannot be shown now")
            if step_s == at_s and looked.decoded < MOST_SEEN:
                replay.segment, replay.at_s = row.name, at_s
                return await replay.watching.show(Show(mark=mark, clear=True))  # it was covered before it was kept
        replay.segment = ""
        raise LinkError("that moment lies too far within its recording")

    async def close(self) -> None:
        """End every child."""
        while self._open:
            await self._open.popitem()[1].watching.close()

    async def _of(self, camera: str) -> _Replay:
        now = self.clock()
        found = self._open.pop(camera, None) or _Replay(self.make())
        found.asked_s, self._open[camera] = now, found
        over = [name for name, one in self._open.items() if now - one.asked_s > IDLE_S]
        over += [name for name in list(self._open)[:-MOST] if name not in over]
        for name in over:
            await self._open.pop(name).watching.close()
        return found
