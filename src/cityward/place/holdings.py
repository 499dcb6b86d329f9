"""Which dataset a held row belongs to, and which rows only ever leave together.

A row belongs to a dataset whose `properties` hold its channel's property, and that an entry flow of its device carries: a device
whose flow does not carry the dataset has no row in it, whatever it observes. A dataset that is made of others here
(`made_of`) has the rows of theirs whose property it names too: for what is released of it, not for who may see readings.

A *strand* is the set of channels of one property and one area that belong to exactly the same datasets. Every dataset is made of
whole strands, so that two datasets never differ by a part of one.

INVARIANTS
- `of[d][c]` is false wherever `registry.channel_flow[c]` is -1.
- Every channel is in exactly one strand; channels of one strand are of different units.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.place.model import Place
from cityward.place.registry import Registry


@dataclass(frozen=True, slots=True)
class Strand:
    """What the channels of one strand have in common. area: "" where they have none. datasets: sorted."""

    property: str
    area: str
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Holdings:
    """See the module. C channels, S strands.

    of: dataset -> (C,) whether a channel's rows belong to it. strand: (C,) int32. name: (S,), the same under any numbering.
    """

    of: Mapping[str, NDArray[np.bool_]]
    strand: NDArray[np.int32]
    strands: tuple[Strand, ...]
    name: NDArray[np.uint64]


def holdings(place: Place, registry: Registry) -> Holdings:
    """The holdings of a numbered place."""
    carried = _carried(place, registry)
    belongs = [_datasets(place, prop, carried[u]) for u, prop in _channels(registry)]
    of = {name: np.array([name in some for some in belongs], dtype=np.bool_) for name in place.datasets}
    numbers: dict[Strand, int] = {}
    strand = [
        numbers.setdefault(Strand(prop, area or "", some), len(numbers))
        for prop, area, some in zip(registry.channel_property, registry.channel_area, belongs, strict=True)
    ]
    names = np.array([_name64(one) for one in numbers], dtype=np.uint64)
    return Holdings(of, np.array(strand, dtype=np.int32), tuple(numbers), names)


def _channels(registry: Registry) -> list[tuple[int, str]]:
    return list(zip(registry.channel_unit.tolist(), registry.channel_property, strict=True))


def _carried(place: Place, registry: Registry) -> list[frozenset[str]]:
    """For each unit, the datasets that its entry flows carry: its own, and those of its group."""
    by_source: dict[str, set[str]] = {}
    for flow in (place.flows[name] for name in registry.flows):
        by_source.setdefault(flow.from_, set()).update(flow.datasets)
    empty: set[str] = set()
    return [frozenset(by_source.get(u.id, empty) | by_source.get(u.group, empty)) for u in registry.units]


def _datasets(place: Place, prop: str, carried: frozenset[str]) -> tuple[str, ...]:
    mine = {d for d in carried if d in place.datasets and prop in place.datasets[d].properties}
    made = {d for d, one in place.datasets.items() if prop in one.properties and not mine.isdisjoint(one.made_of)}
    return tuple(sorted(mine | made))


def _name64(strand: Strand) -> int:
    said = "\n".join((strand.property, strand.area, *strand.datasets))
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "little")
