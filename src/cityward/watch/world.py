"""The world a detector is told of: who stands beside whom, who made what, who owns it. Compiled once from the declaration.

INVARIANTS
- Arrays over channels have shape (C,) or (C, K), over units (U,); -1 stands for nobody.
- `neighbours[c]` are channels of the same property of other units, nearest first; positions that are not declared have none.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.catalogue import PROPERTIES
from cityward.place.addresses import read_address
from cityward.place.model import Place
from cityward.place.registry import Registry

NEIGHBOURS = 8
WITHIN_M = 5_000.0
BESIDE_M = 100.0
EARTH_M = 6_371_008.8  # mean radius (IUGG)


@dataclass(frozen=True, slots=True)
class World:
    """See the module. Each of `maker`, `owner`, ... numbers the names in `names[<field>]`.

    observed: (C,) number of the observed property. state: (C,) whether the property is a state (a lamp's level), not a measure.
    set_by_command: (C,) whether a command of the unit's model sets it. by_itself: (C,) of one that tells whether its unit goes by
    itself, the channel that is set; -1 elsewhere.
    lon_lat: (U, 2) degrees, NaN where not declared. neighbours: (C, NEIGHBOURS) see the module.
    home_networks: blocks of addresses from which people of those who run the city are declared to come.
    beside: (C, NEIGHBOURS) channels of *other* properties of the same unit, or of units within `BESIDE_M`, nearest first.
    """

    registry: Registry
    observed: NDArray[np.int32]
    state: NDArray[np.bool_]
    set_by_command: NDArray[np.bool_]
    by_itself: NDArray[np.int32]
    lon_lat: NDArray[np.float64]
    neighbours: NDArray[np.int32]
    beside: NDArray[np.int32]
    maker: NDArray[np.int32]
    model: NDArray[np.int32]
    group: NDArray[np.int32]
    owner: NDArray[np.int32]
    operator: NDArray[np.int32]
    site: NDArray[np.int32]
    zone: NDArray[np.int32]
    names: dict[str, tuple[str, ...]]
    home_networks: tuple[str, ...] = ()

    @property
    def channels(self) -> int:
        """C."""
        return len(self.observed)

    @property
    def units(self) -> int:
        """U."""
        return len(self.maker)

    @property
    def driven(self) -> NDArray[np.bool_]:
        """(C,) channels of units that a command sets something of: a lamp's power follows from what it was told."""
        commanded = np.zeros(self.units, dtype=np.bool_)
        commanded[self.registry.channel_unit[self.set_by_command]] = True
        return commanded[self.registry.channel_unit]

    def barred(self, since: int, until: int) -> NDArray[np.bool_]:
        """(U,) whom the city itself kept out at some moment of [since, until), city us: revoked, retired, contained."""
        registry = self.registry
        held = (registry.unit_barred_from < until) & (registry.unit_barred_until > since)
        return np.logical_or.reduce(held, axis=1)

    def name_of(self, channel: int) -> tuple[str, str]:
        """(unit id, property id) of a channel."""
        registry = self.registry
        return registry.units[int(registry.channel_unit[channel])].id, registry.channel_property[channel]


def world_of(place: Place, registry: Registry) -> World:
    """Compile a checked place."""
    names: dict[str, tuple[str, ...]] = {}
    devices = [place.devices[unit.group] for unit in registry.units]

    def numbered(field: str, values: Sequence[Hashable | None]) -> NDArray[np.int32]:
        index: dict[Hashable, int] = {}
        # what is unknown is nobody: two unknown makers are not the same maker
        out = [-1 if v is None or v == "unknown" else index.setdefault(v, len(index)) for v in values]
        names[field] = tuple(str(v) for v in index)
        return np.array(out, dtype=np.int32)

    prop = numbered("observed", registry.channel_property)
    lon_lat = np.array(
        [unit.position if unit.position is not None else (np.nan, np.nan) for unit in registry.units], dtype=np.float64
    ).reshape(-1, 2)
    sets = [
        registry.channel_property[c]
        in {limits.sets for limits in registry.models[registry.units[u].model].commands.values()}
        for c, u in enumerate(registry.channel_unit.tolist())
    ]
    where = _metres(lon_lat)[registry.channel_unit] if len(prop) else np.empty((0, 3))
    return World(
        registry=registry,
        observed=prop,
        state=np.array([PROPERTIES[p].kind == "state" for p in registry.channel_property], dtype=np.bool_),
        set_by_command=np.array(sets, dtype=np.bool_),
        by_itself=_by_itself(registry),
        lon_lat=lon_lat,
        neighbours=_neighbours(where, prop, registry.channel_unit),
        beside=_beside(where, prop, registry.channel_unit),
        maker=numbered("maker", [place.device_models[unit.model].maker for unit in registry.units]),
        model=numbered("model", [unit.model for unit in registry.units]),
        group=numbered("group", [unit.group for unit in registry.units]),
        owner=numbered("owner", [device.owner for device in devices]),
        operator=numbered("operator", [device.operator for device in devices]),
        site=numbered("site", [device.site for device in devices]),
        zone=numbered("zone", [device.zone for device in devices]),
        names=names,
        home_networks=_home_networks(place),
    )


def _home_networks(place: Place) -> tuple[str, ...]:
    """Of the party that answers for the place, those that run its platform, and those that may enter it."""
    platform = place.systems.get(place.platform or "")
    parties = [place.responsible, *([platform.operator] if platform is not None else [])]
    parties += [access.party for access in place.accesses.values() if access.target == place.platform]
    known = [place.parties[name] for name in dict.fromkeys(parties) if name in place.parties]
    found = [read_address(text) for party in known for text in party.addresses]
    return tuple(dict.fromkeys(str(address) for address in found if not isinstance(address, str)))


def _by_itself(registry: Registry) -> NDArray[np.int32]:
    found = np.full(len(registry.channel_unit), -1, dtype=np.int32)
    for u, unit in enumerate(registry.units):
        for limits in registry.models[unit.model].commands.values():
            tells = registry.channel_by_property.get((u, limits.by_itself or ""), -1)
            if tells >= 0:
                found[tells] = registry.channel_by_property.get((u, limits.sets), -1)
    return found


def _metres(lon_lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """(U, 3) on the sphere: chords are as good as arcs at a city's distances."""
    lon, lat = np.radians(lon_lat[:, 0]), np.radians(lon_lat[:, 1])
    return EARTH_M * np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def _neighbours(where: NDArray[np.float64], prop: NDArray[np.int32], unit: NDArray[np.int32]) -> NDArray[np.int32]:
    out = np.full((len(prop), NEIGHBOURS), -1, dtype=np.int32)
    for p in range(int(prop.max(initial=-1)) + 1):
        mine = np.flatnonzero(prop == p)
        for c in mine.tolist():
            apart = np.linalg.norm(where[mine] - where[c], axis=1)
            near = np.flatnonzero((apart <= WITHIN_M) & (unit[mine] != unit[c]))
            best = near[np.argsort(apart[near], kind="stable")][:NEIGHBOURS]
            out[c, : len(best)] = mine[best]
    return out


def _beside(where: NDArray[np.float64], prop: NDArray[np.int32], unit: NDArray[np.int32]) -> NDArray[np.int32]:
    out = np.full((len(prop), NEIGHBOURS), -1, dtype=np.int32)
    for c in range(len(prop)):
        apart = np.where(unit == unit[c], 0.0, np.linalg.norm(where - where[c], axis=1))
        near = np.flatnonzero((apart <= BESIDE_M) & (prop != prop[c]))
        best = near[np.argsort(apart[near], kind="stable")][:NEIGHBOURS]
        out[c, : len(best)] = best
    return out
