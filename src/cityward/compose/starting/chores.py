"""What is done beside the processes of a city: its log is cut and never numbered twice, what ends by itself is put on record."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from nats.aio.client import Client

from cityward.adapters.bus.log import cut_log, done_with, number_beyond
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.compose.acting.containment import expire
from cityward.compose.acting.postures import expire as expire_postures
from cityward.compose.home import Home
from cityward.compose.proving.taint import Finisher
from cityward.compose.setting import Setting
from cityward.errors import CitywardError, LinkError

CUT_EVERY_S = 10.0
EXPIRE_S = 2.0
FINISH_S = 5.0  # between two looks for a retraction that was cut short; each reads one small file
KEPT_S = 60.0  # of the log is left behind what is held, for acknowledgements that the services have not read yet


async def never_number_twice(steward: Client, setting: Setting, say: Callable[[str], None]) -> None:
    """A log that lost its end (a power cut) would give sequences again that are held already: skip beyond them."""
    history = await asyncio.to_thread(DeltaHistory, str(setting.home.history), setting.registry)
    held = [await asyncio.to_thread(store.committed) for store in (history, setting.state)]
    feeds = await asyncio.to_thread(setting.state.feeds.rows)
    held.append({0: max((row.seq for row in feeds.values()), default=0)})
    if (goes_on_at := await number_beyond(steward, *held)) is not None:
        say(f"the log had lost its end; it goes on at {goes_on_at}")


async def cut(steward: Client, state: SqlState, stop: asyncio.Event) -> None:
    """Cut the log behind what every partition has held for `KEPT_S`."""
    done: deque[int] = deque(maxlen=round(KEPT_S / CUT_EVERY_S))
    while not stop.is_set():
        await asyncio.sleep(CUT_EVERY_S)
        with contextlib.suppress(LinkError):
            held = await asyncio.to_thread(state.committed)
            if len(done) == done.maxlen and done[0] > 1:
                await cut_log(steward, done[0])
            done.append(await done_with(steward, held))


async def expire_all(setting: Setting, say: Callable[[str], None]) -> None:
    """Put on record what was contained, or in force, and is no more: bars and postures end by themselves."""
    while True:
        await asyncio.sleep(EXPIRE_S)
        with contextlib.suppress(LinkError):
            for row in await asyncio.to_thread(expire, setting):
                say(f"the containment of {row.target} has ended")
            for turn in await asyncio.to_thread(expire_postures, setting):
                say(f"posture {turn.posture} has ended")


async def finish_taking_back(home: Home, say: Callable[[str], None]) -> None:
    """Go on with a retraction that was cut short: at the start, and while the city runs."""
    finisher, told = Finisher(home), ""
    while True:
        try:
            if count := await asyncio.to_thread(finisher.look):
                say(f"a retraction that was cut short is finished ({count} under way)")
            told = ""
        except CitywardError as error:  # nothing that the rest of the city has to end for
            if error.what != told:
                told = error.what
                say(f"a retraction that was cut short waits: {told}")
        await asyncio.sleep(FINISH_S)
