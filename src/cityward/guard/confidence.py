"""How far what a proposal rests on is believed: the trust in each source, who is doubted or shut out, and which two are one.
Which sources are independent follows from the declaration (`place.independence`), less the pairs that are one.

The city's own clock and the sun computed from it are no source: nobody outside can falsify them, and they vouch for nobody.

INVARIANT: less trust in a source never makes an unbelieved one believed, and a pair that is one takes trust from neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Confidence:
    """How far devices are trusted now. Whoever is not named is trusted fully. `barred`: who is shut out of the city.

    one_source: pairs of devices of which one says what the other says: two voices, one source.
    """

    trust: Mapping[str, float] = field(default_factory=dict[str, float])
    quarantined: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()
    one_source: frozenset[frozenset[str]] = frozenset()

    def believes(self, device: str, least_trust: float) -> bool:
        """Whether a value may rest on it. What is no number is no trust."""
        doubted = device in self.quarantined or device in self.barred
        return not doubted and self.trust.get(device, 1.0) >= least_trust


FULL = Confidence()
"""Nobody is doubted: a city without a watch."""
