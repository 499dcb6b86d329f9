"""Keeps the city's processes alive: starts them, starts them again when they end, ends them with the city.

A process that ends is started again after a pause that doubles up to `LONGEST_PAUSE_S`; one that has run for `STEADY_S` starts
from the shortest pause again. A child's standard input is one end of a socket. By its end the child learns of its supervisor's
death, so that none is left behind even by `kill -9`; over it the child's event loop says each second that it turns
(`tell_alive`). One that has said so and then says nothing for `STILL_AFTER_S` stands still: that is told, and when it goes on.

INVARIANT: a child that stands still is told of and left alone. What holds it may be a person with a debugger, or a disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

T = TypeVar("T")


class Process(Protocol):
    """What is started. `wait`: how it ended; the others raise ProcessLookupError where it has."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | str | None: ...

    async def wait(self) -> int | str: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


Start = Callable[[str, Sequence[str], int], Awaitable[Process]]
"""Start one of this name by this command line, with this descriptor as its standard input. Raises OSError."""


async def execute(name: str, argv: Sequence[str], standard_input: int) -> Process:
    """A process of its own from the beginning."""
    return await asyncio.create_subprocess_exec(*argv, stdin=standard_input)


SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
STEADY_S = 30.0
END_WITHIN_S = 15.0
BEAT_S = 1.0
STILL_AFTER_S = 6.0
MOST_HEARD = 64  # reads at a time: a child that speaks without end holds up nobody
STANDS_STILL, GOES_ON = "stands still", "goes on"


@dataclass(slots=True)
class Child:
    """One process of the city. `argv` is a list, never a shell line."""

    name: str
    argv: Sequence[str]
    restarts: int = 0
    process: Process | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process is not None and self.process.returncode is None else None


class Supervisor:
    """Runs children until stopped. `say` is told of every end.

    told: of every start (""), every end (its code), and when one `STANDS_STILL` or `GOES_ON`, as (name, what).
    """

    def __init__(
        self,
        children: Sequence[Child],
        say: Callable[[str], None],
        told: Callable[[str, str], None] | None = None,
        start: Start = execute,
    ) -> None:
        self.children = list(children)
        self._say, self._told, self._start = say, told or _to_nobody, start

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then every child is ended, gently first."""
        async with asyncio.TaskGroup() as group:
            for child in self.children:
                group.create_task(self._keep(child, stop))

    async def _keep(self, child: Child, stop: asyncio.Event) -> None:
        pause = SHORTEST_PAUSE_S
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            started = loop.time()
            code = await self._run_once(child, stop)
            if code is None:
                return
            pause = SHORTEST_PAUSE_S if loop.time() - started >= STEADY_S else min(pause * 2, LONGEST_PAUSE_S)
            child.restarts += 1
            self._told(child.name, str(code))
            self._say(f"{child.name} ended with {code}; starting it again in {pause:.1f} s")
            await _until(asyncio.sleep(pause), stop)

    async def _run_once(self, child: Child, stop: asyncio.Event) -> int | str | None:
        """What it ended with, or why it could not be started; None when the city stops."""
        ours, theirs = socket.socketpair()
        with ours:
            try:
                with theirs:
                    child.process = await self._start(child.name, child.argv, theirs.fileno())
            except OSError as error:  # no memory, no process left: the rest of the city goes on
                return str(error.strerror)
            self._told(child.name, "")
            minding = asyncio.create_task(self._mind(child, ours))
            try:
                code = await _until(child.process.wait(), stop)
                if code is None:
                    await _end(child.process)
            finally:
                minding.cancel()
            return code

    async def _mind(self, child: Child, ours: socket.socket) -> None:
        """Tell when it stands still, and when it goes on. As long as we were held ourselves, it had nobody to speak to."""
        ours.setblocking(False)
        time, heard, still = asyncio.get_running_loop().time, None, False
        while True:
            before = time()
            await asyncio.sleep(BEAT_S)
            now = time()
            if _spoke(ours):
                heard = now
                if still:
                    still = False
                    self._told(child.name, GOES_ON)
                    self._say(f"{child.name} goes on")
            elif heard is not None:
                heard += max(0.0, now - before - 2 * BEAT_S)
                if not still and now - heard >= STILL_AFTER_S:
                    still = True
                    self._told(child.name, STANDS_STILL)
                    self._say(f"{child.name} stands still: it has said nothing for {STILL_AFTER_S:.0f} s")


def _spoke(ours: socket.socket) -> bool:
    """Whether the child said anything since the last time."""
    said = False
    with contextlib.suppress(OSError):  # nothing more to read, or nobody there any more
        for _ in range(MOST_HEARD):
            if not ours.recv(1 << 12):
                break
            said = True
    return said


def _to_nobody(name: str, code: str) -> None:
    """For a supervisor that nobody listens to."""


async def _until(work: Awaitable[T], stop: asyncio.Event) -> T | None:
    """What the work gives, or None once `stop` is set first."""
    task, stopping = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for other in (task, stopping):
        if not other.done():
            other.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await other
    return task.result() if not task.cancelled() else None


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def stop_with_parent(stop: asyncio.Event) -> None:
    """In a child: set `stop` when the supervisor's end of our standard input closes."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        with contextlib.suppress(OSError):  # "reset", where it ended before it had heard all that we said
            await reader.read()
        stop.set()
    finally:
        pipe.close()


async def tell_alive() -> None:
    """In a child: say each second that our event loop turns. To a supervisor that does not listen, or none: nothing."""
    if not stat.S_ISSOCK(os.fstat(sys.stdin.fileno()).st_mode):
        return
    while True:
        with contextlib.suppress(OSError):
            os.write(sys.stdin.fileno(), b".")
        await asyncio.sleep(BEAT_S)
