"""What if, asked by the console: cut to people of the city, in turns, in the words of the command line."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest
from msgspec import structs

from cityward.compose.asking.lessening import LesseningDesk
from cityward.errors import LinkError
from cityward.place.loader import load
from cityward.place.model import Place
from cityward.place.roles import Right, Role
from cityward.reach.blast.subjects import Subject
from cityward.reach.whatif.asking import How
from cityward.reach.whatif.lessening import Lessened
from cityward.reach.whatif.signing import Mistake, Signed, not_read
from cityward.web.problems import Problem
from cityward.web.turns import Turns
from declarations import ZONES, reader, town
from web.house import House, MemoryPeople, house, opened

LOADED = load("place.yaml", reader({"place.yaml": town()}), ZONES)


class Desk:
    """`Proposing`: says what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, bytes]] = []

    def proposals(self) -> dict[str, str]:
        return {"a.yaml": "# An offer\nagreements: {}\n"}

    async def judge(self, name: str, raw: bytes, day: date) -> Signed:
        self.given.append((name, raw))
        if raw == b"slow":
            raise LinkError("the proposal was not judged within 60 s", mend="ask on the city's machine")
        return not_read((Mistake(what="x", where=f"{name}:1", mend="y"),), name)


DESK = Desk()


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
    found = LesseningDesk()
    made.doors = replace(made.doors, where=LOADED.where, digest=LOADED.digest, proposing=DESK, lessening=found)
    with opened(made) as door:
        yield door


def test_what_can_be_asked_about_and_how(built: House) -> None:
    with built.client() as person:
        told = person.get("/api/whatif/subjects").json()
    assert [one["id"] for one in told["party"]] == ["acme", "acme-group", "council"]
    assert [one["id"] for one in told["site"]] == ["cloud", "yard"]
    place = LOADED.place
    made = [
        d
        for d in place.devices.values()
        if place.device_models[d.model].maker == "acme" or "acme" in (d.owner, d.operator)
    ]
    run = [s for s in place.systems.values() if "acme" in (s.operator, s.supplier)]
    things = sum(len(d.positions) or 1 for d in made) + len(run)
    assert things > 0
    first = next(one for one in told["first"] if one["kind"] == "party")
    assert (first["id"], first["how"], first["things"]) == ("acme", "hostile", things)
    assert "council" not in {one["id"] for one in told["first"]}  # it is the city
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


def test_the_cheapest_steps_are_told_with_what_they_leave(built: House) -> None:
    with built.client() as person:
        told = person.get("/api/whatif/lessening", params={"about": "site", "id": "yard", "how": "dark"}).json()
    assert told["before"]["failing"] == 1
    assert [(step["after"]["failing"], step["spared"]) for step in told["steps"]] == [(0, ["lit"])]
    assert told["steps"][0]["where"].startswith("place.yaml:") and told["contained"]["target"] == "site:yard"


class Endless:
    """`Lessening`: finds nothing, and says whether anybody works at it."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()

    async def steps(self, place: Place, how: How, subject: Subject) -> Lessened:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        raise AssertionError("nobody sets it")


def test_the_answer_does_not_wait_for_the_steps_and_who_goes_away_ends_the_search_for_them() -> None:
    endless, asked = Endless(), {"about": "site", "id": "yard", "how": "dark"}
    made = house(LOADED.place)
    made.doors = replace(made.doors, lessening=endless)
    with opened(made) as door, door.client() as person:
        wire = socket.create_connection(person_address(door))
        wire.sendall(person_bytes(person, "/api/whatif/lessening", asked))
        assert endless.begun.wait(10)
        assert person.get("/api/whatif", params=asked).status_code == 200
        assert not endless.ended.is_set()
        wire.close()
        assert endless.ended.wait(10)


def person_address(door: House) -> tuple[str, int]:
    url = httpx.URL(door.url)
    return url.host, url.port or 80


def person_bytes(person: httpx.Client, path: str, params: dict[str, str]) -> bytes:
    """The request as it goes over the wire."""
    asked = person.build_request("GET", path, params=params)
    head = [b"GET " + asked.url.raw_path + b" HTTP/1.1", *(b": ".join(pair) for pair in asked.headers.raw)]
    return b"\r\n".join([*head, b"", b""])


def test_what_is_offered_for_a_signature_is_listed_and_read_by_its_name_only(built: House) -> None:
    with built.client() as person:
        assert person.get("/api/whatif/proposals").json() == {"proposals": [{"name": "a.yaml", "about": "An offer"}]}
        assert person.get("/api/whatif/proposals/a.yaml").text.startswith("# An offer")
        assert person.get("/api/whatif/proposals/..%2fplace.yaml").status_code == 404


def post(door: House, who: str, body: bytes, media: str = "application/yaml", **more: str) -> Any:
    with door.client(who) as person:
        origin = {"origin": door.url, "content-type": media, **more}
        return person.post("/api/whatif/sign?name=offer.yaml", content=body, headers=origin)


def test_a_dropped_file_is_judged_as_it_is_and_its_mistakes_are_an_answer(built: House) -> None:
    answer = post(built, "operator", b"agreements: 7\n")
    assert (answer.status_code, answer.json()["answer"]["word"]) == (200, "not-read")
    assert DESK.given[-1] == ("offer.yaml", b"agreements: 7\n")


def test_a_dropped_file_has_bounds_and_comes_from_our_own_page(built: House) -> None:
    given = len(DESK.given)
    assert post(built, "operator", b"#" * (129 << 10)).status_code == 413
    assert post(built, "operator", b"{}", media="application/json").status_code == 415
    assert post(built, "operator", b"{}", origin="https://elsewhere.example").status_code == 403
    assert post(built, "ben", b"{}").status_code == 403
    assert len(DESK.given) == given
    answer = post(built, "operator", b"slow")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


PATHS = (
    "/api/whatif/subjects",
    "/api/whatif?about=party&id=acme&how=dark",
    "/api/whatif/lessening?about=party&id=acme&how=dark",
    "/api/whatif/proposals",
    "/api/whatif/proposals/a.yaml",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_supplier_s_engineer_and_a_stranger_learn_nothing(built: House, path: str) -> None:
    with built.client("ben") as ben:
        answer = ben.get(path)
    assert answer.status_code == 403 and "yard" not in answer.text
    with built.stranger() as stranger:
        assert stranger.get(path).status_code == 401


class Held:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.go, self.begun = threading.Event(), 0

    def __call__(self) -> int:
        self.begun += 1
        assert self.go.wait(10)
        return self.begun


def test_who_comes_when_enough_wait_is_told_to_come_again_and_nothing_is_begun() -> None:
    async def scene() -> tuple[int, int]:
        turns, work = Turns(running=1, waiting=1), Held()
        waiting = [asyncio.create_task(turns.take(key, key, work)) for key in ("a", "b", "a")]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as told:
            await turns.take("ada", "c", work)
        work.go.set()
        assert await asyncio.gather(*waiting) == [1, 2, 1]
        assert await turns.take("ada", "a", work) == 1  # kept
        return told.value.status, turns.turned_away

    assert asyncio.run(scene()) == (503, 1)


def test_who_leaves_finds_the_answer_when_they_come_again() -> None:
    async def scene() -> int:
        turns, work = Turns(), Held()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(turns.take("ada", "a", work), 0.05)
        work.go.set()
        return await turns.take("ada", "a", work)

    assert asyncio.run(scene()) == 1


def test_what_a_work_raises_is_told_and_not_kept() -> None:
    async def scene() -> int:
        turns, times = Turns(), iter([0, 5])
        with pytest.raises(ZeroDivisionError):
            await turns.take("ada", "a", lambda: 1 // next(times))
        return await turns.take("ada", "a", lambda: 10 // next(times))

    assert asyncio.run(scene()) == 2


def test_what_runs_beside_is_ended_with_the_last_who_waits_and_begun_anew_for_the_next() -> None:
    async def scene() -> list[str]:
        turns, told, go = Turns(running=1, waiting=0), list[str](), asyncio.Event()

        async def work() -> int:
            told.append("begun")
            try:
                await go.wait()
            except asyncio.CancelledError:
                told.append("ended")
                raise
            return 7

        first, second = (asyncio.create_task(turns.take_beside("ada", "a", work)) for _ in range(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        assert told == ["begun"]  # the second waits still
        second.cancel()
        await asyncio.wait({second})
        third = asyncio.create_task(turns.take_beside("ada", "a", work))
        go.set()
        assert await third == 7
        return told

    assert asyncio.run(scene()) == ["begun", "ended", "begun"]
