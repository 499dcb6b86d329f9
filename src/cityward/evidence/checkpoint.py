"""A signed statement of what the log is: C2SP checkpoints in signed notes.

    doggerford/worker-0            the log's origin
    1234                           how many entries
    CsUYapGGPo4dkMgIAUqom/Xa...    the tree's root, base64

    — doggerford/worker-0 9ZTO...  one line per signature

Pure: signing is an argument, checking is `verifier.ed25519_valid`. Which roots may be signed is the ledger's business.

INVARIANTS
- The key's name is the log's origin: a checkpoint of one log never passes for another's.
- `opened(signed(c, s), s.key) == c`, and any changed byte of the note raises.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from cityward.errors import EvidenceError
from cityward.evidence.tree import HASH_SIZE
from cityward.evidence.verifier import ed25519_valid, fingerprint

NOTE_MOST = 65_536
_ED25519 = b"\x01"  # SPEC: C2SP signed-note, "Signature types"
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: its origin, its number of entries, its root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed. SPEC: C2SP tlog-checkpoint."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class LogKey:
    """Who signs a log: its origin and its Ed25519 public key (32 bytes)."""

    origin: str
    public: bytes

    @property
    def key_hash(self) -> bytes:
        """SPEC: C2SP signed-note, "Signatures": tells keys apart, proves nothing."""
        return sha256(self.origin.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def fingerprint(self) -> str:
        """What people compare."""
        return fingerprint(self.public)

    def text(self) -> str:
        """As it is handed to those who verify: `origin+hash+base64`."""
        return f"{self.origin}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs: the public half (32 bytes), and bytes -> 64 bytes of Ed25519 signature."""

    public: bytes
    sign: Callable[[bytes], bytes]


def check_origin(origin: str) -> None:
    """Check that a text may name a log.

    Raises:
        EvidenceError: empty, too long, or with a space, a plus or a control character in it.
    """
    if not 0 < len(origin) <= 255 or any(c == "+" or c.isspace() or not c.isprintable() for c in origin):
        raise EvidenceError(f"{origin[:80]!r} cannot name a log", mend="use a name like doggerford/worker-0")


def parse_key(text: str) -> LogKey:
    """The inverse of `LogKey.text`.

    Raises:
        EvidenceError: not a key, or not one that matches its own hash.
    """
    origin, _, rest = text.strip().partition("+")
    data = _from_base64(rest.partition("+")[2])
    key = LogKey(origin, (data or b"")[1:])
    if data is None or len(key.public) != 32 or key.text() != text.strip():
        raise EvidenceError("the key is damaged, or no Ed25519 log key", mend="copy the whole line origin+hash+base64")
    return key


def signed(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """The checkpoint as a signed note.

    Raises:
        EvidenceError: the origin cannot name a log.
    """
    check_origin(checkpoint.origin)
    text = checkpoint.text()
    blob = LogKey(checkpoint.origin, signer.public).key_hash + signer.sign(text.encode())
    return f"{text}\n{_DASH}{checkpoint.origin} {base64.b64encode(blob).decode()}\n".encode()


def opened(note: bytes, key: LogKey) -> Checkpoint:
    """The checkpoint of a note that the key signed. Other signatures (of witnesses) are passed over.

    Raises:
        EvidenceError: not a note, not signed by the key, or not a checkpoint of the key's log.
    """
    text, lines = note_parts(note)
    if not any(_is_of(line, key, text) for line in lines):
        raise EvidenceError(f"the checkpoint carries no valid signature of the key of {key.origin}", mend=_MEND)
    checkpoint = _checkpoint(text)
    if checkpoint.origin != key.origin:
        raise EvidenceError(f"the checkpoint is of {checkpoint.origin}, the key of {key.origin}", mend=_MEND)
    return checkpoint


_MEND = "stop and investigate; compare with a copy of the log"


def told_by(note: bytes) -> Checkpoint:
    """What a note says, whoever signed it: to find the key by which it is to be opened.

    Raises:
        EvidenceError: not a note, or not a checkpoint.
    """
    return _checkpoint(note_parts(note)[0])


def note_parts(note: bytes) -> tuple[str, list[str]]:
    """A note's text (with its last line end) and its signature lines.

    Raises:
        EvidenceError: not a signed note.
    """
    try:
        text, gap, rest = note[: NOTE_MOST + 1].decode().rpartition("\n\n")
    except UnicodeDecodeError:
        text, gap, rest = "", "", ""
    lines = rest.removesuffix("\n").split("\n")
    whole = len(note) <= NOTE_MOST and gap and rest.endswith("\n") and all(line.startswith(_DASH) for line in lines)
    if not whole:
        raise EvidenceError("the checkpoint is not a signed note", mend=_MEND)
    return text + "\n", lines


def _is_of(line: str, key: LogKey, text: str) -> bool:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    blob = _from_base64(encoded)
    if name != key.origin or blob is None or blob[:4] != key.key_hash:
        return False
    return ed25519_valid(key.public, text.encode(), blob[4:])


def _checkpoint(text: str) -> Checkpoint:
    """SPEC: C2SP tlog-checkpoint. Extension lines are allowed and passed over."""
    origin, size, root, *_ = [*text.split("\n"), "", ""]
    digest = _from_base64(root)
    if not size.isascii() or not size.isdigit() or len(size) > 18 or str(int(size)) != size:
        raise EvidenceError(f"the checkpoint's size is {size[:20]!r}", mend=_MEND)
    if digest is None or len(digest) != HASH_SIZE:
        raise EvidenceError("the checkpoint holds no root", mend=_MEND)
    return Checkpoint(origin, int(size), digest)


def _from_base64(text: str) -> bytes | None:
    """Decoded; None unless written canonically: one signature must not have two spellings."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if base64.b64encode(data).decode() == text else None
