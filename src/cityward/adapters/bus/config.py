"""The broker's configuration, compiled from the declaration: who may say what to whom.

A device may publish to its own subjects and read its own commands, and nothing else; each role of ours has only what its work
needs. The NATS configuration format accepts JSON, so the text is encoded, never concatenated.

INVARIANT: no subject in a permission holds a wildcard that spans another device's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityward.ids import partition_of
from cityward.place.registry import Registry
from cityward.runtime.ports import CredentialRow

LOG_STREAM = "$MQTT_msgs"
"""The MQTT gateway's own stream. A QoS 1 message is acknowledged when it stands here, so this is the log we read."""

PARTITIONS = 4
"""How many ways the devices are spread over workers. Fixed for the life of a log: it is part of every stored subject."""

ROLES = ("steward", "worker", "service", "web")


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker listens and keeps its log. `mqtt_tls` is (certificate, key) or None for plain MQTT (loopback only)."""

    store: Path
    nats_port: int
    mqtt_port: int
    mqtt_host: str = "127.0.0.1"
    mqtt_tls: tuple[Path, Path] | None = None
    client_ca: Path | None = None  # set: devices prove themselves by certificate instead of a password
    sync_always: bool = False
    max_store_bytes: int = 8 << 30
    max_payload: int = 1 << 20
    max_connections: int = 65_536


def inbox_prefix(role: str) -> str:
    """Each role has its own inbox, so that none can read another's replies."""
    return f"_INBOX_{role}"


def observation_subject(device: str) -> str:
    """The subject under which a device's message arrives, after the broker put its partition in."""
    return f"in.{partition_of(device, PARTITIONS)}.{device}"


def compile_config(
    registry: Registry, credentials: Sequence[CredentialRow], roles: Mapping[str, str], settings: BrokerSettings
) -> str:
    """The configuration file's text.

    Args:
        registry: the numbered declaration.
        credentials: the devices' credentials; revoked ones, and devices not declared active, get no user.
        roles: role -> bcrypt hash of its password for this start.
        settings: where to listen.
    """
    users = [_role_user(role, hashed) for role, hashed in roles.items()]
    active = {u.id: bool(a) for u, a in zip(registry.units, registry.unit_active, strict=True)}
    for row in credentials:
        if row.state == "active" and active.get(row.device, False):
            users.append(_device_user(row))
    config: dict[str, Any] = {
        "server_name": "cityward",
        "listen": f"127.0.0.1:{settings.nats_port}",
        "max_payload": settings.max_payload,
        "max_connections": settings.max_connections,
        "jetstream": {"store_dir": str(settings.store), "max_file_store": settings.max_store_bytes}
        | ({"sync_interval": "always"} if settings.sync_always else {}),
        "mqtt": _mqtt(settings),
        "accounts": {
            "CITY": {
                "jetstream": "enabled",
                "mappings": {"in.*": f"in.{{{{partition({PARTITIONS},1)}}}}.{{{{wildcard(1)}}}}"},
                "users": users,
            },
        },
        "logtime": False,
    }
    return json.dumps(config, indent=1)


def _mqtt(settings: BrokerSettings) -> dict[str, Any]:
    mqtt: dict[str, Any] = {
        "listen": f"{settings.mqtt_host}:{settings.mqtt_port}",
        "max_ack_pending": 100,
        "reject_qos2_publish": True,
    }
    if settings.mqtt_tls is not None:
        certificate, key = settings.mqtt_tls
        mqtt["tls"] = {"cert_file": str(certificate), "key_file": str(key), "timeout": 10}
        if settings.client_ca is not None:
            mqtt["tls"] |= {"ca_file": str(settings.client_ca), "verify_and_map": True}
    return mqtt


def _device_user(row: CredentialRow) -> dict[str, Any]:
    user: dict[str, Any] = {
        "user": f"CN={row.device}" if row.password_bcrypt is None else row.device,
        "permissions": {
            "publish": {"allow": [observation_subject(row.device), f"ack.{row.device}"]},
            "subscribe": {"allow": [f"cmd.{row.device}"]},
        },
        "allowed_connection_types": ["MQTT"],
    }
    return user if row.password_bcrypt is None else user | {"password": row.password_bcrypt}


def _role_user(role: str, hashed: str) -> dict[str, Any]:
    api, stream = "$JS.API", LOG_STREAM
    reading = [
        f"{api}.STREAM.INFO.{stream}",
        f"{api}.CONSUMER.CREATE.{stream}",
        f"{api}.CONSUMER.CREATE.{stream}.>",
        f"{api}.CONSUMER.INFO.{stream}.>",
        f"{api}.CONSUMER.DELETE.{stream}.>",
        f"{api}.CONSUMER.MSG.NEXT.{stream}.>",
    ]
    publish = {
        "steward": [">"],
        "worker": reading,
        "service": [*reading, "cmd.>"],
        "web": ["intake.>", f"{api}.STREAM.INFO.{stream}"],  # the last: how far intake is behind
    }[role]
    inbox = f"{inbox_prefix(role)}.>"
    return {
        "user": role,
        "password": hashed,
        "permissions": {"publish": {"allow": publish}, "subscribe": {"allow": [">"] if role == "steward" else [inbox]}},
        "allowed_connection_types": ["STANDARD"],
    }
