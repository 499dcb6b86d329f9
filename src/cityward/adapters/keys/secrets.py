"""What a device proves itself with: one random secret, and the hashes of it that the city keeps.

The same secret is the MQTT password (kept as bcrypt, which is what the broker reads) and the HTTP key (kept as SHA-256,
which is looked up). It is shown once, or kept by a simulated device in its own file.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from hashlib import sha256

import bcrypt

from cityward.adapters.keys.bundle import DeviceSecret
from cityward.runtime.ports import CredentialRow

SECRET_BYTES = 24  # 192 bits; 32 characters, all of them safe in a URL, a header and a shell

BCRYPT_ROUNDS = 4
"""The lowest cost bcrypt has, on purpose. Slow hashing protects secrets that people chose and that can be guessed one by one.
192 random bits cannot be: at 10**12 guesses a second half of them take 10**38 years, whatever one guess costs. A high cost would
only let a street that reconnects at once (or an attacker with wrong passwords) occupy the broker: cost 10 is 50 ms of CPU each.
"""


def new_secret() -> str:
    """A secret nobody chose."""
    return secrets.token_urlsafe(SECRET_BYTES)


def bcrypt_of(secret: str) -> str:
    """As the broker keeps it.

    Raises:
        ValueError: not one of ours: bcrypt would cut it at 72 bytes, and a short one can be guessed.
    """
    if not 32 <= len(secret.encode()) <= 72:
        raise ValueError(f"a device's secret has 32 to 72 bytes, this one {len(secret.encode())}")
    # SPEC: $2a$ and $2b$ differ only for inputs over 255 bytes; $2a$ is what every version of the broker knows as a hash.
    return bcrypt.hashpw(secret.encode(), bcrypt.gensalt(BCRYPT_ROUNDS, prefix=b"2a")).decode()


def sha256_of(secret: str) -> bytes:
    """As the web door looks it up."""
    return sha256(secret.encode()).digest()


def issue(devices: Iterable[str], now_us: int) -> list[tuple[DeviceSecret, CredentialRow]]:
    """A new secret for each device, and what the city keeps of it. Some 1 ms each."""
    return [_issued(device, new_secret(), now_us) for device in devices]


def _issued(device: str, secret: str, now_us: int) -> tuple[DeviceSecret, CredentialRow]:
    row = CredentialRow(
        device=device,
        password_bcrypt=bcrypt_of(secret),
        key_sha256=sha256_of(secret),
        certificate_sha256=None,
        state="active",
        issued_at=now_us,
    )
    return DeviceSecret(device=device, password=secret, http_key=secret), row
