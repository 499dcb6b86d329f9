"""What the command line does with the devices of a city, running or not."""

from __future__ import annotations

from pathlib import Path

from cityward.compose.credentials import add_device as add
from cityward.compose.home import Home
from cityward.compose.setting import open_setting
from cityward.time import iso


def device_rows(state: Path) -> list[dict[str, str | None]]:
    """Every declared unit: device, status, credential (active, revoked, none), when it was last heard."""
    setting = open_setting(Home(state))
    credentials = {row.device: row.state for row in setting.state.all()}
    seen = setting.state.seen()
    return [
        {
            "device": unit.id,
            "status": str(unit.status),
            "credential": credentials.get(unit.id, "none"),
            "last_seen": iso(seen[unit.id]) if unit.id in seen else None,
        }
        for unit in setting.registry.units
    ]


def add_device(state: Path, device: str, now_us: int) -> str:
    """The device's new secret.

    Raises:
        PlaceError: it is not declared.
    """
    setting = open_setting(Home(state))
    secret = add(setting.registry, setting.state, device, now_us)
    assert secret.password is not None
    return secret.password


def revoke_device(state: Path, device: str, now_us: int) -> bool:
    """False when the device had no active credential."""
    return open_setting(Home(state)).state.revoke(device, now_us)
