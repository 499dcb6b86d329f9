"""Exercises in a real Chromium, against the real door: begun, watched under its hatched frame, and told as it came out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from cityward.compose.exercising.board import board_of
from cityward.compose.exercising.desk import Now
from cityward.compose.exercising.recording import Covered, Tried
from cityward.compose.places import demo_place
from console.browser import Browser
from console.test_assurance import MAIN, NARROW, click, picture
from console.test_console import CHROMIUM, browser, complaints, sign_in
from console.test_watch import at
from web.house import House, house, opened
from web.watching import MemoryBook

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]


def tried(n: int, missed: tuple[str, ...], detect: float) -> Tried:
    return Tried(
        entry=f"exercise:{n}", at=f"2026-0{n + 1}-03T12:00:00Z", scenario="S-18", seed=7,
        met=tuple(one for one in ("noticed", "doubted", "marked") if one not in missed), missed=missed,
        score={"detect_s": detect, "wrong_commands": 0.0, "evidence_complete": 1.0}, services=("quay-street-lighting",),
        subjects=("devices.ring-road-loops",), checkpoint="", declaration="", person="ada",
    )  # fmt: skip


MUSTS = [
    {"id": "noticed", "kind": "detected", "said": "that they lie is told", "within_s": 3600.0, "state": "met",
     "took_s": 61.0, "why": ""},
    {"id": "marked", "kind": "recorded", "said": "what was held is marked", "within_s": 3600.0, "state": "open",
     "took_s": None, "why": ""},
]  # fmt: skip
PROGRESS: dict[str, Any] = {
    "scenario": "S-18", "title": "Sensors lie within their limits", "spent_s": 600.0, "of_s": 4140.0, "saw_in_all": 1,
    "port": 4711,
    "steps": [["lie-0", True], ["lie-1", False]], "musts": MUSTS,
    "saw": [{"entry": "watch:3", "at": "2026-11-23T12:10:00Z", "kind": "found",
             "words": "neighbours: unlike them at loop-1, high"}],
}  # fmt: skip
OUTCOME = {
    "scenario": "S-18", "staged": True, "why": "", "met": ["noticed"],
    "missed": [["marked", "what was held is marked", "not until the end"]],
    "score": {"detect_s": 61.0}, "seconds": 120.0,
}  # fmt: skip


@dataclass
class Played:
    """An exercise desk whose moments the test sets."""

    told: bytes
    moment: Now

    async def board(self) -> bytes | None:
        return self.told

    def now(self) -> Now:
        return self.moment

    async def start(self, scenario: str, seed: int, person: str) -> bool:
        self.moment = Now(state="starting", scenario=scenario, seed=seed, person=person)
        return True

    async def stop(self) -> bool:
        return True


@pytest.fixture(scope="module")
def board() -> bytes:
    """The scenarios of the demonstration city with two exercises on record."""
    on_record = (tried(0, ("doubted",), 300.0), tried(1, ("marked",), 120.0))
    covered = (Covered("quay-street-lighting", True, ("S-18",), False), Covered("bin-collection", True, (), False))
    return msgspec.json.encode(board_of(demo_place(), on_record, covered, ("S-01",)))


@pytest.fixture
def city(board: bytes) -> Iterator[House]:
    made = house(watch=MemoryBook())
    made.doors = replace(made.doors, exercises=Played(board, Now(state="idle")))
    with opened(made, files("cityward.web") / "console") as door:
        yield door


def test_an_exercise_is_begun_watched_and_told_with_what_was_missed_in_the_open(browser: Browser, city: House) -> None:
    desk = city.doors.exercises
    assert isinstance(desk, Played)
    sign_in(browser, city)
    at(browser, "#/exercises", ".services")
    page = browser.evaluate(MAIN)
    assert "something was missed" in page and "? never tried" in page  # the service that nobody tried is no pass
    assert "missed: marked" in page
    picture(browser, "exercises")
    click(browser, "S-18")
    browser.until("location.hash === '#/exercises/S-18' && document.querySelector('.begin')")
    assert browser.evaluate("document.querySelectorAll('figure svg').length") == 3
    assert "300 s" in browser.evaluate("document.querySelector('.wide table').innerText")
    picture(browser, "exercises-one")

    click(browser, "Try it on a twin")
    browser.until("document.querySelector('.frame')?.innerText.includes('A twin is being started')")
    assert desk.moment.person == "operator"
    assert browser.evaluate("document.querySelector('.begin button').disabled")
    desk.moment = msgspec.structs.replace(desk.moment, state="running", progress=PROGRESS)
    browser.until("document.querySelector('.frame').innerText.includes('1 of 2 steps begun, 1 of 2 musts met')")
    frame = browser.evaluate("document.querySelector('.frame').innerText")
    assert frame.count("EXERCISE") >= 4
    assert "neighbours: unlike them at loop-1" in frame
    picture(browser, "exercises-running")
    browser.look(390, 844, phone=True)
    assert browser.evaluate(NARROW)
    picture(browser, "exercises-phone")

    desk.moment = msgspec.structs.replace(desk.moment, state="over", outcome=OUTCOME)
    browser.until("document.querySelector('.frame').innerText.includes('Over: 1 of 2 met.')")
    assert "not until the end" in browser.evaluate("document.querySelector('.frame .is-missed').innerText")
    assert complaints(browser) == []
    assert json.loads(desk.told)["exercises"]
