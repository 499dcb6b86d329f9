"""What the command line does with the devices of a city, running or not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cityward.adapters.keys.private import write_private
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


def add_device(state: Path, device: str, folder: Path | None = None) -> dict[str, str]:
    """What the device must be given, by name: `secret`, or `http_key` with the paths of `certificate`, `key` and `ca`.

    A certificate and its key are put into `folder`, the key for its owner only.

    Raises:
        PlaceError: it is not declared.
        LinkError: the files could not be written.
    """
    home = Home(state)
    setting = open_setting(home)
    place = setting.loaded.place.place
    made = add(home, place, setting.registry, setting.state, device, datetime.now(UTC))
    if made.certificate is None or made.certificate_key is None:
        return {"secret": made.password or ""}
    files = {name: (folder or Path()) / f"{device}.{name}" for name in ("pem", "key")}
    write_private(files["key"], made.certificate_key.encode())
    write_private(files["pem"], made.certificate.encode(), mode=0o644)
    ca = home.keys / "ca.pem"
    paths = {"certificate": str(files["pem"]), "key": str(files["key"]), "ca": str(ca)}
    return {"http_key": made.http_key or "", **paths}


def revoke_device(state: Path, device: str, now_us: int) -> bool:
    """False when the device had no active credential."""
    return open_setting(Home(state)).state.revoke(device, now_us)
