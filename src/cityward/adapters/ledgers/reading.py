"""Reads the folder of a log, beside its writer and without its private key.

What is read is bounded by what the checkpoint signs: entries that are not signed yet are not shown.

INVARIANT: nothing here writes, and no path outside the log's folder is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from cityward.errors import EvidenceError, LinkError
from cityward.evidence.checkpoint import NOTE_MOST, Checkpoint, LogKey, opened, parse_key
from cityward.evidence.heartbeats import last_beat
from cityward.evidence.records import AnyRecord, Heartbeat, decode
from cityward.evidence.tiles import ENTRY_MOST, WIDTH, entries_path, is_tile_path, node_reader, tile_path, unpack
from cityward.evidence.tree import inclusion_proof

CHECKPOINT, SYNCED, KEY = "checkpoint", "checkpoint.synced", "log.vkey"
_FILE_MOST = WIDTH * (ENTRY_MOST + 2) + 1  # the largest bundle, and one byte to see that more follows
TAIL_MOST = 10_000  # PRECEDENT: 40 bundles, some 6 MB; a console shows a hundred
BEAT_BUNDLES = 1000  # looked through for a heartbeat: a quarter of a million entries; there is one a minute
WITNESSED = "witnessed"  # the folder of checkpoints that witnesses co-signed, a file for each
WITNESSED_MOST = 64

Read = Callable[[str], bytes | None]


def folder_reader(folder: Path) -> Read:
    """A function from a path inside the log to its bytes, None where there is no such file.

    Raises (the function):
        LinkError: the disk did not answer.
    """

    def read(path: str) -> bytes | None:
        # SECURITY: only the names of this layout, so that no path climbs out of the folder.
        if path not in (CHECKPOINT, SYNCED, KEY) and not is_tile_path(path):
            return None
        try:
            with (folder / path).open("rb") as file:
                return file.read(_FILE_MOST)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise LinkError(f"cannot read the log: {error.strerror}", where=str(folder / path)) from error

    return read


def ledgers_under(path: Path) -> list[Path]:
    """The folders of logs at a path: itself, a state directory's `ledger/*`, or those of every state directory in it."""
    places = [path, *path.glob("*"), *path.glob("ledger/*"), *path.glob("*/ledger/*")]
    return sorted({place for place in places if _is_ledger(place)})


def _is_ledger(folder: Path) -> bool:
    # A log whose key or checkpoint was taken away is still one, or its loss would go unreported.
    return any((folder / name).exists() for name in (CHECKPOINT, SYNCED, KEY, "tile/entries"))


def key_of(folder: Path) -> LogKey:
    """The public key kept beside the log: good against accidents. Against a thief take the key by another way.

    Raises:
        EvidenceError: there is none, or it is damaged.
    """
    data = folder_reader(folder)(KEY)
    if data is None:
        raise EvidenceError("the log has no key beside it", where=str(folder / KEY), mend="give the key: --key")
    key = parse_key(data[:1024].decode(errors="replace"))
    if data != f"{key.text()}\n".encode():  # as it was written, to the byte: even a changed line end is a changed file
        raise EvidenceError("the key beside the log is damaged", where=str(folder / KEY), mend="give the key: --key")
    return key


def signed_state(folder: Path) -> Checkpoint:
    """What the newest checkpoint signs.

    Raises:
        EvidenceError: there is none, or its signature is wrong.
    """
    note = folder_reader(folder)(CHECKPOINT)
    if note is None:
        raise EvidenceError("the log has no checkpoint", where=str(folder / CHECKPOINT))
    return opened(note, key_of(folder))


def entries_of(read: Read, first: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """(index, entry) for the entries first..stop.

    Raises:
        EvidenceError: one of them is missing.
    """
    for bundle in range(first // WIDTH, -(-stop // WIDTH)):
        entries, _ = unpack(read(entries_path(bundle)) or b"")
        for index in range(max(first, bundle * WIDTH), min(stop, (bundle + 1) * WIDTH)):
            if index - bundle * WIDTH >= len(entries):
                raise EvidenceError(f"entry {index} is signed and missing", where=entries_path(bundle))
            yield index, entries[index - bundle * WIDTH]


def tail_of(folder: Path, most: int) -> Sequence[tuple[str, AnyRecord]]:
    """The newest signed records with their ids, oldest first, at most 10 000: for those who do not write the log."""
    state = signed_state(folder)
    return records_between(folder_reader(folder), state.origin, state.size - min(most, TAIL_MOST), state.size)


def witnessed_notes(folder: Path) -> list[bytes]:
    """The newest checkpoint that each witness co-signed, in the order of their names; at most 64.

    Raises:
        LinkError: the disk did not answer.
    """
    try:
        # SECURITY: files of this folder only, and no more of one than a checkpoint can be
        files = sorted(path for path in (folder / WITNESSED).glob("*.checkpoint") if path.is_file())[:WITNESSED_MOST]
        return [_beginning(path) for path in files]
    except OSError as error:
        raise LinkError(f"cannot read the log: {error.strerror}", where=str(folder / WITNESSED)) from error


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(NOTE_MOST + 1)


def last_beat_of(folder: Path, size: int, gate: str) -> int:
    """The number of the newest heartbeat of a gate among the first `size` entries; 0 where there is none.

    Raises:
        EvidenceError: an entry is missing.
    """
    return last_beat(_beats_backwards(folder_reader(folder), size), gate)


def _beats_backwards(read: Read, size: int) -> Iterator[Heartbeat]:
    newest = -(-size // WIDTH)
    for bundle in range(newest - 1, max(-1, newest - 1 - BEAT_BUNDLES), -1):
        entries = list(entries_of(read, bundle * WIDTH, min(size, (bundle + 1) * WIDTH)))
        for _, entry in reversed(entries):
            if b'"kind":"heartbeat"' in entry and isinstance(found := decode(entry), Heartbeat):
                yield found


def records_between(read: Read, origin: str, first: int, stop: int) -> Sequence[tuple[str, AnyRecord]]:
    """The records first..stop (which must be signed) with their ids, oldest first.

    Raises:
        EvidenceError: one is missing or is not a record.
    """
    found: list[tuple[str, AnyRecord]] = []
    for index, entry in entries_of(read, max(0, first), stop):
        try:
            found.append((entry_id(origin, index), decode(entry)))
        except msgspec.DecodeError as error:
            raise EvidenceError(
                f"entry {index} of {origin} is no record of a known kind", mend="run `cityward verify`"
            ) from error
    return found


def proof_of(folder: Path, index: int) -> tuple[bytes, list[bytes], bytes]:
    """An entry, its inclusion proof, and the signed checkpoint it leads to: enough for an outsider who holds the key.

    Raises:
        EvidenceError: the log has no such signed entry, or a tile is missing.
    """
    read = folder_reader(folder)
    note = read(CHECKPOINT) or b""
    state = opened(note, key_of(folder))
    proof = inclusion_proof(index, state.size, node_reader(lambda level, n: read(tile_path(level, n)) or b""))
    _, entry = next(entries_of(read, index, index + 1))
    return entry, proof, note


def entry_id(origin: str, index: int) -> str:
    """What the rest of the city calls an entry: `worker-0:1234`."""
    return f"{origin.rpartition('/')[2]}:{index}"
