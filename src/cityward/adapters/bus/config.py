"""The broker's configuration, compiled from the declaration: who may say what to whom.

A device may publish to its own subjects and read its own commands, and nothing else; each role of ours has only what its work
needs. The NATS configuration format accepts JSON, so the text is encoded, never concatenated.

Devices are no users of the file: the broker asks the door about each (`callout`), whose key is `BrokerSettings.asks`.

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
from cityward.runtime.commands import ACK_PREFIX

LOG_STREAM = "$MQTT_msgs"
"""The MQTT gateway's own stream. A QoS 1 message is acknowledged when it stands here, so this is the log we read."""

PARTITIONS = 4
"""How many ways the devices are spread over workers. Fixed for the life of a log: it is part of every stored subject."""

EVENT_STREAM, EVENT_SUBJECTS = "events", "event.>"
"""What the roles saw, for the watch. Every role may say what it saw, and only the watch reads it."""

ROLES = (
    "steward",
    "worker",
    "service",
    "web",
    "watch",
    "network",
    "release",
    "collector",
    "feeds",
    "gateways",
    "cameras",
    "door",
    "keeper",
    "system",
)
"""Who of ours connects. `door`, `keeper` and `system` are one process with a user in each account: it speaks in the city as the
first, answers the broker as the second, and hears who came and went, and cuts off, as the third."""

ASK_S = 4.0
"""So long a device waits to be let in, at most. PRECEDENT: MQTT clients give a broker 5 to 30 s for a CONNECT."""

FORGETS = "60s"
"""So long the broker keeps a subscription of a session that is away. Nothing waits for it there: commands are for who is present,
and each stale one would take a place in the log that the workers and the actuators need."""

PICTURES = "picture"
"""Under it, the role `web` asks the role `cameras` for the newest picture of a camera. Nothing of it is stored."""

OUT = "out"
"""Under it, each recipient that subscribes has its own subjects."""

LEAST_PAYLOAD, MOST_PAYLOAD = 64 * 1024, 1 << 20
_ACCOUNTS = {"keeper": "DOOR", "system": "SYS"}  # all others: CITY


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
    handed_on: tuple[str, ...] = ()  # devices whose commands the role `gateways` hears, and answers
    asks: str | None = None  # the public key of who answers for devices; None: no device comes in


def inbox_prefix(role: str) -> str:
    """Each role has its own inbox, so that none can read another's replies."""
    return f"_INBOX_{role}"


def observation_subject(device: str) -> str:
    """The subject under which a device's message arrives, after the broker put its partition in."""
    return f"in.{partition_of(device, PARTITIONS)}.{device}"


def topic_of(subject: str) -> str:
    """The MQTT topic that a device used, of the subject that the broker made of it: without the partition it put in.

    Example:
        >>> topic_of("in.2.meter-01"), topic_of("cmd.*"), topic_of(">")
        ('in/meter-01', 'cmd/+', '#')
    """
    levels = subject.split(".")
    if len(levels) == 3 and levels[0] == "in" and levels[1].isdigit():
        del levels[1]
    return "/".join({"*": "+", ">": "#"}.get(level, level) for level in levels)


def compile_config(roles: Mapping[str, str], settings: BrokerSettings) -> str:
    """The configuration file's text.

    Args:
        roles: role -> bcrypt hash of its password for this start.
        settings: where to listen.
    """
    inner = {role: hashed for role, hashed in roles.items() if role not in _ACCOUNTS}
    users = [_role_user(role, hashed, settings.handed_on) for role, hashed in inner.items()]
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
            **_inner_accounts(roles),
        },
        "system_account": "SYS",
        "logtime": False,
    }
    if settings.asks is not None:
        callout = {"issuer": settings.asks, "account": "DOOR", "auth_users": list(roles)}
        config["authorization"] = {"timeout": ASK_S, "auth_callout": callout}
    return json.dumps(config, indent=1)


def _mqtt(settings: BrokerSettings) -> dict[str, Any]:
    mqtt: dict[str, Any] = {
        "listen": f"{settings.mqtt_host}:{settings.mqtt_port}",
        "max_ack_pending": 100,
        "consumer_inactive_threshold": FORGETS,
        "reject_qos2_publish": True,
    }
    if settings.mqtt_tls is not None:
        certificate, key = settings.mqtt_tls
        mqtt["tls"] = {"cert_file": str(certificate), "key_file": str(key), "timeout": 10}
        if settings.client_ca is not None:
            mqtt["tls"] |= {"ca_file": str(settings.client_ca), "verify": True}  # whom it maps to is the door's answer
    return mqtt


def largest_message(registry: Registry) -> int:
    """The broker's bound on one message, the same for every connection: twice what the most generous flow allows.

    So what is a little too large is refused by the gate, with its reason and its beginning; what is far too large costs nothing.
    """
    return min(MOST_PAYLOAD, 2 * max([LEAST_PAYLOAD, *(limits.max_message_bytes for limits in registry.flow_limits)]))


def publishes(device: str) -> list[str]:
    """All subjects a device may publish to."""
    return [observation_subject(device), f"ack.{device}"]


def subscribes(device: str) -> list[str]:
    """All subjects a device may hear."""
    return [f"cmd.{device}"]


def answer_subject(device: str) -> str:
    """Where the log holds what a device answered: for who answers in its name."""
    return f"{ACK_PREFIX}{device}"


def out_subject(recipient: str, dataset: str, name: str) -> str:
    """Where released rows are published."""
    return f"{OUT}.{recipient}.{dataset}.{name}"


def receives(recipient: str) -> list[str]:
    """All subjects a recipient may hear. The second: what `out/<recipient>/#` means by MQTT beside the first."""
    return [f"{OUT}.{recipient}.>", f"{OUT}.{recipient}"]


def _inner_accounts(roles: Mapping[str, str]) -> dict[str, Any]:
    """The accounts that hold no data: where the broker asks who may come in, and where it says who came."""
    return {
        account: {
            "users": [
                {"user": role, "password": hashed, "allowed_connection_types": ["STANDARD"]}
                for role, hashed in roles.items()
                if _ACCOUNTS.get(role) == account
            ]
        }
        for account in ("DOOR", "SYS")
    }


def _role_user(role: str, hashed: str, handed_on: Sequence[str]) -> dict[str, Any]:
    reading = _reading(LOG_STREAM)
    publish = {
        "steward": [">"],
        "worker": [*reading, EVENT_SUBJECTS],
        "service": [*reading, "cmd.>", EVENT_SUBJECTS],
        "web": [
            "intake.>",
            f"$JS.API.STREAM.INFO.{LOG_STREAM}",
            EVENT_SUBJECTS,
            f"{PICTURES}.*",
        ],  # the second: how far intake is behind
        # the last three: whether the workers are behind, before a silence is believed
        "watch": [
            *_reading(EVENT_STREAM),
            EVENT_SUBJECTS,
            f"$JS.API.STREAM.INFO.{LOG_STREAM}",
            f"$JS.API.DIRECT.GET.{LOG_STREAM}",
            f"$JS.API.DIRECT.GET.{LOG_STREAM}.>",
        ],
        "network": [EVENT_SUBJECTS],
        "collector": ["intake.>", EVENT_SUBJECTS],
        "cameras": ["intake.>", EVENT_SUBJECTS],
        "gateways": ["intake.>", EVENT_SUBJECTS, *(answer_subject(device) for device in handed_on)],
        "feeds": [*reading, "intake.>", EVENT_SUBJECTS],
        # the last three: whether all that came in is held, before a period is told
        "release": [
            f"{OUT}.>",
            EVENT_SUBJECTS,
            f"$JS.API.STREAM.INFO.{LOG_STREAM}",
            f"$JS.API.DIRECT.GET.{LOG_STREAM}",
            f"$JS.API.DIRECT.GET.{LOG_STREAM}.>",
        ],
        "door": [EVENT_SUBJECTS, f"$JS.API.STREAM.INFO.{LOG_STREAM}"],  # the second: what the log holds of each device
    }[role]
    hears = {
        "steward": [">"],
        "cameras": [f"{inbox_prefix(role)}.>", f"{PICTURES}.*"],
        "gateways": [f"{inbox_prefix(role)}.>", *(subject for device in handed_on for subject in subscribes(device))],
    }
    permissions: dict[str, Any] = {
        "publish": {"allow": publish},
        "subscribe": {"allow": hears.get(role, [f"{inbox_prefix(role)}.>"])},
    }
    if role == "cameras":  # once, to who asked, and soon
        permissions["allow_responses"] = {"max": 1, "expires": "10s"}
    return {
        "user": role,
        "password": hashed,
        "permissions": permissions,
        "allowed_connection_types": ["STANDARD"],
    }


def _reading(stream: str) -> list[str]:
    """What reading a stream asks for."""
    api = "$JS.API"
    return [
        f"{api}.STREAM.INFO.{stream}",
        f"{api}.CONSUMER.CREATE.{stream}",
        f"{api}.CONSUMER.CREATE.{stream}.>",
        f"{api}.CONSUMER.INFO.{stream}.>",
        f"{api}.CONSUMER.DELETE.{stream}.>",
        f"{api}.CONSUMER.MSG.NEXT.{stream}.>",
        f"{api}.DIRECT.GET.{stream}",
        f"{api}.DIRECT.GET.{stream}.>",
    ]
