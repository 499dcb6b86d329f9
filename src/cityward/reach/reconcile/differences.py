"""In what something seen differs from what was declared between the same two ends.

INVARIANT: a difference needs evidence. What an observer could not tell (a port alone, one direction of the bytes, no date)
never makes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from cityward.place.data import Access, Flow, Observability
from cityward.place.model import Place
from cityward.place.things import DeviceStatus
from cityward.reach.reconcile.ends import End
from cityward.reach.reconcile.outcomes import Aspect, Difference
from cityward.reach.reconcile.protocols import Spoken, breaks, carries, told
from cityward.reach.reconcile.seen import Seen
from cityward.time import from_us

AWAY = (
    DeviceStatus.PLANNED,
    DeviceStatus.STORED,
    DeviceStatus.REVOKED,
    DeviceStatus.STOLEN,
    DeviceStatus.RETIRED,
)
"""A device that is any of these is not on the street. One in maintenance is."""

BACKWARD_RATIO = 10
BACKWARD_BYTES = 1 << 20
"""What came is called the wrong way only where it was so many times what went, and so much: mere answers are less."""


def of_flow(place: Place, name: str, seen: Seen, heard: Spoken, forward: bool) -> tuple[Difference, ...]:
    """In what a sighting between the ends of a flow differs from it. `forward`: what opened it is the end it comes from."""
    flow, path = place.flows[name], f"flows.{name}"
    found = [
        *_spoken(flow, path, seen, heard),
        *_content(flow, path, seen),
        *_direction(flow, path, seen, forward),
        *_ended(place, flow.valid_from, flow.valid_to, flow.agreement, path, seen),
    ]
    return tuple(found)


def _spoken(flow: Flow, path: str, seen: Seen, heard: Spoken) -> Iterator[Difference]:
    if not carries(flow.protocol, seen, heard):
        yield Difference(
            aspect=Aspect.PROTOCOL, path=f"{path}.protocol", declared=flow.protocol, found=told(seen, heard)
        )
    elif breaks(flow.protection, flow.protocol, heard):
        how = "sealed" if heard.sealed else "in plain"
        found = f"{how}, by its port" if heard.by_port else how
        yield Difference(
            aspect=Aspect.PROTECTION, path=f"{path}.protection", declared=flow.protection.value, found=found
        )


def _content(flow: Flow, path: str, seen: Seen) -> Iterator[Difference]:
    if seen.dataset is not None and seen.dataset not in flow.datasets:
        declared = ", ".join(flow.datasets)
        yield Difference(aspect=Aspect.DATASET, path=f"{path}.datasets", declared=declared, found=seen.dataset)
    if flow.observability is Observability.NOT_OBSERVABLE:
        field = f"{path}.observability"
        yield Difference(aspect=Aspect.OBSERVABILITY, path=field, declared="not-observable", found="seen")


def _direction(flow: Flow, path: str, seen: Seen, forward: bool) -> Iterator[Difference]:
    if seen.bytes is None or seen.bytes_back is None:
        return
    went, came = (seen.bytes, seen.bytes_back) if forward else (seen.bytes_back, seen.bytes)
    if came >= BACKWARD_BYTES and came >= BACKWARD_RATIO * went:
        declared, found = f"{flow.from_} to {flow.to}", f"{came:,} bytes from {flow.to}, {went:,} to it"
        yield Difference(aspect=Aspect.DIRECTION, path=f"{path}.from", declared=declared, found=found)


def of_access(place: Place, name: str, seen: Seen) -> tuple[Difference, ...]:
    """In what the use of an access differs in time; its place is looked at where it is resolved."""
    access: Access = place.accesses[name]
    return tuple(_ended(place, access.valid_from, access.valid_to, access.agreement, f"accesses.{name}", seen))


def _ended(
    place: Place, begins: date | None, ends: date | None, agreement: str | None, path: str, seen: Seen
) -> Iterator[Difference]:
    if seen.first_us is None or seen.last_us is None:
        return
    first, last = _day(seen.first_us), _day(seen.last_us)
    if ends is not None and last > ends:
        yield Difference(aspect=Aspect.VALIDITY, path=f"{path}.valid_to", declared=f"until {ends}", found=f"{last}")
    if begins is not None and first < begins:
        yield Difference(aspect=Aspect.VALIDITY, path=f"{path}.valid_from", declared=f"from {begins}", found=f"{first}")
    agreed = place.agreements.get(agreement or "")
    if agreed is not None and agreed.ends is not None and last > agreed.ends:
        field = f"agreements.{agreement}.ends"
        yield Difference(aspect=Aspect.AGREEMENT, path=field, declared=f"until {agreed.ends}", found=f"{last}")


def _day(us: int) -> date:
    return from_us(us).date()


def of_devices(place: Place, seen: Seen, source: End, destination: End) -> tuple[Difference, ...]:
    """Devices that speak, or answer, though they are declared not to be on the street."""
    answered = destination if seen.bytes_back else None
    found: list[Difference] = []
    for end in (source, answered):
        if end is not None and end.kind == "devices" and (status := place.devices[end.record].status) in AWAY:
            field = f"{end.path}.status"
            found.append(Difference(aspect=Aspect.STATUS, path=field, declared=status.value, found="on the network"))
    return tuple(found)
