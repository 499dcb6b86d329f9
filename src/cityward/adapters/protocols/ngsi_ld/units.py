"""UN/CEFACT unit codes (`unitCode`) and the catalogue's units.

Source: UNECE Recommendation 20, the codes for what Cityward observes. One code may stand for units that the catalogue keeps
apart (`P1` is a percentage of anything), so the wanted unit decides.
"""

from __future__ import annotations

_SYMBOLS: dict[str, tuple[str, ...]] = {
    "CEL": ("Cel",),
    "FAH": ("degF",),
    "KEL": ("K",),
    "P1": ("%", "%RH"),
    "C62": ("count", "/", "1"),  # "one": a count, or a share of one
    "A97": ("hPa",),
    "PAL": ("Pa",),
    "KPA": ("kPa",),
    "MTS": ("m/s",),
    "KMH": ("km/h",),
    "HM": ("mph",),
    "GQ": ("ug/m3",),
    "GP": ("mg/m3",),
    "LUX": ("lx",),
    "KLX": ("klx",),
    "2N": ("dB",),
    "WTT": ("W",),
    "VLT": ("V",),
    "SEC": ("s",),
    "DD": ("lon", "lat", "deg"),  # degrees of an angle
    "KWT": ("kW",),
    "MTR": ("m",),
    "CMT": ("cm",),
    "MMT": ("mm",),
    "H67": ("mm/h",),
    "C97": ("1/s",),
}

_CODES = {symbol: code for code, symbols in _SYMBOLS.items() for symbol in symbols}


def symbols(unit_code: str) -> tuple[str, ...]:
    """What a code may mean, as the catalogue writes it; empty where it is not known."""
    return _SYMBOLS.get(unit_code, ())


def unit_code(symbol: str) -> str | None:
    """The code of one of the catalogue's units; None where it has none."""
    return _CODES.get(symbol)
