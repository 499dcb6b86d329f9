"""Distances on the ground that transit needs: from a place to a line, and between two places.

On a plane that touches the earth at the place asked about: within 0.1 % for the tens of kilometres that matter here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

METRES_PER_DEGREE = 111_195.0  # of a great circle, on a sphere of 6,371 km


def metres_between(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Between two places, in m, the short way round the earth."""
    one, two = math.radians(lat), math.radians(other_lat)
    half = math.sin((two - one) / 2) ** 2
    half += math.cos(one) * math.cos(two) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * 6_371_000.0 * math.asin(min(1.0, math.sqrt(half)))


def metres_to_line(lon: float, lat: float, lons: NDArray[np.float64], lats: NDArray[np.float64]) -> float:
    """From a place to a line of points `(N,)`, in m; infinite where the line has no points."""
    if not len(lons):
        return math.inf
    x = ((lons - lon + 180.0) % 360.0 - 180.0) * METRES_PER_DEGREE * math.cos(math.radians(lat))
    y = (lats - lat) * METRES_PER_DEGREE
    if len(x) == 1:
        return float(math.hypot(x[0], y[0]))
    dx, dy = np.diff(x), np.diff(y)
    length = dx * dx + dy * dy
    along = np.clip(-(x[:-1] * dx + y[:-1] * dy) / np.where(length > 0, length, 1.0), 0.0, 1.0)
    return float(np.sqrt(((x[:-1] + along * dx) ** 2 + (y[:-1] + along * dy) ** 2).min()))


def covers(lons: NDArray[np.float64], lats: NDArray[np.float64], lon: float, lat: float, margin_m: float) -> bool:
    """Whether a place lies in the box around these points, or no further outside it than the margin; no points cover all."""
    known = ~(np.isnan(lons) | np.isnan(lats))
    if not known.any():
        return True
    lons, lats = lons[known], lats[known]
    high = margin_m / METRES_PER_DEGREE
    wide = high / max(math.cos(math.radians(lat)), 0.01)
    return bool(lons.min() - wide <= lon <= lons.max() + wide and lats.min() - high <= lat <= lats.max() + high)
