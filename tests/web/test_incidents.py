"""Incident files at the door: for people of the city who audit, made beside the door from a real log."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from assured import SMALLTOWN, assured_town
from cityward.assurance.examples import NOW_US
from cityward.compose.beside import Asked, Question
from cityward.compose.proving import asking_files
from cityward.compose.proving.asking_files import FilesMade, asked_files
from cityward.errors import LinkError
from cityward.evidence.records import FileNoted
from cityward.place.parties import Party, PartyKind
from cityward.place.roles import Right, Role
from web.house import House, MemoryPeople, house, opened

MADE = FilesMade(b'{"incidents":[{"id":"f00"}]}', {"f00": b'{"state":"open"}'})
OPENED = FileNoted(
    at=NOW_US, by="operator", file="f00", step="opened", person="ada", text="a box stood open", subjects=("counter-1",)
)


async def ready() -> FilesMade:
    return MADE


def door(incidents: object) -> House:
    people = MemoryPeople()
    for person, role in (("owner", "keeper"), ("ada", "officer"), ("guest", "visitor")):
        people.hold(person, role)
    roles = {
        "keeper": Role(party="council", rights=(Right.LOOK, Right.AUDIT)),
        "officer": Role(party="council", rights=(Right.LOOK, Right.WATCH)),
        "visitor": Role(party="elsewhere", rights=(Right.AUDIT,)),
    }
    made = house(people=people)
    place = made.doors.place
    parties = {**place.parties, "elsewhere": Party(kind=PartyKind.COMPANY, incorporated_in="unknown")}
    made.doors = replace(made.doors, incidents=incidents, place=structs.replace(place, roles=roles, parties=parties))
    return made


def test_who_audits_is_given_the_list_and_each_file() -> None:
    with opened(door(ready)) as built, built.client("owner") as owner:
        assert owner.get("/api/incidents").json() == {"incidents": [{"id": "f00"}]}
        assert owner.get("/api/incidents/f00").json() == {"state": "open"}
        assert owner.get("/api/incidents/f01").status_code == 404


def test_nobody_else_is() -> None:
    with opened(door(ready)) as built:
        for person in ("ada", "guest"):
            with built.client(person) as client:
                assert client.get("/api/incidents").status_code == 403
                assert client.get("/api/incidents/f00").status_code == 403
        with built.stranger() as stranger:
            assert stranger.get("/api/incidents").status_code == 401


def test_who_is_too_early_is_told_when_to_come_again() -> None:
    async def early() -> None:
        return None

    with opened(door(early)) as built, built.client("owner") as owner:
        answer = owner.get("/api/incidents")
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "5")


def test_the_child_reads_a_real_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_files, "WAIT_S", 60.0)
    state = assured_town(tmp_path, {"operator": (OPENED,)}, SMALLTOWN)
    made = asyncio.run(_one(asked_files(state)))
    assert made is not None
    (line,) = json.loads(made.list)["incidents"]
    assert (line["id"], line["state"], line["opened_by"]) == ("f00", "open", "ada")
    assert json.loads(made.files["f00"])["affected"]["devices"] == ["counter-1"]


def test_what_the_child_says_is_files_or_nothing(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="could not be read"):
        asyncio.run(_one(asked_files(tmp_path, (sys.executable, "-c", "print([{}])"))))


async def _one(asked: Asked[FilesMade]) -> FilesMade | None:
    return await asked()


def test_what_was_made_before_a_step_answers_nobody_after_it(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    program = (
        "import sys, pathlib; p = pathlib.Path(sys.argv[1]); n = int(p.read_text()) + 1; p.write_text(str(n)); print(n)"
    )
    asked = Asked(Question("a number", (sys.executable, "-c", program, str(count)), int, 100, "", wait_s=60.0))

    async def turns() -> list[int | None]:
        first, same = await asked(), await asked()
        asked.forget()
        after = await asked()
        running = asyncio.create_task(asked_anew())
        await asyncio.sleep(0)
        asked.forget()  # while it is being made: it began to read too early
        return [first, same, after, await running]

    async def asked_anew() -> int | None:
        asked.forget()
        return await asked()

    assert asyncio.run(turns()) == [1, 1, 2, 4]
