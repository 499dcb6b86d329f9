"""`cityward service` on a city that does not run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.cli.service import command
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import open_setting
from cityward.errors import PlaceError
from cityward.runtime.people import BUILT_IN_OPERATOR, Grant, Person, Stance, Step
from cityward.runtime.ports import CommandRow, SourceSpan
from cityward.runtime.serving.kept import ServiceEffects, ServiceStatus
from compose.acting.test_overrides import DIM, write_lit_town
from towns import stopped_city


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two operators; dimming needs two persons; one command was given."""
    home = Home(tmp_path / "state")
    home.prepare()
    two = (DIM, DIM.replace("100}", "100, two_person: true}"))
    write_city_file(home, stopped_city(write_lit_town(tmp_path / "town", two)))
    setting = open_setting(home)
    state, now = setting.state, setting.now_us()
    for person in ("ada", "bo"):
        state.put_person(Person(person, person, "council", Stance.ACTIVE, 1))
        state.put_grant(Grant(f"g-{person}", person, BUILT_IN_OPERATOR, Step.GIVEN, "duty", 1, since=1))
    cause = {"sky": "night", "traffic": "quiet"}
    span = SourceSpan("counter-1", now - 9, now - 9)
    state.command_sent(
        CommandRow("c-1", "lights", "lamps-01", "dim", 40.0, cause, "service:1", "sent", now, None, [span])
    )
    state.dispose()
    return home


def told(home: Home, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "--state", str(home.root)], catch_exceptions=False)


def test_a_service_is_shown_with_what_it_says_and_when_it_said_it(home: Home):
    assert "it has said nothing yet" in told(home, "show", "lights").stdout
    board = {
        "summary": "12 lamps burn",
        "figures": [{"label": "Energy", "value": "3.1", "unit": "kWh", "note": "tonight"}],
    }
    setting = open_setting(home)
    status = ServiceStatus(service="lights", at=1_794_851_000_000_000)
    setting.state.services.keep(
        ServiceEffects(at=status.at, boards={"lights": json.dumps(board).encode()}, statuses=(status,))
    )
    setting.state.dispose()
    shown = told(home, "show", "lights").stdout
    assert shown.startswith("12 lamps burn\n") and "2026-11-16T17:43:20Z city time" in shown
    assert "3.1 kWh (tonight)" in " ".join(shown.split())
    assert json.loads(told(home, "show", "lights", "--json").stdout)["board"]["summary"] == "12 lamps burn"
    assert "    12 lamps burn" in told(home, "list").stdout


def test_a_person_holds_a_group_after_seeing_what_it_does_and_undoes_it(home: Home):
    begun = told(home, "override", "lights", "lamps", "100", "--reason", "fog", "--for", "2", "--by", "ada")
    assert "`lamps` at lamp-level 100: 2 of 2 units now" in begun.stdout
    assert "lamps (2): dim 100 is held by ada until" in begun.stdout
    shown = told(home, "show", "lights")
    assert "lamps (2): dim 100 is held by ada until" in shown.stdout
    id_ = json.loads(told(home, "show", "lights", "--json").stdout)["overrides"][0]["id"]
    assert "is undone, by bo: fog" in told(home, "undo", id_, "--by", "bo").stdout


def test_two_persons_are_needed_where_it_is_declared_and_the_list_says_who_waits(home: Home):
    assert told(home, "list").exit_code == 0
    asked = told(home, "override", "lights", "lamps-01", "50", "--reason", "show", "--by", "ada")
    assert "it waits for a second person" in asked.stdout and "cityward service approve" in asked.stderr
    listed = told(home, "list")
    assert (listed.exit_code, "lights (lighting)" in listed.stdout, "1 waiting" in listed.stdout) == (1, True, True)
    id_ = json.loads(told(home, "show", "lights", "--json").stdout)["overrides"][0]["id"]
    with pytest.raises(PlaceError, match="cannot approve it"):
        told(home, "approve", id_, "--by", "ada")
    row = json.loads(told(home, "approve", id_, "--by", "bo", "--json").stdout)
    assert (row["state"], row["approved_by"]) == ("holding", "bo")
    assert told(home, "list").exit_code == 0


def test_show_tells_the_cause_path_of_each_command_in_one_line(home: Home):
    line = "lamps-01 dim 40 <- lights: sky night, traffic quiet <- readings of counter-1"
    assert line in told(home, "show", "lights").stdout
    [told_json] = json.loads(told(home, "show", "lights", "--json").stdout)["commands"]
    assert told_json["because"] == line


def test_a_preview_changes_nothing(home: Home):
    found = json.loads(told(home, "preview", "lights", "lamps", "50", "--by", "ada", "--json").stdout)
    assert (found["counts"], found["two_person"]) == ({"second-person": 2}, True)
    assert "No such service" not in told(home, "list").stdout
    assert json.loads(told(home, "show", "lights", "--json").stdout)["overrides"] == []


def test_names_that_name_nothing_are_told(home: Home):
    with pytest.raises(PlaceError, match="there is no service `light`"):
        told(home, "show", "light")
    with pytest.raises(PlaceError, match="there is nobody `eve`"):
        told(home, "preview", "lights", "lamps", "50", "--by", "eve")


def test_help_shows_examples():
    assert "cityward service override quay-street-lighting" in CliRunner().invoke(command, ["--help"]).stdout
