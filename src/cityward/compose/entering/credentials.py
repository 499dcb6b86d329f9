"""Issues and revokes what devices prove themselves with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from msgspec import structs

from cityward.adapters.keys.authority import client_certificates, open_authority
from cityward.adapters.keys.bundle import DeviceSecret, read_secret, write_secrets
from cityward.adapters.keys.commanding import public_half, tell_public
from cityward.adapters.keys.secrets import issue
from cityward.adapters.stores.state import SqlState
from cityward.compose.home import Home
from cityward.errors import PlaceError
from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.runtime.ports import CredentialRow
from cityward.time import to_us

MISSING = ("lost", "stolen")

Take = Callable[[Sequence[CredentialRow]], None]


def issue_missing(home: Home, registry: Registry, state: SqlState, now_us: int) -> int:
    """Give every unit that speaks or obeys, and has no credential yet, one of its own, kept for the simulated street.

    Returns how many were issued. A revoked unit stays revoked. Units with certificates are not simulated.
    Those that obey and were given their secret before the city had this command key are given the key.
    """
    _give_command_key(home, registry)
    known = {row.device for row in state.all()}
    new = [
        u.id
        for u in registry.units
        if u.id not in known and u.credential == "password" and (u.flow >= 0 or registry.models[u.model].commands)
    ]
    return len(issue_for(home, state, new, now_us))


def issue_for(home: Home, state: SqlState, devices: Sequence[str], now_us: int) -> list[DeviceSecret]:
    """New secrets for these devices, kept on disk for the simulated street; the city itself keeps hashes."""
    made = issue(devices, now_us)
    key = tell_public(home.keys)
    secrets = [structs.replace(secret, command_key=key) for secret, _ in made]
    write_secrets(home.device_secrets, secrets)
    state.issue([row for _, row in made])
    return secrets


def _give_command_key(home: Home, registry: Registry) -> None:
    key = tell_public(home.keys)
    obeying = (u.id for u in registry.units if registry.models[u.model].commands)
    held = (secret for unit in obeying if (secret := read_secret(home.device_secrets, unit)) is not None)
    write_secrets(
        home.device_secrets, [structs.replace(secret, command_key=key) for secret in held if secret.command_key != key]
    )


def speakers(place: Place) -> frozenset[str]:
    """The systems that speak for devices: each has an HTTP key of its own, and no way into the broker."""
    return frozenset(name for name, system in place.systems.items() if system.speaks_for)


def add_speaker(state: SqlState, system: str, now: datetime, take: Take) -> DeviceSecret:
    """A new HTTP key for a system that speaks for devices, to be shown once. A lost or stolen one stays so."""
    [(secret, row)] = issue([system], to_us(now))
    take([replace(row, password_bcrypt=None, state=_stays(state, system, row.state))])
    return DeviceSecret(device=system, http_key=secret.http_key)


def add_device(home: Home, place: str, registry: Registry, state: SqlState, device: str, now: datetime) -> DeviceSecret:
    """A new secret for a declared device, to be shown once and kept by nobody but the device: a password that is its HTTP key
    as well, or a certificate with its key and an HTTP key, as the declaration says.

    A lost or stolen device stays so.

    Raises:
        PlaceError: the device is not declared.
    """
    return _given(home, place, registry, state, device, now, state.issue)


def replace_secret(
    home: Home, place: str, registry: Registry, state: SqlState, device: str, now: datetime
) -> DeviceSecret:
    """As `add_device`, in place of what it has: a device that was taken away by any word stays so, and is told.

    Raises:
        PlaceError: the device is not declared, or was taken away meanwhile: what was made is worth nothing.
    """
    secret = _given(home, place, registry, state, device, now, state.reissue)
    by_now = next((row.state for row in state.all() if row.device == device), "active")
    if by_now not in {"active", *MISSING}:
        raise PlaceError(
            f"`{device}` was {by_now} meanwhile", mend=f"cityward device add {device}, if it is to come back"
        )
    return secret


def _given(
    home: Home,
    place: str,
    registry: Registry,
    state: SqlState,
    device: str,
    now: datetime,
    take: Take,
) -> DeviceSecret:
    number = registry.unit_index.get(device)
    if number is None:
        raise PlaceError(f"`{device}` is not declared", mend="declare it in the place, then add it")
    [(secret, row)] = issue([device], to_us(now))
    key = public_half(home.keys) if registry.models[registry.units[number].model].commands else None
    secret = structs.replace(secret, command_key=key)
    row = replace(row, state=_stays(state, device, row.state))
    if registry.units[number].credential == "certificate":
        [made] = client_certificates(open_authority(home.keys, place, now), [device], now)
        row = replace(row, password_bcrypt=None, certificate_sha256=made.sha256)
        secret = DeviceSecret(
            device=device,
            http_key=secret.http_key,
            certificate=made.certificate.decode(),
            certificate_key=made.key.decode(),
            command_key=key,
        )
    take([row])
    return secret


def _stays(state: SqlState, name: str, new: str) -> str:
    """A new secret does not bring back what is missing."""
    before = next((row.state for row in state.all() if row.device == name), new)
    return before if before in MISSING else new
