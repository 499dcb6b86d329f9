"""What if, asked by the console: cut to people of the city, in turns, in the words of the command line."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from msgspec import structs

from cityward.place.loader import load
from cityward.place.roles import Right, Role
from cityward.web.problems import Problem
from cityward.web.turns import Turns
from declarations import ZONES, reader, town
from web.house import House, MemoryPeople, house, opened

LOADED = load("place.yaml", reader({"place.yaml": town()}), ZONES)


@pytest.fixture(scope="module")
def built() -> Iterator[House]:
    roles = {
        "officer": Role(party="council", rights=(Right.LOOK,)),
        "supplier": Role(party="acme", rights=(Right.LOOK,)),
    }
    people = MemoryPeople()
    people.hold("operator", "officer")
    people.hold("ben", "supplier", party="acme")
    made = house(structs.replace(LOADED.place, roles=roles), people=people)
    made.doors = replace(made.doors, where=LOADED.where, digest=LOADED.digest)
    with opened(made) as door:
        yield door


def test_what_can_be_asked_about_and_how(built: House) -> None:
    with built.client() as person:
        told = person.get("/api/whatif/subjects").json()
    assert [one["id"] for one in told["party"]] == ["acme", "acme-group", "council"]
    assert [one["id"] for one in told["site"]] == ["cloud", "yard"]
    assert told["ways"]["site"] == ["dark", "cut"]
    assert told["ways"]["party"] == ["dark", "hostile", "sanctioned", "cut"]


@pytest.mark.parametrize("how", ["dark", "hostile", "sanctioned", "cut"])
def test_a_party_is_answered_in_a_sentence_with_lines(built: House, how: str) -> None:
    with built.client() as person:
        told = person.get("/api/whatif", params={"about": "party", "id": "acme", "how": how}).json()
    (answer,) = told["answers"]
    assert answer["said"].startswith("If acme") and answer["said"].endswith(".")
    assert (told["how"], told["id"], answer["of"]) == (how, "acme", 1200)


def test_a_site_that_stops_is_told_with_the_people_and_every_line(built: House) -> None:
    with built.client() as person:
        told = person.get("/api/whatif", params={"about": "site", "id": "yard", "how": "dark"}).json()
    (effect,) = told["answers"][0]["effects"]
    assert (effect["function"], effect["fails_h"], effect["affected"]) == ("lit", 0, 1200)
    assert all(line["where"].startswith("place.yaml:") for line in effect["cause"])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"about": "party", "id": "nobody", "how": "dark"}, 404),
        ({"about": "site", "id": "yard", "how": "hostile"}, 400),
        ({"about": "flow", "id": "counts-in", "how": "cut"}, 400),
        ({"about": "party", "id": "acme", "how": "annoyed"}, 400),
        ({"about": "party", "how": "dark"}, 400),
    ],
)
def test_a_question_about_nothing_is_404_and_a_wrong_one_400(built: House, asked: dict[str, str], status: int) -> None:
    with built.client() as person:
        assert person.get("/api/whatif", params=asked).status_code == status


@pytest.mark.parametrize("path", ["/api/whatif/subjects", "/api/whatif?about=party&id=acme&how=dark"])
def test_a_supplier_s_engineer_and_a_stranger_learn_nothing(built: House, path: str) -> None:
    with built.client("ben") as ben:
        answer = ben.get(path)
    assert answer.status_code == 403 and "yard" not in answer.text
    with built.stranger() as stranger:
        assert stranger.get(path).status_code == 401


def test_who_comes_when_enough_wait_is_told_to_come_again_and_nothing_is_begun() -> None:
    async def scene() -> tuple[int, int]:
        turns, go, begun = Turns(running=1, waiting=1), threading.Event(), 0

        def work() -> int:
            nonlocal begun
            begun += 1
            assert go.wait(10)
            return begun

        first = asyncio.create_task(turns.take("a", work))
        await asyncio.sleep(0)
        with pytest.raises(Problem) as told:
            await turns.take("b", work)
        go.set()
        assert await first == 1
        assert await turns.take("a", work) == 1  # kept: begun once
        return told.value.status, begun

    assert asyncio.run(scene()) == (503, 1)
