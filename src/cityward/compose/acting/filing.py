"""Steps of incident files at the door: the acts of `cityward incident`, one at a time, each in a child process.

Each reads whole logs, for seconds that grow with the city: a thread would hold the door's interpreter. The child (`filing_child`)
reads them, and puts the step on record. Who would wait behind too many is told to come again.

INVARIANTS
- At most one child at a time, and `MOST_WAITING` who wait; it ends when it takes too long, or the door closes.
- A step may be on record although its answer was lost: whoever asks next is told from the record.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from cityward.assurance.incidents.file import FileStep
from cityward.compose.acting.filing_child import EXPORTED, Deed, Done, Line
from cityward.compose.child import Bounds, said_by
from cityward.compose.proving.incident_files import Said
from cityward.errors import EvidenceError, LinkError, PlaceError

PROGRAM = (sys.executable, "-m", "cityward.compose.acting.filing_child")
CHILD_S = 120.0
MOST_WAITING = 4
MOST_BYTES = 256 << 20  # of an archive
_ERRORS = {"place": PlaceError, "evidence": EvidenceError, "link": LinkError}
_MEND = "look at the file before you try again: `cityward incident list` on the city's machine"


class FileDesk:
    """`web.ports.Filing`. after: called when something was put on record, so that answers made before are old."""

    def __init__(
        self, state: Path, after: Callable[[], None], program: Sequence[str] = PROGRAM, child_s: float = CHILD_S
    ) -> None:
        self._program, self._after = (*program, str(state)), after
        self._bounds = Bounds("the step of the incident file", _MEND, child_s, MOST_BYTES)
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def open(self, incident: str, title: str, subjects: Sequence[str], person: str) -> Line:
        """Open a file, of an incident of the watch or by hand.

        Raises:
            PlaceError: see `open_file`.
            EvidenceError: a log is not what was signed.
            LinkError: others take too long, or the child failed.
        """
        said = Said(person, title, incidents=(incident,) if incident else (), subjects=tuple(subjects))
        return await self._step("", FileStep.OPENED, said)

    async def decide(self, file: str, text: str, person: str) -> Line:
        """Put a decision on record. Raises: as `open`."""
        return await self._step(file, FileStep.DECIDED, Said(person, text))

    async def note(self, file: str, text: str, people: str, person: str) -> Line:
        """Put on record what is known; `people`: how many it touches, "": nobody says. Raises: as `open`."""
        said = Said(person, text, facts={"people": people} if people else {})
        return await self._step(file, FileStep.NOTED, said)

    async def told(self, file: str, text: str, to: str, duties: Sequence[str], person: str) -> Line:
        """Put a message on record; the duties that it did are done. Raises: as `open`."""
        return await self._step(file, FileStep.TOLD, Said(person, text, to=to, duties=tuple(duties)))

    async def close(self, file: str, text: str, person: str) -> Line:
        """Close it; clocks that run go on. Raises: as `open`."""
        return await self._step(file, FileStep.CLOSED, Said(person, text))

    async def export(self, file: str) -> bytes:
        """The archive. Raises: as `open`."""
        return (await self._done(Deed(EXPORTED, file, Said("", "")))).archive

    async def _step(self, file: str, step: FileStep, said: Said) -> Line:
        try:
            return (await self._done(Deed(step.value, file, said))).line
        finally:  # it may be on record although the answer failed
            self._after()

    async def _done(self, deed: Deed) -> Done:
        if self._waiting > MOST_WAITING:
            raise LinkError("other steps of incident files take long", mend="ask again in a minute")
        self._waiting += 1
        try:
            async with self._turn:
                told = await said_by(self._program, self._bounds, msgspec.msgpack.encode(deed))
        finally:
            self._waiting -= 1
        try:
            done = msgspec.msgpack.decode(told, type=Done)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise LinkError("the step of the incident file failed", mend=_MEND) from None
        if done.error:
            raise _ERRORS[done.error](done.what, mend=done.mend)
        return done
