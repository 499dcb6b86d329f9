"""What a data owner asks on the command line: who received my data, and what did this one get?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli import cityward as command_line
from cityward.compose.home import Home, write_city_file
from cityward.compose.setting import open_setting
from cityward.errors import PlaceError
from compose.acting.test_postures import let_out, write_releasing_town
from releasing import cityward
from towns import stopped_city
from web.test_received import fill


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("received")
    home = Home(folder / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_releasing_town(folder / "town")))
    setting = open_setting(home)
    let_out(setting)
    fill(setting)
    yield home.root
    setting.state.dispose()


def test_who_received_a_dataset_is_told_with_what_when_why_form_law_and_receipts(state: Path):
    told = cityward("received", "--dataset", "counts", "--state", str(state))
    [line] = told["lines"]
    assert (line["recipient"], line["party"], line["dataset"], line["purpose"]) == (
        "acme-desk",
        "acme",
        "counts",
        "planning",
    )
    assert (line["rows"], line["receipts"], line["first_day"], line["last_day"]) == (
        607,
        61,
        "2024-10-04",
        "2024-11-04",
    )
    assert (line["agreement"], line["form"]["delay"], line["law"]) == (
        "acme-2026",
        "nothing younger than 900 s",
        ["xb"],
    )
    assert line["newest_receipts"][0] == "web:60"
    [refused] = told["refused"]
    assert (refused["recipient"], refused["purpose"], refused["reasons"]) == ("acme-desk", "marketing", "undeclared")


def test_a_person_reads_the_same_in_a_sentence(state: Path):
    said = " ".join(words("received", "--dataset", "counts", "--state", str(state)).split())
    assert "acme-desk (acme) was given 607 rows of counts for planning, by flow to-acme under acme-2026" in said
    assert "with 61 receipts. It is under the law of xb now." in said


def test_what_one_recipient_got_in_a_month(state: Path):
    told = cityward("recipient", "statement", "acme-desk", "--month", "2024-11", "--state", str(state))
    assert (told["rows"], [line["receipts"] for line in told["lines"]], told["refused"]) == (7, [1], [])


def test_every_receipt_of_a_month_is_found_page_by_page(state: Path):
    asked = ("recipient", "receipts", "acme-desk", "--month", "2024-10", "--most", "40", "--state", str(state))
    first = cityward(*asked)
    last = cityward(*asked, "--after", first["next"])
    names = [one["receipt"] for page in (first, last) for one in page["receipts"]]
    assert (len(names), len(set(names)), last["next"]) == (60, 60, "")


def test_a_dataset_that_is_not_declared_is_a_mistake_and_no_empty_answer(state: Path):
    with pytest.raises(PlaceError, match="did you mean `counts`"):
        words("received", "--dataset", "count", "--state", str(state))


def words(*command: str) -> str:
    """What a command says to a person."""
    return CliRunner().invoke(command_line, list(command), catch_exceptions=False).stdout
