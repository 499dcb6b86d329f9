"""The bus operator's desk in the demonstration: writes its timetable once and its feed every few seconds, where the city fetches.

INVARIANT: a file is whole at any moment: it is written beside and moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from cityward.adapters.street.buses import REPORT_S, feed_at, timetable_zip
from cityward.time import SECOND

TIMETABLE, FEED = "bus-timetable.zip", "bus-feed.pb"
SHORTEST_S = 1.0  # of the machine: however fast the city's clock runs

_log = structlog.get_logger(__name__)


async def run_bus_desk(folder: Path, now_us: Callable[[], int], speed: float, stop: asyncio.Event) -> None:
    """Write both until `stop` is set, or cancelled.

    Args:
        folder: where the files stand; made if it is not there.
        now_us: the city's clock.
        speed: city seconds in a second of the machine.
        stop: ends it.
    """
    try:
        await asyncio.to_thread(_put, folder, TIMETABLE, timetable_zip())
        while not stop.is_set():
            await asyncio.to_thread(_put, folder, FEED, feed_at(now_us() // SECOND))
            await asyncio.sleep(max(SHORTEST_S, REPORT_S / speed))
    except OSError as problem:
        _log.warning("the bus operator's files cannot be written", problem=type(problem).__name__)


def _put(folder: Path, name: str, body: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{name}.new"
    draft.write_bytes(body)
    draft.replace(folder / name)
