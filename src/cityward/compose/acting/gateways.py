"""The role `gateways`: hands commands on to lamps behind TALQ-style gateways, and tells what they stand at.

It hears the commands of its own lamps alone, and answers in no other name: the broker's permissions are made of the declaration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg

from cityward.adapters.bus.config import subscribes
from cityward.adapters.bus.events import NatsEvents
from cityward.adapters.bus.log import LogWriter, connect, disconnect
from cityward.adapters.keys.commanding import public_half, verifier
from cityward.adapters.outward.connect import Outward
from cityward.adapters.talq.gateway import Gateway
from cityward.adapters.talq.objects import LampController
from cityward.compose.outward import counted, outward_of
from cityward.compose.progress import told_each_second
from cityward.compose.setting import Setting
from cityward.place.alerts import read_endpoint
from cityward.place.exits import gateway_exit
from cityward.place.model import Place
from cityward.place.things import LampGateway
from cityward.runtime.relaying import Bound, Relay

ROLE = "gateways"
PROGRESS = "gateways.progress.json"


def gateways_of(place: Place) -> dict[str, LampGateway]:
    """System -> its gateway."""
    return {name: system.talq for name, system in place.systems.items() if system.talq is not None}


def lamps_behind_gateways(place: Place) -> tuple[str, ...]:
    """Every device that is bound to a gateway; none: the role is not needed."""
    return tuple(lamp for gateway in gateways_of(place).values() for lamp in gateway.lamps)


async def run_gateways(setting: Setting, stop: asyncio.Event) -> None:
    """Until stopped."""
    city = setting.city
    client = await connect(city.bus_url, ROLE, city.passwords.get(ROLE))
    try:
        async with NatsEvents(client, ROLE, setting.now_us) as events:
            outward = outward_of(setting, ROLE, events)
            relays = [_relay(setting, name, one, outward) for name, one in gateways_of(setting.loaded.place).items()]
            async with (
                counted(setting.home.root, ROLE, outward),
                told_each_second(setting.home.root / PROGRESS, lambda: {one.name: one.progress for one in relays}),
                asyncio.TaskGroup() as group,
            ):
                for relay in relays:
                    await _listen(client, relay, setting.loaded.place.systems[relay.name].talq)
                    group.create_task(relay.run(LogWriter(client), stop))
    finally:
        await disconnect(client)


async def _listen(client: Client, relay: Relay, gateway: LampGateway | None) -> None:
    async def heard(message: Msg) -> None:
        relay.hear(message.subject.removeprefix("cmd."), message.data)

    for lamp in gateway.lamps if gateway is not None else ():
        for subject in subscribes(lamp):
            await client.subscribe(subject, cb=heard)
    await client.flush()


def _relay(setting: Setting, name: str, declared: LampGateway, outward: Outward) -> Relay:
    place, models = setting.loaded.place, setting.registry.models
    lamps = {device: _controller(device, text) for device, text in declared.lamps.items()}
    path = read_endpoint(declared.url).path.rstrip("/")
    link = Gateway(outward, gateway_exit(place, name), UUID(declared.client), lamps, path)
    keys = {
        unit.id: models[unit.model].properties["lamp-level"].key or "lamp-level"
        for unit in setting.registry.units
        if unit.id in lamps
    }
    bound = [Bound(device, keys[device]) for device in lamps]
    verify = verifier(public_half(setting.home.keys))
    return Relay(name, _Levels(link, lamps), bound, verify, setting.now_us, float(declared.every_s))


def _controller(device: str, text: str) -> LampController:
    address, _, function = text.partition("/")
    return LampController(address.lower(), device, function)


class _Levels:
    """A gateway by our devices' names."""

    def __init__(self, link: Gateway, lamps: Mapping[str, LampController]) -> None:
        self.send = link.send
        self._link = link
        self._of = {(lamp.address, lamp.function): device for device, lamp in lamps.items()}

    def levels(self) -> dict[str, float]:
        """See `runtime.relaying.Gateway`."""
        return {
            self._of[lamp.address, lamp.function]: lamp.level
            for lamp in self._link.lamps()
            if lamp.level is not None and (lamp.address, lamp.function) in self._of
        }
