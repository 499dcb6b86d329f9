"""Cosignatures: a witness's signed word that a checkpoint continues all it saw of that log before.

    — witness.example/clerk jWbPPwAAAABkGFDL...     key id, eight bytes of time, 64 of Ed25519 signature

Pure: signing and the time are arguments. Checking is `verifier.cosigned_at`, the same as an outsider does.
What a witness checks before it signs is `witness`.

INVARIANT: what is signed begins with `cosignature/v1`, so no cosignature ever passes for a log's own signature.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cityward.errors import EvidenceError
from cityward.evidence.checkpoint import Signer, check_origin, note_parts
from cityward.evidence.verifier import COSIGNATURE, FORGED, BadError, cosigned_at, fingerprint, parse_key

_TYPE = bytes([COSIGNATURE])


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """Who vouches: a name (a URL without its scheme, by custom) and an Ed25519 public key (32 bytes)."""

    name: str
    public: bytes

    @property
    def key_hash(self) -> bytes:
        """SPEC: C2SP tlog-cosignature, "Format": SHA-256(name, newline, 0x04, key), the first four bytes."""
        return sha256(self.name.encode() + b"\n" + _TYPE + self.public).digest()[:4]

    @property
    def fingerprint(self) -> str:
        """What people compare."""
        return fingerprint(self.public)

    def text(self) -> str:
        """As it is handed to those who verify: `name+hash+base64`."""
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(_TYPE + self.public).decode()}"


def parse_witness_key(text: str) -> WitnessKey:
    """The inverse of `WitnessKey.text`.

    Raises:
        EvidenceError: not a key of a witness, or not one that matches its own hash.
    """
    try:
        key = WitnessKey(*parse_key(text, COSIGNATURE))
    except BadError as error:
        raise EvidenceError(error.what, mend="copy the whole line name+hash+base64 that the witness gave you") from None
    check_origin(key.name)
    return key


def cosigned(note: bytes, name: str, signer: Signer, at_s: int) -> str:
    """The line by which a witness co-signs a checkpoint, with its line end.

    Args:
        note: the checkpoint as its log signed it.
        name: the witness's.
        signer: the witness's key; used for nothing else.
        at_s: when, seconds since 1970.

    Raises:
        EvidenceError: not a signed note.
    """
    text, _ = note_parts(note)
    # SPEC: C2SP tlog-cosignature, "Ed25519 signed message"
    proof = signer.sign(f"cosignature/v1\ntime {at_s}\n{text}".encode())
    blob = WitnessKey(name, signer.public).key_hash + at_s.to_bytes(8, "big") + proof
    return f"\u2014 {name} {base64.b64encode(blob).decode()}\n"


def vouched_at(lines: Sequence[str], note: bytes, key: WitnessKey) -> int | None:
    """When a witness co-signed the checkpoint by one of these lines, seconds since 1970; None where none of them is valid."""
    text, _ = note_parts(note)
    found = (cosigned_at(line, key.name, key.public, text) for line in lines)
    return max((at for at in found if at is not None and at != FORGED), default=None)


def with_lines(note: bytes, lines: Iterable[str], key: WitnessKey) -> bytes:
    """The checkpoint with the witness's valid lines behind those it bears; lines of other keys are left out.

    Raises:
        EvidenceError: none of the lines is a cosignature of this witness on this checkpoint.
    """
    text, here = note_parts(note)
    good = [line for line in lines if vouched_at([line], note, key) is not None and line not in here]
    if not good and vouched_at(here, note, key) is None:
        raise EvidenceError(
            f"{key.name} answered with no valid cosignature", mend="compare its key with the declared one"
        )
    return (text + "\n" + "".join(f"{line}\n" for line in [*here, *good[:1]])).encode()
