"""Checks a Cityward log: this one file, Python's standard library, and the log's public key. Copy it and run it.

    python verifier.py LOG-FOLDER KEY [EARLIER-CHECKPOINT-FILE ...] [--witness WITNESS-KEY ...] [--witnesses HOW-MANY]

It trusts nothing else: not the folder, not the machine, not the rest of Cityward (it shares no code with the writer,
and does its own Ed25519). What it reads are C2SP tlog-tiles (entries in bundles of 256, hashes in tiles of 256) under
a C2SP signed checkpoint, a tree of RFC 6962. Get KEY from the city by another way than the folder.

What `OK` means: the entries are exactly those the key's owner signed for, in that order; and, of every earlier
checkpoint given, that nothing it covered was changed, moved or cut since. What it cannot mean: that what was recorded
is true, that nothing was left out before it was recorded, or that others are shown the same log (compare checkpoints, or
ask for witnesses: each co-signs a checkpoint only when it continues all that it saw before).

Theory of operation. One pass over the entries, 256 at a time, recomputes every hash up to the root. On the way each
stored hash is compared. The signed root decides: when the recomputed root equals it, every entry is right and a
difference is a damaged tile; when it does not, the first difference names the first bad entry. What was done to it
(`Verdict.kind`) is told by comparing the entries found with the stored hashes: the hash of an entry that is gone still
stands there, and that of one that was put in stands nowhere.

INVARIANTS
- Bounded: never more than two bundles and one tile per level in memory, whatever the files hold.
- No answer is OK unless a signature of the key covers the recomputed root.
- A cosignature counts only when it verifies, by a key that was given, over a checkpoint that this very log grew out of.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field

WIDTH = 256  # entries in a bundle, hashes in a tile
NOTE_MOST = 65_536  # PRECEDENT: a checkpoint is some 200 bytes; a hundred witnesses' signatures still fit
FILE_MOST = 256 * 65_537 + 1  # the largest bundle, and one byte to see that more follows
SIZE_MOST = 1 << 48  # PRECEDENT: a million entries a second for nine years
SILENCES_MOST = 8  # told one by one; the rest is counted
GATES_MOST = 16  # a log is of one role, which has one gate

Read = Callable[[str], "bytes | None"]
"""A path inside the log's folder -> its bytes, None when there is no such file."""


@dataclass(frozen=True)
class Gate:
    """What a gate's heartbeats say. Times in microseconds of the city's clock.

    `beats` counts from 1; `state` of the last one is begun, alive or stopped. `silences`: (from, until, beat) where the next
    beat came later than the gate had said, without its having stopped; the first few, all of them are `silent` times.
    """

    gate: str
    beats: int
    last_at: int
    within: int
    state: str
    silent: int = 0
    silences: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True)
class Witnessed:
    """A witness vouches for the first `size` entries: it saw them at `at` (seconds since 1970), by its own clock."""

    name: str
    size: int
    at: int


@dataclass(frozen=True)
class Verdict:
    """What was found. `ok` only when everything signed is there and unchanged.

    `size` is what the checkpoint signs, `checked` how many entries were recomputed. `first_bad` and `file` name the
    first entry and the file that are not what was signed; `what` says it in words, `kind` in one:

        edited dropped inserted reordered     an entry was changed, taken out, put in, moved
        truncated                             entries at the end are gone
        rolled-back                           an older checkpoint was put back
        rewritten                             entries were changed together with their hashes
        re-signed                             by another key than the one given
        forked                                a kept checkpoint of the same key tells another history
        swapped damaged                       hashes stand in another tile's place, or are wrong; all entries are right
        missed-beat                           a heartbeat's number is missing: what was signed was not whole
        cosignature-forged unwitnessed        a witness's line does not verify; fewer witnesses than asked for
        unreadable                            no checkpoint, no key, or none that can be read

    `notes` are worth a look but break no signature: bytes after the last signed entry. `newest_at` is the `at` of the newest
    entry, microseconds.
    """

    ok: bool
    what: str
    origin: str = ""
    size: int = 0
    checked: int = 0
    root: str = ""
    key: str = ""
    first_bad: int | None = None
    file: str | None = None
    newest_at: int | None = None
    notes: tuple[str, ...] = ()
    kind: str = ""
    gates: tuple[Gate, ...] = ()
    witnesses: tuple[Witnessed, ...] = ()


class BadError(Exception):
    """Ends the check with a verdict."""

    def __init__(self, kind: str, what: str, file: str | None = None, first_bad: int | None = None) -> None:
        super().__init__(what)
        self.kind, self.what, self.file, self.first_bad = kind, what, file, first_bad


def verify(
    read: Read, key: str, earlier: Iterable[bytes] = (), witnesses: Iterable[str] = (), quorum: int = 0
) -> Verdict:
    """Check a whole log.

    Args:
        read: gives the files of the log.
        key: the log's public key, `name+hash+base64` (C2SP signed-note).
        earlier: checkpoints kept from before, as whole files: the log must have grown out of each. Those that witnesses
            co-signed belong here too.
        witnesses: public keys of witnesses, in the same form.
        quorum: how many of them must vouch for the log, each by a valid cosignature on one of its checkpoints.
    """
    state = _State()
    try:
        name, public = parse_key(key)
        state.origin, state.key = name, fingerprint(public)
        known = [parse_key(text, COSIGNATURE) for text in witnesses]
        notes = [("an earlier checkpoint", data) for data in earlier]
        synced = read("checkpoint.synced")  # before `checkpoint`: the log may be growing while we read
        if synced is not None:
            notes.append(("checkpoint.synced", synced))
        saved = [open_checkpoint(data, name, public, what) for what, data in notes]
        signed = read("checkpoint")
        if signed is None:
            raise BadError("unreadable", "there is no checkpoint: nothing here is signed", "checkpoint", 0)
        state.size, state.root = open_checkpoint(signed, name, public, "checkpoint")
        _not_shorter(state, read, saved)
        _recompute(state, read, saved)
        _no_beat_missing(state)
        _witnessed(state, [*notes, ("checkpoint", signed)], known, quorum)
    except BadError as bad:
        return state.verdict(bad)
    return state.verdict(None)


def fingerprint(public: bytes) -> str:
    """What people compare by eye or read out: SHA-256 of the key, the first 16 bytes in groups of four digits."""
    digest = hashlib.sha256(public).hexdigest()[:32]
    return " ".join(digest[i : i + 4] for i in range(0, 32, 4))


# -- the tree --------------------------------------------------------------------------------------------------------


@dataclass
class _State:
    """What is known so far, and the first difference of each kind."""

    origin: str = ""
    key: str = ""
    size: int = 0
    root: bytes = b""
    checked: int = 0
    newest_at: int | None = None
    proven: int = 0  # so many first entries are those of an earlier checkpoint
    edge: list[bytes] = field(default_factory=list[bytes])  # hashes of the complete subtrees so far, largest first
    differences: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])
    other_history: tuple[int, int] | None = None  # a kept checkpoint of so many entries has another root; changed from
    notes: list[str] = field(default_factory=list[str])
    gates: dict[str, Gate] = field(default_factory=dict[str, Gate])
    missed: tuple[int, str] | None = None  # the first entry whose heartbeat does not follow the one before, and how
    witnesses: list[Witnessed] = field(default_factory=list[Witnessed])

    def differs(self, kind: str, index: int, file: str) -> None:
        if all(seen != kind for seen, _, _ in self.differences):  # the first of each kind says it all
            self.differences.append((kind, index, file))

    def verdict(self, bad: BadError | None) -> Verdict:
        return Verdict(
            ok=bad is None,
            what="every entry is as it was signed" if bad is None else bad.what,
            origin=self.origin,
            size=self.size,
            checked=self.checked,
            root=self.root.hex(),
            key=self.key,
            first_bad=None if bad is None else bad.first_bad,
            file=None if bad is None else bad.file,
            newest_at=self.newest_at,
            notes=tuple(self.notes),
            kind="" if bad is None else bad.kind,
            gates=tuple(self.gates.values()),
            witnesses=tuple(self.witnesses),
        )


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()  # SPEC: RFC 6962 2.1


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()  # SPEC: RFC 6962 2.1


def _fold(hashes: list[bytes]) -> bytes:
    """The root over any number of leaves' hashes."""
    edge: list[bytes] = []
    _grow(edge, 0, hashes)
    return _root(edge)


def _grow(edge: list[bytes], size: int, hashes: list[bytes]) -> None:
    for digest in hashes:
        grown, position = digest, size
        while position & 1:
            grown, position = node_hash(edge.pop(), grown), position >> 1
        edge.append(grown)
        size += 1


def _root(edge: list[bytes]) -> bytes:
    if not edge:
        return hashlib.sha256(b"").digest()
    root = edge[-1]
    for left in reversed(edge[:-1]):
        root = node_hash(left, root)
    return root


def _recompute(state: _State, read: Read, saved: list[tuple[int, bytes]]) -> None:
    """Every entry's hash, every tile's hash, every saved root, the signed root."""
    levels = _Levels(state, read)
    try:
        for bundle in range(-(-state.size // WIDTH)):
            width = min(WIDTH, state.size - bundle * WIDTH)
            leaves = _bundle(state, read, bundle, width)
            levels.compare(0, bundle, leaves)
            _check_saved(state, saved, bundle * WIDTH, leaves)
            _grow_bundle(state, bundle, leaves)
            state.checked += width
    except BadError as bad:
        raise _earliest(state, read, bad) from None
    levels.finish()
    _check_saved(state, saved, state.size, [])
    if _root(state.edge) != state.root:
        what = "entries and tiles agree with each other, not with the signed root"
        raise _earliest(state, read, _forked(state, "rewritten") or BadError("rewritten", what))
    if (fork := _forked(state, "forked")) is not None:
        raise fork
    for _, index, file in sorted(state.differences, key=lambda d: d[1]):
        raise _tile_bad(state, read, index, file)


def _forked(state: _State, kind: str) -> BadError | None:
    if state.other_history is None:
        return None
    size, at = state.other_history
    what = f"an earlier checkpoint signs another history: of the entries {at} to {size - 1} some were changed"
    return BadError(kind, what, "checkpoint", at)


def _tile_bad(state: _State, read: Read, index: int, file: str) -> BadError:
    """A tile differs and no entry does: whose hashes are these?"""
    mend = "all entries are right (opening the log for writing may mend it)"
    stored = (_tile(read, file, WIDTH) or b"")[: WIDTH * 32]
    root = _fold([stored[i : i + 32] for i in range(0, len(stored), 32)]) if len(stored) == WIDTH * 32 else b""
    roots = (_tile(read, f"tile/1/{_number(n)}", WIDTH) or b"" for n in range(-(-(state.size >> 8) // WIDTH)))
    if file.startswith("tile/0/") and any(root in _hashes_in(tile) for tile in roots):
        return BadError("swapped", f"{file} holds the hashes of another tile; {mend}", file, index)
    return BadError("damaged", f"{file} is damaged; {mend}", file, index)


def _hashes_in(tile: bytes) -> list[bytes]:
    return [tile[i : i + 32] for i in range(0, len(tile), 32)]


def _grow_bundle(state: _State, bundle: int, leaves: list[bytes]) -> None:
    if len(leaves) < WIDTH:
        _grow(state.edge, bundle * WIDTH, leaves)
        return
    grown, position = _fold(leaves), bundle
    while position & 1:
        grown, position = node_hash(state.edge.pop(), grown), position >> 1
    state.edge.append(grown)


def _bundle(state: _State, read: Read, bundle: int, width: int) -> list[bytes]:
    """The leaf hashes of a bundle's first `width` entries."""
    path = f"tile/entries/{_number(bundle)}"
    data = _tile(read, path, width)
    first = bundle * WIDTH
    if data is None:
        what = f"the entries from {first} on are missing; {state.size} are signed"
        raise BadError(_gone(state, read, bundle), what, path, first)
    leaves: list[bytes] = []
    at, entry = 0, b""
    while len(leaves) < width:
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end <= at + 2 or end > len(data):
            what = f"entry {first + len(leaves)} is cut off or its length is wrong; {state.size} are signed"
            kind = _gone(state, read, bundle) if end > len(data) or at >= len(data) else "edited"
            raise _cut(state, read, bundle, leaves, BadError(kind, what, path, first + len(leaves)))
        entry = data[at + 2 : end]
        leaves.append(leaf_hash(entry))
        if BEAT in entry:
            _beat(state, first + len(leaves) - 1, entry)
        at = end
    if first + width == state.size:
        state.newest_at = _at(entry)
    if at < len(data):
        _surplus(state, path, first, width, data[at:])
    return leaves


def _gone(state: _State, read: Read, bundle: int) -> str:
    """Entries are not there: at the end of the log, or in the midst of it?"""
    later = any(_tile(read, f"tile/entries/{_number(n)}", WIDTH) for n in range(bundle + 1, -(-state.size // WIDTH)))
    return "dropped" if later else "truncated"


def _cut(state: _State, read: Read, bundle: int, leaves: list[bytes], bad: BadError) -> BadError:
    """A wrong length makes all that follows nonsense; but an entry before it may already differ from its hash."""
    stored = _tile(read, f"tile/0/{_number(bundle)}", min(WIDTH, state.size - bundle * WIDTH)) or b""
    for i, leaf in enumerate(leaves):
        if stored[32 * i : 32 * i + 32] != leaf:
            return _entry_bad(state, read, bundle * WIDTH + i)
    return bad


def _surplus(state: _State, path: str, first: int, width: int, rest: bytes) -> None:
    if width == WIDTH:
        state.differs("tile", first, path)
        return
    whole, at = 0, 0
    while at < (end := at + 2 + int.from_bytes(rest[at : at + 2], "big")) - 2 and end <= len(rest):
        whole, at = whole + 1, end
    torn = len(rest) - at
    state.notes.append(
        f"{path}: after the last signed entry stand {whole} unsigned entries"
        + (f" and {torn} bytes of a torn one" if torn else "")
        + "; opening the log for writing signs or cuts them"
    )


def _number(n: int) -> str:
    """SPEC: C2SP tlog-tiles: 1234067 is x001/x234/067."""
    groups = [f"{n % 1000:03d}"]
    while n := n // 1000:
        groups.append(f"x{n % 1000:03d}")
    return "/".join(reversed(groups))


def _tile(read: Read, path: str, width: int) -> bytes | None:
    """The file, under its full name or as a partial tile of exactly this width."""
    data = read(path)
    return read(f"{path}.p/{width}") if data is None and width < WIDTH else data


class _Levels:
    """Compares each tile's recomputed hashes with the stored ones, level by level, one open tile per level."""

    def __init__(self, state: _State, read: Read) -> None:
        self._state, self._read = state, read
        self._open: list[list[bytes]] = []  # of each level above 0, the recomputed hashes of its open tile
        self._count: list[int] = []  # of each level above 0, how many hashes were recomputed
        self._cache: dict[int, tuple[int, bytes]] = {}

    def compare(self, level: int, n: int, hashes: list[bytes]) -> None:
        """Compare the recomputed tile `n` of a level; pass its root up when it is full."""
        path, stored = f"tile/{level}/{_number(n)}", self._stored(level, n, len(hashes))
        joined = b"".join(hashes)
        root = _fold(hashes) if len(hashes) == WIDTH else None
        if stored[: len(joined)] != joined:
            offset = next(i for i, h in enumerate(hashes) if stored[32 * i : 32 * i + 32] != h)
            index = (n * WIDTH + offset) << (8 * level)
            self._differs(level, n, index, path, root)
        elif len(stored) > len(joined):
            if root is None:
                self._state.notes.append(f"{path}: hashes of unsigned entries follow")
            else:
                self._state.differs("tile", (n * WIDTH) << (8 * level), path)
        if root is not None:
            self._up(level + 1, root)

    def finish(self) -> None:
        """Compare the tiles that never filled. (Level 0's last one already was.)"""
        for above, hashes in enumerate(self._open):
            if hashes:
                self.compare(above + 1, self._count[above] // WIDTH, hashes)

    def _differs(self, level: int, n: int, index: int, path: str, root: bytes | None) -> None:
        # Who is wrong, the tile or what it covers? The level above knows the root of both.
        above = self._stored(level + 1, n // WIDTH, 0)[32 * (n % WIDTH) :][:32] if root else b""
        if root is not None and above == root:
            self._state.differs("tile", index, path)
        elif level == 0:
            self._state.differs("entry", index, path)
        else:
            self._state.differs("range", index, path)

    def _up(self, level: int, digest: bytes) -> None:
        if level > len(self._open):
            self._open.append([])
            self._count.append(0)
        row = self._open[level - 1]
        row.append(digest)
        if len(row) == WIDTH:
            self.compare(level, self._count[level - 1] // WIDTH, row.copy())
            row.clear()
            self._count[level - 1] += WIDTH

    def _stored(self, level: int, n: int, width: int) -> bytes:
        held = self._cache.get(level)
        if held is None or held[0] != n:
            size = (self._state.size >> 8 * level) - n * WIDTH
            data = _tile(self._read, f"tile/{level}/{_number(n)}", min(WIDTH, max(size, width)))
            held = self._cache[level] = (n, data or b"")
        return held[1]


# -- what was done to it ---------------------------------------------------------------------------------------------


def _entry_bad(state: _State, read: Read, index: int) -> BadError:
    """The entry at `index` is the first that differs from its stored hash: what was done, by where both are found."""
    stored = next(_stored_hashes(state, read, index), b"")
    found = next(_found_hashes(state, read, index), b"")
    stands_later = any(stored == one for one in _found_hashes(state, read, index + 1))
    was_elsewhere = any(found == one for one in _stored_hashes(state, read, 0))
    kind = ("edited", "dropped", "inserted", "reordered")[was_elsewhere + 2 * stands_later]
    words = {
        "edited": "it was changed",
        "dropped": "it was taken out, and those after it moved up",
        "inserted": "one was put in before it",
        "reordered": "it was moved, or exchanged for another entry of the log",
    }
    what = f"entry {index} is not what was signed: {words[kind]}"
    return BadError(kind, what, f"tile/entries/{_number(index // WIDTH)}", index)


def _stored_hashes(state: _State, read: Read, first: int) -> Iterator[bytes]:
    """The entries' hashes as the tiles have them, from one entry on."""
    for n in range(first // WIDTH, -(-state.size // WIDTH)):
        stored = _hashes_in(_tile(read, f"tile/0/{_number(n)}", min(WIDTH, state.size - n * WIDTH)) or b"")
        yield from stored[max(0, first - n * WIDTH) : state.size - n * WIDTH]


def _found_hashes(state: _State, read: Read, first: int) -> Iterator[bytes]:
    """The hashes of the entries as they stand there, from one entry on; of each bundle as far as it can be read."""
    for n in range(first // WIDTH, -(-state.size // WIDTH)):
        data = _tile(read, f"tile/entries/{_number(n)}", min(WIDTH, state.size - n * WIDTH)) or b""
        at, index = 0, n * WIDTH
        while at < (end := at + 2 + int.from_bytes(data[at : at + 2], "big")) - 2 and end <= len(data):
            if index >= first:
                yield leaf_hash(data[at + 2 : end])
            at, index = end, index + 1


def _earliest(state: _State, read: Read, bad: BadError) -> BadError:
    """The first difference of the kind that says most, or what was found when there is none."""
    by_kind = {kind: (index, file) for kind, index, file in state.differences}
    if "entry" in by_kind:
        return _entry_bad(state, read, by_kind["entry"][0])
    if bad.first_bad is not None:
        return bad
    if "range" in by_kind:
        index, file = by_kind["range"]
        what = f"of the entries from {index} on, some were rewritten together with their hashes"
        return BadError("rewritten", what, file, index)
    if "tile" in by_kind:
        index, file = by_kind["tile"]
        return BadError("damaged", f"{file} is not what was signed", file, index)
    return BadError(bad.kind, bad.what, "checkpoint", state.proven if state.size else None)


# -- heartbeats ------------------------------------------------------------------------------------------------------

BEAT = b'"kind":"heartbeat"'


def _beat(state: _State, index: int, entry: bytes) -> None:
    """Take in an entry that may be a heartbeat: its number must follow, its time should."""
    beat = _read_beat(entry)
    if beat is None or (beat.gate not in state.gates and len(state.gates) >= GATES_MOST):
        return
    before = state.gates.get(beat.gate)
    due = 1 if before is None else before.beats + 1
    if beat.beats != due and state.missed is None:
        state.missed = index, f"heartbeat {beat.beats} of gate {beat.gate} stands where {due} should"
    if before is None:
        state.gates[beat.gate] = beat
        return
    silent, silences = before.silent, before.silences
    if before.state != "stopped" and 0 < before.within < beat.last_at - before.last_at:
        silent += 1
        silences = (*silences, (before.last_at, beat.last_at, beat.beats))[:SILENCES_MOST]
    state.gates[beat.gate] = Gate(beat.gate, beat.beats, beat.last_at, beat.within, beat.state, silent, silences)


def _read_beat(entry: bytes) -> Gate | None:
    try:
        told = json.loads(entry)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("kind") != "heartbeat":  # the words stood in another record's text
        return None
    beat, at, within = told.get("beat"), told.get("at"), told.get("within", 0)
    if not (isinstance(beat, int) and isinstance(at, int) and isinstance(within, int)):
        return None
    return Gate(str(told.get("gate", "")), beat, at, within, str(told.get("state", "")))


def _no_beat_missing(state: _State) -> None:
    if state.missed is not None:
        index, what = state.missed
        raise BadError("missed-beat", what, f"tile/entries/{_number(index // WIDTH)}", index)


# -- checkpoints -----------------------------------------------------------------------------------------------------


def _not_shorter(state: _State, read: Read, saved: list[tuple[int, bytes]]) -> None:
    longest = max((size for size, _ in saved), default=0)
    if longest <= state.size:
        return
    bundle, width = divmod(state.size, WIDTH)
    there = sum(1 for _ in _found_hashes(_State(size=(bundle + 1) * WIDTH), read, bundle * WIDTH))
    kind, how = (
        ("rolled-back", "an older checkpoint was put back") if there > width else ("truncated", "the log was cut")
    )
    what = f"{how}: an earlier checkpoint signs {longest} entries, the log's own signs {state.size}"
    raise BadError(kind, what, "checkpoint", state.size)


def _check_saved(state: _State, saved: list[tuple[int, bytes]], first: int, leaves: list[bytes]) -> None:
    """Compare the root at each earlier checkpoint that lies within these leaves."""
    for size, root in saved:
        if not (first <= size < first + WIDTH) or (size > first + len(leaves)) or size > state.size:
            continue
        edge = state.edge.copy()
        _grow(edge, first, leaves[: size - first])
        if _root(edge) == root:
            state.proven = max(state.proven, size)
        elif state.other_history is None:
            state.other_history = size, min((index for _, index, _ in state.differences), default=state.proven)


def _witnessed(state: _State, notes: list[tuple[str, bytes]], known: list[tuple[str, bytes]], quorum: int) -> None:
    """Count who vouches for this log: every note here is of a checkpoint that it grew out of."""
    vouched: dict[bytes, Witnessed] = {}
    for what, note in notes:
        text, lines = note_lines(note)
        size = int(text.split("\n")[1])
        for name, public in known:
            for line in lines:
                at = cosigned_at(line, name, public, text)
                if at == FORGED:
                    raise BadError(
                        "cosignature-forged", f"{what} bears a line of {name} that is not its cosignature", what
                    )
                if at is not None and (public not in vouched or vouched[public].size < size):
                    vouched[public] = Witnessed(name, size, at)
    state.witnesses = sorted(vouched.values(), key=lambda w: w.name)
    if len(vouched) < quorum:
        what = f"{len(vouched)} of the witnesses given vouch for this log; {quorum} are asked for"
        raise BadError("unwitnessed", what, "checkpoint")


SIGNATURE, COSIGNATURE = 1, 4  # SPEC: C2SP signed-note, "Signature types"
FORGED = -1


def cosigned_at(line: str, name: str, public: bytes, text: str) -> int | None:
    """When (seconds since 1970) a witness co-signed a checkpoint's text by this line.

    None: the line is not of this key. `FORGED`: it says so, and does not verify.
    """
    parts = line.split(" ")
    blob = exact_base64(parts[2]) if len(parts) == 3 else None
    if blob is None or parts[1] != name or blob[:4] != _key_hash(name, public, COSIGNATURE):
        return None
    # SPEC: C2SP tlog-cosignature, "Format": key id, eight bytes of time, 64 of signature.
    at = int.from_bytes(blob[4:12], "big")
    message = f"cosignature/v1\ntime {at}\n{text}".encode()
    return at if len(blob) == 76 and at < 1 << 63 and ed25519_valid(public, message, blob[12:]) else FORGED


def parse_key(text: str, kind: int = SIGNATURE) -> tuple[str, bytes]:
    """A C2SP verifier key `name+hash+base64` -> (name, 32 bytes of an Ed25519 public key). `kind`: of a log or a witness."""
    try:
        name, given, encoded = text.strip().split("+", 2)
        data = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise BadError("unreadable", "the key is not of the form name+hash+base64") from None
    if len(data) != 33 or data[0] != kind or _key_hash(name, data[1:], kind).hex() != given:
        of = "a witness" if kind == COSIGNATURE else "a log"
        what = f"the key does not match its own hash: it was copied wrongly, or is not an Ed25519 key of {of}"
        raise BadError("unreadable", what)
    return name, data[1:]


def _key_hash(name: str, public: bytes, kind: int = SIGNATURE) -> bytes:
    # SPEC: C2SP signed-note, "Signatures": SHA-256(name, newline, type, key), the first four bytes.
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def open_checkpoint(data: bytes, name: str, public: bytes, what: str) -> tuple[int, bytes]:
    """The (size, root) of a checkpoint that the key signed."""
    try:
        text, signatures = note_lines(data)
        origin, size, root = text.split("\n")[:3]
    except ValueError:
        raise BadError("unreadable", f"{what} is not a signed note", what) from None
    if not any(_signed_by(line, name, public, text) for line in signatures):
        raise _not_signed(what, name, public, signatures)
    if (
        origin != name
        or not (size.isascii() and size.isdigit())
        or str(int(size[:20])) != size
        or int(size) > SIZE_MOST
    ):
        raise BadError(
            "unreadable", f"{what} is of {origin!r} with size {size[:20]!r}, not a checkpoint of {name}", what
        )
    digest = exact_base64(root)
    if digest is None or len(digest) != 32:
        raise BadError("unreadable", f"{what} holds no root hash", what)
    return int(size), digest


def _not_signed(what: str, name: str, public: bytes, lines: list[str]) -> BadError:
    """No line is a signature of the key: was the text changed, or does another key sign in its name?"""
    told = f"{what} carries no valid signature of the key of {name}"
    blobs = [exact_base64(line.split(" ")[2]) for line in lines if line.count(" ") == 2 and line.split(" ")[1] == name]
    others = sorted({blob[:4].hex() for blob in blobs if blob is not None and blob[:4] != _key_hash(name, public)})
    if others and len(others) == len(blobs):
        return BadError("re-signed", f"{told}; another key ({', '.join(others)[:80]}) signed it in that name", what)
    return BadError("edited", told, what)


def note_lines(data: bytes) -> tuple[str, list[str]]:
    """A note's text (with its last newline) and its signature lines."""
    if len(data) > NOTE_MOST:
        raise ValueError("too long")
    text, gap, rest = data.decode().rpartition("\n\n")
    lines = rest.split("\n")
    if not gap or lines.pop() or not lines or any(not line.startswith("\u2014 ") for line in lines):
        raise ValueError("not a note")
    return text + "\n", lines


def _signed_by(line: str, name: str, public: bytes, text: str) -> bool:
    parts = line.split(" ")
    blob = exact_base64(parts[2]) if len(parts) == 3 else None
    if blob is None or parts[1] != name or blob[:4] != _key_hash(name, public):
        return False
    return ed25519_valid(public, text.encode(), blob[4:])


def exact_base64(text: str) -> bytes | None:
    """Decoded; None unless it is written the one canonical way (else two texts could pass for one signature)."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if base64.b64encode(data).decode() == text else None


def _at(entry: bytes) -> int | None:
    try:
        at = json.loads(entry)["at"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return at if isinstance(at, int) else None


# -- Ed25519: RFC 8032, section 5.1, over extended coordinates. For checking only: it is not constant-time ----------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]


def ed25519_valid(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the 64-byte signature over the message is of the 32-byte public key."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or s >= _L:  # SPEC: RFC 8032 5.1.7: s out of range is invalid
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    left, right = _times(s, _BASE), _add(commitment, _times(k, key))
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (left[1] * right[2] - right[1] * left[2]) % _P == 0


def _point(data: bytes) -> _Point | None:
    # SPEC: RFC 8032 5.1.3
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    x2 = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _I % _P
    if (x * x - x2) % _P or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


def _add(p: _Point, q: _Point) -> _Point:
    # SPEC: RFC 8032 5.1.4
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(n: int, p: _Point) -> _Point:
    found = (0, 1, 1, 0)
    while n:
        if n & 1:
            found = _add(found, p)
        p, n = _add(p, p), n >> 1
    return found


_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little")) or (0, 1, 1, 0)


def main(arguments: list[str]) -> int:
    """Check the log in a folder; 0 fine, 1 not what was signed, 2 called wrongly."""
    files, options = options_of(arguments)
    quorum = options["--witnesses"][-1] if options["--witnesses"] else "0"
    if len(files) < 2 or not (quorum.isascii() and quorum.isdigit()):
        print(__doc__)  # noqa: T201
        return 2

    def read(path: str) -> bytes | None:
        try:
            with open(f"{files[0]}/{path}", "rb") as file:  # noqa: PTH123  (no import: this room opens no files)
                return file.read(FILE_MOST)
        except (FileNotFoundError, NotADirectoryError):
            return None

    earlier: list[bytes] = []
    for path in files[2:]:
        with open(path, "rb") as file:  # noqa: PTH123
            earlier.append(file.read(NOTE_MOST + 1))
    verdict = verify(read, files[1], earlier, options["--witness"], int(quorum))
    print(json.dumps(asdict(verdict), indent=2))  # noqa: T201
    return 0 if verdict.ok else 1


def options_of(arguments: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    """What stands alone, and what stands behind an option."""
    alone: list[str] = []
    options: dict[str, list[str]] = {"--witness": [], "--witnesses": []}
    rest = iter(arguments)
    for argument in rest:
        if argument in options:
            options[argument].append(next(rest, ""))
        else:
            alone.append(argument)
    return alone, options


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
