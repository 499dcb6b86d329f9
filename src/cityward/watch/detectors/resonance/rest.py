"""From bits of rarity at several scales to one call: the scales' agreement, and rest after a call.

What is new at one scale alone is often chance: a channel's bits are the mean of the larger half of its scales'. News comes in
bursts: after a call, the next must be `AGAIN` bits rarer than what the last one has faded to.

INVARIANT: two numbers a channel.
"""

from __future__ import annotations

import numpy as np

from cityward.watch.detectors.resonance.octave import Floats

AGREE = 3
"""So many of the five scales, those with the most bits, are averaged."""
AGAIN = 1.5
FADES = 12.0
"""Bits that the memory of a call fades by, over the time of rest."""


def agreed(bits: Floats) -> Floats:
    """(C,) of (scales, C): the mean of the `AGREE` largest."""
    return np.sort(bits, axis=0)[-AGREE:].mean(axis=0)


def heed(level: Floats, bits: Floats, share: Floats | float) -> Floats:
    """The bits of those that call now, 0 for the others; `level` (C,) is changed.

    share: of the time of rest that has passed since the last look.
    """
    calls = np.where((bits > level + AGAIN) & (bits > 0), bits, 0.0)
    np.maximum(level - FADES * share, bits, out=level)
    return calls
