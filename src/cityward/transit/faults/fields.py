"""Faults of single fields: what should stand there and does not, and what cannot be what it says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from cityward.transit.building import WEEKDAYS, day, real, seconds, whole
from cityward.transit.faults.fault import Found, Shown, error, warning

# SPEC: ISO 4217 codes in use (fare_attributes.currency_type)
CURRENCIES = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
    COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD
    IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
    MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS
    SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR
    ZMW ZWG HRK ZWL""".split()  # noqa: SIM905 - a table to read, not code
)
ROUTE_TYPES = frozenset((*range(8), 11, 12))  # and the extended ones, 100 to 1702
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[A-Za-z0-9]{1,8})*")
_COLOR = re.compile(r"[0-9a-fA-F]{6}")
_URL = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)

REQUIRED: dict[str, tuple[str, ...]] = {
    "agency.txt": ("agency_name", "agency_url", "agency_timezone"),
    "stops.txt": ("stop_id",),
    "routes.txt": ("route_id", "route_type"),
    "trips.txt": ("route_id", "service_id", "trip_id"),
    "stop_times.txt": ("trip_id", "stop_sequence"),
    "calendar.txt": ("service_id", *WEEKDAYS, "start_date", "end_date"),
    "calendar_dates.txt": ("service_id", "date", "exception_type"),
    "shapes.txt": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
    "frequencies.txt": ("trip_id", "start_time", "end_time", "headway_secs"),
    "fare_attributes.txt": ("fare_id", "price", "currency_type", "payment_method"),
    "feed_info.txt": ("feed_publisher_name", "feed_publisher_url", "feed_lang"),
}

Check = Callable[[str], bool]


def _among(*words: str) -> Check:
    return lambda text: text in words


def _zone(text: str) -> bool:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _matches(pattern: re.Pattern[str]) -> Check:
    return lambda text: pattern.fullmatch(text) is not None


def _is_time(text: str) -> bool:
    return seconds(text) >= 0


def _is_day(text: str) -> bool:
    return day(text) is not None


def _is_whole(text: str) -> bool:
    return whole(text) >= 0


def _is_positive(text: str) -> bool:
    return whole(text) > 0


def _is_amount(text: str) -> bool:
    return real(text) >= 0


def _is_route_type(text: str) -> bool:
    kind = whole(text)
    return kind in ROUTE_TYPES or 100 <= kind <= 1702


def _within(most: float) -> Check:
    return lambda text: abs(real(text)) <= most


_FLAG, _PICK = _among("0", "1"), _among("0", "1", "2", "3")

SHAPES: dict[tuple[str, str], tuple[str, Check]] = {
    ("agency.txt", "agency_url"): ("a web address", _matches(_URL)),
    ("agency.txt", "agency_timezone"): ("a time zone", _zone),
    ("agency.txt", "agency_lang"): ("a language", _matches(_LANGUAGE)),
    ("stops.txt", "stop_lat"): ("a latitude", _within(90)),
    ("stops.txt", "stop_lon"): ("a longitude", _within(180)),
    ("stops.txt", "location_type"): ("0 to 4", _among("0", "1", "2", "3", "4")),
    ("stops.txt", "wheelchair_boarding"): ("0 to 2", _among("0", "1", "2")),
    ("stops.txt", "stop_timezone"): ("a time zone", _zone),
    ("routes.txt", "route_type"): ("a route type", _is_route_type),
    ("routes.txt", "route_url"): ("a web address", _matches(_URL)),
    ("routes.txt", "route_color"): ("a colour, RRGGBB", _matches(_COLOR)),
    ("routes.txt", "route_text_color"): ("a colour, RRGGBB", _matches(_COLOR)),
    ("trips.txt", "direction_id"): ("0 or 1", _FLAG),
    ("stop_times.txt", "arrival_time"): ("a time, H:MM:SS", _is_time),
    ("stop_times.txt", "departure_time"): ("a time, H:MM:SS", _is_time),
    ("stop_times.txt", "stop_sequence"): ("a whole number", _is_whole),
    ("stop_times.txt", "pickup_type"): ("0 to 3", _PICK),
    ("stop_times.txt", "drop_off_type"): ("0 to 3", _PICK),
    ("stop_times.txt", "shape_dist_traveled"): ("a distance", _is_amount),
    ("stop_times.txt", "timepoint"): ("0 or 1", _FLAG),
    ("calendar.txt", "start_date"): ("a day, YYYYMMDD", _is_day),
    ("calendar.txt", "end_date"): ("a day, YYYYMMDD", _is_day),
    ("calendar_dates.txt", "date"): ("a day, YYYYMMDD", _is_day),
    ("calendar_dates.txt", "exception_type"): ("1 or 2", _among("1", "2")),
    ("shapes.txt", "shape_pt_lat"): ("a latitude", _within(90)),
    ("shapes.txt", "shape_pt_lon"): ("a longitude", _within(180)),
    ("shapes.txt", "shape_pt_sequence"): ("a whole number", _is_whole),
    ("shapes.txt", "shape_dist_traveled"): ("a distance", _is_amount),
    ("frequencies.txt", "start_time"): ("a time, H:MM:SS", _is_time),
    ("frequencies.txt", "end_time"): ("a time, H:MM:SS", _is_time),
    ("frequencies.txt", "headway_secs"): ("a whole number over 0", _is_positive),
    ("frequencies.txt", "exact_times"): ("0 or 1", _FLAG),
    ("fare_attributes.txt", "price"): ("a price", _is_amount),
    ("fare_attributes.txt", "currency_type"): ("a currency of ISO 4217", lambda text: text in CURRENCIES),
    ("fare_attributes.txt", "payment_method"): ("0 or 1", _FLAG),
    ("fare_attributes.txt", "transfers"): ("0, 1, 2 or nothing", _among("0", "1", "2")),
    ("fare_attributes.txt", "transfer_duration"): ("a whole number", _is_whole),
    ("feed_info.txt", "feed_publisher_url"): ("a web address", _matches(_URL)),
    ("feed_info.txt", "feed_lang"): ("a language", _matches(_LANGUAGE)),
    ("feed_info.txt", "feed_start_date"): ("a day, YYYYMMDD", _is_day),
    ("feed_info.txt", "feed_end_date"): ("a day, YYYYMMDD", _is_day),
    ("transfers.txt", "transfer_type"): ("0 to 5", _among("0", "1", "2", "3", "4", "5")),
    ("transfers.txt", "min_transfer_time"): ("a whole number", _is_whole),
    ("pathways.txt", "pathway_mode"): ("1 to 7", _among("1", "2", "3", "4", "5", "6", "7")),
    ("pathways.txt", "is_bidirectional"): ("0 or 1", _FLAG),
    **{("calendar.txt", name): ("0 or 1", _FLAG) for name in WEEKDAYS},
}
"""(file, column) -> what stands there, where anything stands there."""


@error("missing-value", "A required field is empty")
def missing_value(shown: Shown) -> Found:
    """With conditions: a stop (not a node within a station) has a name and a place; a first and a last stop have a time."""
    for name, columns in REQUIRED.items():
        table = shown.tables[name]
        for column in columns:
            cells = table.columns.get(column, ())
            yield from ((name, table.lines[row], column, "empty") for row, cell in enumerate(cells) if not cell)
    yield from _unplaced_stops(shown)


def _unplaced_stops(shown: Shown) -> Iterator[tuple[str, int, str, str]]:
    table = shown.tables["stops.txt"]
    kinds = table.column("location_type")
    for column in ("stop_name", "stop_lat", "stop_lon"):
        for row, cell in enumerate(table.column(column)):
            if not cell and kinds[row] in {"", "0", "1", "2"}:
                yield "stops.txt", table.lines[row], column, "empty"


@error("wrong-value", "A field holds what it cannot hold")
def wrong_value(shown: Shown) -> Found:
    for (name, column), (expected, fits) in SHAPES.items():
        table = shown.tables[name]
        cells = table.columns.get(column, ())
        wrong = {cell for cell in set(cells) if cell and not fits(cell)}
        if wrong and column != "route_type":
            for row, cell in enumerate(cells):
                if cell in wrong:
                    yield name, table.lines[row], column, f"`{cell[:80]}` is not {expected}"


@error("unknown-route-type", "A route type that the reference does not know")
def unknown_route_type(shown: Shown) -> Found:
    table = shown.tables["routes.txt"]
    for row, cell in enumerate(table.column("route_type")):
        if cell and not _is_route_type(cell):
            yield "routes.txt", table.lines[row], "route_type", f"`{cell[:80]}` is no route type"


@error("route-without-name", "A route has neither a short nor a long name")
def nameless_route(shown: Shown) -> Found:
    table = shown.tables["routes.txt"]
    names = zip(table.column("route_short_name"), table.column("route_long_name"), strict=True)
    for row, (short, long) in enumerate(names):
        if not short and not long:
            yield "routes.txt", table.lines[row], "route_short_name", "it and route_long_name are empty"


@error("null-island", "A stop or a point of a shape lies at latitude 0, longitude 0")
def null_island(shown: Shown) -> Found:
    for name, lat, lon in (("stops.txt", "stop_lat", "stop_lon"), ("shapes.txt", "shape_pt_lat", "shape_pt_lon")):
        table = shown.tables[name]
        for row, (y, x) in enumerate(zip(table.column(lat), table.column(lon), strict=True)):
            if y and x and math.isclose(real(y), 0, abs_tol=1e-9) and math.isclose(real(x), 0, abs_tol=1e-9):
                yield name, table.lines[row], lat, "0, 0 is where unset places lie"


@warning("poor-contrast", "A route's text can hardly be read on its colour")
def poor_contrast(shown: Shown) -> Found:
    """A difference in luminance under 72 of 255, the reference's own word being "sufficient"; white and black where empty."""
    table = shown.tables["routes.txt"]
    colors = zip(table.column("route_color"), table.column("route_text_color"), strict=True)
    for row, (back, front) in enumerate(colors):
        if not back and not front:
            continue
        one, two = (_luminance(c or d) for c, d in ((back, "FFFFFF"), (front, "000000")))
        if abs(one - two) < 72:
            yield "routes.txt", table.lines[row], "route_text_color", f"`{front}` on `{back}`"


def _luminance(color: str) -> float:
    if _COLOR.fullmatch(color) is None:
        return math.nan
    red, green, blue = (int(color[n : n + 2], 16) for n in (0, 2, 4))
    return 0.30 * red + 0.59 * green + 0.11 * blue


@warning("id-not-ascii", "An id holds characters that are not ASCII, or cannot be seen")
def odd_id(shown: Shown) -> Found:
    for name, table in shown.tables.tables.items():
        for column in (c for c in table.columns if c.endswith("_id")):
            for text in sorted({c for c in table.columns[column] if not (c.isascii() and (c.isprintable()))}):
                row = table.columns[column].index(text)
                yield name, table.lines[row], column, f"`{text[:80]}`"


KINDS = (
    missing_value, wrong_value, unknown_route_type, nameless_route, null_island, poor_contrast, odd_id,
)  # fmt: skip
