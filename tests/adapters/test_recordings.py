"""Recordings: what is shipped is what was recorded, and what cannot be read is said to be so."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from cityward.adapters import recordings as module
from cityward.adapters.recordings import RecordingError, read_folder, read_topic
from cityward.time import HOUR, SECOND, from_us

SHIPPED = Path("examples/doggerford/recordings")
DATA = Path("../shared/data")
MANIFEST = "recordings:\n  a:\n    file: a.csv\n    begins: 2026-01-05T00:00:00+01:00\n"


def folder_with(tmp_path: Path, rows: str, manifest: str = MANIFEST) -> Path:
    (tmp_path / "recordings.yaml").write_text(manifest)
    (tmp_path / "a.csv").write_text("unit,property,offset_s,value\n" + rows)
    return tmp_path


def test_the_demo_ships_one_week_of_each_kind_and_stays_small() -> None:
    found = {r.name: (len(r), len(r.units), len(r.properties)) for r in read_folder(SHIPPED)}
    assert found == {
        "loops": (1612 * 24, 24, 1),
        "pedestrians": (168 * 4, 4, 1),
        "car-parks": (12 * 18 * 7 - 1, 12, 1),
        "air": (168 * 11 - 35, 1, 11),
        "clouds": (168, 1, 1),
        "bins": (12 * 12 * 7, 12, 1),  # made, every two hours
    }
    assert sum(f.stat().st_size for f in SHIPPED.iterdir()) < 700_000


def test_every_shipped_file_is_named_with_its_origin_and_licence() -> None:
    readme = (SHIPPED / "README.md").read_text()
    for file in SHIPPED.glob("*.csv.gz"):
        [row] = [line for line in readme.splitlines() if line.startswith(f"| `{file.name}`")]
        assert "MIT" in row or "CC BY 4.0" in row
        assert "github.com" in row or "UCI" in row


@pytest.mark.skipif(not DATA.exists(), reason="the full recorded data is not on this machine")
@pytest.mark.parametrize(
    ("topic", "rows", "units", "first"),
    [
        ("sensors_los_loop", 1612 * 207, 207, "2012-03-01T08:00:00+00:00"),
        ("sensors_melbourne_pedestrian", 32_287, 4, "2015-01-01T00:00:00+00:00"),
        ("sensors_birmingham", 24_752, 29, "2016-10-04T07:00:00+00:00"),
        ("sensors_beijing_air", 380_678, 1, "2013-02-28T16:00:00+00:00"),
    ],
)
def test_reads_the_full_public_files_by_topic(topic: str, rows: int, units: int, first: str) -> None:
    [recording] = read_topic(DATA / topic)
    assert (len(recording), len(recording.units)) == (rows, units)
    assert from_us(next(recording.reports()).at).isoformat() == first


@pytest.mark.skipif(not DATA.exists(), reason="the full recorded data is not on this machine")
def test_the_shipped_loops_are_the_first_columns_of_the_full_file() -> None:
    [full] = read_topic(DATA / "sensors_los_loop")
    [shipped] = read_topic(SHIPPED / "loops.csv.gz")
    same = full.take(np.isin(full.unit, [full.units.index(name) for name in shipped.units]))
    assert np.array_equal(same.at, shipped.at)
    assert np.allclose(same.value * 1.609344, shipped.value, atol=0.051)
    assert full.begins == shipped.begins


def test_a_week_counts_from_monday_and_borrows_what_was_not_recorded() -> None:
    loops = next(r for r in read_folder(SHIPPED) if r.name == "loops")
    one = loops.week().take(loops.week().unit == 0)
    assert np.array_equal(np.diff(one.at), np.full(2015, 300 * SECOND))
    own = loops.take(loops.unit == 0)
    # recorded from Thursday 00:00; Tuesday 14:20 and later is Thursday 14:20 and later again
    assert one.value[one.at == 72 * HOUR] == own.value[0]
    tuesday, thursday = (24 + 14) * HOUR + 1200 * SECOND, (72 + 14) * HOUR + 1200 * SECOND
    assert one.value[one.at == tuesday] == one.value[one.at == thursday]


def test_a_recording_without_a_borrow_keeps_its_gaps() -> None:
    air = next(r for r in read_folder(SHIPPED) if r.name == "air")
    assert len(air.week()) == len(air) == 168 * 11 - 35


def test_reports_hold_all_readings_of_one_unit_at_one_time(tmp_path: Path) -> None:
    rows = "b,rain,60,1\na,rain,0,2\na,co,0,3\nb,rain,0,4\n"
    [recording] = read_folder(folder_with(tmp_path, rows))
    begins = recording.begins
    assert [(r.unit, (r.at - begins) // SECOND, r.readings) for r in recording.reports()] == [
        ("a", 0, (("co", 3.0), ("rain", 2.0))),
        ("b", 0, (("rain", 4.0),)),
        ("b", 60, (("rain", 1.0),)),
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("", "holds no readings"),
        ("A B,rain,0,1\n", "not a kebab-case id"),
        ("a,rain,-1,1\n", "below 0"),
        ("a,rain,99999999999,1\n", "below 0 or above"),
        ("a,rain,0,nan\n", "not a finite number"),
        ("a,rain,0,inf\n", "not a finite number"),
        ("a,rain,0,\n", "empty fields"),
        ("a,rain,x,1\n", "is not CSV"),
    ],
    ids=["empty", "name", "negative", "far", "nan", "infinite", "missing", "text"],
)
def test_refuses_what_is_not_a_recording(tmp_path: Path, rows: str, says: str) -> None:
    with pytest.raises(RecordingError, match=says):
        read_folder(folder_with(tmp_path, rows))


@pytest.mark.parametrize(
    "manifest",
    [
        "recordings: {a: {file: ../a.csv, begins: 2026-01-05T00:00:00Z}}",
        "recordings: {a: {file: a.csv, begins: 2026-01-05T00:00:00}}",
        "recordings: {a: {file: a.csv, begins: 2026-01-05T00:00:00Z, colour: red}}",
        "recordings: [",
        "",
    ],
    ids=["outside", "naive", "unknown", "broken", "empty"],
)
def test_refuses_a_manifest_that_is_none(tmp_path: Path, manifest: str) -> None:
    with pytest.raises(RecordingError, match=r"recordings\.yaml"):
        read_folder(folder_with(tmp_path, "a,rain,0,1\n", manifest))


def test_refuses_to_unpack_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED", 10_000)
    folder = folder_with(tmp_path, "", MANIFEST.replace("a.csv", "a.csv.gz"))
    (folder / "a.csv.gz").write_bytes(gzip.compress(b"unit,property,offset_s,value\n" + b"a,rain,0,1\n" * 10_000))
    with pytest.raises(RecordingError, match="unpacks to more than"):
        read_folder(folder)


def test_a_damaged_archive_is_an_error_not_a_crash(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "", MANIFEST.replace("a.csv", "a.csv.gz"))
    whole = gzip.compress(b"unit,property,offset_s,value\na,rain,0,1\n")
    for damaged in (whole[:-5], whole[:12], b"not gzip", whole[:15] + b"\xff\xff\xff" + whole[18:]):
        (folder / "a.csv.gz").write_bytes(damaged)
        with pytest.raises(RecordingError):
            read_folder(folder)


def test_says_what_it_knows_when_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RecordingError, match="no recorded data") as caught:
        read_topic(tmp_path)
    assert "METR-LA" in str(caught.value)
