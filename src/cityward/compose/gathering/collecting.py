"""The role `collector`: asks cabinets for their registers, and takes the files that systems drop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cityward.adapters.bus.log import LogWriter, connect, disconnect
from cityward.adapters.drop_folder import DropFolder
from cityward.adapters.protocols.modbus.link import Cabinet, spans_of
from cityward.compose.home import Exercise, Home
from cityward.compose.progress import told_each_second
from cityward.compose.setting import Setting
from cityward.place.model import Place
from cityward.place.registers import read_register
from cityward.place.registry import Registry, Unit
from cityward.place.things import DeviceStatus
from cityward.runtime.collecting import Collector, Source

ROLE = "collector"
PROGRESS = "collector.progress.json"


def sources_of(place: Place, registry: Registry, home: Home, exercise: Exercise | None = None) -> list[Source]:
    """Everything that is to be asked; empty: the role is not needed.

    INVARIANT: of a twin no cabinet is: it would be the city's own, and is called past `adapters/outward`.
    """
    polled = [unit for unit in registry.units if unit.polled is not None] if exercise is None else []
    cabinets = (_cabinet(registry, unit) for unit in polled)
    folders = (
        DropFolder(name, home.dropped(name), _names(registry, frozenset(system.speaks_for)))
        for name, system in place.systems.items()
        if system.hands_over == "files"
    )
    return [*(one for one in cabinets if one is not None), *folders]


async def run_collector(setting: Setting, stop: asyncio.Event) -> None:
    """Until stopped."""
    client = await connect(setting.city.bus_url, ROLE, setting.city.passwords.get(ROLE))
    try:
        collector = Collector(_sources(setting), LogWriter(client))
        async with told_each_second(Path(setting.home.root) / PROGRESS, lambda: collector.progress):
            await collector.run(stop)
    finally:
        await disconnect(client)


def _sources(setting: Setting) -> list[Source]:
    return sources_of(setting.loaded.place, setting.registry, setting.home, setting.city.exercise)


def _cabinet(registry: Registry, unit: Unit) -> Cabinet | None:
    """None of one that is not active: nobody calls it."""
    if unit.polled is None or unit.status is not DeviceStatus.ACTIVE:
        return None
    registers = [read_register(how.path or "") for how in registry.models[unit.model].properties.values()]
    at = unit.polled
    return Cabinet(unit.id, at.host, at.port, at.unit, spans_of(registers), float(at.every_s))


def _names(registry: Registry, named: frozenset[str]) -> dict[str, dict[str, str]]:
    """Device -> property -> its name on the wire, of all that a system speaks for."""
    return {
        unit.id: {prop: how.key or prop for prop, how in registry.models[unit.model].properties.items()}
        for unit in registry.units
        if (unit.id in named or unit.group in named) and unit.status is DeviceStatus.ACTIVE
    }
