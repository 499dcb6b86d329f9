"""Files that are dropped: read when they stand still, moved when the log holds them, refused with their reason."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cityward.adapters.drop_folder import READINGS_A_MESSAGE, DropFolder, Unread, read_file
from cityward.errors import LinkError
from cityward.runtime.collecting import Gathered

NAMES = {"counter-1": {"vehicle-speed": "speed", "vehicle-count": "count"}, "air-1": {"pm2-5": "pm25"}}
HEAD = "device,property,value,observed_at\n"
GOOD = HEAD + "counter-1,vehicle-speed,36,2026-08-01T12:00:00+02:00\nair-1,pm2-5,7.5,2026-08-01T10:00:00Z\n"


@pytest.fixture
def folder(tmp_path: Path) -> DropFolder:
    one = DropFolder("contractor", tmp_path / "contractor", NAMES)
    assert gather(one) == []  # makes the folder
    return one


def gather(folder: DropFolder) -> Sequence[Gathered]:
    return asyncio.run(folder.gather())


def drop(folder: DropFolder, name: str, text: str | bytes) -> Sequence[Gathered]:
    """Put a file there, and look twice: the first look only sees how long it is."""
    body = text.encode() if isinstance(text, str) else text
    (folder.folder / name).write_bytes(body)
    assert gather(folder) == []
    return gather(folder)


def said(gathered: Sequence[Gathered]) -> dict[str, list[dict[str, Any]]]:
    return {one.device: json.loads(one.body) for one in gathered}


def why(folder: DropFolder, where: str, name: str) -> str:
    return (folder.folder / where / f"{name}.why.txt").read_text()


def test_rows_become_packs_of_their_devices_with_the_names_of_their_models(folder: DropFolder) -> None:
    found = said(drop(folder, "a.csv", GOOD))
    assert found == {
        "counter-1": [{"n": "speed", "v": 36.0, "t": 1785578400.0, "u": "m/s"}],
        "air-1": [{"n": "pm25", "v": 7.5, "t": 1785578400.0, "u": "ug/m3"}],
    }


def test_a_file_is_moved_once_the_log_holds_it_and_read_again_when_it_does_not(folder: DropFolder) -> None:
    first = drop(folder, "a.csv", GOOD)
    assert gather(folder) == first, "nobody said that it is taken"
    asyncio.run(folder.taken())
    assert (folder.folder / "taken" / "a.csv").read_text() == GOOD and gather(folder) == []
    assert not (folder.folder / "taken" / "a.csv.why.txt").exists()


def test_what_was_taken_before_is_never_written_over(folder: DropFolder) -> None:
    for n, text in enumerate((GOOD, HEAD, GOOD + "ghost,x,1,2026-08-01T10:00:00Z\n", GOOD), 1):
        drop(folder, "a.csv", text)
        asyncio.run(folder.taken())
        assert not (folder.folder / "a.csv").exists(), n
    there = {path.name: path.read_text() for path in (folder.folder / "taken").iterdir()}
    assert there.pop("a.3.csv.why.txt").startswith("row 4: 'ghost'")
    assert there == {
        "a.csv": GOOD, "a.2.csv": HEAD, "a.3.csv": GOOD + "ghost,x,1,2026-08-01T10:00:00Z\n", "a.4.csv": GOOD,
    }  # fmt: skip


def test_a_file_that_still_grows_is_left_alone(folder: DropFolder) -> None:
    path = folder.folder / "a.csv"
    path.write_text(HEAD)
    assert gather(folder) == []
    path.write_text(GOOD)
    assert gather(folder) == []
    assert len(gather(folder)) == 2


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("lamp-01,lamp-level,3,2026-08-01T10:00:00Z", "'lamp-01' is no device that this system speaks for"),
        ("counter-1,pm2-5,3,2026-08-01T10:00:00Z", "'pm2-5' is no property of counter-1"),
        ("counter-1,vehicle-speed,nan,2026-08-01T10:00:00Z", "'nan' is no finite number"),
        ("counter-1,vehicle-speed,=1+1,2026-08-01T10:00:00Z", "'=1+1' is no finite number"),
        ("counter-1,vehicle-speed,3,2026-08-01T10:00:00", "is no time with a zone"),
        ("counter-1,vehicle-speed,3", "is no time with a zone"),
        ("../../etc,x,3,2026-08-01T10:00:00Z", "no device"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_and_named(folder: DropFolder, row: str, told: str) -> None:
    found = drop(folder, "a.csv", f"{GOOD}{row}\n")
    assert len(found) == 2
    asyncio.run(folder.taken())
    assert told in why(folder, "taken", "a.csv") and "row 4" in why(folder, "taken", "a.csv")


def test_a_thousand_bad_rows_are_counted_and_the_first_hundred_named(folder: DropFolder) -> None:
    drop(folder, "a.csv", HEAD + "ghost,x,1,2026-08-01T10:00:00Z\n" * 1000)
    lines = why(folder, "taken", "a.csv").splitlines()
    assert len(lines) == 101 and lines[-1] == "and 900 rows more"


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("a.csv", b"\xff\xfe\x00", "no CSV in UTF-8"),
        ("a.csv", "device,value\n1,2\n", "lacks the columns property, observed_at"),
        ("a.csv", "", "lacks the columns"),
        ("a.csv", HEAD + '"counter-1,open\n', "no CSV"),
        ("a.parquet", b"PAR1 not really", "no Parquet"),
    ],
    ids=["no UTF-8", "other columns", "empty", "an open quote", "no parquet"],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_reason(
    folder: DropFolder, name: str, body: str | bytes, told: str
) -> None:
    assert drop(folder, name, body) == []
    assert told in why(folder, "refused", name) and (folder.folder / "refused" / name).exists()


def test_parquet_says_the_same(folder: DropFolder) -> None:
    at = [datetime(2026, 8, 1, 10, tzinfo=UTC)] * 2
    frame = pl.DataFrame(
        {"device": ["counter-1", "air-1"], "property": ["vehicle-speed", "pm2-5"], "value": [36.0, 7.5]}
    )
    frame.with_columns(observed_at=pl.Series(at)).write_parquet(folder.folder / "b.parquet")
    assert gather(folder) == []
    assert said(gather(folder)) == said(drop_elsewhere(folder))


def drop_elsewhere(folder: DropFolder) -> Sequence[Gathered]:
    other = DropFolder("other", folder.folder.parent / "other", NAMES)
    gather(other)
    return drop(other, "a.csv", GOOD)


def test_a_naive_time_stamp_in_parquet_is_left_out(folder: DropFolder) -> None:
    frame = pl.DataFrame({"device": ["air-1"], "property": ["pm2-5"], "value": [7.5]})
    frame.with_columns(observed_at=pl.Series([datetime(2026, 8, 1, 10)])).write_parquet(folder.folder / "b.parquet")
    assert gather(folder) == [] and gather(folder) == []
    assert "no time with a zone" in why(folder, "taken", "b.parquet")


def test_a_day_of_seconds_is_cut_into_messages(folder: DropFolder) -> None:
    start = datetime(2026, 8, 1, tzinfo=UTC)
    rows = "".join(f"air-1,pm2-5,{n},{(start + timedelta(seconds=n)).isoformat()}\n" for n in range(1001))
    found = drop(folder, "a.csv", HEAD + rows)
    assert [len(json.loads(one.body)) for one in found] == [READINGS_A_MESSAGE, READINGS_A_MESSAGE, 201]


def test_links_hidden_files_and_other_names_are_left_alone(folder: DropFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "secret.csv"
    elsewhere.write_text(GOOD)
    (folder.folder / "link.csv").symlink_to(elsewhere)
    for name in (".hidden.csv", "a.csv.part", "note.txt"):
        (folder.folder / name).write_text(GOOD)
    (folder.folder / "folder.csv").mkdir()
    assert gather(folder) == [] and gather(folder) == []
    assert elsewhere.exists() and (folder.folder / "link.csv").is_symlink()


def parquet(path: Path, **columns: pl.Series) -> None:
    good = {
        "device": pl.Series(["air-1"]),
        "property": pl.Series(["pm2-5"]),
        "value": pl.Series([7.5]),
        "observed_at": pl.Series(["2026-08-01T10:00:00Z"]),
    }
    pl.DataFrame(good | columns).write_parquet(path, compression="zstd")


def look_twice(folder: DropFolder) -> Sequence[Gathered]:
    assert gather(folder) == []
    return gather(folder)


def test_a_time_that_no_calendar_holds_costs_its_file_and_nothing_else(folder: DropFolder) -> None:
    beyond = pl.Series([2**62]).cast(pl.Datetime("ms", "UTC"))
    parquet(folder.folder / "a.parquet", observed_at=beyond)
    parquet(folder.folder / "b.parquet")
    assert len(look_twice(folder)) == 1, "the second file is read"
    assert "no Parquet" in why(folder, "refused", "a.parquet")


@pytest.mark.slow  # it writes, and tries to unpack, gigabytes
def test_a_small_file_that_unpacks_into_gigabytes_is_refused(folder: DropFolder) -> None:
    rows, text = 12_000, "x" * 250_000
    bomb = pl.Series([text]).new_from_index(0, rows)
    frame = {"property": pl.Series(["pm2-5"] * rows), "value": pl.Series([1.0] * rows), "device": bomb}
    path = folder.folder / "a.parquet"
    pl.DataFrame(frame | {"observed_at": pl.Series(["2026-08-01T10:00:00Z"] * rows)}).write_parquet(path)
    assert path.stat().st_size < 4 << 20
    assert look_twice(folder) == []
    assert (folder.folder / "refused" / "a.parquet").exists() or "no device" in why(folder, "taken", "a.parquet")


def test_a_column_of_lists_is_refused_by_its_name(folder: DropFolder) -> None:
    parquet(folder.folder / "a.parquet", value=pl.Series([[1.0, 2.0]]))
    assert look_twice(folder) == []
    assert "its column value is of the type List" in why(folder, "refused", "a.parquet")


def test_nothing_is_written_through_a_link_that_waits_for_the_reasons(folder: DropFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "state.json"
    elsewhere.write_text("kept")
    (folder.folder / "refused").mkdir()
    (folder.folder / "refused" / "a.csv.why.txt").symlink_to(elsewhere)
    drop(folder, "a.csv", "")
    assert elsewhere.read_text() == "kept"
    assert "lacks the columns" in why(folder, "refused", "a.2.csv")


def test_no_file_leaves_the_folder_through_a_link(folder: DropFolder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder.folder / "refused").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LinkError, match="cannot be moved"):
        drop(folder, "a.csv", "")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_pipe_or_a_link_in_a_files_place_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(Unread, match="no plain file"):
        read_file(tmp_path / "a.csv", NAMES)
    (tmp_path / "secret").write_text(GOOD)
    (tmp_path / "b.csv").symlink_to(tmp_path / "secret")
    with pytest.raises(Unread, match="cannot be read"):
        read_file(tmp_path / "b.csv", NAMES)


def test_what_was_written_to_a_file_after_it_was_read_is_not_lost(folder: DropFolder) -> None:
    path = folder.folder / "a.csv"
    assert len(drop(folder, "a.csv", GOOD)) == 2
    with path.open("a") as file:
        file.write("air-1,pm2-5,8,2026-08-01T11:00:00Z\n")
    asyncio.run(folder.taken())
    assert path.exists() and not (folder.folder / "taken" / "a.csv").exists()
    found = said(look_twice(folder))
    assert [one["v"] for one in found["air-1"]] == [7.5, 8.0]


def test_a_name_with_stars_stands_for_itself(folder: DropFolder) -> None:
    parquet(folder.folder / "*.parquet")
    parquet(folder.folder / "z.parquet")
    assert sum(len(records) for records in said(look_twice(folder)).values()) == 1
