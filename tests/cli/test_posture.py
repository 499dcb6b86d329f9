"""`cityward posture` on a city that does not run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.cli.posture import command
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import open_setting
from cityward.errors import PlaceError
from cityward.runtime.people import Grant, Person, Stance, Step
from compose.acting.test_postures import let_out
from declarations import town
from policy.towns import RECIPIENTS
from towns import stopped_city


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home, folder = Home(tmp_path / "state"), tmp_path / "town"
    home.prepare()
    folder.mkdir()
    two = RECIPIENTS.replace("stop_datasets: [counts]", "stop_datasets: [counts], two_person: true")
    two = two.replace("rights: [look, posture]", "rights: [look, posture, approve]")
    (folder / "place.yaml").write_text(town() + two)
    write_city_file(home, stopped_city(folder))
    setting = open_setting(home)
    let_out(setting)
    state = setting.state
    for person in ("ada", "bo"):
        state.put_person(Person(person, person, "council", Stance.ACTIVE, 1))
        state.put_grant(Grant(f"g-{person}", person, "officer", Step.GIVEN, "duty", 1, since=1))
    state.put_person(Person("cy", "Cy", "council", Stance.ACTIVE, 1))
    state.dispose()
    return home


def told(home: Home, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "--state", str(home.root)], catch_exceptions=False)


def test_two_officers_switch_it_on_and_the_list_says_so_and_exits_1(home: Home):
    assert told(home, "list").exit_code == 0
    asked = told(home, "on", "crisis", "--reason", "flood", "--by", "ada")
    assert "crisis is asked for by ada" in asked.stdout
    assert "cityward posture approve crisis --by NAME" in asked.stderr
    assert json.loads(told(home, "approve", "crisis", "--by", "bo", "--json").stdout)["state"] == "on"
    listed = told(home, "list")
    assert (listed.exit_code, "asked for by ada: flood" in listed.stdout) == (1, True)
    assert "switched by officer, with a second person, for 168 h at most" in listed.stdout


def test_who_holds_none_of_its_roles_or_has_no_account_is_refused(home: Home):
    with pytest.raises(PlaceError, match="`cy` holds none of the roles that switch `crisis`"):
        told(home, "on", "crisis", "--reason", "flood", "--by", "cy")
    with pytest.raises(PlaceError, match="there is nobody `root-of-all`"):
        told(home, "on", "crisis", "--reason", "flood", "--by", "root-of-all")
    assert json.loads(told(home, "list", "--json").stdout)[0]["turn"] is None


def test_the_preview_says_what_stops_in_words_and_as_json(home: Home):
    shown = told(home, "preview", "crisis")
    assert "`acme-desk` of `acme` gets no `counts` any more for `planning`" in shown.stdout
    [way] = json.loads(told(home, "preview", "crisis", "--json").stdout)["stopped"]
    assert (way["recipient"], way["dataset"], way["reasons"]) == ("acme-desk", "counts", ["posture"])


def test_what_waits_is_refused_and_a_name_that_is_nearly_one_is_told(home: Home):
    told(home, "on", "crisis", "--reason", "flood", "--by", "ada")
    assert "refused, by bo" in told(home, "refuse", "crisis", "--by", "bo").stdout
    with pytest.raises(PlaceError, match=r"did you mean `crisis`"):
        told(home, "preview", "crisi")
