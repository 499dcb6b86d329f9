"""Reads what goes into an evidence bundle out of logs in folders: entries, proofs, checkpoints, the verifiers' text."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from cityward.adapters.ledgers.reading import CHECKPOINT, entries_of, entry_id, folder_reader, key_of, witnessed_notes
from cityward.errors import EvidenceError
from cityward.evidence.bundle import ENTRIES_MOST, Excerpt, Proven, is_about
from cityward.evidence.checkpoint import Checkpoint, opened
from cityward.evidence.tiles import node_reader, tile_path
from cityward.evidence.tree import check_inclusion, consistency_proof, inclusion_proof, leaf_hash

VERIFIERS = ("verifier.py", "verify_bundle.py")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries of a log: `first` to before `stop` (None: its end), and of these those about something ("": all)."""

    first: int = 0
    stop: int | None = None
    about: str = ""


def excerpt_of(folder: Path, selection: Selection, most: int = ENTRIES_MOST) -> Excerpt:
    """A log's part in a bundle.

    Raises:
        EvidenceError: more than `most` entries are asked for, or the log is not what was signed.
    """
    read, key = folder_reader(folder), key_of(folder)
    note = read(CHECKPOINT) or b""
    state = opened(note, key)
    node = node_reader(lambda level, n: read(tile_path(level, n)) or b"")
    chosen: list[Proven] = []
    stop = state.size if selection.stop is None else min(selection.stop, state.size)
    for index, entry in entries_of(read, selection.first, stop):
        if selection.about and not is_about(entry, entry_id(key.origin, index), selection.about):
            continue
        if len(chosen) >= most:
            raise EvidenceError(f"{key.origin} alone has more than {most} such entries", mend="narrow the question")
        chosen.append(_proven(index, entry, state, node))
    return Excerpt(key, note, state, chosen, _vouchers(folder, state, node, lambda n: opened(n, key)))


def excerpt_of_those(folder: Path, indexes: Collection[int]) -> Excerpt:
    """A log's part in a bundle: the entries of these numbers.

    Raises:
        EvidenceError: one of them is not there, or the log is not what was signed.
    """
    read, key = folder_reader(folder), key_of(folder)
    note = read(CHECKPOINT) or b""
    state = opened(note, key)
    node = node_reader(lambda level, n: read(tile_path(level, n)) or b"")
    late = [index for index in indexes if index >= state.size]
    if late:
        raise EvidenceError(f"{key.origin} has {state.size} signed entries, entry {late[0]} is not among them")
    found = [one for index in sorted(set(indexes)) for one in entries_of(read, index, index + 1)]
    chosen = [_proven(index, entry, state, node) for index, entry in found]
    return Excerpt(key, note, state, chosen, _vouchers(folder, state, node, lambda n: opened(n, key)))


def _proven(index: int, entry: bytes, state: Checkpoint, node: Callable[[int, int], bytes]) -> Proven:
    proof = inclusion_proof(index, state.size, node)
    check_inclusion(leaf_hash(entry), index, state.size, proof, state.root)  # a damaged log gives no bundle
    return Proven(index, entry, proof)


def _vouchers(
    folder: Path, state: Checkpoint, node: Callable[[int, int], bytes], open_note: Callable[[bytes], Checkpoint]
) -> list[tuple[bytes, list[bytes]]]:
    notes = [(note, open_note(note).size) for note in witnessed_notes(folder)]
    return [(note, consistency_proof(size, state.size, node)) for note, size in notes if size <= state.size]


def verifier_texts() -> dict[str, bytes]:
    """The two files by which an outsider checks a bundle, as they are in this installation."""
    room = resources.files("cityward.evidence")
    return {name: (room / name).read_bytes() for name in VERIFIERS}
