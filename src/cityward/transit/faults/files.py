"""Faults of the files themselves."""

from __future__ import annotations

from cityward.transit.archive import KNOWN
from cityward.transit.faults.fault import Found, Shown, error, warning

REQUIRED = ("agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt")

COLUMNS = {
    "agency.txt": ("agency_name", "agency_url", "agency_timezone"),
    "stops.txt": ("stop_id",),
    "routes.txt": ("route_id", "route_type"),
    "trips.txt": ("route_id", "service_id", "trip_id"),
    "stop_times.txt": ("trip_id", "stop_sequence"),
    "calendar.txt": KNOWN["calendar.txt"],
    "calendar_dates.txt": KNOWN["calendar_dates.txt"],
    "shapes.txt": KNOWN["shapes.txt"][:4],
    "frequencies.txt": KNOWN["frequencies.txt"][:4],
    "fare_attributes.txt": ("fare_id", "price", "currency_type", "payment_method", "transfers"),
    "fare_rules.txt": ("fare_id",),
    "feed_info.txt": ("feed_publisher_name", "feed_publisher_url", "feed_lang"),
    "transfers.txt": ("transfer_type",),
    "pathways.txt": KNOWN["pathways.txt"],
    "levels.txt": ("level_id", "level_index"),
}
"""The columns that the reference requires of each file."""


@error("missing-file", "A required file is missing")
def missing_file(shown: Shown) -> Found:
    """Of the five; and one of the two calendars."""
    for name in REQUIRED:
        if name not in shown.tables:
            yield name, 0, "", "not in the feed"
    if "calendar.txt" not in shown.tables and "calendar_dates.txt" not in shown.tables:
        yield "calendar.txt", 0, "", "neither it nor calendar_dates.txt is in the feed"


@error("feed-in-folder", "The files stand in a folder of the zip")
def in_folder(shown: Shown) -> Found:
    if shown.tables.folder:
        yield "", 0, "", f"the files stand in `{shown.tables.folder}`, not at the top of the zip"


@error("missing-column", "A required column is missing")
def missing_column(shown: Shown) -> Found:
    for name, table in shown.tables.tables.items():
        for column in COLUMNS.get(name, ()):
            if column not in table.header:
                yield name, 1, column, "not in the header"


@error("empty-file", "A required file has no rows")
def empty_file(shown: Shown) -> Found:
    for name in REQUIRED:
        if name in shown.tables and not len(shown.tables[name]):
            yield name, 0, "", "no rows"


@error("no-service", "No service ever runs")
def no_service(shown: Shown) -> Found:
    """Neither calendar has a row that puts a day into service."""
    calendar = shown.plan.calendar
    runs = bool(((calendar.end >= calendar.start) & calendar.weekdays.any(axis=1)).any()) or bool(calendar.added)
    if not runs and ("calendar.txt" in shown.tables or "calendar_dates.txt" in shown.tables):
        yield "calendar.txt", 0, "", "no day has a service"


@error("duplicate-column", "A column stands twice in a header")
def duplicate_column(shown: Shown) -> Found:
    for name, table in shown.tables.tables.items():
        for column in sorted({c for c in table.header if c and table.header.count(c) > 1}):
            yield name, 1, column, "stands more than once"


@error("odd-row", "A row has more or fewer cells than the header")
def odd_row(shown: Shown) -> Found:
    for name, table in shown.tables.tables.items():
        for line in table.odd:
            yield name, line, "", f"its cells are not the header's {len(table.header)}"


@error("not-utf8", "A file is no UTF-8")
def not_utf8(shown: Shown) -> Found:
    for name, table in shown.tables.tables.items():
        if table.not_utf8:
            yield name, 0, "", "holds bytes that are no UTF-8"


@warning("unknown-file", "A file that the reference does not know")
def unknown_file(shown: Shown) -> Found:
    for name in shown.tables.unknown:
        yield name, 0, "", "not in the reference"


KINDS = (
    missing_file, in_folder, missing_column, empty_file, no_service, duplicate_column, odd_row, not_utf8, unknown_file,
)  # fmt: skip
