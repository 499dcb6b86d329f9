"""A place as scenarios see it: what there is to attack, found in the declaration, never named by hand.

Does not live here: anything about a particular place. A scenario that needs a lamp asks for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from cityward.place.loader import Loaded
from cityward.place.model import Place
from cityward.place.registry import Registry, Unit, number


@dataclass(frozen=True)
class Scene:
    """The declaration, numbered. began: city us at which the exercise begins. speed: city seconds per second."""

    loaded: Loaded
    began: int
    speed: float

    @property
    def place(self) -> Place:
        """What is declared."""
        return self.loaded.place

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
