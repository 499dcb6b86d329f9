"""`cityward check-feed`: what a person and a script are told of feeds and timetables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli import cityward
from cityward.compose.bench.feeds import run_bench_feeds
from cityward.errors import LinkError
from transits import body, trip, update, vehicle, zipped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plan.zip").write_bytes(zipped())
    (tmp_path / "sound.json").write_bytes(body(update(), vehicle()))
    (tmp_path / "ghost.json").write_bytes(body(update(of=trip(tripId="ghost"))))
    (tmp_path / "none.pb").write_bytes(b"\x00\x01 no feed")
    return tmp_path


def test_a_sound_feed_has_no_findings(folder: Path) -> None:
    said = CliRunner().invoke(cityward, ["check-feed", f"{folder}/sound.json", "--gtfs", f"{folder}/plan.zip"])
    assert said.exit_code == 0
    assert "sound.json: nothing found" in said.output
    assert "not checked" in said.output


def test_a_breach_is_named_with_its_place(folder: Path) -> None:
    said = CliRunner().invoke(cityward, ["check-feed", f"{folder}/ghost.json", "--gtfs", f"{folder}/plan.zip"])
    assert said.exit_code == 1
    assert "E003" in said.output
    assert "entity `u` trip_update.trip.trip_id: `ghost` is not in trips.txt" in said.output


def test_bytes_that_are_no_feed_are_refused(folder: Path) -> None:
    said = CliRunner().invoke(cityward, ["check-feed", f"{folder}/none.pb", "--json"])
    assert said.exit_code == 1
    assert json.loads(said.output)["files"][0]["refused"] == "these bytes are no GTFS-Realtime feed"


def test_a_sequence_is_held_against_what_came_before(folder: Path) -> None:
    (folder / "second.json").write_bytes(body(update(), vehicle(2.011)))
    said = CliRunner().invoke(cityward, ["check-feed", f"{folder}/sound.json", f"{folder}/second.json", "--json"])
    first, second = json.loads(said.output)["files"]
    assert "E017" not in {rule["id"] for rule in first["rules"]}
    assert "E017" in {rule["id"] for rule in second["rules"]}


def test_a_timetable_is_checked_by_itself(folder: Path) -> None:
    (folder / "bad.zip").write_bytes(zipped(agency=""))
    said = CliRunner().invoke(cityward, ["check-feed", f"{folder}/bad.zip", "--json"])
    assert said.exit_code == 1
    (file,) = json.loads(said.output)["files"]
    assert {"rule": "missing-file", "file": "agency.txt", "line": 0, "column": "", "what": "not in the feed"} in file[
        "findings"
    ]


def test_the_bench_tells_which_staged_case_was_named(folder: Path) -> None:
    cases, feeds = folder / "transport_gtfsrt_errors", folder / "transport_gtfsrt"
    cases.mkdir()
    feeds.mkdir()
    (feeds / "town.zip").write_bytes(zipped())
    (cases / "E003.trip.json").write_bytes((folder / "ghost.json").read_bytes())
    (cases / "E026.place.json").write_bytes((folder / "sound.json").read_bytes())
    left_out: list[str] = []
    table = run_bench_feeds(folder, left_out.append)[0]
    assert [(row[0], row[1]) for row in table.rows] == [("E003.trip", "named"), ("E026.place", "MISSED")]
    assert table.verdict == "1 of 2 named"
    assert any("nyct" in text for text in left_out)


def test_the_bench_without_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(LinkError):
        run_bench_feeds(tmp_path, lambda _: None)
