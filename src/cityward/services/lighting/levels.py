"""From a lighting class to a lamp level and back, and from a level to power. Arithmetic alone.

A street's installation is declared by what it gives at full level with new, clean lamps; the maintenance factor says what is left
of that: at the end of a maintenance period, or today where it is declared when the lamps were renewed (`renewal`). Levels are
computed from what is left: `maintained`. So the class is given until the last day of the period.

INVARIANTS
- `given_share(level_for(c))` of the maintained light is never less than class `c` requires: rounding is always upwards.
- A level follows from required light and declared light, never from a percentage somebody chose.
Source: IEC 62386-102, 9.3: light = 10^((step - 1) / (253 / 3) - 1) percent for steps 1 to 254.
"""

from __future__ import annotations

from math import ceil, floor, log10

from cityward.services.lighting.classes import CLASSES, Measure
from cityward.services.lighting.settings import Curve, Installation

DALI_STEPS = 254
LEAST_LIGHT = 0.001  # of full: what step 1 gives
EXACT = 1e-9  # of a percent: binary fractions of what is exact in decimals


def maintained(installation: Installation, measure: Measure) -> tuple[float, float]:
    """(average, lowest point) at full level, of what the maintenance factor leaves; (0, 0) where it is not declared."""
    factor = installation.maintenance_factor
    if measure is Measure.LUMINANCE:
        return (installation.luminance_cd_m2 or 0.0) * factor, 0.0
    return (installation.illuminance_lx or 0.0) * factor, (installation.lowest_lx or 0.0) * factor


def share_for(lighting_class: str, installation: Installation) -> float | None:
    """The share of full light, 0 to 1, that gives the class; None where full light does not."""
    required = CLASSES[lighting_class]
    average, lowest = maintained(installation, required.measure)
    shares = [needs / gives if gives > 0 else float("inf") for needs, gives in _pairs(required.average, average)]
    shares += [needs / gives if gives > 0 else float("inf") for needs, gives in _pairs(required.minimum, lowest)]
    share = max(shares, default=0.0)
    return share if share <= 1.0 + EXACT else None


def _pairs(needs: float, gives: float) -> list[tuple[float, float]]:
    return [(needs, gives)] if needs > 0 else []


def level_for(lighting_class: str, installation: Installation) -> float | None:
    """The level in percent that gives the class, rounded up to what the lamps can be set to; None where full light does not."""
    share = share_for(lighting_class, installation)
    return None if share is None else level_of_share(min(1.0, share), installation.curve)


def level_of_share(share: float, curve: Curve) -> float:
    """The lowest level that gives at least this share of full light. On a DALI curve a level is a share of the 254 steps."""
    if curve == "linear":
        return float(min(100, max(1, ceil(100 * share - EXACT))))
    step = ceil(1 + 253 / 3 * (log10(max(share, LEAST_LIGHT)) + 3) - EXACT)
    return min(100.0, ceil(10_000 * min(step, DALI_STEPS) / DALI_STEPS) / 100)


def given_share(level: float, curve: Curve) -> float:
    """The share of full light at a level; a step that a level falls between counts as the lower one."""
    if curve == "linear":
        return min(100.0, max(0.0, level)) / 100
    step = floor(min(100.0, max(0.0, level)) * DALI_STEPS / 100 + EXACT)
    return 0.0 if step < 1 else 10 ** ((step - 1) / (253 / 3) - 3)


def class_given(level: float, lighting_class: str, installation: Installation) -> str:
    """The highest class of the family that the level gives; empty where it gives none."""
    share = given_share(level, installation.curve)
    for name in CLASSES:
        if name[0] == lighting_class[0]:
            needed = share_for(name, installation)
            if needed is not None and needed <= share + EXACT:
                return name
    return ""


def power_w(level: float, installation: Installation) -> float:
    """What one lamp draws at a level, in W: linear in the light between standby and rated, as drivers dim by current."""
    span = (installation.rated_w or 0.0) - installation.standby_w
    return installation.standby_w + span * given_share(level, installation.curve)
