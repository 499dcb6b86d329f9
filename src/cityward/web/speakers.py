"""Whom a key may speak for: a device for itself and its group, a network server or another broker for those declared under it."""

from __future__ import annotations

from collections.abc import Mapping

from cityward.place.model import Place
from cityward.place.registry import Registry, Unit
from cityward.place.things import DeviceStatus
from cityward.web.problems import Problem


class Speakers:
    """Worked out once from the declaration."""

    def __init__(self, place: Place, registry: Registry) -> None:
        self._registry = registry
        self._of = {name: frozenset(system.speaks_for) for name, system in place.systems.items() if system.speaks_for}
        self._euis = {name: self._by_eui(named) for name, named in self._of.items()}

    def _by_eui(self, named: frozenset[str]) -> dict[str, Unit]:
        units = (u for u in self._registry.units if u.hardware and (u.id in named or u.group in named))
        return {unit.hardware.eui: unit for unit in units if unit.hardware and unit.hardware.eui}

    def with_eui(self, system: str, eui: str) -> Unit:
        """The device with this EUI that a network server speaks for; `eui` in small letters.

        Raises:
            Problem: 403: it speaks for nobody with an EUI, has no such device, or the device is not active.
        """
        heard: Mapping[str, Unit] = self._euis.get(system, {})
        if not heard:
            raise Problem(403, "wrong-device", "the key is not of a system that speaks for devices with an EUI")
        if (unit := heard.get(eui)) is None:
            raise Problem(403, "unknown-device", f"`{system}` speaks for no device with the EUI {eui}")
        return _active(unit)

    def with_name(self, caller: str, device: str) -> Unit:
        """The device of this name, if the caller may speak for it.

        Raises:
            Problem: 403. The same for devices that are not declared: a key is not told which names exist.
        """
        index = self._registry.unit_index
        unit = self._registry.units[index[device]] if device in index else None
        if unit is None or not self._may(caller, unit):
            raise Problem(403, "wrong-device", "the key may send for its own devices only")
        return _active(unit)

    def _may(self, caller: str, unit: Unit) -> bool:
        named = self._of.get(caller)
        if named is not None:
            return unit.id in named or unit.group in named
        own = self._registry.unit_index.get(caller)
        return own is not None and self._registry.units[own].group == unit.group


def _active(unit: Unit) -> Unit:
    if unit.status is not DeviceStatus.ACTIVE:
        raise Problem(403, "inactive-device", f"the device's status is `{unit.status}`; only an active one may speak")
    return unit
