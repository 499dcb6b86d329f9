"""`cityward actor`: the demo's profiles, a bundle that becomes a file of ours, and a profile held against a city's evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assured import SMALLTOWN, assured_town
from cityward.assurance.actors.profile import read_profiles
from cityward.assurance.examples import NOW_US, exercised
from cityward.cli.actor import command
from cityward.compose.places import demo_place
from cityward.errors import PlaceError

DEMO = demo_place()


def ask(*words: str | Path) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def test_the_demo_describes_two_and_no_real_one() -> None:
    told = json.loads(ask("list", DEMO, "--json").output)
    assert set(told) == {"harbour-lamprey", "tin-gull"}
    assert set(told["harbour-lamprey"]["jurisdictions"]) == {"xa"}  # left to its users by ISO 3166


def test_by_the_declaration_alone_nothing_is_proven_to_stop_it() -> None:
    shown = ask("show", "tin-gull", DEMO)
    assert "By the declaration alone" in shown.output
    assert "PROVEN" not in shown.output
    assert "never tried" in shown.output


def test_a_bundle_becomes_a_file_that_reads_the_same(tmp_path: Path) -> None:
    out = tmp_path / "read.yaml"
    told = json.loads(ask("import", DEMO / "actors" / "tin-gull.json", "--out", out, "--json").stdout)
    (gull,) = read_profiles("read.yaml", out.read_bytes()).actors.values()
    assert list(gull.capabilities) == list(told["actors"]["tin-gull"]["capabilities"])
    assert gull.source.startswith("tin-gull.json, intrusion-set--")


def test_a_city_s_exercises_are_told_with_their_entry(tmp_path: Path) -> None:
    tried = exercised("S-18", (), subjects=("devices.counter-1",), at=NOW_US)
    state = assured_town(tmp_path, {"exercise": (tried,)}, SMALLTOWN)
    folder = tmp_path / "place" / "actors"
    folder.mkdir()
    (folder / "ours.yaml").write_text("actors: {eel: {name: Eel, capabilities: {data-poisoning: said so}}}")
    told = json.loads(ask("show", "eel", state, "--json").output)
    (could,) = told["could"]
    entries = {one["scenario"]: one["entry"] for one in could["tried"]}
    assert (told["with_evidence"], entries["S-18"], entries["S-02"]) == (True, "exercise:0", "")


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(PlaceError, match=r"no actor is called `tin-gul` \(did you mean `tin-gull`"):
        ask("show", "tin-gul", DEMO)


def test_one_id_in_two_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "actors").mkdir()
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / "actors" / name).write_text("actors: {eel: {name: Eel}}")
    with pytest.raises(PlaceError, match="`eel` stands in two files"):
        ask("list", tmp_path)
