"""Timetables: from a zip to columns, and the questions put to them."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.errors import DecodeError
from cityward.transit import archive
from cityward.transit.archive import unpack
from cityward.transit.building import build, day, seconds
from cityward.transit.building import timetable as read
from transits import FILES, NOON, timetable, zipped

PLAN = timetable()


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in files.items():
            made.writestr(name, body)
    return out.getvalue()


def test_a_trip_leads_to_its_stops_in_order() -> None:
    rows = PLAN.rows(PLAN.trip_of["back-13"])
    assert [PLAN.stops.ids[s] for s in PLAN.times.stop[rows]] == ["bank", "mole", "quay"]
    assert PLAN.times.arrival[rows].tolist() == [25 * 3600, 25 * 3600 + 300, 25 * 3600 + 600]


def test_stop_times_are_sorted_by_sequence_whatever_the_file_says() -> None:
    lines = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nout-12,12:09:00,12:09:00,bank,10\n"
    plan = timetable(stop_times=lines + "out-12,12:00:00,12:00:00,quay,9\n")
    assert plan.times.sequence.tolist() == [9, 10]


def test_a_stop_leads_to_its_departures_by_time() -> None:
    calls = PLAN.calls_at(PLAN.stop_of["quay"])
    times = PLAN.times.departure[calls].tolist()
    assert times == sorted(times)
    assert len(times) == 7  # out-12, back-13, ring twice, loose, strict, untimed


def test_services_run_by_week_and_by_exception() -> None:
    plan = timetable(
        calendar="service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "daily,1,1,1,1,1,0,0,20240101,20240131\n",
        calendar_dates="service_id,date,exception_type\ndaily,20240106,1\ndaily,20240108,2\nextra,20240106,1\n",
    )
    names = plan.calendar.ids
    runs = {d: [names[n] for n in np.flatnonzero(plan.active(date(2024, 1, d)))] for d in (5, 6, 7, 8, 9)}
    assert runs == {5: ["daily"], 6: ["daily", "extra"], 7: [], 8: [], 9: ["daily"]}
    assert plan.active(date(2024, 2, 1)).tolist() == [False, False]
    assert plan.trips_on(date(2024, 1, 5)).sum() == 6


def test_a_service_day_begins_twelve_hours_before_its_noon_also_when_clocks_change() -> None:
    plan = timetable(
        agency="agency_id,agency_name,agency_url,agency_timezone\nhb,Harbour Buses,https://b.example,Europe/Paris\n"
    )
    assert PLAN.beginning(date(2024, 6, 1)) == NOON - 12 * 3600
    # noon of 31 March 2024 is 10:00 UTC (summer time began at 01:00 UTC): twelve hours before is 22:00 UTC of the 30th
    assert plan.beginning(date(2024, 3, 31)) == 1_711_879_200 - 43_200
    assert PLAN.days_at(NOON) == [date(2024, 6, 1), date(2024, 5, 31)]


def test_what_points_nowhere_is_left_out() -> None:
    plan = timetable(
        stop_times=FILES["stop_times.txt"] + "ghost,12:00:00,12:00:00,quay,1\nout-12,12:20:00,12:20:00,ghost,4\n",
        trips="route_id,service_id,trip_id,shape_id\nghost,ghost,out-12,ghost\n",
    )
    assert len(plan.times.trip) == 3
    assert (plan.trips.route[0], plan.trips.service[0], plan.trips.shape[0]) == (-1, -1, -1)
    assert plan.trips_on(date(2024, 6, 1)).tolist() == [False]


def test_columns_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        PLAN.times.arrival[0] = 1


def test_the_same_bytes_give_the_same_timetable_and_are_read_once() -> None:
    assert read(zipped()) is read(zipped())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0:00:00", 0),
        ("25:30:01", 91_801),
        ("7:5:00", -1),
        ("12:60:00", -1),
        ("", -1),
        ("-1:00:00", -1),
        ("٣:00:00", -1),
    ],
)
def test_times_of_a_service_day(text: str, found: int) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["20240230", "2024-01-01", "", "99999999", "2024010"])
def test_what_is_no_day(text: str) -> None:
    assert day(text) is None


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "undecodable"),
        (b"PK\x03\x04" + b"\x00" * 40, "undecodable"),
        (zipped()[:400], "undecodable"),
        (packed({f"{n}.txt": b"" for n in range(201)}), "too-large"),
        (packed({"stops.txt": b"stop_id" + b",x" * 101}), "too-large"),
    ],
    ids=["empty", "no zip", "cut", "members", "columns"],
)
def test_bytes_that_are_no_timetable_are_refused(blob: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        unpack(blob)
    assert caught.value.reason == reason


def test_a_zip_that_inflates_without_end_is_refused_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_INFLATED", 1 << 20)
    with pytest.raises(DecodeError) as caught:
        unpack(packed({"stops.txt": b"\x00" * (8 << 20)}))
    assert caught.value.reason == "too-large"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_what_cannot_be_inflated_a_piece_at_a_time_is_refused_before_it_is(method: int) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as packing:
        packing.writestr("stops.txt", b"\0" * (32 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="deflate"):
            unpack(made.getvalue())
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@given(st.dictionaries(st.sampled_from(sorted(FILES)), st.text(max_size=200), max_size=8))
def test_any_texts_make_a_timetable_that_holds_together(changed: dict[str, str]) -> None:
    texts = {**FILES, **changed}
    plan = build(archive.tabulate({name: text.encode("utf-8", "replace") for name, text in texts.items()}))
    assert plan.times.first[-1] == len(plan.times.trip) == len(plan.calls.row)
    assert (plan.times.stop < len(plan.stops.ids)).all()
    assert (plan.trips.shape < len(plan.shapes.ids)).all()
    assert plan.active(date(2024, 6, 1)).shape == (len(plan.calendar.ids),)


def test_a_small_zip_that_unpacks_to_a_thousand_times_its_size_is_refused() -> None:
    rows = b"aa,bb,cc\n" * 2_000_000
    body = packed({"stop_times.txt": b"trip_id,arrival_time,stop_id\n" + rows})
    assert len(body) < 200_000
    with pytest.raises(DecodeError, match="inflates"):
        archive.unpack(body)


@pytest.mark.parametrize(
    "row",
    [b"," * 2000, b"x" * 2000, b'"a\nb",' * 300, b'"' + b"\n" * 2000],
    ids=["one line of cells", "one cell", "cells over lines", "an open quote"],
)
@pytest.mark.parametrize(
    "head", [b"", b"stop_id,stop_name\n", b"stop_id,stop_name\na,b\n"], ids=["head", "first", "second"]
)
def test_no_row_is_longer_than_a_row_may_be_however_it_is_written(
    row: bytes, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_ROW", 1000)
    with pytest.raises(DecodeError) as caught:
        archive.tabulate({"stops.txt": head + row})
    assert caught.value.reason == "too-large"
    short = archive.tabulate({"stops.txt": b"stop_id,stop_name\n" + b"a,%b\n" % (b"b" * 900) * 20})
    assert len(short["stops.txt"]) == 20, "each row has the bound for itself"


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_text_is_read_right_and_broken_bytes_are_seen_wherever_a_piece_ends(
    at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "CHUNK", 4)
    head = "stop_id,stop_name\n" + "a" * at
    table = archive.tabulate({"stops.txt": f"{head},Z\u00fcrich \U0001f68b\r\n".encode()})["stops.txt"]
    assert (table.column("stop_name")[0], table.not_utf8) == ("Z\u00fcrich \U0001f68b", False)
    cut = archive.tabulate({"stops.txt": f"{head},Z".encode() + "\U0001f68b".encode()[:3]})["stops.txt"]
    assert cut.not_utf8 and cut.column("stop_name")[0].startswith("Z")


def test_empty_lines_count_as_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_ROWS", 100)
    with pytest.raises(DecodeError, match="rows"):
        archive.tabulate({"stop_times.txt": b"trip_id\n" + b"\n" * 101})
    assert len(archive.tabulate({"stop_times.txt": b"trip_id\n" + b"a\n" * 100})["stop_times.txt"]) == 100


def test_texts_that_stand_again_and_again_are_kept_once_and_others_count(monkeypatch: pytest.MonkeyPatch) -> None:
    head, many = b"trip_id,arrival_time\n", 1000
    again = head + b"night bus,25:00:00\n" * many
    each = head + b"".join(b"trip %04d,25:00:00\n" % n for n in range(many))
    # places: 3 of 8 bytes a row (two columns, and the line); texts: 56 bytes and their characters
    most_again = many * 24 + (56 + 9) + (56 + 8)
    most_each = many * 24 + many * (56 + 9) + (56 + 8)
    for text, most in ((again, most_again), (each, most_each)):
        monkeypatch.setattr(archive, "MOST_HELD", most)
        table = archive.tabulate({"stop_times.txt": text})["stop_times.txt"]
        assert len(table) == many and table.column("arrival_time")[-1] == "25:00:00"
        monkeypatch.setattr(archive, "MOST_HELD", most - 1)
        with pytest.raises(DecodeError, match="takes more memory") as caught:
            archive.tabulate({"stop_times.txt": text})
        assert caught.value.reason == "too-large"
    assert table.column("trip_id")[0] is not table.column("trip_id")[1]


def test_a_platform_that_says_nothing_of_wheelchairs_is_as_its_station_says() -> None:
    stops = """stop_id,stop_name,location_type,parent_station,wheelchair_boarding
quay,Quay,0,,1
mole,Mole,0,,2
bank,Bank,0,hub,
pier,Pier,0,hub,2
hub,Hub,1,,1
lost,Lost,0,,
odd,Odd,0,,7
"""
    plan = build(archive.tabulate({name: text.encode() for name, text in {**FILES, "stops.txt": stops}.items()}))
    assert dict(zip(plan.stops.ids, plan.stops.wheelchair.tolist(), strict=True)) == {
        "quay": 1, "mole": 2, "bank": 1, "pier": 2, "hub": 1, "lost": 0, "odd": 0,
    }  # fmt: skip
    assert build(archive.tabulate({})).stops.wheelchair.shape == (0,)
