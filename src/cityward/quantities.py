"""Units: which spellings mean the same, and how one converts into another. Used by codecs only.

Source: SenML units registry (RFC 8428 section 12.1) and secondary units (RFC 8798 section 3).
"""

from __future__ import annotations

# as sent -> (the catalogue's unit, factor, offset): value_in_catalogue_unit = value * factor + offset
_CONVERSIONS: dict[str, tuple[str, float, float]] = {
    "K": ("Cel", 1.0, -273.15),
    "degC": ("Cel", 1.0, 0.0),
    "degF": ("Cel", 5 / 9, -160 / 9),
    "/": ("%", 100.0, 0.0),
    "Pa": ("hPa", 0.01, 0.0),
    "kPa": ("hPa", 10.0, 0.0),
    "km/h": ("m/s", 1 / 3.6, 0.0),
    "mph": ("m/s", 0.44704, 0.0),
    "kW": ("W", 1000.0, 0.0),
    "mg/m3": ("ug/m3", 1000.0, 0.0),
    "µg/m3": ("ug/m3", 1.0, 0.0),
    "cm": ("m", 0.01, 0.0),
    "mm": ("m", 0.001, 0.0),
    "klx": ("lx", 1000.0, 0.0),
}


def conversion(sent: str | None, wanted: str) -> tuple[float, float] | None:
    """(factor, offset) from the unit as sent into the wanted one; None where they do not measure the same.

    A unit left out (None) is taken to be the wanted one.
    """
    if sent is None or sent == wanted:
        return (1.0, 0.0)
    row = _CONVERSIONS.get(sent)
    return (row[1], row[2]) if row is not None and row[0] == wanted else None
