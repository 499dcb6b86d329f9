"""Which devices are independent of each other, as declared: whoever holds one of them does not thereby hold the other.

Two sources are *independent* when they differ in all three: the owner of the device, the maker of its model, and its network
zone. What is not declared, or declared `unknown`, is not known to differ: it makes two sources dependent. How many are pairwise
independent is worked out exactly (a three-dimensional matching): sources alike in all three are one, and the search ends at the
number that is asked for, three at most.

Two sources may also be *one* though they are declared apart: where the watch saw that one says what the other says. That holds of
the two and goes no further: who copies one source makes no two others one, and so can take nobody's voice but the one he copies.

INVARIANT: fewer sources, and more pairs that are one, never make `independent` larger.

Fails when: two owners have one parent, or two makers build in one supplier's module: owners and makers are compared as declared,
chains of ownership are not followed here (`reach` does).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import Registry
from cityward.place.things import Device

T = TypeVar("T")

MOST_QUORUM = 3  # PRECEDENT: two-out-of-three voting of IEC 61508 safety functions; beyond, the search would be long


@dataclass(frozen=True, slots=True)
class Traits:
    """Whom a source belongs to, as declared; None where that is not known."""

    owner: str | None
    maker: str | None
    zone: str | None


def traits_of(place: Place, registry: Registry) -> dict[str, Traits]:
    """Unit id -> its traits, for every unit of a checked place."""
    return {unit.id: traits(place, place.devices[unit.group]) for unit in registry.units}


def traits(place: Place, device: Device) -> Traits:
    """The traits of a device, or of every member of a group."""
    made = place.device_models.get(device.model)
    return Traits(owner=_known(device.owner), maker=_known(made.maker if made else None), zone=_known(device.zone))


def _known(name: str | None) -> str | None:
    return None if name == UNKNOWN else name


def are_independent(a: Traits, b: Traits) -> bool:
    """Whether the two differ in all three, and are known to."""
    pairs = ((a.owner, b.owner), (a.maker, b.maker), (a.zone, b.zone))
    return all(one is not None and other is not None and one != other for one, other in pairs)


def independent(sources: Iterable[Traits], enough: int = MOST_QUORUM) -> int:
    """How many of these are pairwise independent at most, counted up to `enough` (which is at most `MOST_QUORUM`).

    >>> north, south = Traits("council", "acme", "street"), Traits("harbour", "bolt", "quay")
    >>> independent([north, north, south]), independent([north, Traits("harbour", "bolt", "street")])
    (2, 1)
    """
    return _largest(list(dict.fromkeys(sources)), min(enough, MOST_QUORUM), are_independent)


def independent_of(named: Mapping[str, Traits], one: Collection[frozenset[str]], enough: int = MOST_QUORUM) -> int:
    """As `independent`, where each pair of names in `one` counts as one source.

    >>> named = {"a": Traits("council", "acme", "street"), "b": Traits("harbour", "bolt", "quay")}
    >>> independent_of(named, ()), independent_of(named, [frozenset({"a", "b"})])
    (2, 1)
    """
    pairs = {pair for pair in one if len(pair) == 2 and pair <= named.keys()}
    paired = {name for pair in pairs for name in pair}
    # whoever is in no pair is alike to all of its traits: looked at once, so that the search stays short
    sources = list(dict.fromkeys((traits_, name if name in paired else "") for name, traits_ in named.items()))

    def apart(a: tuple[Traits, str], b: tuple[Traits, str]) -> bool:
        return are_independent(a[0], b[0]) and frozenset({a[1], b[1]}) not in pairs

    return _largest(sources, min(enough, MOST_QUORUM), apart)


def _largest(left: Sequence[T], enough: int, apart: Callable[[T, T], bool]) -> int:
    best = 0
    for i, first in enumerate(left):
        if best >= enough:
            break
        others = [other for other in left[i + 1 :] if apart(first, other)]
        best = max(best, 1 + (_largest(others, enough - 1, apart) if enough > 1 else 0))
    return best
