"""Which flows cross a boundary: from zone to zone, from party to party, or into another jurisdiction.

INVARIANT: where a side is not known, the flow counts as crossing: what is not known is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityward.place.data import Flow
from cityward.place.model import Place
from cityward.place.record import UNKNOWN


@dataclass(frozen=True, slots=True)
class Side:
    """Where one end of a flow stands; `unknown` where nobody knows, "" where there is no such thing (the zone of a party)."""

    zone: str
    party: str
    land: str


def crossing_flows(place: Place) -> Mapping[str, tuple[str, ...]]:
    """Flow -> what it crosses, in words; flows that cross nothing are left out."""
    found = {name: _crossed(place, flow) for name, flow in place.flows.items()}
    return {name: crossed for name, crossed in found.items() if crossed}


def _crossed(place: Place, flow: Flow) -> tuple[str, ...]:
    begin, end = side_of(place, flow.from_), side_of(place, flow.to)
    pairs = (("zone", begin.zone, end.zone), ("party", begin.party, end.party), ("country", begin.land, end.land))
    told = [f"{what} {a or 'none'} to {b or 'none'}" for what, a, b in pairs if a != b or a == UNKNOWN]
    hops = flow.route if flow.route != UNKNOWN else (UNKNOWN,)
    told += [f"passes {hop}" for hop in hops if hop == UNKNOWN or (hop in place.jurisdictions and hop != begin.land)]
    return tuple(told)


def side_of(place: Place, name: str) -> Side:
    """Where a device, system or party stands."""
    if name in place.parties:
        return Side("", name, place.parties[name].incorporated_in)
    device = place.devices.get(name) or place.devices.get(_group(place, name))
    if device is not None:
        return Side(device.zone or UNKNOWN, device.owner, _land(place, device.site))
    system = place.systems.get(name)
    if system is None:
        return Side(UNKNOWN, UNKNOWN, UNKNOWN)
    return Side(system.zone or UNKNOWN, system.operator, _land(place, system.site))


def _group(place: Place, member: str) -> str:
    group = member.rpartition("-")[0]
    return group if group in place.devices else ""


def _land(place: Place, site: str) -> str:
    return place.sites[site].jurisdiction if site in place.sites else UNKNOWN
