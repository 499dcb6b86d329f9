"""What bodies say of the radio they came by, as events for the watch: frame counters, gateways, and who the radio says it is.

INVARIANTS
- A batch makes at most `MOST_TOLD` events and one that counts the others.
- What says nothing new within a batch (no counter, the same radio) is told once.
"""

from __future__ import annotations

from collections.abc import Sequence

from cityward.guard.batch import Frame, Messages
from cityward.place.registry import Registry
from cityward.watch.events import Event, EventKind

MOST_TOLD = (
    2048  # PRECEDENT: a gateway hears some hundred frames a second at most; the queue of events holds four times this
)


class Frames:
    """Makes the events of one worker."""

    def __init__(self, registry: Registry, by: str) -> None:
        self._registry, self._by = registry, by
        self._by_eui = {unit.hardware.eui: unit.id for unit in registry.units if unit.hardware and unit.hardware.eui}

    def events(self, frames: Sequence[Frame], messages: Messages, record: str) -> list[Event]:
        """One for each frame, at the time its message came. `record`: the evidence entry of the batch."""
        out: list[Event] = []
        told: set[tuple[int, str, str, str]] = set()
        for frame in frames:
            unit = messages.unit[frame.message]
            radio = (unit, frame.eui, frame.imei, frame.iccid)
            if unit < 0 or (frame.counter < 0 and radio in told):
                continue
            told.add(radio)
            out.append(self._event(frame, unit, int(messages.received_at[frame.message]), record))
        if len(out) <= MOST_TOLD:
            return out
        detail = {"budget": "frames", "count": str(len(out) - MOST_TOLD)}
        subject = f"role:{self._by}"
        shed = Event(at=out[-1].at, kind=EventKind.SHED, by=self._by, subject=subject, detail=detail)
        return [*out[:MOST_TOLD], shed]

    def _event(self, frame: Frame, unit: int, at: int, record: str) -> Event:
        detail = {
            "session": frame.session,
            "gateway": self._by_eui.get(frame.gateway, frame.gateway),
            "eui": frame.eui,
            "imei": frame.imei,
            "iccid": frame.iccid,
        }
        detail = {name: text for name, text in detail.items() if text}
        if frame.counter >= 0:
            detail["counter"] = str(frame.counter)
        if frame.gateway_at is not None:
            detail |= {"lon": f"{frame.gateway_at[0]:.6f}", "lat": f"{frame.gateway_at[1]:.6f}"}
        subject = self._registry.units[unit].id
        return Event(at=at, kind=EventKind.FRAME, by=self._by, subject=subject, detail=detail, record=record)
