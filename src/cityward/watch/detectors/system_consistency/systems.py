"""Which channels are one system, and how its rounds are gathered from the grid's steps.

Lives here: the split of a world into systems, the probing of how often they speak, and the sums of the round under way.

INVARIANTS
- A channel is in one system. A system has `FEWEST` to `MOST_CHANNELS` channels; a larger site is cut in the registry's order.
- A round is 3 or 12 steps, on the clock (of the hour); which, follows from how the system spoke while it was probed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cityward.watch.world import World

MOST_CHANNELS = 48
FEWEST = 3
CADENCES = (3, 12)
"""Steps a round may have: 15 minutes, an hour. Not one: a round costs the same however long it is, what is found here lasts for
hours, and its kind declares 12 hours of delay."""
PROBE = 288
"""Steps of a probing: a day. PRECEDENT: none; by meaning: a night's silence is in it."""
FILLED = 0.8
SLOW = 0.25


def systems_of(world: World) -> list[NDArray[np.int32]]:
    """The channels of each system: a site's, or where none is declared a device group's."""
    unit = world.registry.channel_unit
    site, group = world.site[unit], world.group[unit]
    place = np.where(site >= 0, site, -1 - group)
    order = np.argsort(place, kind="stable").astype(np.int32)
    cuts = np.flatnonzero(np.diff(place[order])) + 1
    out: list[NDArray[np.int32]] = []
    for channels in np.split(order, cuts) if len(order) else []:
        parts = -(-len(channels) // MOST_CHANNELS)
        out.extend(part for part in np.array_split(channels, parts) if len(part) >= FEWEST)
    return out


def cadence(filled: NDArray[np.int64]) -> int:
    """How many steps a round has, of how many of the probe's rounds each channel filled, (2, n) int64. 0: it hardly speaks.

    A quarter of those who speak may be slower than the round: they are then filled in.
    """
    share = filled / (PROBE // np.array(CADENCES))[:, None]
    speaking = share[-1] >= FILLED
    if speaking.sum() < FEWEST:
        return 0
    for steps, of_channels in zip(CADENCES, share, strict=True):
        if (of_channels[speaking] >= FILLED).mean() >= 1.0 - SLOW:
            return steps
    return CADENCES[-1]
