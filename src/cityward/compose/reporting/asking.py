"""The report of a running city for its web door: made by a child of its own, one at a time, kept for a while.

Theory of operation. Reading whole logs takes seconds and a processor, and grows with the city; the door must go on answering.
So a child (`cityward report --json`) reads them, and is ended when it takes too long or says too much. Who asks meanwhile waits a
little, then is told to come again; the newest report that was made answers everybody for `FRESH_S`.

INVARIANTS
- At most one child at a time, whoever asks how often; it ends when the door does.
- What the child says is read within bounds, and is a report or nothing.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cityward.assurance.reporting.model import MOST_BYTES, decode
from cityward.compose.reporting.html import html_of, policy
from cityward.compose.reporting.shown import shown
from cityward.errors import LinkError

FRESH_S = 300.0
WAIT_S = 8.0  # that one who asks is kept waiting
CHILD_S = 180.0
_MEND = "run `cityward report` on the city's machine: it says what is wrong"


@dataclass(frozen=True, slots=True)
class ReportMade:
    """A report as data and as a page with the policy that it needs."""

    data: bytes
    page: bytes
    policy: str


class AskedReport:
    """`web.ports.Reporting`."""

    def __init__(self, state: Path, program: Sequence[str] = (sys.executable, "-m", "cityward", "report")) -> None:
        self._state, self._program = state, program
        self._task: asyncio.Task[ReportMade] | None = None
        self._made: tuple[float, ReportMade] | None = None

    async def __call__(self) -> ReportMade | None:
        """The report; None while it is still being made.

        Raises:
            LinkError: it could not be made.
        """
        if self._made is not None and time.monotonic() - self._made[0] < FRESH_S:
            return self._made[1]
        task = self._task
        if task is None:
            task = self._task = asyncio.create_task(self._make())
        done, _ = await asyncio.wait({task}, timeout=WAIT_S)
        if not done:
            return None
        if self._task is task:
            self._task = None
        made = task.result()
        self._made = time.monotonic(), made
        return made

    async def close(self) -> None:
        """End the child, if there is one."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError, LinkError):
                await task

    async def _make(self) -> ReportMade:
        child = await asyncio.create_subprocess_exec(
            *self._program,
            "--state",
            str(self._state),
            "--json",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(CHILD_S):
                data = await _all_of(child)
        except TimeoutError:
            raise LinkError(f"the report was not made within {CHILD_S:.0f} s", mend=_MEND) from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return await asyncio.to_thread(_shown, data, str(self._state))


async def _all_of(child: asyncio.subprocess.Process) -> bytes:
    assert child.stdout is not None
    data = bytearray()
    while part := await child.stdout.read(1 << 20):
        data += part
        if len(data) > 2 * MOST_BYTES:  # it is indented there
            raise LinkError("the report is too long", mend=_MEND)
    await child.wait()
    return bytes(data)


def _shown(data: bytes, state: str) -> ReportMade:
    try:
        report = decode(data)
    except msgspec.DecodeError:
        raise LinkError("the report could not be made", mend=_MEND) from None
    return ReportMade(msgspec.json.encode(report), html_of(shown(report, None, state)), policy())


@asynccontextmanager
async def ending(asked: AskedReport) -> AsyncGenerator[None]:
    """For as long as the door is open."""
    try:
        yield
    finally:
        await asked.close()
