"""Exercises that the web door begins: the city's own command in a child, one at a time, followed line by line.

Theory of operation
-------------------
*idle* -> `start` -> *starting* (a twin is made) -> *running* (progress comes) -> *over*, and again from there. The child is
`cityward exercise run SCENARIO --state ... --followed`: it puts what came of it on the city's record itself, so that the console
and the terminal make the same entry. Standing input is a pipe that stays open for as long as the door is: its end ends the child,
and the child's end ends its twin (`compose/exercising/twin.py`).

INVARIANTS
- At most one child; it ends within `CHILD_S`, when it is told to, and with the door.
- What it says is read within bounds; a line that is not understood is left out.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from cityward.compose.beside import Asked, Question
from cityward.errors import LinkError
from cityward.exercises.scenarios import find_scenarios
from cityward.text import harmless, harmless_tree

PROGRAM = (sys.executable, "-m", "cityward", "exercise", "run")
BOARD = (sys.executable, "-m", "cityward", "exercise", "history", "--whole")
CHILD_S = 1800.0
ENDS_WITHIN_S = 60.0
MOST_LINE = 1 << 20
MOST_BOARD = 32 << 20
FRESH_S = 60.0
_MEND = "run `cityward exercise run` on the city's machine: it says what is wrong"


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """state: idle | starting | running | over. progress, outcome: as the command tells them; said: in words, what is wrong."""

    state: str
    scenario: str = ""
    seed: int = 0
    person: str = ""
    progress: Any = None
    outcome: Any = None
    said: str = ""


class ExerciseDesk:
    """See the module. root: the state directory."""

    def __init__(self, root: Path, program: Sequence[str] = PROGRAM, board: Sequence[str] = BOARD) -> None:
        self._root, self._program = root, program
        self._question = Question(
            said="the list of exercises",
            program=(*board, "--state", str(root), "--json"),
            made=_board,
            most_bytes=MOST_BOARD,
            mend="run `cityward exercise history` on the city's machine: it says what is wrong",
            fresh_s=FRESH_S,
        )
        self._board = Asked(self._question)
        self._now = Now(state="idle")
        self._task: asyncio.Task[None] | None = None
        self._child: asyncio.subprocess.Process | None = None

    async def board(self) -> bytes | None:
        """See `web.assurance_ports.Exercises`."""
        return await self._board()

    def now(self) -> Now:
        """The one that runs, or ran last."""
        return self._now

    async def start(self, scenario: str, seed: int, person: str) -> bool:
        """See `web.assurance_ports.Exercises`."""
        if scenario not in find_scenarios():
            raise LinkError(f"there is no scenario `{scenario}`", mend="see the list of exercises")
        if self._runs():
            return False
        self._now = Now(state="starting", scenario=scenario, seed=seed, person=person)
        self._task = asyncio.create_task(self._follow(scenario, seed, person))
        return True

    async def stop(self) -> bool:
        """End the child; False: none runs."""
        task = self._task
        if task is None or not self._runs():
            return False
        self._let_go()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), ENDS_WITHIN_S)
        return True

    async def close(self) -> None:
        """End whatever runs."""
        await self._board.close()
        if await self.stop() and self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _runs(self) -> bool:
        return self._task is not None and not self._task.done()

    def _let_go(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()

    async def _follow(self, scenario: str, seed: int, person: str) -> None:
        child = self._child = await asyncio.create_subprocess_exec(
            *self._program, scenario, "--seed", str(seed), "--state", str(self._root), "--by", person, "--followed",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            limit=MOST_LINE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(CHILD_S):
                await self._read(child)
                await child.wait()
        except TimeoutError:
            self._over(f"it did not end within {CHILD_S:.0f} s; {_MEND}")
        finally:
            await self._end(child)
            self._board = Asked(self._question)  # what came of it is on record now
        if self._now.state != "over":
            self._over("it ended before it was over, and nothing of it is on record" if child.returncode else "")

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        while line := await _line(child.stdout):
            told = _understood(line)
            if "over" in told:
                outcome = (told["over"] or [None])[0]
                self._now = msgspec.structs.replace(self._now, state="over", outcome=outcome)
            elif told:
                self._now = msgspec.structs.replace(self._now, state="running", progress=told)

    async def _end(self, child: asyncio.subprocess.Process) -> None:
        self._let_go()
        if child.returncode is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), ENDS_WITHIN_S)
        if child.returncode is None:
            child.kill()
            await child.wait()

    def _over(self, said: str) -> None:
        self._now = msgspec.structs.replace(self._now, state="over", said=harmless(said))


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # longer than the limit
        return b"{}\n"


def _understood(line: bytes) -> dict[str, Any]:
    try:
        return harmless_tree(msgspec.json.decode(line, type=dict[str, Any]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _board(data: bytes) -> bytes:
    try:
        return msgspec.json.encode(harmless_tree(msgspec.json.decode(data, type=dict[str, Any])))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise LinkError("the exercises could not be read", mend=_MEND) from None
