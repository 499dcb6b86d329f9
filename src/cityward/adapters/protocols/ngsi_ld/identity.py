"""Which entity is which device: `urn:ngsi-ld:<Type>:<device>`.

INVARIANT: `device_of(entity_id(t, d)) == d` for every device id; no other text yields a device.
"""

from __future__ import annotations

from cityward.ids import is_id
from cityward.place.registry import Registry

URN = "urn:ngsi-ld:"
DEFAULT_TYPE = "Device"  # of models that declare no `ngsi_type`


def entity_type(registry: Registry, unit: int) -> str:
    """The NGSI-LD type of a unit."""
    return registry.models[registry.units[unit].model].ngsi_type or DEFAULT_TYPE


def entity_id(registry: Registry, unit: int) -> str:
    """The entity id of a unit."""
    return f"{URN}{entity_type(registry, unit)}:{registry.units[unit].id}"


def device_of(entity: str) -> str | None:
    """The device an entity id names; None where it has another form. Says nothing of whether the device is declared."""
    if not entity.startswith(URN):
        return None
    kind, _, device = entity[len(URN) :].rpartition(":")
    return device if kind and is_id(device) else None
