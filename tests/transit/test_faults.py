"""Every kind of fault of a timetable: one that has it; and a timetable that has none."""

from __future__ import annotations

import pytest

from cityward.transit.archive import Tables, tabulate, unpack
from cityward.transit.faults import KINDS, find_faults
from transits import FILES, files, zipped

SOUND = {
    "stop_times": "\n".join(line for line in FILES["stop_times.txt"].splitlines() if not line.startswith("ring")),
    "trips": "\n".join(line for line in FILES["trips.txt"].splitlines() if ",ring," not in line),
}
STOPS, TRIPS, ROUTES = (FILES[name] for name in ("stops.txt", "trips.txt", "routes.txt"))
HEAD = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"

FAULTY: dict[str, dict[str, str]] = {
    "missing-file": {"agency": ""},
    "feed-in-folder": {},
    "missing-column": {"agency": "agency_id,agency_name,agency_url\nhb,Harbour Buses,https://b.example\n"},
    "empty-file": {"routes": "route_id,route_short_name,route_type\n"},
    "no-service": {"calendar": "service_id,monday\n", "calendar_dates": "service_id,date,exception_type\n"},
    "duplicate-column": {"agency": "agency_name,agency_name,agency_url,agency_timezone\na,b,https://b.example,UTC\n"},
    "odd-row": {"stops": STOPS + "more,More\n"},
    "not-utf8": {},
    "unknown-file": {"harbour": "a,b\n"},
    "missing-value": {"stops": STOPS + "new,,55,2,0,\n"},
    "wrong-value": {"stops": STOPS + "new,New,95,2,0,\n"},
    "unknown-route-type": {"routes": ROUTES + "r3,hb,3,Boat,42\n"},
    "route-without-name": {"routes": ROUTES + "r3,hb,,,3\n"},
    "null-island": {"stops": STOPS + "new,New,0,0,0,\n"},
    "poor-contrast": {
        "routes": "route_id,agency_id,route_short_name,route_type,route_color,route_text_color\nr1,hb,1,3,111111,333333\n"
    },
    "id-not-ascii": {"stops": STOPS + "Œuf,New,55,2,0,\n"},
    "duplicate-id": {"routes": ROUTES + "r2,hb,3,Again,3\n"},
    "duplicate-stop-sequence": {"stop_times": FILES["stop_times.txt"] + "out-12,12:20:00,12:20:00,quay,3\n"},
    "unknown-reference": {"trips": TRIPS + "r9,daily,new,New,0,line\n"},
    "missing-agency-id": {
        "agency": FILES["agency.txt"] + "xx,Other,https://o.example,UTC\n",
        "routes": ROUTES + "r3,,3,Whose,3\n",
    },
    "two-time-zones": {"agency": FILES["agency.txt"] + "xx,Other,https://o.example,Europe/Paris\n"},
    "unused-stop": {"stops": STOPS + "new,New,55,2,0,\n"},
    "unused-shape": {"shapes": FILES["shapes.txt"] + "other,55,2,1\nother,55,2.1,2\n"},
    "unused-route": {"routes": ROUTES + "r3,hb,3,Nobody,3\n"},
    "unusable-trip": {"trips": TRIPS + "r1,daily,new,New,0,line\n"},
    "stop-is-no-platform": {"stop_times": HEAD + "out-12,12:00:00,12:00:00,quay,1\nout-12,12:20:00,12:20:00,hub,2\n"},
    "wrong-parent": {"stops": STOPS + "new,New,55,2,0,quay\n"},
    "time-runs-back": {"stop_times": HEAD + "out-12,12:00:00,12:00:00,quay,1\nout-12,11:00:00,11:00:00,bank,2\n"},
    "untimed-end": {"stop_times": HEAD + "out-12,12:00:00,12:00:00,quay,1\nout-12,,,bank,2\n"},
    # 3.8 km in 30 s, and the minute to spare: 152 km/h
    "too-fast": {"stop_times": HEAD + "out-12,12:00:00,12:00:00,quay,1\nout-12,12:00:30,12:00:30,bank,2\n"},
    "duplicate-stop": {"stops": STOPS + "new,Mole,55.0000,2.0300,0,\n"},
    "calendar-ends-first": {"calendar": FILES["calendar.txt"].replace("20241231", "20231231")},
    "shape-is-a-point": {"shapes": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\nline,55,2,1\nline,55,2,2\n"},
    "frequency-ends-first": {"frequencies": FILES["frequencies.txt"].replace("08:00:00,10:00:00", "10:00:00,08:00:00")},
}


def faulty(kind: str) -> Tables:
    if kind == "feed-in-folder":
        return Tables(tabulate(files()).tables, (), "feed")
    if kind == "not-utf8":
        return tabulate({**files(), "stops.txt": STOPS.encode() + b"new,\xff,55,2,0,\n"})
    return tabulate(files(**FAULTY[kind]))


def test_every_kind_of_fault_has_a_timetable_that_has_it() -> None:
    assert sorted(FAULTY) == sorted(kind.id for kind in KINDS)


@pytest.mark.parametrize("kind", sorted(FAULTY))
def test_a_fault_is_found_under_its_word(kind: str) -> None:
    found = find_faults(faulty(kind)).of(kind)
    assert found
    assert all(fault.what for fault in found)


@pytest.mark.parametrize("kind", sorted(FAULTY))
def test_a_timetable_without_it_is_not_blamed(kind: str) -> None:
    assert find_faults(tabulate(files(**SOUND))).of(kind) == []


def test_a_fault_names_its_file_and_line() -> None:
    (fault,) = find_faults(faulty("unknown-route-type")).of("unknown-route-type")
    assert (fault.file, fault.line, fault.column) == ("routes.txt", 4, "route_type")


def test_a_folder_in_the_zip_is_read_and_told() -> None:
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, body in files().items():
            made.writestr(f"feed/{name}", body)
    tables = unpack(out.getvalue())
    assert len(tables["stops.txt"]) == 4
    assert find_faults(tables).of("feed-in-folder")
    assert find_faults(unpack(zipped())).of("feed-in-folder") == []


def test_what_is_told_is_bounded_and_what_is_counted_is_not() -> None:
    stops = STOPS + "".join(f"s{n},Stop {n},55,2,9,\n" for n in range(150))
    found = find_faults(tabulate(files(stops=stops)))
    assert (len(found.of("wrong-value")), found.counts["wrong-value"]) == (100, 150)
