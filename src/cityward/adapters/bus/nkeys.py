"""NATS keys: Ed25519 keys written as base32, with a letter that says what they are for and a checksum.

Lives here: making, reading and signing. Does not live here: what is signed (`jwt`), where a key is kept.

# SPEC: nats-io/nkeys: one byte of kind (its upper five bits are the first letter), 32 bytes of key, CRC-16/XMODEM, little-endian.
"""

from __future__ import annotations

import base64
import binascii
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LENGTH = 56
"""Characters of a public key."""


class Kind(IntEnum):
    """What a key is for; its value is the first byte, and so the first letter."""

    ACCOUNT = 0  # A
    SERVER = 13 << 3  # N
    USER = 20 << 3  # U


class Signer:
    """A private key of one kind."""

    def __init__(self, key: Ed25519PrivateKey, kind: Kind) -> None:
        self._key = key
        self.public = written(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), kind)

    @classmethod
    def of(cls, seed: bytes, kind: Kind) -> Signer:
        """The key of a seed of 32 random bytes.

        Raises:
            ValueError: not 32 bytes.
        """
        return cls(Ed25519PrivateKey.from_private_bytes(seed), kind)

    def sign(self, data: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(data)


def written(raw: bytes, kind: Kind) -> str:
    """A public key of 32 bytes as text."""
    data = bytes([kind]) + raw
    return base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode().rstrip("=")


def read(text: str, kind: Kind) -> bytes:
    """The 32 bytes of a public key.

    Raises:
        ValueError: it is not one, not of this kind, or its checksum is wrong.
    """
    if len(text) != LENGTH:
        raise ValueError(f"a key has {LENGTH} characters, this one {len(text)}")
    data = base64.b32decode(text)  # 35 bytes: 56 characters need no padding
    body, check = data[:-2], int.from_bytes(data[-2:], "little")
    if binascii.crc_hqx(body, 0) != check:
        raise ValueError("the key's checksum is wrong")
    if body[0] != kind:
        raise ValueError(f"the key is not one of a {kind.name.lower()}")
    return body[1:]


def verify(public: str, kind: Kind, signature: bytes, data: bytes) -> None:
    """Return when the signature is the key's.

    Raises:
        ValueError: it is not, or the key is none.
    """
    try:
        Ed25519PublicKey.from_public_bytes(read(public, kind)).verify(signature, data)
    except InvalidSignature:
        raise ValueError("the signature is not the key's") from None
