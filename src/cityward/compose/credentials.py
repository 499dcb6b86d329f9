"""Issues and revokes what devices prove themselves with."""

from __future__ import annotations

from collections.abc import Sequence

from cityward.adapters.keys.bundle import DeviceSecret, write_secrets
from cityward.adapters.keys.secrets import issue
from cityward.adapters.stores.state import SqlState
from cityward.compose.home import Home
from cityward.errors import PlaceError
from cityward.place.registry import Registry


def issue_missing(home: Home, registry: Registry, state: SqlState, now_us: int) -> int:
    """Give every unit that speaks or obeys, and has no credential yet, one of its own, kept for the simulated street.

    Returns how many were issued. A revoked unit stays revoked.
    """
    known = {row.device for row in state.all()}
    new = [u.id for u in registry.units if u.id not in known and (u.flow >= 0 or registry.models[u.model].commands)]
    return len(issue_for(home, state, new, now_us))


def issue_for(home: Home, state: SqlState, devices: Sequence[str], now_us: int) -> list[DeviceSecret]:
    """New secrets for these devices, kept on disk for the simulated street; the city itself keeps hashes."""
    made = issue(devices, now_us)
    write_secrets(home.device_secrets, [secret for secret, _ in made])
    state.issue([row for _, row in made])
    return [secret for secret, _ in made]


def add_device(registry: Registry, state: SqlState, device: str, now_us: int) -> DeviceSecret:
    """A new secret for a declared device, to be shown once and kept by nobody but the device.

    Raises:
        PlaceError: the device is not declared.
    """
    if device not in registry.unit_index:
        raise PlaceError(f"`{device}` is not declared", mend="declare it in the place, then add it")
    [(secret, row)] = issue([device], now_us)
    state.issue([row])
    return secret
