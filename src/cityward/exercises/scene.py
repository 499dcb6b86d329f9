"""A place as scenarios see it: what there is to attack, found in the declaration, never named by hand.

Does not live here: anything about a particular place. A scenario that needs a lamp asks for one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import islice

from cityward.place.loader import Loaded
from cityward.place.model import Place
from cityward.place.registry import Registry, Unit, number
from cityward.place.roles import Right
from cityward.place.things import CommandLimits, DeviceStatus
from cityward.time import HOUR


@dataclass(frozen=True)
class Scene:
    """The declaration, numbered. began: city us at which the exercise begins. speed: city seconds per second.

    strangers: of nobody's addresses the first that this scenario's strangers come from: no two scenarios have one in common, as
    what is told of an address must be told because of its own scenario.
    """

    loaded: Loaded
    began: int
    speed: float
    strangers: int = 0

    @property
    def place(self) -> Place:
        """What is declared."""
        return self.loaded.place

    def hour(self) -> float:
        """Of the sun where the place lies, at the beginning: 12 is noon."""
        return (self.began / HOUR + self.place.position[0] / 15) % 24

    def next_hour(self, hour: float) -> int:
        """City us of the next moment from the beginning on at which it is that hour of the sun."""
        return self.began + round(((hour - self.hour()) % 24) * HOUR)

    @cached_property
    def registry(self) -> Registry:
        """Its units, numbered as everywhere."""
        return number(self.place)

    def units(self, group: str) -> tuple[Unit, ...]:
        """The units of a device group, in order."""
        return tuple(unit for unit in self.registry.units if unit.group == group)

    def actuators(self, service_kind: str) -> Iterator[tuple[str, str]]:
        """(service, device group) of each actuator of services of a kind."""
        for name, service in self.place.services.items():
            if service.kind == service_kind:
                for device in service.actuators:
                    yield name, device

    def observing(self, property_: str) -> tuple[str, ...]:
        """Device groups that observe a property over an enforced flow, in order of their names."""
        place = self.place
        sending = {flow.from_ for flow in place.flows.values() if flow.observability.value == "enforced"}
        return tuple(
            sorted(
                name
                for name, device in place.devices.items()
                if name in sending and property_ in place.device_models[device.model].properties
            )
        )

    @cached_property
    def driven(self) -> frozenset[str]:
        """Device groups (or devices) that some service commands."""
        return frozenset(device for service in self.place.services.values() for device in service.actuators)

    def speakers(self, *formats: str) -> tuple[Unit, ...]:
        """Active units that speak to us themselves over an enforced flow and are commanded by nobody, in order."""
        return tuple(
            unit
            for unit in self.registry.units
            if unit.flow >= 0
            and unit.status is DeviceStatus.ACTIVE
            and unit.credential == "password"
            and unit.group not in self.driven
            and unit.channels
            and self.place.flows[self.flow_of(unit)].protocol in ("mqtt", "http", "ngsi-ld")
            and (not formats or unit.format in formats)
        )

    def flow_of(self, unit: Unit) -> str:
        """The flow that a unit's messages are counted under; "": none."""
        return self.registry.flows[unit.flow] if unit.flow >= 0 else ""

    def read_by(self, service: str) -> tuple[Unit, ...]:
        """Units, commanded by nobody, of which the service reads something, in order."""
        wanted = {p for d in self.place.services[service].reads for p in self.place.datasets[d].properties}
        known = self.registry.channel_property
        return tuple(u for u in self.speakers() if any(known[channel] in wanted for channel in u.channels))

    def role_with(self, *rights: Right, without: Collection[Right] = (), services: Collection[str] = ()) -> str | None:
        """A standing role of the place's own party with these rights (over these services), and none of the others."""
        for name, role in self.place.roles.items():
            mine = role.standing and role.party == self.place.responsible
            if (
                mine
                and {*rights} <= {*role.rights}
                and {*services} <= {*role.services}
                and not {*without} & {*role.rights}
            ):
                return name
        return None

    def guest_role(self, *rights: Right) -> str | None:
        """A role of another party that is opened for a task, with these rights and addresses of its own."""
        for name, role in self.place.roles.items():
            theirs = role.party != self.place.responsible and not role.standing and role.from_addresses
            if theirs and {*rights} <= {*role.rights}:
                return name
        return None

    def address_of(self, role: str) -> str:
        """One address from which the role may be used; "" where it says none, or only names."""
        for told in self.place.roles[role].from_addresses:
            try:
                return str(next(ip_network(told, strict=False).hosts(), ip_network(told, strict=False)[0]))
            except ValueError:  # a name
                continue
        return ""

    def ordinary(self, unit: Unit, share: float = 0.1) -> dict[str, float]:
        """A value that would be let through of each property that a unit's flows carry: so far above its least."""
        table = self.registry
        carried = (channel for channel in unit.channels if table.channel_flow[channel] >= 0)
        spans = (
            (channel, float(table.channel_low[channel]), float(table.channel_high[channel])) for channel in carried
        )
        return {table.channel_property[channel]: round(low + (high - low) * share, 3) for channel, low, high in spans}

    def fleets(self) -> Iterator[Fleet]:
        """Groups of active actuators that report to us and that a service commands, the largest first."""
        found: list[Fleet] = []
        for service, declared in self.place.services.items():
            for group in declared.actuators:
                units = tuple(
                    u for u in self.registry.units if group in (u.group, u.id) and u.status is DeviceStatus.ACTIVE
                )
                commands = self.registry.models[units[0].model].commands if units else {}
                if commands and units[0].flow >= 0:
                    name, limits = next(iter(commands.items()))
                    found.append(Fleet(service, declared.kind, group, units, name, limits))
        yield from sorted(found, key=lambda fleet: -len(fleet.units))

    def nobodys_address(self, nth: int = 0) -> str:
        """An address of a block for documentation that the declaration gives to nobody.

        SPEC: RFC 5737.
        """
        taken = [block for text in self._addresses() if (block := _block(text)) is not None]
        free = (
            a for a in reversed(list(ip_network("203.0.113.0/24").hosts())) if not any(a in block for block in taken)
        )
        return str(next(islice(free, self.strangers + nth, None), "203.0.113.254"))

    def addresses_of(self, *records: str) -> str:
        """One address of the first of these devices, systems or parties that declares any; "" where none does."""
        place = self.place
        for name in records:
            for kind in (place.devices, place.systems, place.parties):
                for text in kind[name].addresses if name in kind else ():
                    if (block := _block(text)) is not None:
                        return str(next(iter(block.hosts()), block[0]))
        return ""

    def shown_cameras(self) -> tuple[str, ...]:
        """Cameras that somebody may be shown pictures of, in order."""
        return tuple(name for name, camera in self.place.cameras.items() if camera.viewing is not None)

    def role_seeing(self, camera: str) -> str | None:
        """A standing role of the place's own party that may look through a camera."""
        dataset = self.place.cameras[camera].dataset
        for name, role in self.place.roles.items():
            mine = role.standing and role.party == self.place.responsible
            if mine and Right.VIEW in role.rights and dataset in role.datasets and Right.VIEW not in role.two_person:
                return name
        return None

    def _addresses(self) -> Iterator[str]:
        place = self.place
        for kind in (place.parties, place.systems, place.devices):
            for record in kind.values():
                yield from record.addresses
        for role in place.roles.values():
            yield from role.from_addresses
        for recipient in place.recipients.values():
            yield from recipient.addresses


@dataclass(frozen=True, slots=True)
class Fleet:
    """Units that one service commands alike. kind: of the service."""

    service: str
    kind: str
    group: str
    units: tuple[Unit, ...]
    command: str
    limits: CommandLimits


def _block(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:  # a name
        return None
