"""The broker that a city starts with: what it is told, and that it stays."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cityward.adapters.bus import nkeys
from cityward.adapters.bus.config import MOST_PAYLOAD, BrokerSettings, largest_message
from cityward.adapters.bus.server import BrokerServer, free_port
from cityward.adapters.keys.authority import ServerFiles, open_authority, server_files
from cityward.compose.acting.gateways import lamps_behind_gateways
from cityward.compose.gathering.feeds import feeds_of
from cityward.compose.home import Home
from cityward.compose.starting.options import LOOPBACK, RunOptions
from cityward.errors import LinkError, PlaceError
from cityward.place.loader import Loaded
from cityward.place.registry import Registry

LOG_BYTES = 4 << 30
ROOM_BYTES = 32 << 20  # free on the log's disk before a broker that found it full is started again
RESTARTS_APART_S = 10.0


def broker_settings(
    o: RunOptions, home: Home, loaded: Loaded, registry: Registry, files: ServerFiles, door_seed: str
) -> BrokerSettings:
    """What the configuration is made of. door_seed: of who is asked about devices; "": nobody is.

    Raises:
        PlaceError: what is asked for, or declared, cannot be served by one broker.
    """
    if o.plain_mqtt and o.mqtt_host not in LOOPBACK:
        raise PlaceError(
            f"plain MQTT was asked for on {o.mqtt_host}; it is for loopback only",
            mend="leave --plain-mqtt out: devices then connect with TLS from the city's own authority",
        )
    return BrokerSettings(
        store=home.broker / "jetstream",
        nats_port=free_port(o.nats_port),
        mqtt_port=free_port(o.mqtt_port),
        mqtt_host=o.mqtt_host,
        mqtt_tls=None if o.plain_mqtt else (files.certificate, files.key),
        client_ca=files.ca if _by_certificate(loaded) else None,
        sync_always=o.sync_always,
        max_store_bytes=2 * LOG_BYTES,
        max_payload=MOST_PAYLOAD if feeds_of(loaded.place) or loaded.place.cameras else largest_message(registry),
        handed_on=lamps_behind_gateways(loaded.place),
        asks=nkeys.Signer.of(bytes.fromhex(door_seed), nkeys.Kind.ACCOUNT).public if door_seed else None,
    )


def _by_certificate(loaded: Loaded) -> bool:
    """# ADR-5: the broker asks all for a certificate, or none."""
    place = loaded.place
    kinds = {d.credential: i for i, d in place.devices.items() if _speaks_mqtt(loaded, i)}
    if len(kinds) > 1:
        raise PlaceError(
            f"device `{kinds['password']}` proves itself by password and `{kinds['certificate']}` by certificate",
            where=loaded.where(f"devices.{kinds['certificate']}.credential"),
            mend="let all active MQTT devices of the place use one of the two",
        )
    listening = {one.sign_in: name for name, one in place.recipients.items() if one.by == "live"}
    if (wrong := listening.get("certificate")) and "password" in kinds:
        raise PlaceError(
            f"recipient `{wrong}` listens by certificate, and device `{kinds['password']}` speaks by password",
            where=loaded.where(f"recipients.{wrong}.sign_in"),
            mend="declare `sign_in: key` for it, or `credential: certificate` for the devices",
        )
    return "certificate" in kinds or "certificate" in listening


def _speaks_mqtt(loaded: Loaded, device: str) -> bool:
    return any(f.from_ == device and f.protocol == "mqtt" for f in loaded.place.flows.values())


def certificates_of(home: Home, place: str, hosts: Sequence[str]) -> ServerFiles:
    now = datetime.now(UTC)
    return server_files(open_authority(home.keys, place, now), hosts, now)


async def keep_broker(
    broker: BrokerServer, config: str, port: int, say: Callable[[str], None], stop: asyncio.Event
) -> None:
    """Start it again whenever it ends, until `stop` is set."""
    while not stop.is_set():
        code = await broker.wait()
        if stop.is_set():
            return
        say(f"broker ended with {code}; starting it again")
        with contextlib.suppress(LinkError):
            await broker.start(config, port)
            continue
        await asyncio.sleep(1.0)


async def mind_disk(broker: BrokerServer, say: Callable[[str], None]) -> None:
    """A broker that found its disk full takes nothing more, also when there is room again, until it is started again.

    Nobody is acknowledged meanwhile, so nobody loses anything that was promised.
    """
    told = False
    while True:
        await asyncio.sleep(1.0)
        if not broker.disk_failed:
            told = False
            continue
        if not told:
            say(f"the log takes nothing ({broker.disk_failed}); senders wait until there is room")
            told = True
        if shutil.disk_usage(broker.folder).free >= ROOM_BYTES:
            say("there is room on the log's disk; the broker is started again")
            broker.end()
            await asyncio.sleep(RESTARTS_APART_S)
