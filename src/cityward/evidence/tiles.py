"""The log's layout in files: hash tiles and entry bundles of 256, as C2SP tlog-tiles lays them out.

    checkpoint                       the newest signed root
    tile/<level>/<n>                 256 hashes: of level 0 the entries', of level l the roots of the tiles below
    tile/entries/<n>                 256 entries, each with its length (two bytes, big-endian) before it
    ... .p/<width>                   the same, while it holds `width` < 256

Pure: a path is a string, a write is a value that an adapter carries out. The one liberty on disk: a tile that is not
yet full grows under its *full* name (one file to append to and to sync, instead of a copy per append). A reader that
asks for `.p/<width>` gets the beginning of it (`asked`); that is the fallback the specification gives every client.

INVARIANTS
- A tile's bytes are only ever appended to. What a signed root covers is never written again.
- A bundle without a surplus parses to exactly the entries that were packed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cityward.errors import EvidenceError
from cityward.evidence.tree import HASH_SIZE, CompactRange, NodeReader, leaf_hash, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
ENTRY_MOST = 0xFFFF  # SPEC: tlog-tiles, "Log Entries": the length is a uint16

_PATH = re.compile(r"^tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?$")


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that belong into the file at `path` from `offset` on. `fills`: the file is full after it, for ever."""

    path: str
    offset: int
    data: bytes
    fills: bool


def tile_path(level: int, n: int, width: int = WIDTH) -> str:
    """The path of a hash tile.

    >>> tile_path(0, 1234067), tile_path(1, 5, 7)
    ('tile/0/x001/x234/067', 'tile/1/005.p/7')
    """
    return f"tile/{level}/{_number(n)}{_partial(width)}"


def entries_path(n: int, width: int = WIDTH) -> str:
    """The path of an entry bundle."""
    return f"tile/entries/{_number(n)}{_partial(width)}"


def is_tile_path(path: str) -> bool:
    """Whether the path is one of this layout: the only ones a reader need open."""
    return _PATH.fullmatch(path) is not None


def asked(path: str, read: Callable[[str], bytes | None]) -> bytes | None:
    """What a client of the specification gets for a path, when partial tiles are kept under their full names.

    Raises:
        EvidenceError: a bundle that cannot be parsed.
    """
    found = _PATH.fullmatch(path)
    if found is None or found[3] is None:
        return read(path)
    width, data = int(found[3]), read(path.partition(".p/")[0])
    if data is None or width >= WIDTH:
        return None
    if found[1] != "entries":
        return data[: width * HASH_SIZE] if len(data) >= width * HASH_SIZE else None
    entries, _ = unpack(data)
    return pack(entries[:width]) if len(entries) >= width else None


def pack(entries: Iterable[bytes]) -> bytes:
    """Entries as they stand in a bundle.

    Raises:
        EvidenceError: an entry is empty, or longer than `ENTRY_MOST` bytes.
    """
    parts: list[bytes] = []
    for entry in entries:
        if not 0 < len(entry) <= ENTRY_MOST:
            raise EvidenceError(f"an entry of {len(entry)} bytes; 1 to {ENTRY_MOST} fit", mend="split the record")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def unpack(data: bytes, most: int = WIDTH) -> tuple[list[bytes], bytes]:
    """The whole entries at the beginning of the data, at most `most`, and the bytes that are left.

    A length of zero ends the entries: a disk that lost power may leave zeros, and no record is empty.
    """
    entries: list[bytes] = []
    at = 0
    while len(entries) < most:
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end <= at + 2 or end > len(data):
            break
        entries.append(data[at + 2 : end])
        at = end
    return entries, data[at:]


def hash_writes(edge: CompactRange, leaves: Sequence[bytes]) -> list[Write]:
    """Append leaf hashes to the range; what that appends to the hash tiles, at most one write per tile, in order."""
    grown: dict[tuple[int, int], list[bytes]] = {}
    offsets: dict[tuple[int, int], int] = {}
    for leaf in leaves:
        for height, position, digest in edge.append(leaf):
            if height % HEIGHT == 0:
                tile = (height // HEIGHT, position // WIDTH)
                offsets.setdefault(tile, position % WIDTH)
                grown.setdefault(tile, []).append(digest)
    return [
        Write(tile_path(*tile), offsets[tile] * HASH_SIZE, b"".join(hashes), offsets[tile] + len(hashes) == WIDTH)
        for tile, hashes in grown.items()
    ]


def entry_runs(first: int, entries: Sequence[bytes]) -> list[tuple[int, Sequence[bytes]]]:
    """(bundle, entries) for entries that are to stand at `first`, `first` + 1, ..."""
    runs: list[tuple[int, Sequence[bytes]]] = []
    at = 0
    while at < len(entries):
        room = WIDTH - (first + at) % WIDTH
        runs.append(((first + at) // WIDTH, entries[at : at + room]))
        at += room
    return runs


def node_reader(tile: Callable[[int, int], bytes]) -> NodeReader:
    """Nodes out of tiles: `tile(level, n)` gives the hashes of a tile, as many as there are.

    Raises (when called):
        EvidenceError: the tile is too short to hold the node.
    """

    def node(height: int, position: int) -> bytes:
        level, inner = divmod(height, HEIGHT)
        first = position << inner
        n, begin = divmod(first, WIDTH)
        hashes = tile(level, n)[begin * HASH_SIZE : (begin + (1 << inner)) * HASH_SIZE]
        if len(hashes) != HASH_SIZE << inner:
            raise EvidenceError(
                f"hash {first} of level {level} is missing",
                where=tile_path(level, n),
                mend="run `cityward verify`; restore the log from a copy",
            )
        return fold(hashes)

    return node


def fold(hashes: bytes) -> bytes:
    """The root over 2**k hashes that stand side by side."""
    row = [hashes[i : i + HASH_SIZE] for i in range(0, len(hashes), HASH_SIZE)]
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def leaves_of(entries: Iterable[bytes]) -> list[bytes]:
    """The leaf hash of each entry."""
    return [leaf_hash(entry) for entry in entries]


def _number(n: int) -> str:
    # SPEC: tlog-tiles, "Parameters": three digits per path element, all but the last with an x before them.
    digits = str(n)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"
