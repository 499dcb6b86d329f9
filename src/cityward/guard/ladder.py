"""How coarse: the steps of time, of the change of names, and the squares of the city.

Each step of a ladder divides the next, and each square lies in exactly one of the next size. What is asked for is taken to the
next coarser step (names: to the next more restless). So a coarser telling can always be worked out from a finer one, and holding
both tells no more than the finer: two steps that overlapped would.

INVARIANTS
- A step is at least as coarse as what was asked; a coarser question never gives a finer step.
- A square is at least as wide as its step, north to south and, up to 89 degrees of latitude, west to east.

Source: WGS 84 (NIMA TR8350.2): equatorial radius 6,378,137 m; a degree of latitude has 110,574 m at the equator, more elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, SECOND

STEPS_S = (
    1, 5, 10, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 7 * 86_400, 28 * 86_400, 56 * 86_400,
)  # fmt: skip
"""Steps of time, in seconds since 1970 UTC; from the hour on: one, three, six, twelve, a day, a week, four, eight."""

ROTATIONS_DAYS = (1, 7, 28, 364)
"""How long a name holds."""

_LATITUDE_M = 110_574.0
_LONGITUDE_M = 111_319.49  # of a degree at the equator; on the ellipsoid a little more elsewhere, for the same cosine
_WIDEST_M = 1 << 17  # the widest square; longitudes are cut alike over its whole height, so that all sizes nest
_NARROWEST = 0.0175  # the cosine of 89 degrees


def step_us(asked_s: int) -> int:
    """The step of time that is used where so many seconds are asked for; 0 for 0.

    >>> step_us(5400) == 3 * 3600 * SECOND
    True
    """
    return 0 if asked_s <= 0 else next((s for s in STEPS_S if s >= asked_s), STEPS_S[-1]) * SECOND


def rotation_us(asked_days: int) -> int:
    """How long a name holds where it is to change every so many days."""
    return max((d for d in ROTATIONS_DAYS if d <= asked_days), default=ROTATIONS_DAYS[0]) * DAY


def width_m(asked_m: int) -> int:
    """The width of the squares that are used where so many metres are asked for: the next power of two; 0 for 0."""
    return 0 if asked_m <= 0 else min(1 << (asked_m - 1).bit_length(), _WIDEST_M)


def squares(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64], asked_m: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(longitude, latitude) of the middles of the squares that places lie in, in degrees WGS 84; unchanged for 0 m.

    Args:
        longitude: (N,), latitude: (N,) degrees; NaN stays NaN.
    """
    wide = width_m(asked_m)
    if not wide:
        return longitude, latitude
    north = wide / _LATITUDE_M
    middle = (np.floor((latitude + 90) / north) + 0.5) * north - 90
    band = _WIDEST_M / _LATITUDE_M
    south_edge = np.floor((latitude + 90) / band) * band - 90
    poleward = np.minimum(np.maximum(np.abs(south_edge), np.abs(south_edge + band)), 90)
    east = wide / (_LONGITUDE_M * np.maximum(np.cos(np.radians(poleward)), _NARROWEST))
    return (np.floor((longitude + 180) / east) + 0.5) * east - 180, np.clip(middle, -90, 90)
