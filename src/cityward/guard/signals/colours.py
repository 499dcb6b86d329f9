"""What a signal group shows.

Lives here: the colours and their numbers, which are those of the monitor's columns. Does not live here: when each may be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Colour(IntEnum):
    """What the heads of one group show. RED_AMBER is known and not used by the sequencer; FLASHING is the safe dark or flash
    state."""

    RED = 0
    RED_AMBER = 1
    AMBER = 2
    GREEN = 3
    FLASHING = 4


Lights = Mapping[str, Colour]
"""Group -> what it shows."""
