"""What a simulated device proves itself with, read anew each time from its own file (`keys.bundle`)."""

from __future__ import annotations

from pathlib import Path

from cityward.adapters.keys.bundle import DeviceSecret, read_secret
from cityward.adapters.keys.commanding import verifier
from cityward.errors import LinkError
from cityward.runtime.commands import Verify


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


def checked_by(folder: Path, device: str) -> Verify:
    """What the device checks commands by: the city's key that stands in its file, looked up at each command.

    Where there is none, or none that can be read, no command is the city's.
    """

    def good(message: bytes, signature: bytes) -> bool:
        try:
            return verifier(secret_of(folder, device).command_key)(message, signature)
        except LinkError:
            return False

    return good


def http_key_of(folder: Path, device: str) -> str:
    """The device's HTTP key.

    Raises:
        LinkError: it has none.
    """
    key = secret_of(folder, device).http_key
    if key is None:
        raise LinkError(f"`{device}` has no HTTP key", where=str(folder))
    return key
