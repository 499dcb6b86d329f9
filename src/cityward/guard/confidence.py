"""What a proposal rests on, and whether that is enough: who holds the sources, how far they are trusted, which are independent.

Theory of operation
-------------------
Two sources are *independent* when they differ in all three: the owner of the device, the maker of its model, and its network
zone. Whoever owns, made or reaches one of them then does not thereby hold the other. What is not declared, or declared
`unknown`, is not known to differ: it makes two sources dependent. How many of the sources are pairwise independent is worked
out exactly (a three-dimensional matching): sources alike in all three are one, and the search ends at the number that is asked
for, three at most.

The city's own clock and the sun computed from it are no source: nobody outside can falsify them, and they vouch for nobody.

INVARIANTS
- Monotone: fewer sources, or less trust in one, never make `independent` larger or an unbelieved source believed.
- A device that is not declared is not believed.

Fails when: two owners have one parent, or two makers build in one supplier's module: owners and makers are compared as declared,
chains of ownership are not followed here (`reach` does).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.place.registry import Registry

MOST_QUORUM = 3  # PRECEDENT: two-out-of-three voting of IEC 61508 safety functions; beyond, the search would be long


@dataclass(frozen=True, slots=True)
class Traits:
    """Whom a source belongs to, as declared; None where that is not known."""

    owner: str | None
    maker: str | None
    zone: str | None


@dataclass(frozen=True, slots=True)
class Confidence:
    """How far devices are trusted now. Whoever is not named is trusted fully. `barred`: who is shut out of the city."""

    trust: Mapping[str, float] = field(default_factory=dict[str, float])
    quarantined: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()

    def believes(self, device: str, least_trust: float) -> bool:
        """Whether a value may rest on it. What is no number is no trust."""
        doubted = device in self.quarantined or device in self.barred
        return not doubted and self.trust.get(device, 1.0) >= least_trust


FULL = Confidence()
"""Nobody is doubted: a city without a watch."""


def traits_of(place: Place, registry: Registry) -> dict[str, Traits]:
    """Unit id -> its traits, for every unit of a checked place."""
    return {unit.id: _traits(place, unit.group, unit.model) for unit in registry.units}


def _traits(place: Place, group: str, model: str) -> Traits:
    device, made = place.devices.get(group), place.device_models.get(model)
    return Traits(
        owner=_known(device.owner if device else None),
        maker=_known(made.maker if made else None),
        zone=_known(device.zone if device else None),
    )


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
    return _largest(list(dict.fromkeys(sources)), min(enough, MOST_QUORUM))


def _largest(left: Sequence[Traits], enough: int) -> int:
    best = 0
    for i, first in enumerate(left):
        if best >= enough:
            break
        others = [other for other in left[i + 1 :] if are_independent(first, other)]
        best = max(best, 1 + (_largest(others, enough - 1) if enough > 1 else 0))
    return best
