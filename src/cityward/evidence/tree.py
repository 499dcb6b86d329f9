"""The Merkle tree of RFC 6962: hashes, a range that grows, proofs and their checks.

Here is arithmetic on hashes only. Where hashes are kept is `tiles`; who signs a root is `checkpoint`.

Theory of operation. A tree of n leaves is cut into complete subtrees, one per set bit of n, largest first. A
`CompactRange` holds the hashes of just those: all that is needed to append and to tell the root. A node is named by
`(height, position)`: the subtree of 2**height leaves that begins at leaf position * 2**height.

INVARIANTS
- A range of n leaves holds popcount(n) hashes: memory is O(log n).
- A root, an inclusion proof and a consistency proof are those of RFC 6962 section 2.1, bit for bit.
- A check raises `EvidenceError`; it never answers with a bool that a caller may forget to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from cityward.errors import EvidenceError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()  # SPEC: RFC 6962 2.1, the hash of an empty list

Node = tuple[int, int, bytes]
"""height, position, hash."""

NodeReader = Callable[[int, int], bytes]
"""(height, position) -> the hash of that complete subtree."""


def leaf_hash(entry: bytes) -> bytes:
    """SPEC: RFC 6962 2.1. The prefix keeps a leaf from passing for a node."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SPEC: RFC 6962 2.1."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The tree's right edge: grows by one leaf in amortised constant time.

    >>> CompactRange().root() == EMPTY_ROOT
    True
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """A range as it stood: `hashes` of its complete subtrees, largest first.

        Raises:
            EvidenceError: not one hash per set bit of `size`.
        """
        if len(hashes) != size.bit_count():
            raise EvidenceError(f"a tree of {size} leaves has {size.bit_count()} subtrees, not {len(hashes)}")
        self.size = size
        self._hashes = list(hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The hashes of the complete subtrees, largest first."""
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> list[Node]:
        """Add a leaf's hash; the nodes it completed, lowest first, itself included."""
        position, height, made = self.size, 0, [(0, self.size, leaf)]
        while position & 1:
            leaf = node_hash(self._hashes.pop(), leaf)
            position, height = position >> 1, height + 1
            made.append((height, position, leaf))
        self._hashes.append(leaf)
        self.size += 1
        return made

    def root(self) -> bytes:
        """The hash of the whole tree."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            root = node_hash(left, root)
        return root


def subtrees(size: int) -> Iterator[tuple[int, int]]:
    """(height, position) of the complete subtrees a tree of `size` leaves is cut into, largest first."""
    return cover(0, size)


def cover(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """(height, position) of the fewest complete subtrees over the leaves begin..end, left to right.

    `begin` must be a multiple of the largest power of two that fits, as it is for every half of an RFC 6962 tree.
    """
    while begin < end:
        height = (end - begin).bit_length() - 1
        yield height, begin >> height
        begin += 1 << height


def range_at(size: int, node: NodeReader) -> CompactRange:
    """The range of a tree whose nodes are kept elsewhere."""
    return CompactRange(size, [node(height, position) for height, position in subtrees(size)])


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves, lowest first.

    Source: RFC 6962 section 2.1.1.

    Raises:
        EvidenceError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise EvidenceError(f"entry {index} is not in a log of {size} entries")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_hash_over(middle, end, node))
            end = middle
        else:
            path.append(_hash_over(begin, middle, node))
            begin = middle
    return path[::-1]


def consistency_proof(old: int, size: int, node: NodeReader) -> list[bytes]:
    """The proof that the first `old` leaves of the tree of `size` leaves are the old tree, lowest first.

    Source: RFC 6962 section 2.1.2. Empty when `old` is 0 or `size`: there is nothing to show.

    Raises:
        EvidenceError: the old tree is larger than the tree.
    """
    if not 0 <= old <= size:
        raise EvidenceError(f"a log of {size} entries has no earlier state of {old} entries")
    path: list[bytes] = []
    begin, end, known = 0, size, True  # `known`: the verifier holds the old tree's root for begin..old
    while 0 < old < end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(_hash_over(middle, end, node))
            end = middle
        else:
            path.append(_hash_over(begin, middle, node))
            begin, known = middle, False
    if not known:
        path.append(_hash_over(begin, end, node))
    return path[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf (its hash) stands at `index` of the tree of `size` leaves with this root.

    Source: RFC 9162 section 2.1.3.2 (the same proof as RFC 6962, with the check spelled out).

    Raises:
        EvidenceError: it does not.
    """
    if not 0 <= index < size:
        raise EvidenceError(f"entry {index} is not in a log of {size} entries")
    found, last = leaf, size - 1
    for step in proof:
        if last == 0:
            raise EvidenceError(f"the inclusion proof of entry {index} has {len(proof)} steps: too many")
        if index & 1 or index == last:
            found = node_hash(step, found)
            index, last = _skip_right_edge(index, last)
        else:
            found = node_hash(found, step)
        index, last = index >> 1, last >> 1
    if last != 0 or found != root:
        raise EvidenceError(f"the inclusion proof leads to root {found.hex()}, the checkpoint has {root.hex()}")


def check_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `size` leaves grew out of the old one by appending only.

    Source: RFC 9162 section 2.1.4.2.

    Raises:
        EvidenceError: it did not, or the proof does not show it.
    """
    if not 0 <= old <= size:
        raise EvidenceError(f"the log shrank from {old} to {size} entries")
    if old in (0, size):
        expected = EMPTY_ROOT if old == 0 else root
        if proof or old_root != expected:
            raise EvidenceError(f"the roots of {old} and {size} entries do not belong to one log")
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise EvidenceError("the consistency proof is empty")
    index, last = old - 1, size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old_found = found = path[0]
    for step in path[1:]:
        if last == 0:
            raise EvidenceError("the consistency proof has too many steps")
        if index & 1 or index == last:
            old_found, found = node_hash(step, old_found), node_hash(step, found)
            index, last = _skip_right_edge(index, last)
        else:
            found = node_hash(found, step)
        index, last = index >> 1, last >> 1
    if last != 0 or old_found != old_root or found != root:
        raise EvidenceError(f"the log of {size} entries did not grow out of the log of {old} entries")


def _split(size: int) -> int:
    """The largest power of two below `size`: where RFC 6962 cuts a tree in two."""
    return 1 << (size - 1).bit_length() - 1


def _hash_over(begin: int, end: int, node: NodeReader) -> bytes:
    hashes = [node(height, position) for height, position in cover(begin, end)]
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def _skip_right_edge(index: int, last: int) -> tuple[int, int]:
    """Climb past the levels where the node has no right sibling to hash with."""
    while not index & 1 and index:
        index, last = index >> 1, last >> 1
    return index, last
