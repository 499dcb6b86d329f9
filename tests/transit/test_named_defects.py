"""Timetables with one defect each, of which the folder's name says which: that defect is among what is found, at its place.

Data: `transport_bad_gtfs` (etalab/transport-validator, MIT), where CITYWARD_DATA names the recorded data. Five of its seventeen
folders are named after something that the reference allows (two agencies, stops by phone, wheelchair fields, no optional files,
colours that read badly): of these nothing is asked.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from cityward.transit.archive import unpack
from cityward.transit.faults import find_faults

NAMED = {
    "check_name": ("missing-value", "stops.txt", 2, "stop_name"),
    "duplicate_stop_sequence": ("duplicate-stop-sequence", "stop_times.txt", 6, "trip_id"),
    "duplicates": ("duplicate-id", "agency.txt", 3, "agency_id"),
    "empty_calendar": ("no-service", "calendar.txt", 0, ""),
    "feed_info": ("wrong-value", "feed_info.txt", 3, "feed_publisher_url"),
    "invalid_references": ("unknown-reference", "trips.txt", 14, "route_id"),
    "missing_agency_id": ("missing-agency-id", "routes.txt", 4, "agency_id"),
    "route_type_invalid": ("unknown-route-type", "routes.txt", 2, "route_type"),
    "shapes": ("wrong-value", "shapes.txt", 3, "shape_pt_lat"),
    "stop_times_location_type": ("stop-is-no-platform", "stop_times.txt", 6, "stop_id"),
    "sub_folder": ("feed-in-folder", "", 0, ""),
    "unused_stop": ("unused-stop", "stops.txt", 6, "stop_id"),
}
ALLOWED = {"accessibility", "agency_multiple", "arrange_by_phone_stops", "custom_route_color", "no_optional_files"}


@pytest.fixture(scope="module")
def folder() -> Path:
    found = Path(os.environ.get("CITYWARD_DATA", "/nowhere")) / "transport_bad_gtfs"
    if not found.is_dir():
        pytest.skip("NOT TESTED: no recorded timetables; set CITYWARD_DATA")
    return found


def zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.rglob("*.txt")):
            archive.writestr(str(path.relative_to(folder)), path.read_bytes())
    return out.getvalue()


def test_every_timetable_of_the_collection_is_spoken_for(folder: Path):
    assert {path.name for path in folder.iterdir() if path.is_dir()} == NAMED.keys() | ALLOWED


@pytest.mark.parametrize("name", NAMED)
def test_the_named_defect_is_among_what_is_found(name: str, folder: Path):
    told = find_faults(unpack(zipped(folder / name))).told
    found = [(one.kind, one.file, one.line, one.column) for one in told]
    assert NAMED[name] in found, [one for one in found if one[0] == NAMED[name][0]]
