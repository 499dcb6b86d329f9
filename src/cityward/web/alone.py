"""The web door without a city around it: `python -m cityward.web.alone FOLDER`, for `cityward bench console`.

The app, the live feed and the server are those of a running city; what stands behind them is a state store that somebody else
fills. No log, no ledger, no bus. It says its port on standard output, and ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cityward.compose.bench.console import Alone, standing_alone
from cityward.errors import LinkError
from cityward.runtime.supervisor import stop_with_parent
from cityward.web.admin import build_admin
from cityward.web.app import build
from cityward.web.ports import Doors
from cityward.web.serve import serve


class NoIntake:
    """The log of a door that takes nothing."""

    async def publish(self, device: str, codec: str, payload: bytes) -> int:
        """Raises `LinkError`."""
        raise LinkError("this door stands alone: there is no log behind it")


def doors_of(alone: Alone) -> Doors:
    """The door's ports, as far as looking at a city needs them."""
    setting = alone.setting
    return Doors(
        place=setting.loaded.place,
        registry=setting.registry,
        clock=setting.city.city_clock,
        digest=setting.loaded.digest,
        where=setting.loaded.where,
        state=setting.state,
        history=alone.history,
        credentials=setting.state,
        sessions=setting.state,
        intake=NoIntake(),
        tiles=alone.tiles,
        watch=setting.state.watch,
        services=setting.state.services,
        forecasts=setting.state.services,
        people=alone.people,
    )


async def main(folder: Path) -> None:
    """Serve until standard input closes."""
    stop = asyncio.Event()
    parent = asyncio.create_task(stop_with_parent(stop))
    app = build(doors_of(standing_alone(folder)))

    def told(port: int, _admin: int) -> None:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    try:
        await serve(app, build_admin(app), "127.0.0.1", 0, 0, stop, on_ready=told)
    finally:
        parent.cancel()


def run(folder: Path) -> None:
    """In the event loop that a city's processes run in: the faster one where it is there."""
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        asyncio.run(main(folder))
    else:
        uvloop.run(main(folder))


if __name__ == "__main__":
    run(Path(sys.argv[1]))
