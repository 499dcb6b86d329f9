"""What the web door tells the watch of people: who signed in, who could not, who read how much. Nobody waits for it.

SECURITY: no token, no key and no value that was read is ever told; names and addresses are cut to an event's bounds.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from cityward.watch.events import Event, EventKind, cut
from cityward.web.ports import Doors


def tell(doors: Doors, kind: EventKind, request: Request, who: str, detail: Mapping[str, str]) -> None:
    """Tell the watch, if there is one. `who`: the person's name, "" where it is not known."""
    if doors.events is None:
        return
    short = {name: cut(text) for name, text in detail.items()}
    source = cut(request.client.host) if request.client else ""
    subject = cut(f"person:{who}") if who else ""
    doors.events.tell(Event(at=doors.city_now_us(), kind=kind, by="web", subject=subject, source=source, detail=short))


def tell_read(doors: Doors, request: Request, who: str, what: str, *, rows: int, devices: int) -> None:
    """Somebody read so many rows of so many devices."""
    detail = {"what": what, "rows": str(rows), "devices": str(devices)}
    tell(doors, EventKind.READ, request, who, detail)
