"""Whole logs in memory and on disk, made from entries, and the Merkle tree of RFC 6962 written down as the RFC defines it.

The tree here shares nothing with `cityward.evidence`: it is the oracle.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.evidence.checkpoint import Checkpoint, LogKey, Signer, signed
from cityward.evidence.tiles import entries_path, entry_runs, hash_writes, leaves_of, pack
from cityward.evidence.tree import CompactRange

ORIGIN = "doggerford/worker-0"
Files = dict[str, bytes]


def signer(seed: int) -> Signer:
    """A key that is the same in every run."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer(private.public_key().public_bytes_raw(), private.sign)


def log_of(entries: Sequence[bytes], *, seed: int = 1, origin: str = ORIGIN) -> Files:
    """The files of a log."""
    files: Files = {}
    edge = CompactRange()
    for write in hash_writes(edge, leaves_of(entries)):
        files[write.path] = files.get(write.path, b"") + write.data
    for bundle, run in entry_runs(0, entries):
        files[entries_path(bundle)] = pack(run)
    key = signer(seed)
    files["checkpoint"] = signed(Checkpoint(origin, len(entries), edge.root()), key)
    files["checkpoint.synced"] = files["checkpoint"]
    files["log.vkey"] = f"{LogKey(origin, key.public).text()}\n".encode()
    return files


def put(files: Files, folder: Path) -> Path:
    """The files in a folder."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


# -- RFC 6962 section 2.1, word for word ----------------------------------------------------------------------------


def _split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def tree_head(entries: Sequence[bytes]) -> bytes:
    """MTH(D[n])."""
    n = len(entries)
    if n == 0:
        return sha256().digest()
    if n == 1:
        return sha256(bytes([0]) + entries[0]).digest()
    k = _split(n)
    return sha256(bytes([1]) + tree_head(entries[:k]) + tree_head(entries[k:])).digest()


def audit_path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    n = len(entries)
    if n == 1:
        return []
    k = _split(n)
    if m < k:
        return [*audit_path(m, entries[:k]), tree_head(entries[k:])]
    return [*audit_path(m - k, entries[k:]), tree_head(entries[:k])]


def proof_between(m: int, entries: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b); PROOF(m, D[n]) is that of the whole tree."""
    n = len(entries)
    if m == n:
        return [] if whole else [tree_head(entries)]
    k = _split(n)
    if m <= k:
        return [*proof_between(m, entries[:k], whole), tree_head(entries[k:])]
    return [*proof_between(m - k, entries[k:], False), tree_head(entries[:k])]
