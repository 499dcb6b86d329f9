"""A broker that knows its devices by itself, for tests in which no door runs: users of its file, with the door's permissions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from cityward.adapters.bus.config import BrokerSettings, compile_config, publishes, subscribes


def config_with_devices(
    devices: Iterable[str], password_hash: str, roles: Mapping[str, str], settings: BrokerSettings
) -> str:
    """The broker's configuration, with users for these devices."""
    config = json.loads(compile_config(roles, settings))
    config["accounts"]["CITY"]["users"] += [
        {
            "user": device,
            "password": password_hash,
            "permissions": {"publish": {"allow": publishes(device)}, "subscribe": {"allow": subscribes(device)}},
            "allowed_connection_types": ["MQTT"],
        }
        for device in devices
    ]
    return json.dumps(config)
