"""The report at the door: for whoever audits, made beside the door by one child at a time, ended when it takes too long."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from assured import assured_town
from cityward.compose.beside import Asked
from cityward.compose.reporting import asking
from cityward.compose.reporting.asking import ReportMade, asked_report
from cityward.errors import LinkError
from cityward.place.roles import Right, Role
from web.house import House, MemoryPeople, house, opened

MADE = ReportMade(b'{"format":"cityward-report/1"}', b"<!doctype html><title>r</title>", "default-src 'none'")


def door(reporting: object) -> House:
    people = MemoryPeople()
    people.hold("ada", "officer")
    people.hold("owner", "keeper")
    roles = {
        "keeper": Role(party="council", rights=(Right.LOOK, Right.AUDIT)),
        "officer": Role(party="council", rights=(Right.LOOK, Right.WATCH, Right.DATA)),
    }
    made = house(people=people)
    made.doors = replace(made.doors, reporting=reporting, place=structs.replace(made.doors.place, roles=roles))
    return made


@pytest.fixture
def ready() -> Iterator[House]:
    async def asked() -> ReportMade:
        return MADE

    with opened(door(asked)) as built:
        yield built


def test_who_audits_is_given_the_report_as_data_and_as_a_page(ready: House) -> None:
    with ready.client("owner") as owner:
        assert owner.get("/api/report").json() == {"format": "cityward-report/1"}
        page = owner.get("/report")
    assert (page.content, page.headers["content-type"]) == (MADE.page, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_nobody_else_is(ready: House) -> None:
    with ready.client("ada") as ada:
        assert [ada.get(path).status_code for path in ("/api/report", "/report")] == [403, 403]
    with ready.stranger() as stranger:
        assert stranger.get("/api/report").status_code == 401


def test_who_is_too_early_is_told_when_to_come_again() -> None:
    async def asked() -> None:
        return None

    with opened(door(asked)) as built, built.client("owner") as owner:
        answers = [owner.get(path) for path in ("/api/report", "/report")]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].headers["retry-after"] == "5"
    assert answers[1].headers["refresh"] == "5"


def test_a_report_that_could_not_be_made_is_no_answer() -> None:
    async def asked() -> None:
        raise LinkError("the report could not be made", mend="see the city's machine")

    with opened(door(asked)) as built, built.client("owner") as owner:
        answer = owner.get("/api/report")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_the_child_reads_a_real_city_once_for_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "WAIT_S", 60.0)
    made = asyncio.run(_asked_thrice(asked_report(assured_town(tmp_path))))
    first = made[0]
    assert first is not None and all(one is first for one in made)
    assert json.loads(first.data)["place"] == "smalltown"
    assert b"What is on record of Smalltown" in first.page


async def _asked_thrice(report: Asked[ReportMade]) -> list[ReportMade | None]:
    together = await asyncio.gather(report(), report())
    return [*together, await report()]


def test_who_asks_while_it_is_made_waits_a_little_only_and_the_child_ends_with_the_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "WAIT_S", 0.05)
    asked = asked_report(tmp_path, (sys.executable, "-c", "import time; time.sleep(600)"))

    async def scene() -> ReportMade | None:
        found = await asked()
        await asked.close()
        return found

    assert asyncio.run(asyncio.wait_for(scene(), 30)) is None


@pytest.mark.parametrize("program", ["print('nonsense')", "import sys; sys.exit(2)"])
def test_what_the_child_says_is_a_report_or_nothing(
    tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "WAIT_S", 60.0)
    with pytest.raises(LinkError, match="could not be made"):
        asyncio.run(_one(asked_report(tmp_path, (sys.executable, "-c", program))))


def test_a_child_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "WAIT_S", 60.0)
    monkeypatch.setattr(asking, "CHILD_S", 0.2)
    with pytest.raises(LinkError, match="not made within"):
        asyncio.run(_one(asked_report(tmp_path, (sys.executable, "-c", "import time; time.sleep(600)"))))


async def _one(report: Asked[ReportMade]) -> ReportMade | None:
    return await report()
