"""A small street and a real broker for it: what the tests of the simulated devices stand on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import bcrypt
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from brokers import config_with_devices
from cityward.adapters.bus.config import LOG_STREAM, ROLES, BrokerSettings
from cityward.adapters.bus.log import connect, make_log
from cityward.adapters.bus.server import BrokerServer, find_binary, free_port
from cityward.adapters.keys.bundle import DeviceSecret, write_secrets
from cityward.adapters.street.link import MqttDoor
from cityward.place.data import Dataset, Flow, FlowLimits, Observability
from cityward.place.model import Place
from cityward.place.registry import Registry, number
from cityward.place.things import CommandLimits, Device, DeviceModel, PropertyMapping
from cityward.runtime.ports import LogMessage
from cityward.time import to_us
from signing import COMMAND_KEY

PASSWORD = "correct horse battery staple"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
QUAY = (2.3, 54.9)

AIR = (
    *("pm2-5", "pm10", "so2", "no2", "co", "o3"),
    *("air-temperature", "air-pressure", "dew-point", "rain", "wind-speed"),
)


def street_place(max_age_s: int = 10 * 86_400, messages_per_minute: int = 600) -> Registry:
    """The numbers of `declared_street`."""
    return number(declared_street(max_age_s, messages_per_minute))


def declared_street(max_age_s: int = 10 * 86_400, messages_per_minute: int = 600) -> Place:
    """Two loops, a counter, two car parks, the air station, the light sensor and two lamps, with the demo's ids."""
    models = {
        "loop": DeviceModel(
            maker="unknown", properties={"vehicle-speed": PropertyMapping(key="speed", unit="km/h", high=70)}
        ),
        "counter": DeviceModel(
            maker="unknown",
            format="json",
            time_path="/at",
            properties={"pedestrian-count": PropertyMapping(path="/count")},
        ),
        "car-park": DeviceModel(
            maker="unknown",
            format="ngsi-ld",
            ngsi_type="OffStreetParking",
            properties={"parking-occupied": PropertyMapping(key="occupiedSpotNumber")},
        ),
        "air": DeviceModel(maker="unknown", properties={p: PropertyMapping() for p in AIR}),
        "light": DeviceModel(maker="unknown", properties={"illuminance": PropertyMapping()}),
        "lamp": DeviceModel(
            maker="unknown",
            properties={"lamp-level": PropertyMapping(), "lamp-power": PropertyMapping()},
            commands={"dim": CommandLimits(sets="lamp-level", low=10, high=100, fail_safe=100)},
        ),
    }
    devices = {
        "ring-road-loops": ("loop", 2),
        "harbour-counters": ("counter", 2),
        "car-parks": ("car-park", 2),
        "air-station": ("air", 0),
        "quay-street-light-sensor": ("light", 0),
        "quay-street-lamps": ("lamp", 2),
    }
    return Place(
        place="t",
        name="T",
        position=QUAY,
        responsible="c",
        device_models=models,
        devices={
            name: Device(model=model, site="unknown", owner="unknown", position=QUAY, positions=(QUAY,) * count)
            for name, (model, count) in devices.items()
        },
        datasets={
            f"d-{m}": Dataset(personal=False, sensitivity="public", retention_days=1, properties=tuple(x.properties))
            for m, x in models.items()
        },
        flows={
            f"from-{name}": Flow(
                from_=name,
                to="p",
                datasets=(f"d-{model}",),
                purpose="p",
                protocol="ngsi-ld" if model == "car-park" else "mqtt",
                observability=Observability.ENFORCED,
                limits=FlowLimits(max_age_s=max_age_s, messages_per_minute=messages_per_minute),
            )
            for name, (model, _) in devices.items()
        },
    )


class StreetCity:
    """A broker with the street's devices in it, and their credentials on disk."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.registry, self.credentials = registry, folder / "devices"
        self.settings = BrokerSettings(
            store=folder / "js", nats_port=free_port(), mqtt_port=free_port(), max_payload=65_536
        )
        self.server = BrokerServer(find_binary(), folder)
        self.url = f"nats://127.0.0.1:{self.settings.nats_port}"
        self.door = MqttDoor("127.0.0.1", self.settings.mqtt_port)
        write_secrets(
            self.credentials,
            [
                DeviceSecret(device=u.id, password=PASSWORD, http_key=f"key-of-{u.id}", command_key=COMMAND_KEY)
                for u in registry.units
            ],
        )

    def config(self) -> str:
        devices = [unit.id for unit in self.registry.units]
        return config_with_devices(devices, HASH, dict.fromkeys(ROLES, HASH), self.settings)

    async def log(self) -> list[LogMessage]:
        """What the broker holds of observations by now, acknowledged or not."""
        client = await connect(self.url, "steward", PASSWORD)
        last = (await client.jetstream().stream_info(LOG_STREAM)).state.last_seq
        found = [m async for m in _messages(client.jetstream(), last)]
        await client.close()
        return found


async def _messages(js: JetStreamContext, last: int) -> AsyncIterator[LogMessage]:
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL, inactive_threshold=30)
    reading = await js.pull_subscribe("$MQTT.msgs.in.>", stream=LOG_STREAM, config=config)
    seq = 0
    while seq < last:
        try:
            batch = await reading.fetch(5000, timeout=0.5)
        except TimeoutError:
            return
        for message in batch:
            seq = message.metadata.sequence.stream
            stamped = message.metadata.timestamp
            yield LogMessage(message.subject, message.data, seq, to_us(stamped))


def in_street(folder: Path, body: Callable[[StreetCity], Awaitable[None]], registry: Registry | None = None) -> None:
    """Run the body beside a real broker."""

    async def main() -> None:
        city = StreetCity(folder, registry or street_place())
        await city.server.start(city.config(), city.settings.nats_port)
        try:
            steward = await connect(city.url, "steward", PASSWORD)
            await make_log(steward, 256 << 20)
            async with asyncio.timeout(60):
                await body(city)
            await steward.close()
        finally:
            await city.server.stop()

    asyncio.run(main())


def device_of(message: LogMessage) -> str:
    """The device that a subject names."""
    return message.subject.rsplit(".", 1)[1]
