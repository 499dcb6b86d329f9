"""What a simulated device proves itself with, read anew each time from its own file (`keys.bundle`)."""

from __future__ import annotations

from pathlib import Path

from cityward.adapters.keys.bundle import DeviceSecret, read_secret
from cityward.errors import LinkError


def secret_of(folder: Path, device: str) -> DeviceSecret:
    """The device's secret.

    Raises:
        LinkError: there is none here, or its file is not what it should be.
    """
    secret = read_secret(folder, device)
    if secret is None:
        raise LinkError(
            f"the secret of `{device}` is not here",
            where=str(folder),
            mend="secrets are kept for simulated devices only: run with --simulate, or replay with --issue",
        )
    return secret


def password_of(folder: Path, device: str) -> str:
    """The device's MQTT password.

    Raises:
        LinkError: it has none.
    """
    password = secret_of(folder, device).password
    if password is None:
        raise LinkError(f"`{device}` has no password", where=str(folder))
    return password


def http_key_of(folder: Path, device: str) -> str:
    """The device's HTTP key.

    Raises:
        LinkError: it has none.
    """
    key = secret_of(folder, device).http_key
    if key is None:
        raise LinkError(f"`{device}` has no HTTP key", where=str(folder))
    return key
