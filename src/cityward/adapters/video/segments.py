"""The archive: covered recordings in files below the state folder, each hashed into the evidence as it is closed.

Theory of operation
-------------------
`keep` writes the file, puts its digest on record, and notes it in the index, in this order: a process that ends in between
leaves a file that nobody knows, which `sweep` throws away, and never a row without its file or its record. `expire` and
`make_room` take the other way: on record first (which, how many, what is the oldest left), then from the index, then the files.

INVARIANTS
- What `open` gives is what the record says, or it raises `EvidenceError`: nothing altered is shown or exported.
- The bytes held stay below `most_bytes`; of the camera that holds most the oldest go first, on record as `room`: one that sends
  more than others costs its own past, not theirs. A disk that others filled takes no new
  segment, and costs no old one: else whoever fills it could erase.
- No name from elsewhere becomes a path: names are made here, and read back only in the form they have.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cityward.adapters.keys.private import private_folder
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.records import AnyRecord, SegmentKept, SegmentsGone
from cityward.runtime.pictures.camera_ports import SegmentBook, SegmentRow
from cityward.runtime.ports import Ledger
from cityward.time import HOUR

MOST_SEGMENT = (
    64 << 20
)  # bytes of one file. PRECEDENT: 600 s of 2 Mbit/s are 150 MB; `segment_s` is cut where it is reached
MOST_BYTES = 8 << 30  # of all cameras, where nobody says otherwise
LEAST_FREE = 1 << 30  # the disk is others' too
AT_ONCE = 500  # segments that expire in one record
MOST_ROWS = 10_000

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}/[0-9]{1,17}-[0-9a-f]{16}\.(mp4|mkv)\Z")


@dataclass(frozen=True, slots=True)
class Piece:
    """What a child has just closed. Times city us; `form`: the container (mp4, mkv)."""

    camera: str
    begin_us: int
    end_us: int
    pictures: int
    body: bytes
    form: str = "mp4"


class Archive:
    """One city's recordings. folder: `<state>/video`. Readers need no ledger."""

    def __init__(self, folder: Path, book: SegmentBook, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._book, self._most = folder, book, most_bytes
        self._left: set[str] = set()  # files whose rows are gone, and that are not deleted yet

    # -- reading: viewing and export build on these ---------------------------------------------------------------------

    def between(self, camera: str, from_us: int, until_us: int, most: int = 1000) -> list[SegmentRow]:
        """Segments that hold something of that span (city us), oldest first; the first `most`, `MOST_ROWS` at most."""
        return list(self._book.between(camera, from_us, until_us, min(most, MOST_ROWS)))

    def open(self, row: SegmentRow) -> bytes:
        """A segment's file, whole.

        Raises:
            EvidenceError: it is gone, or not what was put on record.
            LinkError: the disk does not answer.
        """
        try:
            with self._path(row.name).open("rb") as file:
                body = file.read(MOST_SEGMENT + 1)
        except FileNotFoundError:
            raise EvidenceError(
                "a segment's file is gone", where=row.name, mend=f"see the record {row.record}"
            ) from None
        except OSError as error:
            raise LinkError(f"a segment cannot be read: {error.strerror}", where=row.name) from error
        if len(body) != row.size or sha256(body).hexdigest() != row.sha256:
            mend = f"see who had access to it; its digest is in {row.record}"
            raise EvidenceError("a segment is not what was put on record", where=row.name, mend=mend)
        return body

    def oldest(self, camera: str) -> SegmentRow | None:
        """The oldest segment of a camera: the proof that nothing older is held."""
        return next(iter(self._book.oldest(camera, 1)), None)

    # -- keeping --------------------------------------------------------------------------------------------------------

    def keep(self, piece: Piece, ledger: Ledger, by: str, declaration: str) -> SegmentRow:
        """Write it, put it on record, note it.

        Raises:
            LinkError: the disk is full or does not answer, or a store; nothing is noted then.
        """
        if not 0 < len(piece.body) <= MOST_SEGMENT:
            raise LinkError(f"a segment of {len(piece.body)} bytes is none, or too large", mend="a smaller `segment_s`")
        digest = sha256(piece.body).hexdigest()
        name = f"{piece.camera}/{max(0, piece.begin_us)}-{digest[:16]}.{piece.form}"
        self._write(name, piece.body)
        record = SegmentKept(
            at=piece.end_us,
            by=by,
            camera=piece.camera,
            since=piece.begin_us,
            until=piece.end_us,
            name=name,
            size=len(piece.body),
            digest=digest,
            pictures=piece.pictures,
            declaration=declaration,
        )
        (entry,) = ledger.append([record])
        row = SegmentRow(
            piece.camera, piece.begin_us, piece.end_us, name, len(piece.body), digest, piece.pictures, entry
        )
        self._book.add(row)
        return row

    def expire(self, camera: str, keep_hours: float, now_us: int, ledger: Ledger, by: str) -> int:
        """Throw away what is older than may be kept; how many segments that were."""
        self._delete()
        due = now_us - round(keep_hours * HOUR)
        return self._throw(lambda: self._due(camera, due), "retention", now_us, ledger, by)

    def make_room(self, now_us: int, ledger: Ledger, by: str) -> int:
        """Throw away the oldest of whoever holds most while there is more than may be held; how many."""
        return self._throw(self._too_many, "room", now_us, ledger, by)

    def sweep(self) -> int:
        """Delete files that no row names (a process that ended between the two); how many. For the start."""
        found = 0
        for path in sorted(self._folder.glob("*/*")):
            name = f"{path.parent.name}/{path.name}"
            if path.is_file() and not self._is_noted(name):
                path.unlink()
                found += 1
        return found

    def _due(self, camera: str, before_us: int) -> list[SegmentRow]:
        return [row for row in self._book.oldest(camera, AT_ONCE) if row.end_us <= before_us]

    def _too_many(self) -> list[SegmentRow]:
        sizes = dict(self._book.sizes())
        over = sum(sizes.values()) - self._most
        if over <= 0:
            return []
        most = max(sorted(sizes), key=sizes.__getitem__)
        second = max((size for name, size in sizes.items() if name != most), default=0)
        over = min(over, max(1, sizes[most] - second))  # until another one holds most
        gone: list[SegmentRow] = []
        for row in self._book.oldest(most, AT_ONCE):
            if over <= 0:
                break
            gone.append(row)
            over -= row.size
        return gone

    def _throw(self, find: Callable[[], list[SegmentRow]], why: str, now_us: int, ledger: Ledger, by: str) -> int:
        thrown = 0
        while rows := find():
            for camera in sorted({row.camera for row in rows}):
                self._throw_of(camera, [row for row in rows if row.camera == camera], why, now_us, ledger, by)
            thrown += len(rows)
        return thrown

    def _throw_of(
        self, camera: str, rows: Sequence[SegmentRow], why: str, now_us: int, ledger: Ledger, by: str
    ) -> None:
        names = {row.name for row in rows}
        left = next((row for row in self._book.oldest(camera, len(rows) + 1) if row.name not in names), None)
        gone = SegmentsGone(
            at=now_us,
            by=by,
            camera=camera,
            why=why,
            segments=len(rows),
            since=min(row.begin_us for row in rows),
            until=max(row.end_us for row in rows),
            digest=sha256("\n".join(row.sha256 for row in rows).encode()).hexdigest(),
            oldest=0 if left is None else left.begin_us,
        )
        ledger.append([gone])
        self._book.take([row.name for row in rows])
        self._left |= names
        self._delete()

    def _delete(self) -> None:
        """Files of rows that are gone; what the disk does not give up now is tried again with the next."""
        for name in sorted(self._left):
            try:
                self._path(name).unlink(missing_ok=True)
            except OSError as error:
                mend = "see to the disk; it is tried again"
                raise LinkError(f"a recording cannot be deleted: {error.strerror}", where=name, mend=mend) from error
            self._left.discard(name)

    def _is_noted(self, name: str) -> bool:
        camera, _, rest = name.partition("/")
        begin = rest.partition("-")[0]
        if not _NAME.match(name):
            return False
        return any(row.name == name for row in self._book.between(camera, int(begin), int(begin) + 1, MOST_ROWS))

    def _path(self, name: str) -> Path:
        """# SECURITY: a row may be anybody's by now; its name leads nowhere but below our folder."""
        if not _NAME.match(name):
            raise EvidenceError("that is no name of a segment", where=name[:200])
        return self._folder / name

    def _write(self, name: str, body: bytes) -> None:
        path = self._path(name)
        draft = path.with_suffix(".new")
        try:
            private_folder(path.parent)
            if shutil.disk_usage(path.parent).free < LEAST_FREE:
                raise OSError(errno.ENOSPC, "the disk is nearly full")
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(file, "wb") as out:
                out.write(body)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise LinkError(f"a segment cannot be written: {error.strerror}", where=name) from error


def is_on_record(row: SegmentRow, record: AnyRecord) -> bool:
    """Whether the entry that a row names says the same of it: the index is a database, and the entry is what was signed."""
    if not isinstance(record, SegmentKept):
        return False
    said = (record.camera, record.since, record.until, record.name, record.size, record.digest, record.pictures)
    return said == (row.camera, row.begin_us, row.end_us, row.name, row.size, row.sha256, row.pictures)
