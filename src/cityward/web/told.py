"""What the web door tells the watch of people: who signed in, who could not, who read how much. Nobody waits for it.

SECURITY: no token, no key and no value that was read is ever told; names and addresses are cut to an event's bounds.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from cityward.watch.events import Event, EventKind, cut
from cityward.web.ports import Doors

ELSEWHERE = "elsewhere"
"""Why somebody was refused who holds what they need, and not from this address."""


def tell(doors: Doors, kind: EventKind, request: Request, who: str, detail: Mapping[str, str]) -> None:
    """Tell the watch, if there is one. `who`: the person's name, "" where it is not known.

    Who was refused for where they came from, or for their proof, is also kept beside the other attempts that got nothing.
    """
    why = cut(detail.get("why", ""))
    if doors.releasing is not None and (kind is EventKind.SIGN_IN_FAILED or why == ELSEWHERE):
        doors.releasing.person_turned_away(who, cut(request.client.host) if request.client else "", why)
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
