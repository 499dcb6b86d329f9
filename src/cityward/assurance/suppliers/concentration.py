"""On whom the critical services rest: parties, the groups that hold them, and the countries they are under."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cityward.place.model import Place
from cityward.place.record import UNKNOWN

HOLDS = 50.0
"""Percent from which an owner counts as the one behind a party."""


@dataclass(frozen=True, slots=True)
class Concentration:
    """critical: services behind essential functions. on: `parties.x` or `jurisdictions.y` -> those of them that rest on it."""

    critical: tuple[str, ...]
    on: Mapping[str, frozenset[str]]
    unsettled: tuple[str, ...]  # services of which a maker, a runner or an owner is not known


def concentration(place: Place) -> Concentration:
    """Who makes, runs or updates what the critical services need; of a party also who holds it, and its country."""
    critical = tuple(sorted({one.service for one in place.functions.values() if one.essential}))
    on, unsettled = defaultdict[str, set[str]](set), set[str]()
    for service in critical:
        for party in set(_parties(place, service)):
            for holder in _with_holders(place, party):
                if holder == UNKNOWN or place.parties[holder].owners == UNKNOWN:
                    unsettled.add(service)
                for subject in _subjects(place, holder):
                    on[subject].add(service)
    return Concentration(critical, {name: frozenset(on[name]) for name in sorted(on)}, tuple(sorted(unsettled)))


def _parties(place: Place, service: str) -> Iterator[str]:
    for actuator in place.services[service].actuators:
        device = place.devices.get(actuator)
        model = place.device_models.get(device.model) if device is not None else None
        if device is None or model is None:
            continue
        yield model.maker
        if device.operator is not None:
            yield device.operator
        updater = place.systems.get(model.updates_from or "")
        if updater is not None:
            yield updater.operator
    for function in place.functions.values():
        for name in (one for need in function.needs for one in need.of if function.service == service):
            system = place.systems.get(name)
            if system is not None:
                yield system.operator


def _with_holders(place: Place, party: str) -> list[str]:
    """A party and whoever holds half of it or more, at any height."""
    found = [party]
    for name in found:
        owners = place.parties[name].owners if name in place.parties else ()
        for stake in owners if owners != UNKNOWN else ():
            if (stake.share or 0.0) >= HOLDS and stake.party not in found:
                found.append(stake.party)
    return found


def _subjects(place: Place, party: str) -> Iterator[str]:
    if party not in place.parties or party == place.responsible:
        return
    yield f"parties.{party}"
    land = place.parties[party].incorporated_in
    if land in place.jurisdictions and not place.jurisdictions[land].home:
        yield f"jurisdictions.{land}"
