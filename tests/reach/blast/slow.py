"""The cascade once more, slow and plain: every hour of every point from all the others, again and again until nothing changes.

Reads the declaration itself, knows no links, counters or heaps, and shares no code with the fast one.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from cityward.place.model import Place
from cityward.place.things import Device, Need

UNKNOWN = "unknown"
Name = tuple[str, str]
"""(kind, id), kinds as the fast one writes them."""


def slow_fall(place: Place, starts: Mapping[Name, float], worst: bool) -> dict[Name, float]:
    """Hours of every point that falls. `worst`: with what is not known at its worst."""
    members = {
        f"{name}-{n:02d}": name
        for name, device in place.devices.items()
        for n in range(1, len(device.positions) + 1)
        if on_the_street(device)
    }
    hours: dict[Name, float] = {}
    for kind, records in _kinds(place, members).items():
        hours.update({(kind, name): starts.get((kind, name), inf) for name in records})
    while True:
        after = {point: min(now, _hour(place, members, hours, point, worst)) for point, now in hours.items()}
        if after == hours:
            return {point: hour for point, hour in hours.items() if hour < inf}
        hours = after


def on_the_street(device: Device) -> bool:
    """Whether a device can fall: one that is stored or retired is not there."""
    return device.status not in ("stored", "retired")


def _kinds(place: Place, members: Mapping[str, str]) -> dict[str, Mapping[str, object]]:
    return {
        "party": place.parties,
        "site": place.sites,
        "system": place.systems,
        "device": {name: device for name, device in place.devices.items() if on_the_street(device)},
        "member": members,
        "function": place.functions,
    }


def _hour(place: Place, members: Mapping[str, str], hours: Mapping[Name, float], point: Name, worst: bool) -> float:
    kind, name = point
    if kind == "party":
        return _owned(place, hours, name, worst)
    if kind == "site":
        return _of_party(hours, place.sites[name].operator, worst)
    if kind == "member":
        return hours["device", members[name]]
    if kind == "function":
        return _needing(place, members, hours, place.functions[name].needs)
    record = place.systems[name] if kind == "system" else place.devices[name]
    found = [_needing(place, members, hours, record.needs), _at_site(hours, record.site, worst)]
    found.append(_of_party(hours, record.operator, worst))
    if kind == "device":
        found.append(_of_party(hours, record.owner, worst))
    return min(found)


def _of_party(hours: Mapping[Name, float], party: str | None, worst: bool) -> float:
    if party is None:
        return inf
    if party == UNKNOWN:
        return min((h for (kind, _), h in hours.items() if kind == "party"), default=inf) if worst else inf
    return hours["party", party]


def _at_site(hours: Mapping[Name, float], site: str, worst: bool) -> float:
    if site == UNKNOWN:
        return min((h for (kind, _), h in hours.items() if kind == "site"), default=inf) if worst else inf
    return hours["site", site]


def _owned(place: Place, hours: Mapping[Name, float], name: str, worst: bool) -> float:
    """The first hour at which the owners that are dark by then control the party."""
    owners = place.parties[name].owners
    if owners == UNKNOWN:
        return _of_party(hours, UNKNOWN, worst)
    candidates = sorted({hours["party", stake.party] for stake in owners} - {inf})
    for hour in candidates:
        dark = [stake for stake in owners if hours["party", stake.party] <= hour]
        if any(stake.mechanism in ("appointment", "management") for stake in dark):
            return hour
        if worst and any(
            stake.share is None or stake.mechanism in ("contractual", "trust", "nominee") for stake in dark
        ):
            return hour
        for mechanism in ("ownership", "voting", "state"):
            held = sum(stake.share or 0 for stake in dark if stake.mechanism == mechanism)
            if any(stake.mechanism == mechanism for stake in dark) and held >= 50 - 1e-6:
                return hour
    return inf


def _needing(place: Place, members: Mapping[str, str], hours: Mapping[Name, float], needs: tuple[Need, ...]) -> float:
    earliest = inf
    for need in needs:
        falling = sorted(_needed(place, members, hours, name) for name in need.of)
        earliest = min(earliest, falling[len(need.of) - need.k] + need.buffer_hours)
    return earliest


def _needed(place: Place, members: Mapping[str, str], hours: Mapping[Name, float], name: str) -> float:
    for kind, records in _kinds(place, members).items():
        if kind != "function" and name in records:
            return hours[kind, name]
    return inf
