"""What the web door of a running city is given of the outside world. The door itself is `web`, above this room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cityward.adapters.bus.config import PARTITIONS
from cityward.adapters.bus.events import NatsEvents
from cityward.adapters.bus.log import LogWriter, connect, disconnect, log_state
from cityward.adapters.bus.pictures import AskedPictures
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.protocols.ngsi_ld.batches import Batch, Problem, split_batch
from cityward.adapters.protocols.ngsi_ld.entities import Form, entity
from cityward.adapters.protocols.ngsi_ld.identity import device_of, entity_id, entity_type
from cityward.adapters.tiles import TileArchive
from cityward.compose.places import tiles_of
from cityward.compose.setting import Setting
from cityward.place.registry import Registry
from cityward.runtime.ports import Latest


@dataclass(frozen=True, slots=True)
class NgsiLd:
    """Devices as NGSI-LD entities, by the registry's unit numbers."""

    split: Callable[[bytes, str], Batch | Problem]
    device_of: Callable[[str], str | None]
    id_of: Callable[[int], str]
    type_of: Callable[[int], str]
    normalized: Callable[[int, Sequence[Latest]], Mapping[str, object]]
    simplified: Callable[[int, Sequence[Latest]], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Outside:
    """The outside world, as one web door is given it."""

    intake: LogWriter
    ledger: FileLedger
    events: NatsEvents
    ngsi_ld: NgsiLd
    tiles: TileArchive | None
    backlog: Callable[[], Awaitable[int]]
    pictures: AskedPictures


@asynccontextmanager
async def outside(setting: Setting) -> AsyncGenerator[Outside]:
    """Open for as long as the door is.

    Raises:
        LinkError: the bus does not answer.
    """
    city = setting.city
    client = await connect(city.bus_url, "web", city.passwords.get("web"))
    tiles = tiles_of(setting.place_folder)

    async def backlog() -> int:
        held = await asyncio.to_thread(setting.state.committed)
        behind = min((seq for p, seq in held.items() if p in range(PARTITIONS)), default=0)
        return max(0, (await log_state(client)).last_seq - behind)

    try:
        async with NatsEvents(client, "web", setting.now_us) as events:
            with setting.ledger("web") as ledger:
                archive = TileArchive(tiles) if tiles else None
                ngsi_ld, pictures = _ngsi_ld(setting.registry), AskedPictures(client)
                yield Outside(LogWriter(client), ledger, events, ngsi_ld, archive, backlog, pictures)
    finally:
        await disconnect(client)


def _ngsi_ld(registry: Registry) -> NgsiLd:
    return NgsiLd(
        split=split_batch,
        device_of=device_of,
        id_of=lambda unit: entity_id(registry, unit),
        type_of=lambda unit: entity_type(registry, unit),
        normalized=lambda unit, latest: entity(registry, unit, latest, Form.NORMALIZED),
        simplified=lambda unit, latest: entity(registry, unit, latest, Form.SIMPLIFIED),
    )
