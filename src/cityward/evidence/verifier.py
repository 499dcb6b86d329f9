"""Checks a Cityward log: this one file, Python's standard library, and the log's public key. Copy it and run it.

    python verifier.py LOG-FOLDER KEY [EARLIER-CHECKPOINT-FILE ...]

It trusts nothing else: not the folder, not the machine, not the rest of Cityward (it shares no code with the writer,
and does its own Ed25519). What it reads are C2SP tlog-tiles (entries in bundles of 256, hashes in tiles of 256) under
a C2SP signed checkpoint, a tree of RFC 6962. Get KEY from the city by another way than the folder.

What `OK` means: the entries are exactly those the key's owner signed for, in that order; and, of every earlier
checkpoint given, that nothing it covered was changed, moved or cut since. What it cannot mean: that what was recorded
is true, that nothing was left out before it was recorded, or that others are shown the same log (compare checkpoints).

Theory of operation. One pass over the entries, 256 at a time, recomputes every hash up to the root. On the way each
stored hash is compared. The signed root decides: when the recomputed root equals it, every entry is right and a
difference is a damaged tile; when it does not, the first difference names the first bad entry.

INVARIANTS
- Bounded: never more than one bundle and one tile per level in memory, whatever the files hold.
- No answer is OK unless a signature of the key covers the recomputed root.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

WIDTH = 256  # entries in a bundle, hashes in a tile
NOTE_MOST = 65_536  # PRECEDENT: a checkpoint is some 200 bytes; a hundred witnesses' signatures still fit
FILE_MOST = 256 * 65_537 + 1  # the largest bundle, and one byte to see that more follows
SIZE_MOST = 1 << 48  # PRECEDENT: a million entries a second for nine years

Read = Callable[[str], "bytes | None"]
"""A path inside the log's folder -> its bytes, None when there is no such file."""


@dataclass(frozen=True)
class Verdict:
    """What was found. `ok` only when everything signed is there and unchanged.

    `size` is what the checkpoint signs, `checked` how many entries were recomputed. `first_bad` and `file` name the
    first entry and the file that are not what was signed; `what` says it in words. `notes` are worth a look but break
    no signature: bytes after the last signed entry. `newest_at` is the `at` of the newest entry, microseconds.
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


class _BadError(Exception):
    """Ends the check with a verdict."""

    def __init__(self, what: str, file: str | None = None, first_bad: int | None = None) -> None:
        super().__init__(what)
        self.what, self.file, self.first_bad = what, file, first_bad


def verify(read: Read, key: str, earlier: Iterable[bytes] = ()) -> Verdict:
    """Check a whole log.

    Args:
        read: gives the files of the log.
        key: the log's public key, `name+hash+base64` (C2SP signed-note).
        earlier: checkpoints kept from before, as whole files: the log must have grown out of each.
    """
    state = _State()
    try:
        name, public = parse_key(key)
        state.origin, state.key = name, fingerprint(public)
        saved = [_open(data, name, public, "an earlier checkpoint") for data in earlier]
        synced = read("checkpoint.synced")  # before `checkpoint`: the log may be growing while we read
        if synced is not None:
            saved.append(_open(synced, name, public, "checkpoint.synced"))
        signed = read("checkpoint")
        if signed is None:
            raise _BadError("there is no checkpoint: nothing here is signed", "checkpoint", 0)
        state.size, state.root = _open(signed, name, public, "checkpoint")
        _not_shorter(state, saved)
        _recompute(state, read, saved)
    except _BadError as bad:
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
    notes: list[str] = field(default_factory=list[str])

    def differs(self, kind: str, index: int, file: str) -> None:
        if all(seen != kind for seen, _, _ in self.differences):  # the first of each kind says it all
            self.differences.append((kind, index, file))

    def verdict(self, bad: _BadError | None) -> Verdict:
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
        )


def _leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()  # SPEC: RFC 6962 2.1


def _node(left: bytes, right: bytes) -> bytes:
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
            grown, position = _node(edge.pop(), grown), position >> 1
        edge.append(grown)
        size += 1


def _root(edge: list[bytes]) -> bytes:
    if not edge:
        return hashlib.sha256(b"").digest()
    root = edge[-1]
    for left in reversed(edge[:-1]):
        root = _node(left, root)
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
    except _BadError as bad:
        raise _earliest(state, bad) from None
    levels.finish()
    if _root(state.edge) != state.root:
        raise _earliest(
            state,
            _BadError("entries and tiles agree with each other, not with the signed root"),
        )
    _check_saved(state, saved, state.size, [])
    for _, index, file in sorted(state.differences, key=lambda d: d[1]):
        raise _BadError(
            f"{file} is damaged; all entries are right (opening the log for writing may mend it)", file, index
        )


def _grow_bundle(state: _State, bundle: int, leaves: list[bytes]) -> None:
    if len(leaves) < WIDTH:
        _grow(state.edge, bundle * WIDTH, leaves)
        return
    grown, position = _fold(leaves), bundle
    while position & 1:
        grown, position = _node(state.edge.pop(), grown), position >> 1
    state.edge.append(grown)


def _bundle(state: _State, read: Read, bundle: int, width: int) -> list[bytes]:
    """The leaf hashes of a bundle's first `width` entries."""
    path = f"tile/entries/{_number(bundle)}"
    data = _tile(read, path, width)
    first = bundle * WIDTH
    if data is None:
        raise _BadError(f"the entries from {first} on are missing; {state.size} are signed", path, first)
    leaves: list[bytes] = []
    at, entry = 0, b""
    while len(leaves) < width:
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end <= at + 2 or end > len(data):
            what = f"entry {first + len(leaves)} is cut off or its length is wrong; {state.size} are signed"
            raise _cut(state, read, bundle, leaves, _BadError(what, path, first + len(leaves)))
        entry = data[at + 2 : end]
        leaves.append(_leaf(entry))
        at = end
    if first + width == state.size:
        state.newest_at = _at(entry)
    if at < len(data):
        _surplus(state, path, first, width, data[at:])
    return leaves


def _cut(state: _State, read: Read, bundle: int, leaves: list[bytes], bad: _BadError) -> _BadError:
    """A wrong length makes all that follows nonsense; but an entry before it may already differ from its hash."""
    stored = _tile(read, f"tile/0/{_number(bundle)}", min(WIDTH, state.size - bundle * WIDTH)) or b""
    for i, leaf in enumerate(leaves):
        if stored[32 * i : 32 * i + 32] != leaf:
            return _entry_bad(bundle * WIDTH + i, f"tile/entries/{_number(bundle)}")
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


def _entry_bad(index: int, file: str) -> _BadError:
    return _BadError(f"entry {index} is not what was signed: it was changed, moved, removed or put in", file, index)


def _earliest(state: _State, bad: _BadError) -> _BadError:
    """The first difference of the kind that says most, or what was found when there is none."""
    by_kind = {kind: (index, file) for kind, index, file in state.differences}
    if "entry" in by_kind:
        index = by_kind["entry"][0]
        return _entry_bad(index, f"tile/entries/{_number(index // WIDTH)}")
    if bad.first_bad is not None:
        return bad
    if "range" in by_kind:
        index, file = by_kind["range"]
        return _BadError(f"of the entries from {index} on, some were rewritten together with their hashes", file, index)
    if "tile" in by_kind:
        index, file = by_kind["tile"]
        return _BadError(f"{file} is not what was signed", file, index)
    return _BadError(bad.what, "checkpoint", state.proven if state.size else None)


# -- checkpoints -----------------------------------------------------------------------------------------------------


def _not_shorter(state: _State, saved: list[tuple[int, bytes]]) -> None:
    longest = max((size for size, _ in saved), default=0)
    if longest > state.size:
        what = f"the log was cut: an earlier checkpoint signs {longest} entries, the log's own signs {state.size}"
        raise _BadError(what, "checkpoint", state.size)


def _check_saved(state: _State, saved: list[tuple[int, bytes]], first: int, leaves: list[bytes]) -> None:
    """Compare the root at each earlier checkpoint that lies within these leaves."""
    for size, root in saved:
        if not (first <= size < first + WIDTH) or (size > first + len(leaves)) or size > state.size:
            continue
        edge = state.edge.copy()
        _grow(edge, first, leaves[: size - first])
        if _root(edge) != root:
            at = min((index for _, index, _ in state.differences), default=state.proven)
            what = f"an earlier checkpoint signs another history: of the entries {at} to {size - 1} some were changed"
            raise _BadError(what, "checkpoint", at)
        state.proven = max(state.proven, size)


def parse_key(text: str) -> tuple[str, bytes]:
    """A C2SP verifier key `name+hash+base64` -> (name, 32 bytes of an Ed25519 public key)."""
    try:
        name, given, encoded = text.strip().split("+", 2)
        data = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise _BadError("the key is not of the form name+hash+base64") from None
    if len(data) != 33 or data[0] != 1 or _key_hash(name, data[1:]).hex() != given:
        raise _BadError("the key does not match its own hash: it was copied wrongly, or is not an Ed25519 key")
    return name, data[1:]


def _key_hash(name: str, public: bytes) -> bytes:
    # SPEC: C2SP signed-note, "Signatures": SHA-256(name, newline, type, key), the first four bytes.
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def _open(data: bytes, name: str, public: bytes, what: str) -> tuple[int, bytes]:
    """The (size, root) of a checkpoint that the key signed."""
    try:
        text, signatures = _split(data)
        origin, size, root = text.split("\n")[:3]
    except ValueError:
        raise _BadError(f"{what} is not a signed note", what) from None
    if not any(_signed_by(line, name, public, text) for line in signatures):
        raise _BadError(f"{what} carries no valid signature of the key of {name}", what)
    if (
        origin != name
        or not (size.isascii() and size.isdigit())
        or str(int(size[:20])) != size
        or int(size) > SIZE_MOST
    ):
        raise _BadError(f"{what} is of {origin!r} with size {size[:20]!r}, not a checkpoint of {name}", what)
    digest = _exact_base64(root)
    if digest is None or len(digest) != 32:
        raise _BadError(f"{what} holds no root hash", what)
    return int(size), digest


def _split(data: bytes) -> tuple[str, list[str]]:
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
    blob = _exact_base64(parts[2]) if len(parts) == 3 else None
    if blob is None or parts[1] != name or blob[:4] != _key_hash(name, public):
        return False
    return ed25519_valid(public, text.encode(), blob[4:])


def _exact_base64(text: str) -> bytes | None:
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
    if len(arguments) < 2:
        print(__doc__)  # noqa: T201
        return 2

    def read(path: str) -> bytes | None:
        try:
            with open(f"{arguments[0]}/{path}", "rb") as file:  # noqa: PTH123  (no import: this room opens no files)
                return file.read(FILE_MOST)
        except (FileNotFoundError, NotADirectoryError):
            return None

    earlier: list[bytes] = []
    for path in arguments[2:]:
        with open(path, "rb") as file:  # noqa: PTH123
            earlier.append(file.read(NOTE_MOST + 1))
    verdict = verify(read, arguments[1], earlier)
    print(json.dumps(asdict(verdict), indent=2))  # noqa: T201
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
