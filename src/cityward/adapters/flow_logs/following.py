"""Follows a flow log that somebody else writes: what was added since the last look, as tuples.

Theory of operation
-------------------
A look opens the file, finds out whether it is the one read before (it begins alike, and is not shorter), reads the whole lines
behind the position, and leaves a line that is still being written for the next look. A log that was rotated away is read to its
end first: the name it has then (`conn.log.1`, whatever it is) does not matter, because the file is kept open between looks. A log
that was cut to nothing and written anew is read from its beginning.

The position (how far, and the mark of the beginning) is a small value that outlasts the process. A reader that starts anew reads
the header again and goes on behind the position; what was rotated away while nobody followed is missed, and told (`missed`).

INVARIANTS
- A look reads at most `LOOK_BYTES`, and gives at most the bounds of `Tuples`; what is beyond is counted.
- Whatever the bytes: a line is in a tuple, bad, or beyond. A file that is no flow log is told once (`refused`), and tried again
  when it is another file.

Fails when: a log is rotated twice between two looks; or rotated by copying and cutting (`copytruncate`): what was written between
the last look and the cut is lost, as the rotating program loses lines itself. Compressed logs are not followed.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from cityward.adapters.flow_logs.reading import LINE_MOST, Reading
from cityward.adapters.flow_logs.tuples import Matters, Tuples, all_matter
from cityward.errors import DecodeError, LinkError
from cityward.reach.reconcile.seen import Seen

LOOK_BYTES = 8 << 20  # some 40,000 lines: a quarter of a second
MARK_BYTES = 512  # of the beginning, by which a file is known again
MOST_NEW = 20_000  # distinct tuples of a look


class Position(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a log was read. mark: SHA-256 of its first `marked` bytes."""

    offset: int = 0
    marked: int = 0
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. `more`: there is more to read at once. `began_anew`: the file is another than before."""

    seen: tuple[Seen, ...] = ()
    lines: int = 0
    bad: int = 0
    beyond: int = 0
    more: bool = False
    began_anew: bool = False
    missed: bool = False
    refused: str = ""


class FollowedLog:
    """One log, followed. `position` is where the next look begins."""

    def __init__(self, path: Path, position: Position | None = None, matters: Matters = all_matter) -> None:
        self.path, self.position = path, position or Position()
        self._matters = matters
        self._file: BinaryIO | None = None
        self._reading: Reading | None = None
        self._number = 0
        self._refused = False
        self._given = bool(self.position.offset)  # a position of an earlier process, not looked at yet

    def look(self, since_us: int | None = None) -> Look:
        """What was added. What ended before `since_us` is left out.

        Raises:
            LinkError: the file cannot be read. It need not be there yet.
        """
        try:
            return self._look(since_us)
        except OSError as error:
            self.close()
            raise LinkError(f"cannot follow the log: {error.strerror}", where=str(self.path)) from error

    def close(self) -> None:
        """Close the file; the next look opens it again, and goes on."""
        if self._file is not None:
            self._file.close()
        self._file, self._given = None, bool(self.position.offset)

    def _look(self, since_us: int | None) -> Look:
        began_anew = missed = False
        if self._file is None:
            try:
                self._file = self.path.open("rb")
            except FileNotFoundError:
                return Look()
            known = self._is_known(self._file)
            missed = self._given and not known
            began_anew = missed or not self._given
            self._begin(known)
        elif not self._is_known(self._file):  # cut, and written anew
            self._begin(known=False)
            began_anew = True
        found = self._read(self._file, since_us)
        if not found.more and self._is_rotated(self._file):
            self._file.close()
            self._file, self._given, self.position = None, False, Position()
            found = replace(found, more=True)
        return replace(found, began_anew=began_anew, missed=missed)

    def _is_known(self, file: BinaryIO) -> bool:
        """Whether this is the file of the position: not shorter, and it begins alike."""
        at = self.position
        if os.fstat(file.fileno()).st_size < at.offset:
            return False
        return sha256(os.pread(file.fileno(), at.marked, 0)).hexdigest() == at.mark if at.marked else True

    def _is_rotated(self, file: BinaryIO) -> bool:
        """Whether the name has another file by now. A name without a file may get one later: the old one is kept until then."""
        try:
            named, held = self.path.stat(), os.fstat(file.fileno())
        except FileNotFoundError:
            return False
        return (named.st_dev, named.st_ino) != (held.st_dev, held.st_ino)

    def _begin(self, known: bool) -> None:
        """Make ready to read on: behind the position of a known file, whose header is read again, or from the beginning."""
        self._reading, self._number, self._refused = None, 0, False
        if not known:
            self.position = Position()
        elif self._file is not None and self.position.offset:
            self._file.seek(0)
            self._reading = self._new_reading()
            try:
                while self._reading.rows is None and self._file.tell() < self.position.offset:
                    self._number += 1
                    self._reading.take(self._file.readline(LINE_MOST + 1), self._number)
            except DecodeError:
                self._refused = True

    def _read(self, file: BinaryIO, since_us: int | None) -> Look:
        file.seek(self.position.offset)
        block = file.read(LOOK_BYTES)
        whole = block.rfind(b"\n") + 1
        if not whole and len(block) <= LINE_MOST:
            return Look()  # nothing, or a line that is still being written
        lines = block[:whole] if whole else block
        self._go_on(file, len(lines))
        if self._refused:
            return Look(more=len(block) == LOOK_BYTES)
        reading = self._reading = self._reading or self._new_reading()
        reading.tuples = Tuples(self.path.name, since_us, self._matters, MOST_NEW, 0)
        before = dict(reading.counts)
        refused = self._take(reading, lines)
        count = {name: reading.counts[name] - before.get(name, 0) for name in ("lines", "bad")}
        seen = tuple(s for s in reading.tuples.seen() if since_us is None or s.last_us is None or s.last_us >= since_us)
        return Look(
            seen, count["lines"], count["bad"], reading.tuples.beyond, more=len(block) == LOOK_BYTES, refused=refused
        )

    def _take(self, reading: Reading, lines: bytes) -> str:
        try:
            for raw in io.BytesIO(lines):
                self._number += 1
                reading.take(raw[: LINE_MOST + 1], self._number)
        except DecodeError as error:
            self._refused = True
            return error.what
        return ""

    def _go_on(self, file: BinaryIO, size: int) -> None:
        offset = self.position.offset + size
        marked = min(MARK_BYTES, offset)
        mark = sha256(os.pread(file.fileno(), marked, 0)).hexdigest()
        self.position = Position(offset=offset, marked=marked, mark=mark)

    def _new_reading(self) -> Reading:
        return Reading(self.path.name, Tuples(self.path.name), lambda _: None)
