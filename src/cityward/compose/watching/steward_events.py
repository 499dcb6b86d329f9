"""What the steward tells the watch: processes that start and end, and what changed since the city was started last."""

from __future__ import annotations

from collections.abc import Sequence

from cityward.compose.home import CityFile
from cityward.runtime.supervisor import GOES_ON, STANDS_STILL
from cityward.watch.events import Event, EventKind, cut

SETTINGS = ("place", "mqtt_host", "web_host", "behind_proxy", "workers", "gated", "network_logs")
"""What somebody decides of how a city is run. SECURITY: named one by one, so that no secret of a start is ever told."""


def process_event(role: str, what: str, at: int) -> Event:
    """A process started (""), ended (its code), stands still or goes on: what the supervisor told."""
    word = "state" if what in (STANDS_STILL, GOES_ON) else "code"
    return Event(at=at, kind=EventKind.PROCESS, by="steward", subject=f"role:{role}", detail={"role": role, word: what})


def configuration_events(before: CityFile | None, now: CityFile, at: int) -> Sequence[Event]:
    """What differs from the last start: the declaration by its digest, and how the city is run by its settings."""
    if before is None:
        return ()
    told: list[Event] = []
    if before.declaration != now.declaration:
        told.append(_changed("declaration", before.declaration[:12], now.declaration[:12], at))
    for name in SETTINGS:
        old, new = str(getattr(before, name)), str(getattr(now, name))
        if old != new:
            told.append(_changed(name, old, new, at))
    old, new = ("off" if city.mqtt_ca is None else "on" for city in (before, now))
    if old != new:
        told.append(_changed("mqtt_tls", old, new, at))
    return told


def _changed(what: str, before: str, after: str, at: int) -> Event:
    detail = {"what": what, "before": cut(before), "after": cut(after)}
    return Event(at=at, kind=EventKind.CONFIGURATION, by="steward", detail=detail)
