"""Each simulated device's own secret, from its own file: `<device>.json` with `password` and, where it posts, `http_key`.

SECURITY: a file that others than its owner may read is not used; secrets stay out of messages and logs.
"""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec

from cityward.errors import LinkError
from cityward.ids import is_id

_LARGEST = 4096


class DeviceSecret(msgspec.Struct, frozen=True, kw_only=True):
    """What a device proves itself with."""

    device: str
    password: str | None = None
    http_key: str | None = None

    def __repr__(self) -> str:
        return f"DeviceSecret(device={self.device!r}, ...)"


def read_secret(folder: Path, device: str) -> DeviceSecret:
    """The device's secret.

    Raises:
        LinkError: there is none, or its file is not what it should be.
    """
    path = folder / f"{device}.json"
    if not is_id(device):
        raise LinkError(f"{device[:80]!r} is not a device id")
    try:
        about = path.stat()
        if stat.S_IMODE(about.st_mode) & 0o077:
            raise LinkError("others may read this credential", where=str(path), mend=f"chmod 600 {path}")
        if about.st_size > _LARGEST:
            raise LinkError("this credential is too large to be one", where=str(path))
        secret = msgspec.json.decode(path.read_bytes(), type=DeviceSecret)
    except (OSError, msgspec.MsgspecError) as problem:
        raise LinkError(
            f"`{device}` has no readable credential ({type(problem).__name__})",
            where=str(path),
            mend="cityward device add, or cityward run once",
        ) from problem
    if secret.device != device:
        raise LinkError(f"the credential is `{secret.device}`'s, not `{device}`'s", where=str(path))
    return secret


def password_of(folder: Path, device: str) -> str:
    """The device's MQTT password.

    Raises:
        LinkError: it has none.
    """
    password = read_secret(folder, device).password
    if password is None:
        raise LinkError(f"`{device}` has no password", where=str(folder / f"{device}.json"))
    return password


def http_key_of(folder: Path, device: str) -> str:
    """The device's HTTP key.

    Raises:
        LinkError: it has none.
    """
    key = read_secret(folder, device).http_key
    if key is None:
        raise LinkError(f"`{device}` has no HTTP key", where=str(folder / f"{device}.json"))
    return key
