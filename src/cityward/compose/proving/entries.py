"""One entry of a log, for a person who asks what a judgement rests on: its content, and that the signed log holds it.

INVARIANT: an entry is told only when its inclusion in the newest signed checkpoint was computed here, from the files as they are.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import msgspec

from cityward.adapters.ledgers.reading import key_of, ledgers_under, proof_of, signed_state
from cityward.compose.home import Home
from cityward.errors import EvidenceError
from cityward.evidence.checkpoint import opened
from cityward.evidence.records import decode
from cityward.evidence.tree import check_inclusion, leaf_hash
from cityward.text import harmless_tree
from cityward.time import iso

_ENTRY = re.compile(r"([a-z0-9][a-z0-9-]{0,63}):(0|[1-9][0-9]{0,11})")


class EntryTold(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands. content: all that it says; sha256: of its bytes. size, root: of the checkpoint that holds it."""

    id: str
    origin: str
    kind: str
    by: str
    at: str
    content: dict[str, Any]
    sha256: str
    size: int
    root: str


def entry_told(home: Home, id_: str) -> EntryTold | None:
    """The entry `log:number`; None: there is no such log, or it has not so many. Blocks.

    Raises:
        EvidenceError: the log is not what it signed.
    """
    found = _ENTRY.fullmatch(id_)
    folders = {folder.name: folder for folder in ledgers_under(home.root / "ledger")}
    if found is None or found[1] not in folders:
        return None
    folder, index = folders[found[1]], int(found[2])
    if index >= signed_state(folder).size:
        return None
    entry, proof, note = proof_of(folder, index)
    state = opened(note, key_of(folder))
    check_inclusion(leaf_hash(entry), index, state.size, proof, state.root)
    try:
        record = decode(entry)
    except msgspec.DecodeError as error:
        raise EvidenceError(f"entry {index} of {state.origin} is no record of a known kind") from error
    content: dict[str, Any] = harmless_tree(msgspec.to_builtins(record))
    return EntryTold(
        id=id_,
        origin=state.origin,
        kind=str(content.get("kind", "")),
        by=record.by,
        at=iso(record.at),
        content=content,
        sha256=sha256(entry).hexdigest(),
        size=state.size,
        root=state.root.hex(),
    )
