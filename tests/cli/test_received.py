"""What a data owner asks on the command line: who received my data, and what did this one get?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli import cityward as command_line
from cityward.cli.recipient import put_statement
from cityward.compose.home import Home, write_city_file
from cityward.compose.outgoing.statements import Line, Statement
from cityward.compose.places import demo_place, load_place
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
    assert "counts: 607 rows up to" in said, "and not from 1970 on"


def test_a_country_is_told_by_its_name_and_one_receipt_is_one(capsys: pytest.CaptureFixture[str]):
    line = Line(
        recipient="desk", party="acme", dataset="counts", purpose="planning", flow="out", agreement="", form={}, rows=1,
        receipts=1, first_day="2026-11-23", last_day="2026-11-23", law=("no",), possibly=("gb",), newest_receipts=("web:1",),
    )  # fmt: skip
    told = Statement(about="counts", since="2026-11-01", until="2026-11-30", rows=1, lines=(line,), refused=())
    put_statement(told, False, load_place(demo_place()).place)
    said = " ".join(capsys.readouterr().out.split())
    assert "counts: 1 rows from 2026-11-01 to 2026-11-30" in said
    assert "with 1 receipt. It is under the law of Norway now; possibly under that of United Kingdom." in said


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
