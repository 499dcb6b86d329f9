"""What each supplier touches, by the declaration, and the tier that follows.

A supplier is a party other than the one that answers for the place which makes, runs, supplies, keeps up or may enter something
of the city, or with which there is an agreement that is more than sharing. It is of the *high* tier where it touches a thing that
acts on the street, what is about people, or a critical system; else of the *standard* one.

Fails when: a supplier is declared nowhere (a reseller, a hand behind a brand): then it has no tier, and nobody asks it anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cityward.place.data import Access
from cityward.place.model import Place
from cityward.place.record import UNKNOWN


class Tier(StrEnum):
    """How much is asked of a supplier."""

    HIGH = "high"
    STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing that a supplier touches. path: the line that says so (`devices.lamps`). heavy: it makes the tier high."""

    said: str
    path: str
    heavy: bool = False


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier and all that it touches, the heavy first."""

    party: str
    touches: tuple[Touch, ...]

    @property
    def tier(self) -> Tier:
        """What follows of what it touches."""
        return Tier.HIGH if any(touch.heavy for touch in self.touches) else Tier.STANDARD


def suppliers_of(place: Place) -> Mapping[str, Supplier]:
    """Every supplier, by id, sorted."""
    found: dict[str, dict[Touch, None]] = defaultdict(dict)
    for party, touch in _touches(place):
        if party != place.responsible and party in place.parties:
            found[party][touch] = None
    return {
        party: Supplier(party, tuple(sorted(found[party], key=lambda touch: (not touch.heavy, touch.path, touch.said))))
        for party in sorted(found)
    }


def _touches(place: Place) -> Iterator[tuple[str, Touch]]:
    yield from _devices(place)
    yield from _systems(place)
    yield from _given(place)
    acts = acting(place)
    for name, access in place.accesses.items():
        yield access.party, _entered(place, name, access, acts)
    for name, agreement in place.agreements.items():
        for party in agreement.parties if agreement.kind != "sharing" else ():
            yield party, Touch(f"has an agreement on {agreement.kind}", f"agreements.{name}")


def acting(place: Place) -> frozenset[str]:
    """Devices and groups that take commands: of a service here, by their model, or by a flow that leads to them."""
    told = {actuator for service in place.services.values() for actuator in service.actuators}
    able = {name for name, device in place.devices.items() if _takes_commands(place, device.model)}
    reached = {flow.to for flow in place.flows.values()}
    return frozenset(((told | reached) & place.devices.keys()) | able)


def _takes_commands(place: Place, model: str) -> bool:
    return model in place.device_models and bool(place.device_models[model].commands)


def _devices(place: Place) -> Iterator[tuple[str, Touch]]:
    heavy = acting(place)
    for name, device in place.devices.items():
        acts, path = name in heavy, f"devices.{name}"
        what = f"`{name}`, which acts on the street" if acts else f"`{name}`"
        model = place.device_models.get(device.model)
        if model is not None:
            yield model.maker, Touch(f"makes {what}", path, acts)
            updater = place.systems.get(model.updates_from or "")
            if updater is not None:
                yield updater.operator, Touch(f"updates {what}", path, acts)
        if device.operator is not None:
            yield device.operator, Touch(f"runs {what}", path, acts)


def _systems(place: Place) -> Iterator[tuple[str, Touch]]:
    for name, system in place.systems.items():
        why = _why_heavy(place, name)
        what, path = f"`{name}`{why}", f"systems.{name}"
        yield system.operator, Touch(f"runs {what}", path, bool(why))
        if system.supplier is not None:
            yield system.supplier, Touch(f"supplies {what}", path, bool(why))
        for party in system.maintained_by if system.maintained_by != UNKNOWN else ():
            yield party, Touch(f"keeps up {what}", path, bool(why))


def _why_heavy(place: Place, name: str) -> str:
    system = place.systems[name]
    if system.critical:
        return ", which is critical"
    about_people = any(place.datasets[one].personal for one in system.stores if one in place.datasets)
    return ", which holds what is about people" if about_people else ""


def _given(place: Place) -> Iterator[tuple[str, Touch]]:
    for name, flow in place.flows.items():
        about = [one for one in flow.datasets if place.datasets[one].personal]
        party = place.systems[flow.to].operator if flow.to in place.systems else flow.to
        if about and party in place.parties and _is_supplier_flow(place, flow.agreement):
            yield party, Touch(f"is given `{about[0]}`, which is about people", f"flows.{name}", True)


def _is_supplier_flow(place: Place, agreement: str | None) -> bool:
    """Who only shares is no supplier: police and transit have their own duties."""
    return agreement in place.agreements and place.agreements[agreement].kind != "sharing"


def _entered(place: Place, name: str, access: Access, acts: frozenset[str]) -> Touch:
    modes, path = " and ".join(access.modes), f"accesses.{name}"
    target = access.target
    heavy = target in acts or (target in place.systems and bool(_why_heavy(place, target)))
    heavy = heavy or (target in place.datasets and place.datasets[target].personal)
    return Touch(f"may {modes} `{target}`", path, heavy and access.modes != ("billing",))
