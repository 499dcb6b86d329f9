"""Feeds of the cameras' loop: a clip that is played for ever, and a stream that somebody fetches. Each minds a child."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from cityward.adapters.video.asking import Asking
from cityward.adapters.video.exchange import MOST_CLIP, Looked, Show, Step
from cityward.adapters.video.watching import Backlog, Watching
from cityward.errors import LinkError, PlaceError
from cityward.runtime.pictures.cameras import Glance, Kept

WAIT_S = 1.0  # a glance waits so long for something to look at
LOOK_S = 0.02
QUIET = 3  # glances that nothing came for: the segment under way is closed
AT_ONCE = 25  # units of one glance: others want to be told, too


class ClipFeed:
    """Implements `runtime.pictures.cameras.Feed` with a file. Its pace is the clock's, as often as is declared."""

    def __init__(self, path: Path, watching: Watching, machine_s: Callable[[], float] = time.time) -> None:
        self._path, self._watching, self._machine_s = path, watching, machine_s
        self._every_s = 1 / watching.settings.frames_per_s
        self._next_s = 0.0

    async def glance(self) -> Glance:
        """See the port."""
        if self._watching.clip is None:
            self._watching.clip = await asyncio.to_thread(read_clip, self._path)
        now = self._machine_s()
        await asyncio.sleep(min(WAIT_S, max(0.0, self._next_s - now)))
        at_s = self._machine_s()
        self._next_s = max(self._next_s + self._every_s, at_s)
        before = self._watching.counts.dropped
        looked = await self._watching.look(Step(at_s=at_s))
        if looked is None:
            await asyncio.sleep(self._every_s)
        return glance_of(looked, self._watching, dropped=self._watching.counts.dropped - before)

    async def show(self, mark: str) -> bytes:
        """See the port."""
        return await self._watching.show(Show(mark=mark))

    async def show_clear(self, mark: str) -> bytes:
        """See the port."""
        return await self._watching.show(Show(mark=mark, clear=True))

    async def close(self) -> Kept | None:
        """See the port."""
        return await closing(self._watching)


class NoFeed:
    """Implements `runtime.pictures.cameras.Feed` for a camera whose pictures cannot be had: it is broken, and told so."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def glance(self) -> Glance:
        """See the port."""
        await asyncio.sleep(WAIT_S)
        return Glance(broken=self._why)

    async def show(self, mark: str) -> bytes:
        """See the port."""
        raise LinkError(self._why)

    async def show_clear(self, mark: str) -> bytes:
        """See the port."""
        raise LinkError(self._why)

    async def close(self) -> Kept | None:
        """See the port."""
        return None


class Fetcher(Protocol):
    """Who fetches a stream into a backlog, in a thread of its own."""

    @property
    def why(self) -> str:
        """Why nothing comes now; "" where something does."""
        ...

    @property
    def drift_s(self) -> float:
        """How far the camera's clock went off since it was first heard."""
        ...

    def begin(self, backlog: Backlog) -> None:
        """Fetch until closed."""
        ...

    def close(self) -> None:
        """End it; returns when it has ended, or soon."""
        ...


class StreamFeed:
    """Implements `runtime.pictures.cameras.Feed` with a stream. asking: of a camera whose settings are asked for, too."""

    def __init__(self, fetcher: Fetcher, watching: Watching, asking: Asking | None = None) -> None:
        self._fetcher, self._watching, self._asking = fetcher, watching, asking
        self._backlog = Backlog()
        self._begun = False
        self._waited = 0  # glances in a row for which nothing came

    async def glance(self) -> Glance:
        """See the port."""
        if not self._begun:
            self._fetcher.begin(self._backlog)
            if self._asking is not None:
                self._asking.begin()
            self._begun = True
        until = time.monotonic() + WAIT_S
        while (unit := self._backlog.take()) is None and time.monotonic() < until:  # noqa: ASYNC110 - a thread fills it
            await asyncio.sleep(LOOK_S)
        glances: list[Glance] = []
        self._waited = self._waited if unit is None else 0
        while unit is not None and len(glances) < AT_ONCE:
            glances.append(glance_of(await self._watching.look(unit), self._watching))
            if glances[-1].segment is not None or glances[-1].broken:
                break
            unit = self._backlog.take()
        self._watching.drop(dropped := self._backlog.dropped())
        glance = self._sum(glances, dropped)
        return glance if glances else replace(glance, segment=await self._quiet())

    async def _quiet(self) -> Kept | None:
        """What was recorded before it fell silent: that may be what somebody will ask for."""
        self._waited += 1
        return kept_of(await self._watching.finish()) if self._waited == QUIET else None

    def _sum(self, glances: list[Glance], dropped: int) -> Glance:
        last = glances[-1] if glances else Glance()
        off_s = self._asking.clock_off_s if self._asking is not None else 0.0
        return Glance(
            seen=[seen for one in glances for seen in one.seen],
            pictures=sum(one.pictures for one in glances),
            dropped=dropped,
            refused=sum(one.refused for one in glances),
            segment=last.segment,
            broken=last.broken,
            drift_s=max(self._fetcher.drift_s, off_s, key=abs),
            noticed=self._asking.taken() if self._asking is not None else (),
        )

    async def show(self, mark: str) -> bytes:
        """See the port."""
        return await self._watching.show(Show(mark=mark))

    async def show_clear(self, mark: str) -> bytes:
        """See the port."""
        return await self._watching.show(Show(mark=mark, clear=True))

    async def close(self) -> Kept | None:
        """See the port."""
        await asyncio.to_thread(self._fetcher.close)
        if self._asking is not None:
            await asyncio.to_thread(self._asking.close)
        return await closing(self._watching)


def glance_of(looked: Looked | None, watching: Watching, dropped: int = 0) -> Glance:
    """What one answer comes to."""
    if looked is None:
        return Glance(broken=watching.why, refused=1, dropped=dropped)
    return Glance(looked.seen, looked.decoded, dropped, looked.refused, kept_of(looked), watching.why)


def kept_of(looked: Looked | None) -> Kept | None:
    """The segment that was closed."""
    closed = None if looked is None else looked.segment
    return None if closed is None else Kept(closed.begin_s, closed.end_s, closed.pictures, closed.form, closed.body)


async def closing(watching: Watching) -> Kept | None:
    """End the child; what it was recording."""
    try:
        return kept_of(await watching.finish())
    finally:
        await watching.close()


def clip_path(folder: Path, stream: str) -> Path:
    """Where a `file:` stream lies: below the declaration.

    Raises:
        PlaceError: it leads out of it, or there is none.
    """
    inside = folder.resolve()
    path = (inside / stream.removeprefix("file:").lstrip("/")).resolve()
    if not path.is_relative_to(inside) or not path.is_file():
        raise PlaceError(f"`{stream}` is no file below the declaration", mend="write `file:video/clip.mp4`")
    return path


def read_clip(path: Path) -> bytes:
    """A clip, whole.

    Raises:
        LinkError: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            body = file.read(MOST_CLIP + 1)
    except OSError as error:
        raise LinkError(f"the clip cannot be read: {error.strerror}", where=str(path)) from error
    if len(body) > MOST_CLIP:
        raise LinkError(f"the clip is larger than {MOST_CLIP} bytes", where=str(path), mend="cut it")
    return body
