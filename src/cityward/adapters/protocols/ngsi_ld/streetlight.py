"""What entities of lamps and of their cabinets have beside their readings: the names of Smart Data Models, worked out.

A model that declares `ngsi_type: Streetlight` or `StreetlightControlCabinet` is offered so; its own keys stay as they are. What
cannot be told is left out, though the schemas would like it: without a power reading a lamp has no `status`, and a cabinet that
is only read says nothing of its `workingMode`.
Source: Smart Data Models, dataModel.Streetlighting (CC-BY-4.0). Streetlight: illuminanceLevel is 0 to 1.
StreetlightControlCabinet: powers in kW over all phases, voltages in V by phase; a meter that tells one tells that of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cityward.runtime.ports import Latest

Worked = Mapping[str, tuple[float | str, Latest]]
"""Attribute -> its value, and the reading it rests on."""

LOW_BELOW = 50.0  # percent: the model has `low` between off and on and says no number
DIM_FROM = 20.0  # percent: from here on a lamp that draws next to nothing is out
LEAST_W = 3.0


def streetlight(latest: Mapping[str, Latest]) -> Worked:
    """Of a lamp. latest: by observed property."""
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


def cabinet(latest: Mapping[str, Latest]) -> Worked:
    """Of a cabinet that feeds a line of lamps. latest: by observed property."""
    power, voltage = latest.get("line-power"), latest.get("line-voltage")
    found: dict[str, tuple[float | str, Latest]] = {}
    if power is not None and power.value >= 0:
        found["totalActivePower"] = (power.value / 1000, power)
    if voltage is not None and voltage.value >= 0:
        found["voltageR"] = (voltage.value, voltage)
    return found


SHAPES: Mapping[str, Callable[[Mapping[str, Latest]], Worked]] = {
    "Streetlight": streetlight,
    "StreetlightControlCabinet": cabinet,
}
"""Entity type -> what is worked out for it."""
