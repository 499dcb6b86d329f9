"""One role's evidence log in a folder: appends durably, signs, and opens again after any stop.

    lock                 held by the one writer (flock: the kernel lets go of it when the process dies)
    log.vkey             the public key, for whoever verifies
    checkpoint           the newest signed root
    checkpoint.synced    a signed root that surely reached the disk: at most one bundle older
    tile/...             entries and hashes, see `evidence.tiles`

Theory of operation. An append is three steps, in this order:
  1. the entries are written to the end of their bundle, and the bundle is synced: the one sync per append;
  2. their hashes are written to the tiles. They follow from the entries, so they are synced only when a tile fills;
  3. a checkpoint over them is signed and renamed into place. Then the append is acknowledged.
Killed before 1 is whole: the log opens at the old checkpoint, whole records after it are kept, a torn one is cut.
Killed before 3: the entries are there but unsigned; opening hashes and signs them. Nobody had been told, and keeping
them is harmless: a writer that repeats its records is recognised by their content. Killed after 3: nothing to do.
A disk that fills up during 2 or 3 leaves the same: the next append or reading of the tail repairs first, and an append of the
very same records is then told where they stand already.
A power cut may take back what was not synced: hashes (computed again) and `checkpoint` (`checkpoint.synced` stands in,
and the synced entries after it are signed again: same entries, same root).

INVARIANTS
- What is signed was synced before. So a root, once signed, stays the root of that size for ever: the same bytes are
  found after any stop, and are only ever appended to.
- What opening finds must lead to the signed root, or opening raises and nothing is written.
- Memory is flat: O(log n) hashes and one bundle at a time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType

import msgspec

from cityward.adapters.ledgers.reading import (
    CHECKPOINT,
    KEY,
    SYNCED,
    TAIL_MOST,
    entry_id,
    folder_reader,
    records_between,
)
from cityward.errors import EvidenceError, LinkError
from cityward.evidence.checkpoint import Checkpoint, LogKey, Signer, check_origin, opened, signed
from cityward.evidence.records import AnyRecord, decode, encode
from cityward.evidence.tiles import (
    HEIGHT,
    WIDTH,
    Write,
    entries_path,
    entry_runs,
    hash_writes,
    leaves_of,
    node_reader,
    pack,
    tile_path,
    unpack,
)
from cityward.evidence.tree import HASH_SIZE, CompactRange, range_at

_INVESTIGATE = "stop and investigate: run `cityward verify`, compare with a copy of the log"


class FileLedger:
    """`runtime.ports.Ledger` in files. One writer at a time, of any number of threads.

    `cut_bytes` says how many bytes of a torn, never acknowledged append were cut off when the log was opened.
    """

    def __init__(self, folder: Path, origin: str, signer: Signer) -> None:
        """Open the log, or begin it.

        Args:
            folder: where it is kept; made when it is not there.
            origin: the log's name for ever, `<place>/<role>`; its last part is the beginning of every entry's id.
            signer: the role's key; a log keeps the key it began with.

        Raises:
            LinkError: another process writes this log, or the disk does not answer.
            EvidenceError: what is in the folder is not what was signed, or belongs to another key.
        """
        check_origin(origin)
        self._folder, self._origin, self._signer = folder, origin, signer
        self._key = LogKey(origin, signer.public)
        self._read = folder_reader(folder)
        self._one_at_a_time = Lock()
        self._broken = False
        self._undo = False
        self._failed: tuple[int, Sequence[bytes]] = (0, ())  # the last append that failed: where it began, its entries
        self._closed = False
        self.cut_bytes = 0
        with self._disk():
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(folder / "lock")
            try:
                self._open()
            except BaseException:
                os.close(self._lock)
                raise

    @property
    def size(self) -> int:
        """How many entries are signed."""
        return self._edge.size

    @property
    def key(self) -> LogKey:
        """The key an outsider verifies with."""
        return self._key

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        """Append durably; the entries' ids, in order.

        Raises:
            LinkError: the disk did not take it; nothing is acknowledged, and the next append begins by repairing.
            EvidenceError: a record is too large for one entry (65 535 bytes).
        """
        entries = [encode(record) for record in records]
        pack(entries)  # refuses what does not fit, before anything is written
        if not entries:
            return []
        with self._one_at_a_time, self._disk():
            if self._closed:
                raise LinkError("the log is closed", where=str(self._folder))
            self._repair()
            first = self._stand_already(entries)
            if first is None:
                first = self._edge.size
                self._add(first, entries)
        return [entry_id(self._origin, index) for index in range(first, first + len(entries))]

    def _stand_already(self, entries: Sequence[bytes]) -> int | None:
        """Where they stand, when they are those of an append that failed and that repairing kept."""
        first, failed = self._failed
        if failed != entries or self._edge.size < first + len(entries):
            return None
        self._failed = 0, ()
        return first

    def _add(self, first: int, entries: Sequence[bytes]) -> None:
        earlier, self._failed = self._failed, (first, entries)
        self._broken = self._undo = True
        self._write_entries(first, entries)
        self._undo = False
        self._seal(entries)
        self._broken = False
        self._failed = earlier  # somebody else's, who has not come back yet

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        """The newest entries with their ids, oldest first; at most 10 000.

        Raises:
            LinkError: an append failed before, and the disk still does not let it be repaired.
        """
        with self._one_at_a_time, self._disk():
            if not self._closed:
                self._repair()  # else what it kept would be missing here, and a writer that looks would say it again
            size = self._edge.size
        return records_between(self._read, self._origin, size - min(most, TAIL_MOST), size)

    def close(self) -> None:
        """Sync the checkpoint and let another writer in. Closing twice is closing once."""
        with self._one_at_a_time:
            if self._closed:
                return
            self._closed = True
            try:
                with self._disk():
                    if not self._broken:
                        self._publish(self._edge, durably=True)
            finally:
                os.close(self._lock)

    def __enter__(self) -> FileLedger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # -- opening -----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Find the signed state, check it, take in what was written after it, sign."""
        self._keep_key()
        state = self._signed_state()
        self._edge = self._edge_at(state)
        entries = self._unsigned(state.size)
        self._seal(entries, rewrite_tile=True)
        self._publish(self._edge, durably=True)

    def _keep_key(self) -> None:
        kept, mine = self._read(KEY), f"{self._key.text()}\n".encode()
        if kept is None and self._read(CHECKPOINT) is None:
            self._replace(KEY, mine, durably=True)
        elif kept != mine:
            raise EvidenceError(
                f"the log's key is not the key of {self._origin} ({self._key.fingerprint})",
                where=str(self._folder / KEY),
                mend="open the log with the key and origin it began with, or begin a new log in another folder",
            )

    def _signed_state(self) -> Checkpoint:
        note, synced = self._read(CHECKPOINT), self._read(SYNCED)
        if not (note or b"").strip(b"\x00"):  # what a power cut leaves of a file that was not synced
            note = synced
        if note is None:
            if self._read(entries_path(0)):
                raise EvidenceError("there are entries, and no checkpoint", where=str(self._folder), mend=_INVESTIGATE)
            return Checkpoint(self._origin, 0, CompactRange().root())
        state = opened(note, self._key)
        if synced is not None and opened(synced, self._key).size > state.size:
            raise EvidenceError("an older checkpoint was put back", where=str(self._folder), mend=_INVESTIGATE)
        return state

    def _edge_at(self, state: Checkpoint) -> CompactRange:
        """The range at the signed state: its last tile out of the entries, the levels above out of their tiles."""
        bundle, width = divmod(state.size, WIDTH)
        entries, _ = unpack(self._read(entries_path(bundle)) or b"", width)
        last = b"".join(leaves_of(entries))

        def tile(level: int, n: int) -> bytes:
            return last if (level, n) == (0, bundle) else self._read(tile_path(level, n)) or b""

        edge = range_at(state.size, node_reader(tile))
        if edge.root() != state.root:
            raise EvidenceError(
                f"the log's {state.size} entries lead to root {edge.root().hex()}; signed is {state.root.hex()}",
                where=str(self._folder),
                mend=_INVESTIGATE,
            )
        return edge

    def _unsigned(self, size: int) -> list[bytes]:
        """The whole records after the signed ones; whatever else follows is cut off."""
        found: list[bytes] = []
        bundle, width = divmod(size, WIDTH)
        while (data := self._read(entries_path(bundle))) is not None:
            entries, _ = unpack(data)
            good = entries[:width] + _records_at_the_beginning(entries[width:])
            found += good[width:]
            self._cut(bundle, len(pack(good)))
            if len(good) < WIDTH:
                break
            bundle, width = bundle + 1, 0
        return found

    def _cut(self, bundle: int, length: int) -> None:
        """Cut a bundle to its first bytes and sync it; remove what was begun after it, if it is not full."""
        path = self._folder / entries_path(bundle)
        with _opened(path) as file:
            self.cut_bytes += os.fstat(file).st_size - length
            os.ftruncate(file, length)
            os.fsync(file)
        if len(unpack(path.read_bytes())[0]) < WIDTH:
            self._remove_from(bundle + 1)

    def _remove_from(self, bundle: int) -> None:
        """No bundle stands behind one that is not full: what was begun there would pass for newer entries one day."""
        while (path := self._folder / entries_path(bundle)).exists():
            self.cut_bytes += path.stat().st_size
            path.unlink()
            bundle += 1

    def _repair(self) -> None:
        """After a failed append: take back what no signature covers, then open anew."""
        if not self._broken:
            return
        if self._undo:
            # INVARIANT: nothing was signed after step 1 failed, so these entries may be taken back.
            bundle, width = divmod(self._edge.size, WIDTH)
            data = self._read(entries_path(bundle))
            if data is not None:
                self._cut(bundle, len(pack(unpack(data, width)[0])))
            self._failed = 0, ()
        self._open()
        self._broken = self._undo = False

    # -- appending ---------------------------------------------------------------------------------------------------

    def _write_entries(self, first: int, entries: Sequence[bytes]) -> None:
        """Step 1. A bundle ends where its file ends: opening cut it there, and each append left it whole."""
        for bundle, run in entry_runs(first, entries):
            path = self._folder / entries_path(bundle)
            begins = first <= bundle * WIDTH
            if begins:
                _make_parent(path)
            with _opened(path) as file:
                _write_all(file, 0 if begins else os.fstat(file).st_size, pack(run))
                os.fdatasync(file)
            if begins:
                _sync_folder(path.parent)

    def _seal(self, entries: Sequence[bytes], *, rewrite_tile: bool = False) -> None:
        """Steps 2 and 3. `rewrite_tile`: also the hashes before the first entry in its tile (opening)."""
        before = self._edge.size
        edge = CompactRange(before, self._edge.hashes)
        writes = hash_writes(edge, leaves_of(entries))
        if rewrite_tile:
            self._rewrite_last_tile(before)
        for write in writes:
            self._put(write)
        self._publish(edge, durably=before // WIDTH != edge.size // WIDTH)
        self._edge = edge

    def _rewrite_last_tile(self, size: int) -> None:
        bundle, width = divmod(size, WIDTH)
        if width:
            entries, _ = unpack(self._read(entries_path(bundle)) or b"", width)
            self._put(Write(tile_path(0, bundle), 0, b"".join(leaves_of(entries)), fills=False))
        level, above = 1, size >> HEIGHT
        while above:  # hashes that a killed append had written ahead of its checkpoint
            path = self._folder / tile_path(level, above // WIDTH)
            if path.exists():
                with _opened(path) as file:
                    os.ftruncate(file, above % WIDTH * HASH_SIZE)
            level, above = level + 1, above >> HEIGHT

    def _put(self, write: Write) -> None:
        path = self._folder / write.path
        if write.offset == 0:
            _make_parent(path)
        with _opened(path) as file:
            _write_all(file, write.offset, write.data)
            # A level above 0 is written once per 256 entries and is not computed again at opening: it must stay.
            if write.fills or not write.path.startswith("tile/0/"):
                os.fsync(file)
                _sync_folder(path.parent)

    def _publish(self, edge: CompactRange, *, durably: bool) -> None:
        """Sign the tree as it is. With the same size the same root: signing again signs the same statement."""
        note = signed(Checkpoint(self._origin, edge.size, edge.root()), self._signer)
        self._replace(CHECKPOINT, note, durably=durably)
        if durably:  # INVARIANT: after any stop `checkpoint.synced` is not newer than `checkpoint`
            self._replace(SYNCED, note, durably=True)

    def _replace(self, name: str, data: bytes, *, durably: bool) -> None:
        """A reader sees the old file or the new one, never a part."""
        new = self._folder / f"{name}.new"
        with _opened(new) as file:
            _write_all(file, 0, data)
            if durably:
                os.fsync(file)
        new.replace(self._folder / name)
        if durably:
            _sync_folder(self._folder)

    @contextmanager
    def _disk(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            mend = "free space on the disk or mend it; the next append repairs the log"
            raise LinkError(f"the log's disk: {error.strerror}", where=str(self._folder), mend=mend) from error


def _records_at_the_beginning(entries: Sequence[bytes]) -> list[bytes]:
    """The entries up to the first that is not a record in its canonical form: an unsigned tail proves itself only so."""
    good: list[bytes] = []
    for entry in entries:
        try:
            if encode(decode(entry)) != entry:
                break
        except msgspec.DecodeError:
            break
        good.append(entry)
    return good


def _take_lock(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise LinkError(
            "another process writes this log", where=str(path), mend="stop it, or give this one its own folder"
        ) from None
    return lock


@contextmanager
def _opened(path: Path) -> Generator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        yield file
    finally:
        os.close(file)


def _write_all(file: int, offset: int, data: bytes) -> None:
    """Write the data and let the file end behind it: what a torn write left there is not ours."""
    done = 0
    while done < len(data):
        done += os.pwrite(file, data[done:], offset + done)
    os.ftruncate(file, offset + len(data))


def _make_parent(path: Path) -> None:
    missing: list[Path] = []
    folder = path.parent
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new name in the folder last."""
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
