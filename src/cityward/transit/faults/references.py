"""Faults of ids: said twice, or pointing nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from cityward.transit.archive import Table
from cityward.transit.faults.fault import Found, Shown, error, warning

KEYS: dict[str, tuple[str, ...]] = {
    "agency.txt": ("agency_id",),
    "stops.txt": ("stop_id",),
    "routes.txt": ("route_id",),
    "trips.txt": ("trip_id",),
    "calendar.txt": ("service_id",),
    "calendar_dates.txt": ("service_id", "date"),
    "shapes.txt": ("shape_id", "shape_pt_sequence"),
    "frequencies.txt": ("trip_id", "start_time"),
    "fare_attributes.txt": ("fare_id",),
    "fare_rules.txt": ("fare_id", "route_id", "origin_id", "destination_id", "contains_id"),
    "pathways.txt": ("pathway_id",),
    "levels.txt": ("level_id",),
}
"""What names one row of a file."""

POINTERS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("stops.txt", "parent_station", (("stops.txt", "stop_id"),)),
    ("routes.txt", "agency_id", (("agency.txt", "agency_id"),)),
    ("trips.txt", "route_id", (("routes.txt", "route_id"),)),
    ("trips.txt", "service_id", (("calendar.txt", "service_id"), ("calendar_dates.txt", "service_id"))),
    ("trips.txt", "shape_id", (("shapes.txt", "shape_id"),)),
    ("stop_times.txt", "trip_id", (("trips.txt", "trip_id"),)),
    ("stop_times.txt", "stop_id", (("stops.txt", "stop_id"),)),
    ("frequencies.txt", "trip_id", (("trips.txt", "trip_id"),)),
    ("fare_attributes.txt", "agency_id", (("agency.txt", "agency_id"),)),
    ("fare_rules.txt", "fare_id", (("fare_attributes.txt", "fare_id"),)),
    ("fare_rules.txt", "route_id", (("routes.txt", "route_id"),)),
    ("transfers.txt", "from_stop_id", (("stops.txt", "stop_id"),)),
    ("transfers.txt", "to_stop_id", (("stops.txt", "stop_id"),)),
    ("pathways.txt", "from_stop_id", (("stops.txt", "stop_id"),)),
    ("pathways.txt", "to_stop_id", (("stops.txt", "stop_id"),)),
)
"""(file, column, where what it names stands)."""


@error("duplicate-id", "Two rows have the same id")
def duplicate_id(shown: Shown) -> Found:
    for name, key in KEYS.items():
        table = shown.tables[name]
        if key[0] in table.columns:
            yield from _twice(name, table, key)


def _twice(name: str, table: Table, key: tuple[str, ...]) -> Iterator[tuple[str, int, str, str]]:
    first = dict[tuple[str, ...], int]()
    for row, values in enumerate(zip(*(table.column(column) for column in key), strict=True)):
        if values[0] and first.setdefault(values, row) != row:
            what = " ".join(v for v in values if v)
            yield name, table.lines[row], key[0], f"`{what[:80]}` stands in line {table.lines[first[values]]} too"


@error("duplicate-stop-sequence", "A trip has two stop times of one sequence")
def duplicate_sequence(shown: Shown) -> Found:
    table = shown.tables["stop_times.txt"]
    if "trip_id" in table.columns and "stop_sequence" in table.columns:
        yield from _twice("stop_times.txt", table, ("trip_id", "stop_sequence"))


@error("unknown-reference", "A field names what is not in the feed")
def unknown_reference(shown: Shown) -> Found:
    for name, column, homes in POINTERS:
        table = shown.tables[name]
        known = {cell for home, key in homes for cell in shown.tables[home].column(key)}
        for row, cell in enumerate(table.columns.get(column, ())):
            if cell and cell not in known:
                yield name, table.lines[row], column, f"`{cell[:80]}` is not in {' or '.join(h for h, _ in homes)}"


@error("missing-agency-id", "With several agencies, each row says which")
def missing_agency(shown: Shown) -> Found:
    if len(shown.tables["agency.txt"]) < 2:
        return
    for name in ("agency.txt", "routes.txt", "fare_attributes.txt"):
        table = shown.tables[name]
        for row, cell in enumerate(table.column("agency_id")):
            if not cell:
                yield name, table.lines[row], "agency_id", "empty, and there is more than one agency"


@error("two-time-zones", "Agencies of one feed have different time zones")
def two_zones(shown: Shown) -> Found:
    table = shown.tables["agency.txt"]
    zones = table.column("agency_timezone")
    for row, zone in enumerate(zones):
        if zone != zones[0]:
            yield (
                "agency.txt",
                table.lines[row],
                "agency_timezone",
                f"`{zone[:80]}`, and the first has `{zones[0][:80]}`",
            )


@warning("unused-stop", "No trip stops at a stop")
def unused_stop(shown: Shown) -> Found:
    """Of stops and platforms; a station is used by its children."""
    table = shown.tables["stops.txt"]
    used = {*shown.tables["stop_times.txt"].column("stop_id"), *table.column("parent_station")}
    if "stop_times.txt" not in shown.tables:
        return
    for row, (stop, kind) in enumerate(zip(table.column("stop_id"), table.column("location_type"), strict=True)):
        if stop and stop not in used and kind in {"", "0", "1"}:
            yield "stops.txt", table.lines[row], "stop_id", f"`{stop[:80]}` is never used"


@warning("unused-shape", "No trip follows a shape")
def unused_shape(shown: Shown) -> Found:
    table = shown.tables["shapes.txt"]
    shapes, used = table.column("shape_id"), set(shown.tables["trips.txt"].column("shape_id"))
    for shape in sorted({s for s in shapes if s and s not in used}):
        yield "shapes.txt", table.lines[shapes.index(shape)], "shape_id", f"`{shape[:80]}` is never used"


@warning("unused-route", "No trip runs on a route")
def unused_route(shown: Shown) -> Found:
    table, used = shown.tables["routes.txt"], set(shown.tables["trips.txt"].column("route_id"))
    for row, route in enumerate(table.column("route_id")):
        if route and route not in used:
            yield "routes.txt", table.lines[row], "route_id", f"`{route[:80]}` has no trips"


KINDS = (
    duplicate_id, duplicate_sequence, unknown_reference, missing_agency, two_zones, unused_stop, unused_shape, unused_route,
)  # fmt: skip
