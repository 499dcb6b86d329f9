"""A city's command key for tests: signs as the role `service` does, and checks as an actuator does."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.adapters.keys.commanding import encoder, public_text, verifier
from cityward.evidence.checkpoint import Signer


def _signer(seed: int) -> Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer(key.public_key().public_bytes_raw(), key.sign)


CITY = _signer(1)
"""The city's own, from a fixed seed."""

STRANGER = _signer(2)
"""Somebody else's."""

COMMAND_KEY = public_text(CITY)
as_sent, is_citys = encoder(CITY), verifier(COMMAND_KEY)
