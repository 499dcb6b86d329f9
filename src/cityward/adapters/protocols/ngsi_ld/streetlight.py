"""What an entity of type `Streetlight` has beside its readings: the names of Smart Data Models, worked out from level and power.

A model of lamps that declares `ngsi_type: Streetlight` is offered so; its own keys stay as they are. What cannot be told is left
out: without a power reading there is no `status`, though the schema would like one.
Source: Smart Data Models, dataModel.Streetlighting (CC-BY-4.0), Streetlight: illuminanceLevel is 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping

from cityward.runtime.ports import Latest

TYPE = "Streetlight"
LOW_BELOW = 50.0  # percent: the model has `low` between off and on and says no number
DIM_FROM = 20.0  # percent: from here on a lamp that draws next to nothing is out
LEAST_W = 3.0


def streetlight(latest: Mapping[str, Latest]) -> dict[str, tuple[float | str, Latest]]:
    """Attribute -> its value, and the reading it rests on. latest: by observed property."""
    level, power = latest.get("lamp-level"), latest.get("lamp-power")
    found: dict[str, tuple[float | str, Latest]] = {}
    if level is not None:
        found["illuminanceLevel"] = (min(1.0, max(0.0, level.value / 100)), level)
        state = "off" if level.value <= 0 else "low" if level.value < LOW_BELOW else "on"
        found["powerState"] = (state, level)
    if power is not None:
        found["powerConsumption"] = (power.value, power)
    if level is not None and power is not None:
        out = level.value >= DIM_FROM and power.value < LEAST_W
        found["status"] = ("defectiveLamp" if out else "ok", power)
    return found
