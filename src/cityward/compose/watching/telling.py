"""How somebody outside the city's processes, a command line, tells the watch of a running city."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from cityward.adapters.bus.events import NatsEvents
from cityward.adapters.bus.log import connect, disconnect
from cityward.compose.setting import Setting
from cityward.errors import LinkError
from cityward.watch.events import Event

PROBE_S = 0.5


@dataclass(frozen=True, slots=True)
class FromOutside:
    """`runtime.ports.EventSink` for a process that is none of the city's. What no running city takes is not told."""

    setting: Setting

    def tell(self, event: Event) -> None:
        """Blocks for as long as the city's bus takes."""
        tell_watch(self.setting, [event])


def tell_watch(setting: Setting, events: Sequence[Event], by: str = "cli") -> bool:
    """Tell these events; whether a city runs that took them."""
    if not events:
        return True
    if not setting.city.bus_url:  # it never ran; whatever answers at the usual port is another's
        return False
    with contextlib.suppress(LinkError, OSError, TimeoutError):
        return asyncio.run(_publish(setting, events, by))
    return False


async def _publish(setting: Setting, told: Sequence[Event], by: str) -> bool:
    city = setting.city
    at = urlsplit(city.bus_url)
    async with asyncio.timeout(PROBE_S):  # a city that does not run is no reason to wait
        _, probe = await asyncio.open_connection(at.hostname, at.port or 4222)
        probe.close()
    client = await connect(city.bus_url, "steward", city.passwords.get("steward"))
    try:
        async with NatsEvents(client, by, setting.now_us, queued=max(1, len(told))) as events:
            for event in told:
                events.tell(event)
        return events.published >= len(told)
    finally:
        await disconnect(client)
