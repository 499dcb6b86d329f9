"""Builds the web door of a running city."""

from __future__ import annotations

import asyncio

from cityward.adapters.bus.log import LogWriter, connect, log_state
from cityward.adapters.protocols.ngsi_ld.batches import split_batch
from cityward.adapters.protocols.ngsi_ld.entities import Form, entity
from cityward.adapters.protocols.ngsi_ld.identity import device_of, entity_id, entity_type
from cityward.adapters.tiles import TileArchive
from cityward.compose.places import tiles_of
from cityward.compose.setting import Setting
from cityward.place.registry import Registry
from cityward.web.admin import build_admin
from cityward.web.app import build
from cityward.web.ports import Doors, Entities
from cityward.web.serve import serve


def entities_of(registry: Registry) -> Entities:
    """The NGSI-LD view of the registry."""
    return Entities(
        split=split_batch,
        device_of=device_of,
        id_of=lambda unit: entity_id(registry, unit),
        type_of=lambda unit: entity_type(registry, unit),
        normalized=lambda unit, latest: entity(registry, unit, latest, Form.NORMALIZED),
        simplified=lambda unit, latest: entity(registry, unit, latest, Form.SIMPLIFIED),
    )


async def run_web(setting: Setting, _: int, stop: asyncio.Event) -> None:
    """Serve the console, the API and the HTTP front doors."""
    city = setting.city
    client = await connect(city.bus_url, "web", city.passwords.get("web"))
    tiles = tiles_of(setting.place_folder)

    async def backlog() -> int:
        held = await asyncio.to_thread(setting.state.committed)
        last = (await log_state(client)).last_seq
        return max(0, last - min(held.values(), default=0))

    with setting.ledger("web") as ledger:
        doors = Doors(
            place=setting.loaded.place,
            registry=setting.registry,
            clock=city.city_clock,
            state=setting.state,
            history=setting.history(),
            credentials=setting.state,
            sessions=setting.state,
            intake=LogWriter(client),
            entities=entities_of(setting.registry),
            tiles=TileArchive(tiles) if tiles else None,
            ledger=ledger,
            backlog=backlog,
        )
        app = build(doors)
        try:
            await serve(app, build_admin(app), city.web_host, city.web_port, city.admin_port, stop)
        finally:
            await client.close()
