"""A simulated device's secret in its own file, `<folder>/<device>.json`: for the demo's street only.

A real device's secret is shown once and kept by the device; the city keeps hashes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from cityward.adapters.keys.private import private_folder, read_private, write_private
from cityward.errors import LinkError
from cityward.ids import Id, is_id


class DeviceSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a device proves itself with. PEM texts where it has a certificate.

    command_key: by which it knows the city's commands, where it takes any (`commanding.public_text`). No secret.
    """

    device: Id
    password: str | None = None
    http_key: str | None = None
    certificate: str | None = None
    certificate_key: str | None = None
    command_key: str | None = None

    def __repr__(self) -> str:  # SECURITY: a secret printed by accident is a secret lost
        return f"DeviceSecret(device={self.device!r}, ...)"


def write_secrets(folder: Path, all_secrets: Iterable[DeviceSecret]) -> None:
    """Put each device's secret in its file, readable by its owner only.

    Raises:
        LinkError: a device's id is none, or the disk did not take it.
    """
    private_folder(folder)
    for secret in all_secrets:
        write_private(_path(folder, secret.device), msgspec.json.encode(secret))


def read_secret(folder: Path, device: str) -> DeviceSecret | None:
    """The device's secret; None when it has no file.

    Raises:
        LinkError: the file is not this device's, is damaged, or others may read it.
    """
    path = _path(folder, device)
    data = read_private(path)
    if data is None:
        return None
    try:
        secret = msgspec.json.decode(data, type=DeviceSecret)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LinkError("the device's secret is damaged", where=str(path), mend="issue a new one") from error
    if secret.device != device:
        raise LinkError(f"the file holds the secret of {secret.device}", where=str(path), mend="issue a new one")
    return secret


def forget_secret(folder: Path, device: str) -> None:
    """Remove the device's file, if there is one."""
    _path(folder, device).unlink(missing_ok=True)


def _path(folder: Path, device: str) -> Path:
    # SECURITY: an id holds no slash and no dot, so the name stays in the folder.
    if not is_id(device):
        raise LinkError(f"{device[:80]!r} is not a device id")
    return folder / f"{device}.json"
