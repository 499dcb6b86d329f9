"""How light it is outdoors: what the demo's light sensor says. Derived, and said to be: only the cloud cover is recorded.

    illuminance = clear(elevation) * (1 - 0.75 * cloud ** 3.4)

`clear` is a cubic in the sun's elevation per range of elevation, from full day through twilight to the night sky without a moon.

Source: P. K. Seidelmann (ed.), *Explanatory Supplement to the Astronomical Almanac* (1992), section 9.31, sunlight and
twilight (about 3 to 10 % off for a clear sky); F. Kasten and G. Czeplak, *Solar Energy* 24 (1980) 177-189, for clouds. The
second was measured for solar radiation by day; that it holds for light, and in twilight, is our assumption.
Fails when: there is a moon, street light, or snow; the sensor's night reading is the clear-sky one.
"""

from __future__ import annotations

from cityward.place.things import Position
from cityward.services.lighting.sun import elevation_deg

_RANGES = (
    # from this elevation in degrees: log10(lx) = sum of c[k] * (elevation / 90) ** k
    (20.0, (3.74, 3.97, -4.07, 1.47)),
    (5.0, (3.05, 13.28, -45.98, 64.33)),
    (-0.8, (2.88, 22.26, -207.64, 1034.30)),
    (-5.0, (2.88, 21.81, -258.11, -858.36)),
    (-12.0, (2.70, 12.17, -431.69, -1899.83)),
    (-18.0, (13.84, 262.72, 1447.42, 2797.93)),
)
NIGHT_LX = 0.0006
"""A clear night without moon; the formulas end at 18 degrees below the horizon with this."""


def clear_sky_lx(elevation: float) -> float:
    """Illuminance on level ground under a clear sky, lx. `elevation` of the sun in degrees, -90 to 90."""
    for lowest, coefficients in _RANGES:
        if elevation >= lowest:
            x = elevation / 90
            return 10 ** sum(c * x**k for k, c in enumerate(coefficients))
    return NIGHT_LX


def illuminance_lx(now_us: int, position: Position, cloud_cover_percent: float) -> float:
    """Illuminance at a time (us UTC) and place under this cloud cover (0 to 100), lx.

    Example:
        >>> round(illuminance_lx(1_403_352_000_000_000, (0.0, 51.48), 100) / 1000)  # an overcast solstice noon
        26
    """
    cloud = min(1.0, max(0.0, cloud_cover_percent / 100))
    return clear_sky_lx(elevation_deg(now_us, position)) * (1 - 0.75 * cloud**3.4)
