"""Of what the door has few places for, nobody takes all: feeds, dear questions, steps and archives of incident files."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cityward.runtime.people import SessionRow
from cityward.time import HOUR
from cityward.web import live
from cityward.web.accounts.reads import Reads
from cityward.web.accounts.sight import Sights
from cityward.web.api import city
from cityward.web.identity import Reception
from cityward.web.live import Feed
from cityward.web.problems import Problem
from cityward.web.shares import PIECE, Shares, Taken
from cityward.web.turns import Turns
from web.handing import Line, MemoryFiles
from web.house import house, opened
from web.test_handing import door


def test_one_person_leaves_places_for_the_questions_of_others() -> None:
    async def scene() -> tuple[list[int], int]:
        turns, go = Turns(), threading.Event()
        asked = [asyncio.create_task(turns.take("eve", n, go.wait)) for n in range(9)]
        await asyncio.sleep(0)
        bobs = asyncio.create_task(turns.take("bob", 9, go.wait))
        waits_too = asyncio.create_task(turns.take("eve", 9, go.wait))  # for what bob began: that takes no place
        await asyncio.sleep(0)
        go.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert await bobs and await waits_too
        return [one.status for one in answers if isinstance(one, Problem)], turns.turned_away

    assert asyncio.run(scene()) == ([429] * 7, 7)


def test_one_person_leaves_feeds_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_LISTENERS", 16)
    doors = house().doors
    reception = Reception(doors)
    feed, now = Feed(doors, reception, Sights(doors.place, doors.registry), Reads(doors)), doors.machine_us()
    row = SessionRow(b"s", "operator", now + HOUR, now, now)
    doors.sessions.open(row)
    caller = reception.caller_of(row, "127.0.0.1")
    assert caller is not None
    opened_by_one = [feed.join(caller) for _ in range(2)]
    with pytest.raises(Problem) as told:
        feed.join(replace(caller, session=b"another"))
    assert told.value.status == 429 and "close a tab" in told.value.detail
    feed.join(replace(caller, id="bob"))
    feed.leave(opened_by_one[0])
    feed.join(caller)


def test_a_share_is_given_back_however_the_work_ends() -> None:
    shares = Shares("steps", places=2, share=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), shares.place("ada"):
            raise ZeroDivisionError
    with shares.place("ada"), shares.place("bob"):
        for who, status in (("ada", 429), ("eve", 503)):
            with pytest.raises(Problem) as told:
                shares.enter(who)
            assert told.value.status == status
    assert shares.turned_away == 2


@dataclass
class SlowFiles(MemoryFiles):
    """Steps that end when they are let."""

    go: threading.Event = threading.Event()  # noqa: RUF009 - one test

    async def decide(self, file: str, text: str, person: str) -> Line:
        await asyncio.to_thread(self.go.wait, 10)
        return file, "open", text


def statuses(answers: list[int]) -> dict[int, int]:
    return {status: answers.count(status) for status in set(answers)}


def test_one_person_leaves_steps_of_incident_files_for_others() -> None:
    files = SlowFiles()
    with opened(door(files)) as built, built.client("ada") as ada, ThreadPoolExecutor(4) as pool:
        say = {"step": "decided", "text": "cut off"}
        asked = [pool.submit(lambda: ada.post("/api/incidents/f0", json=say).status_code) for _ in range(4)]
        while sum(one.done() for one in asked) < 2:
            pass
        files.go.set()
        assert statuses([one.result(10) for one in asked]) == {200: 2, 429: 2}


def test_an_archive_holds_its_place_until_it_is_taken() -> None:
    async def scene() -> list[int]:
        shares, sent, go = Shares("archives", places=2, share=1), list[int](), asyncio.Event()
        shares.enter("owner")
        answer = Taken(b"P" * (3 * PIECE + 1), "application/zip", {}, shares, "owner")

        async def send(message: Any) -> None:
            sent.append(len(message.get("body", b"")))
            if len(sent) == 3:
                await go.wait()

        async def receive() -> Any:
            await asyncio.Event().wait()

        taking = asyncio.create_task(answer({"type": "http"}, receive, send))
        while len(sent) < 3:
            await asyncio.sleep(0)
        with pytest.raises(Problem):
            shares.enter("owner")
        go.set()
        await taking
        shares.enter("owner")
        return sent

    assert asyncio.run(scene()) == [0, PIECE, PIECE, PIECE, 1, 0]


def test_an_export_is_whole_and_its_place_is_free_again() -> None:
    with opened(door(MemoryFiles())) as built, built.client("owner") as owner:
        for _ in range(4):
            answer = owner.get("/api/incidents/f0/export")
            assert answer.content == b'PK"f0"' and answer.headers["content-length"] == "6"


def test_the_chain_is_folded_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    go, at_once, most = threading.Event(), 0, 0
    layout_after = city.layout_after

    def slow(*given: Any) -> Any:
        nonlocal at_once, most
        at_once, most = at_once + 1, max(most, at_once + 1)
        assert go.wait(10)
        at_once -= 1
        return layout_after(*given)

    monkeypatch.setattr(city, "layout_after", slow)
    with opened(house()) as built, built.client() as person, ThreadPoolExecutor(4) as pool:
        (party,) = built.doors.place.parties
        folds = (party, "unknown", f"{party},unknown", f"{party}&tidy=true")
        asked = [pool.submit(person.get, f"/api/chain?fold={fold}") for fold in folds]
        while not any(one.done() for one in asked):
            pass
        go.set()
        told = [one.result(10).status_code for one in asked]
    assert most == 1 and statuses(told) == {200: 2, 429: 2}
