"""An evidence bundle: entries with their proofs, in one tar file that `verify_bundle` checks offline.

Lives here: what a bundle is made of, and which entries are about something. Reading logs and writing the file is the adapter's.

INVARIANTS
- The same logs and question give the same bytes: names in order, no clock, no user, no machine in it.
- Entries go in byte for byte. Nothing else of the city does: no observation, no secret, no name that is not in an entry.
- More than `ENTRIES_MOST` entries are refused, not cut: a bundle never looks whole when it is not.
"""

from __future__ import annotations

import base64
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import msgspec

from cityward.errors import EvidenceError
from cityward.evidence.checkpoint import Checkpoint, LogKey
from cityward.evidence.verify_bundle import PROOF_HEAD

ENTRIES_MOST = 10_000
BYTES_MOST = 100 << 20
FORMAT = "cityward-evidence/1"

_README = """An evidence bundle of Cityward: entries of signed logs, each with the proof of its place.

Check it with Python alone, without a network:

    tar xf BUNDLE.tar verifier.py verify_bundle.py
    python verify_bundle.py BUNDLE.tar KEY [KEY ...] [--witness WITNESS-KEY ...] [--witnesses HOW-MANY]

KEY is a log's public key, as the city gave it to you by another way (`name+hash+base64`). Without one, the keys in the bundle
are used: then compare their fingerprints. Who does not trust the two files in here takes them from a release of Cityward.

What it proves, and what it does not, stands at the head of verify_bundle.py.
"""


@dataclass(frozen=True, slots=True)
class Proven:
    """One entry of a log, byte for byte, with its inclusion proof."""

    index: int
    entry: bytes
    proof: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What goes into a bundle of one log. witnessed: checkpoints that witnesses co-signed, each with its consistency proof."""

    key: LogKey
    note: bytes
    state: Checkpoint
    entries: Sequence[Proven]
    witnessed: Sequence[tuple[bytes, Sequence[bytes]]]


def bundle_of(
    excerpts: Sequence[Excerpt], question: Mapping[str, Any], declaration: str, verifiers: Mapping[str, bytes]
) -> bytes:
    """The bundle, as a tar file.

    Args:
        excerpts: of each log; at most `ENTRIES_MOST` entries in all.
        question: what was asked for, as it is to be told.
        declaration: the digest of the declaration in force, hexadecimal; "" where it is not known.
        verifiers: `verifier.py` and `verify_bundle.py`.

    Raises:
        EvidenceError: too much for one bundle.
    """
    count = sum(len(excerpt.entries) for excerpt in excerpts)
    if count > ENTRIES_MOST:
        raise EvidenceError(f"{count} entries are asked for; a bundle holds {ENTRIES_MOST}", mend="narrow the question")
    members = {"README.txt": _README.encode(), "manifest.json": _manifest(excerpts, question, declaration), **verifiers}
    for excerpt in excerpts:
        members |= dict(_members(excerpt))
    if sum(map(len, members.values())) > BYTES_MOST:
        raise EvidenceError(f"the bundle would have more than {BYTES_MOST} bytes", mend="narrow the question")
    return _packed(members)


def log_folder(origin: str) -> str:
    """An origin as a name inside a bundle.

    >>> log_folder("doggerford/worker-0")
    'doggerford-worker-0'
    """
    return re.sub(r"[^A-Za-z0-9.-]", "-", origin)[:200]


def _members(excerpt: Excerpt) -> Iterator[tuple[str, bytes]]:
    at = f"logs/{log_folder(excerpt.key.origin)}"
    yield f"{at}/key", f"{excerpt.key.text()}\n".encode()
    yield f"{at}/checkpoint", excerpt.note
    for one in excerpt.entries:
        yield f"{at}/entries/{one.index:012d}.json", one.entry
        # SPEC: C2SP tlog-proof, "Format"
        head = f"{PROOF_HEAD}\nindex {one.index}\n{_lines(one.proof)}\n"
        yield f"{at}/entries/{one.index:012d}.proof", head.encode() + excerpt.note
    for number, (note, proof) in enumerate(excerpt.witnessed):
        yield f"{at}/witnessed/{number}.checkpoint", note
        yield f"{at}/witnessed/{number}.proof", _lines(proof).encode()


def _lines(hashes: Iterable[bytes]) -> str:
    return "".join(f"{base64.b64encode(one).decode()}\n" for one in hashes)


def _manifest(excerpts: Sequence[Excerpt], question: Mapping[str, Any], declaration: str) -> bytes:
    judged_by = {found for excerpt in excerpts for one in excerpt.entries if (found := _declaration_in(one.entry))}
    document = {
        "format": FORMAT,
        "question": dict(question),
        "declaration": declaration,
        "declarations_of_entries": sorted(judged_by),
        "logs": {
            log_folder(excerpt.key.origin): {
                "origin": excerpt.key.origin,
                "fingerprint": excerpt.key.fingerprint,
                "size": excerpt.state.size,
                "root": excerpt.state.root.hex(),
                "entries": [one.index for one in excerpt.entries],
            }
            for excerpt in excerpts
        },
    }
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def _declaration_in(entry: bytes) -> str:
    try:
        found = json.loads(entry).get("declaration")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""


def _packed(members: Mapping[str, bytes]) -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(members):
            info = tarfile.TarInfo(name)  # times, owners and modes stay those of a new TarInfo: the same everywhere
            info.size = len(members[name])
            tar.addfile(info, BytesIO(members[name]))
    return out.getvalue()


# -- which entries are about something -----------------------------------------------------------------------------------


def is_about(entry: bytes, entry_id: str, what: str) -> bool:
    """Whether an entry names a device, incident, recipient, receipt, person, ... by its id; or is the entry of that id.

    A name is a whole text of the record, or the part behind the `:` of one (`unit:lamp-07`): not any text that contains it.
    """
    if entry_id == what:
        return True
    if what.encode() not in entry:  # most entries end here; ids are plain ASCII, written as they are
        return False
    try:
        return _names(json.loads(entry), what)
    except (ValueError, RecursionError):
        return False


def _names(value: Any, what: str) -> bool:
    if isinstance(value, str):
        return value == what or value.endswith(f":{what}")
    if isinstance(value, dict):
        return any(_names(one, what) for pair in value.items() for one in pair)
    return isinstance(value, list) and any(_names(one, what) for one in value)
