"""The observed properties Cityward knows: rows with units, not classes. A place may narrow their limits, never widen them.

Units are SI or the field's legal unit, written as SenML (RFC 8428, RFC 8798) writes them; `low` and `high` are what is
physically plausible outdoors in a city, not what is usual.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObservedProperty:
    """A property that devices observe. `low`, `high` in `unit`; `kind` says how readings combine over an hour."""

    id: str
    title: str
    unit: str
    low: float
    high: float
    kind: str = "mean"  # mean | sum | state


SIGNAL_GROUPS = 16  # PRECEDENT: NTCIP 1202 knows 16 phases


def _rows(*rows: ObservedProperty) -> dict[str, ObservedProperty]:
    return {row.id: row for row in rows}


PROPERTIES = _rows(
    ObservedProperty("air-temperature", "Air temperature", "Cel", -60, 60),
    ObservedProperty("dew-point", "Dew point", "Cel", -80, 40),
    ObservedProperty("relative-humidity", "Relative humidity", "%RH", 0, 100),
    ObservedProperty("air-pressure", "Air pressure", "hPa", 850, 1100),
    ObservedProperty("visibility", "Visibility", "m", 0, 100_000),
    ObservedProperty("rain", "Rain", "mm/h", 0, 500),
    ObservedProperty("wind-speed", "Wind speed", "m/s", 0, 90),
    ObservedProperty("pm2-5", "Fine particles PM2.5", "ug/m3", 0, 2000),
    ObservedProperty("pm10", "Particles PM10", "ug/m3", 0, 3000),
    ObservedProperty("so2", "Sulphur dioxide", "ug/m3", 0, 3000),
    ObservedProperty("no2", "Nitrogen dioxide", "ug/m3", 0, 1000),
    ObservedProperty("co", "Carbon monoxide", "ug/m3", 0, 50_000),
    ObservedProperty("o3", "Ozone", "ug/m3", 0, 1500),
    ObservedProperty("illuminance", "Illuminance", "lx", 0, 150_000),
    ObservedProperty("sound-level", "Sound level", "dB", 0, 150),
    ObservedProperty("vehicle-speed", "Vehicle speed", "m/s", 0, 90),
    ObservedProperty("position-longitude", "Longitude of where it is", "lon", -180, 180, "state"),
    ObservedProperty("position-latitude", "Latitude of where it is", "lat", -90, 90, "state"),
    ObservedProperty("hold-time", "How long it is to wait at its stop", "s", 0, 600, "state"),
    ObservedProperty("bearing", "Direction it faces, clockwise from north", "deg", 0, 360, "state"),
    ObservedProperty("vehicle-count", "Vehicles passed", "count", 0, 100_000, "sum"),
    ObservedProperty("pedestrian-count", "Pedestrians passed", "count", 0, 100_000, "sum"),
    ObservedProperty("parking-occupied", "Parking spaces taken", "count", 0, 20_000),
    ObservedProperty("fill-level", "Fill level", "%", 0, 100),
    ObservedProperty("container-temperature", "Temperature in a container", "Cel", -60, 1200),
    ObservedProperty("tilt", "Tilt", "deg", 0, 180, "state"),
    ObservedProperty("vibration-strength", "Strength of vibration", "1", 0, 100),
    ObservedProperty("water-level", "Water level", "m", -20, 100),
    ObservedProperty("lamp-level", "Lamp level", "%", 0, 100, "state"),
    ObservedProperty("lamp-power", "Lamp power", "W", 0, 2000),
    ObservedProperty("line-power", "Power of a lighting line", "W", 0, 100_000),
    ObservedProperty("line-voltage", "Voltage of a lighting line", "V", 0, 500),
    ObservedProperty("camera-trouble", "What is wrong with a camera (0: nothing)", "1", 0, 9, "state"),
    ObservedProperty("picture-rate", "Pictures decoded", "1/s", 0, 240),
    ObservedProperty("battery-level", "Battery level", "%", 0, 100, "state"),
    ObservedProperty("signal-stage", "Stage that a junction shows, or is changing to", "1", -1, 63, "state"),
    ObservedProperty("signal-since", "Seconds since the stage is wanted", "s", 0, 86_400, "state"),
    ObservedProperty("signal-settled", "Whether all greens of the stage are shown", "1", 0, 1, "state"),
    ObservedProperty("signal-own-plan", "Junction on its own: 1 by its plan, 2 by its detectors", "1", 0, 2, "state"),
    ObservedProperty("signal-breaches", "Breaches that a junction's monitor counted", "count", 0, 1_000_000, "state"),
    *(
        ObservedProperty(
            f"signal-group-{n}", f"Seconds that group {n} is green; below 0: is not", "s", -86_400, 86_400, "state"
        )
        for n in range(1, SIGNAL_GROUPS + 1)
    ),
    ObservedProperty("vehicles-seen", "Vehicles before a stop line", "count", 0, 1000, "state"),
    ObservedProperty("queue-length", "Vehicles that stand before a stop line", "count", 0, 1000, "state"),
    ObservedProperty("people-waiting", "People who wait at a crossing", "count", 0, 1000, "state"),
    ObservedProperty("priority-junction", "Which junction is asked for green, from 1; 0: none", "1", 0, 4096, "state"),
    ObservedProperty("priority-group", "Which of its groups is asked for, from 1", "1", 0, 64, "state"),
    ObservedProperty("priority-time", "Seconds until the asker is at the stop line", "s", 0, 3600, "state"),
)
"""Every observed property, by id."""
