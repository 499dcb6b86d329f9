"""A place, looked up the way the rules of reach ask: what lies in what, which things there are, what an agreement forbids.

A *thing* is a system, a device (or group), or a member of a group that some record names. A device that is stored or retired is
none: nobody reaches the street by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from cityward.place.model import Place
from cityward.place.parties import PartyKind
from cityward.place.record import UNKNOWN
from cityward.place.registry import members
from cityward.place.things import Device, DeviceStatus, System

GONE = (DeviceStatus.STORED, DeviceStatus.RETIRED)


@dataclass(frozen=True, slots=True)
class Thing:
    """A system or device (group). `path` is its record; `unknown` in a field stays unknown."""

    id: str
    path: str
    record: System | Device

    @property
    def is_device(self) -> bool:
        """Whether it stands on the street."""
        return isinstance(self.record, Device)

    @property
    def servants(self) -> Iterator[tuple[str, str]]:
        """(party or `unknown`, path) of those who operate, supply, own or maintain it."""
        for field in ("operator", "supplier", "owner"):
            party = getattr(self.record, field, None)
            if party is not None:
                yield party, f"{self.path}.{field}"
        by = getattr(self.record, "maintained_by", ())
        if by == UNKNOWN:
            yield UNKNOWN, f"{self.path}.maintained_by"
        else:
            yield from ((party, f"{self.path}.maintained_by[{k}]") for k, party in enumerate(by))

    @property
    def runs(self) -> tuple[str, str]:
        """(operator or `unknown`, path of the field). A device without operator is run by its owner."""
        if isinstance(self.record, Device) and self.record.operator is None:
            return self.record.owner, f"{self.path}.owner"
        assert self.record.operator is not None
        return self.record.operator, f"{self.path}.operator"


class Declared:
    """The lookups that the rules share. Everything is in the declaration's order."""

    def __init__(self, place: Place) -> None:
        self.place = place

    @cached_property
    def inside(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """J -> every j within J, with the lines that put it there. J is within itself, by no line."""
        parts: dict[str, list[tuple[str, str]]] = {name: [] for name in self.place.jurisdictions}
        for child, parent, path in self.parts():
            parts.setdefault(parent, []).append((child, path))
        return {name: _reached(name, parts) for name in self.place.jurisdictions}

    def parts(self) -> Iterator[tuple[str, str, str]]:
        """(j, J, path): j is a member of J, or lies in it; both are declared."""
        lands = self.place.jurisdictions
        for name, jurisdiction in lands.items():
            for k, member in enumerate(jurisdiction.members):
                if member in lands:
                    yield member, name, f"jurisdictions.{name}.members[{k}]"
            if jurisdiction.parent in lands:
                yield name, jurisdiction.parent, f"jurisdictions.{name}.parent"

    @cached_property
    def incorporated(self) -> dict[str, list[str]]:
        """Jurisdiction, or `unknown` -> the parties incorporated there."""
        found: dict[str, list[str]] = {}
        for name, party in self.place.parties.items():
            found.setdefault(party.incorporated_in, []).append(name)
        return found

    @cached_property
    def present(self) -> dict[str, list[tuple[str, str]]]:
        """Jurisdiction -> (party, path) of those with a branch or staff there."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name, party in self.place.parties.items():
            for k, where in enumerate(party.presence):
                found.setdefault(where, []).append((name, f"parties.{name}.presence[{k}]"))
        return found

    @cached_property
    def serving(self) -> dict[str, list[tuple[str, str]]]:
        """Jurisdiction -> (party, path) of those who run something at a site there."""
        found: dict[str, list[tuple[str, str]]] = {}
        for thing in self.things.values():
            land, unknown = self.land_of(thing)
            if unknown is None:
                found.setdefault(land, []).extend(
                    servant for servant in thing.servants if servant[0] in self.place.parties
                )
        return {land: list(dict.fromkeys(those)) for land, those in found.items()}

    @cached_property
    def states(self) -> list[str]:
        """The parties that are states."""
        return [name for name, party in self.place.parties.items() if party.kind is PartyKind.STATE]

    @cached_property
    def owned(self) -> dict[str, list[str]]:
        """Party -> those in which it has a stake of any kind."""
        found: dict[str, list[str]] = {}
        for name, party in self.place.parties.items():
            for stake in party.owners if party.owners != UNKNOWN else ():
                found.setdefault(stake.party, []).append(name)
        return found

    @cached_property
    def group_of(self) -> dict[str, str]:
        """Member -> its group, for every member of every group."""
        return {
            unit: name
            for name, device in self.place.devices.items()
            if device.positions
            for unit, _, _ in members(name, device)
        }

    @cached_property
    def things(self) -> dict[str, Thing]:
        """Every system, and every device (group) that is, or will be, on the street."""
        devices = {name: device for name, device in self.place.devices.items() if device.status not in GONE}
        systems = {name: Thing(name, f"systems.{name}", system) for name, system in self.place.systems.items()}
        return systems | {name: Thing(name, f"devices.{name}", device) for name, device in devices.items()}

    @cached_property
    def named_members(self) -> dict[str, str]:
        """Member -> group, of those that a record names."""
        named = (name for name in self._names() if self.group_of.get(name) in self.things and name not in self.things)
        return {name: self.group_of[name] for name in dict.fromkeys(named)}

    def is_device(self, name: str) -> bool:
        """Whether a thing is a device, a group or a member of one."""
        return name in self.named_members or (name in self.things and self.things[name].is_device)

    def is_thing(self, name: str) -> bool:
        """Whether a name is that of a system, device or member."""
        return name in self.things or name in self.named_members

    def forbids_handing_on(self, agreement: str | None) -> bool:
        """Whether the agreement forbids sub-contracting."""
        known = self.place.agreements.get(agreement or "")
        return known is not None and known.subcontracting == "forbidden"

    def land_of(self, thing: Thing) -> tuple[str, str | None]:
        """(jurisdiction of a thing's site, None), or (`unknown`, path of the field that does not tell it)."""
        site = self.site_of(thing)
        if site is None:
            return UNKNOWN, f"{thing.path}.site"
        land = self.place.sites[site].jurisdiction
        return land, f"sites.{site}.jurisdiction" if land == UNKNOWN else None

    def site_of(self, thing: Thing) -> str | None:
        """The site of a thing; None where it is not known, or no longer declared."""
        return thing.record.site if thing.record.site in self.place.sites else None

    def _names(self) -> Iterator[str]:
        place = self.place
        for flow in place.flows.values():
            yield from (flow.from_, flow.to)
        yield from (access.target for access in place.accesses.values())
        for record in (*(thing.record for thing in self.things.values()), *place.functions.values()):
            for need in record.needs:
                yield from need.of
        for service in place.services.values():
            yield from service.actuators


def _reached(start: str, parts: dict[str, list[tuple[str, str]]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {start: ()}
    pending = [start]
    for name in pending:
        for child, path in parts.get(name, ()):
            if child not in found:
                found[child] = (*found[name], path)
                pending.append(child)
    return found
