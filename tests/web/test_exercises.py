"""Exercises at the door: begun by people of the city who audit, one at a time, by the city's own command, and followed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from assured import assured_town
from cityward.compose.exercising.desk import ExerciseDesk, Now
from cityward.errors import LinkError
from cityward.place.roles import Right, Role
from web.house import House, MemoryPeople, house, opened

TELLS = """
import json, sys
print(json.dumps({"scenario": sys.argv[1], "spent_s": 3.0, "argv": sys.argv[2:]}), flush=True)
print("no json", flush=True)
sys.stdin.read() if %r else None
print(json.dumps({"over": [{"scenario": sys.argv[1], "met": ["a"], "missed": []}]}), flush=True)
"""


class Memory:
    """An exercise desk without a twin."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int, str]] = []

    async def board(self) -> bytes | None:
        return b'{"scenarios":[]}'

    def now(self) -> Now:
        return Now(state="starting" if self.begun else "idle", scenario=self.begun[0][0] if self.begun else "")

    async def start(self, scenario: str, seed: int, person: str) -> bool:
        if scenario == "S-99":
            raise LinkError("there is no scenario `S-99`", mend="see the list")
        self.begun.append((scenario, seed, person))
        return len(self.begun) == 1

    async def stop(self) -> bool:
        return bool(self.begun)


@pytest.fixture
def door() -> Iterator[House]:
    people = MemoryPeople()
    people.hold("ada", "officer")
    people.hold("owner", "keeper")
    people.hold("eve", "foreign", party="sensor-maker")
    roles = {
        "keeper": Role(party="council", rights=(Right.LOOK, Right.AUDIT)),
        "officer": Role(party="council", rights=(Right.LOOK, Right.WATCH, Right.DATA)),
        "foreign": Role(party="sensor-maker", rights=(Right.LOOK, Right.AUDIT)),
    }
    made = house(people=people)
    made.doors = replace(made.doors, exercises=Memory(), place=structs.replace(made.doors.place, roles=roles))
    with opened(made) as built:
        yield built


def test_who_audits_begins_one_and_only_one(door: House) -> None:
    own = {"origin": door.url}
    with door.client("owner") as owner:
        assert owner.get("/api/exercises").json() == {"scenarios": []}
        assert owner.get("/api/exercises/now").json()["state"] == "idle"
        begun = owner.post("/api/exercises/now", json={"scenario": "S-18", "seed": 9}, headers=own)
        again = owner.post("/api/exercises/now", json={"scenario": "S-17"}, headers=own)
    assert (begun.status_code, begun.json()["scenario"], again.status_code) == (202, "S-18", 409)
    assert door.doors.exercises.begun == [("S-18", 9, "owner"), ("S-17", 7, "owner")]  # type: ignore[union-attr]


def test_nobody_else_sees_or_begins_one(door: House) -> None:
    for person in ("ada", "eve"):
        with door.client(person) as one:
            assert [one.get(path).status_code for path in ("/api/exercises", "/api/exercises/now")] == [403, 403]
            asked = one.post("/api/exercises/now", json={"scenario": "S-18"}, headers={"origin": door.url})
            assert asked.status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 400),
        (b'{"scenario":"--all"}', 400),
        (b'{"scenario":"S-18","seed":-1}', 400),
        (b'{"scenario":"S-99"}', 409),
    ],
)
def test_what_is_no_scenario_is_refused(door: House, body: bytes, status: int) -> None:
    with door.client("owner") as owner:
        own = {"origin": door.url, "content-type": "application/json"}
        assert owner.post("/api/exercises/now", content=body, headers=own).status_code == status


async def until(such: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not such():
            await asyncio.sleep(0.01)


def played(desk: ExerciseDesk, scene: Callable[[], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        await scene()
        await desk.close()

    asyncio.run(all_of_it())


def test_the_child_is_followed_line_by_line_and_what_it_came_to_is_told(tmp_path: Path) -> None:
    desk = ExerciseDesk(tmp_path, (sys.executable, "-c", TELLS % False))

    async def scene() -> None:
        assert await desk.start("S-18", 3, "ada")
        assert desk.now().state == "starting"
        await until(lambda: desk.now().state == "over")

    played(desk, scene)
    now = desk.now()
    assert now.progress["argv"] == ["--seed", "3", "--state", str(tmp_path), "--by", "ada", "--followed"]
    assert (now.outcome["met"], now.said) == (["a"], "")


def test_one_at_a_time_and_its_end_is_told_by_the_end_of_the_pipe(tmp_path: Path) -> None:
    desk = ExerciseDesk(tmp_path, (sys.executable, "-c", TELLS % True))

    async def scene() -> None:
        assert await desk.start("S-18", 7, "ada")
        await until(lambda: desk.now().state == "running")
        assert not await desk.start("S-17", 7, "bob")
        assert await desk.stop()
        assert desk.now().scenario == "S-18"
        assert not await desk.stop()

    played(desk, scene)
    assert desk.now().state == "over"


def test_a_child_that_dies_is_told_as_nothing_on_record(tmp_path: Path) -> None:
    desk = ExerciseDesk(tmp_path, (sys.executable, "-c", "raise SystemExit(3)"))

    async def scene() -> None:
        assert await desk.start("S-18", 7, "ada")
        await until(lambda: desk.now().state == "over")
        with pytest.raises(LinkError, match="no scenario `S-98`"):
            await desk.start("S-98", 7, "ada")

    played(desk, scene)
    assert desk.now().said == "it ended before it was over, and nothing of it is on record"


def test_the_board_of_a_real_city_holds_every_scenario_against_it(tmp_path: Path) -> None:
    desk = ExerciseDesk(assured_town(tmp_path))

    async def ask() -> bytes | None:
        told = await desk.board()
        await desk.close()
        return told

    told = json.loads(asyncio.run(ask()) or b"")
    assert len(told["scenarios"]) >= 25
    assert told["exercises"] == []
    assert all(one["why"] or one["musts"] for one in told["scenarios"])
