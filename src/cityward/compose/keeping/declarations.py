"""Every declaration that a city ran by: kept whole, so that anybody can ask what changed since.

Each lies in `<state>/declarations/<digest>.json`, named by the digest of its own content (the one that admissions and the entry
of each start name), and `runs.jsonl` says from when on it held. No secret is in a declaration; it is a list of targets all the
same, so the folder is the owner's only.

INVARIANTS
- A file is read only where its content has the digest that it is named by: what was changed later is told as unreadable.
- At most `MOST_KEPT` are kept: beyond, the oldest go. What is asked of before them is answered from the oldest left, told so.
- A start by the same declaration as before adds nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cityward.compose.files import writing
from cityward.compose.home import Home
from cityward.errors import EvidenceError
from cityward.place.loader import digest_of
from cityward.place.model import Place
from cityward.reach.since.changes import changes, version_at
from cityward.reach.since.shapes import Since, Version

MOST_KEPT = 400  # PRECEDENT: one a day for a year; the demonstration's is 170 kB
MOST_BYTES = 64 << 20  # of one declaration
RUNS = "runs.jsonl"
_LINE = msgspec.json.Decoder(Version)


def folder_of(home: Home) -> Path:
    """Where they lie."""
    return home.root / "declarations"


def keep(home: Home, place: Place, at_us: int) -> None:
    """Keep the declaration that the city runs by from now on (city us).

    Raises:
        LinkError: it cannot be written.
    """
    folder, digest = folder_of(home), digest_of(place)
    known = versions(home)
    if known and known[-1].digest == digest:
        return
    with writing(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        _put(folder / f"{digest}.json", msgspec.json.encode(msgspec.structs.replace(place, include=()), order="sorted"))
        left = (*known, Version(digest=digest, at_us=at_us))[-MOST_KEPT:]
        _put(folder / RUNS, b"".join(msgspec.json.encode(one) + b"\n" for one in left))
        named = {one.digest for one in left}
        for gone in (one.digest for one in known if one.digest not in named):
            (folder / f"{gone}.json").unlink(missing_ok=True)


def _put(path: Path, data: bytes) -> None:
    """All of it or nothing, on the disk before it is named."""
    beside = path.with_suffix(".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def versions(home: Home) -> Sequence[Version]:
    """From when on which declaration held, oldest first. A line that cannot be read is left out."""
    try:
        lines = (folder_of(home) / RUNS).read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    found: list[Version] = []
    for line in lines[-MOST_KEPT:]:
        try:
            found.append(_LINE.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


def place_of(home: Home, digest: str) -> Place:
    """A kept declaration.

    Raises:
        EvidenceError: it is not there, cannot be read by this version, or is not what it was.
    """
    path = folder_of(home) / f"{digest}.json"
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES)
        place = msgspec.json.decode(raw, type=Place)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        mend = "ask of a later moment; the entries of the starts still name its digest"
        raise EvidenceError("the declaration of that time cannot be read", where=str(path), mend=mend) from None
    if digest_of(place) != digest:
        raise EvidenceError("the declaration kept of that time is not the one that ran", where=str(path))
    return place


def changed_since(home: Home, since_us: int, now_us: int) -> Since:
    """What changed between the declaration in force at a moment and the newest (city us).

    Raises:
        EvidenceError: none is kept, or the one of that time cannot be read.
    """
    known = versions(home)
    if not known:
        mend = "a city keeps each declaration from its next start on"
        raise EvidenceError("no earlier declaration is kept", where=str(folder_of(home)), mend=mend)
    version, _ = version_at(known, since_us)
    before, now = place_of(home, version.digest), place_of(home, known[-1].digest)
    return changes(before, now, known, since_us, now_us)
