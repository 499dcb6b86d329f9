"""Alerts and incident files in a real Chromium, against the real door: why, whose, put off, filed; clocks by sign and word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from cityward.compose.proving.asking_files import FilesMade
from cityward.runtime.ports import CommandRow
from cityward.time import HOUR
from console.browser import Browser
from console.test_console import CHROMIUM, browser, complaints, sign_in
from console.test_watch import FINDING, INCIDENT, STANDING, at
from web.handing import MemoryFiles, MemoryHands
from web.house import NOON, House, house, opened
from web.watching import MemoryBook, MemoryContainments, MemoryEvidence

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

SHOWN = "document.querySelector('main').innerText"


def a_clock(id_: str, to: str, due: int, state: str) -> dict[str, object]:
    return {
        "id": id_, "title": "Notice", "to": to, "hours": 24, "term": "24 hours", "due_us": due, "applies": "yes",
        "why": "it is of every incident", "state": state, "entry": "", "told_us": 0, "citation": "", "source": "",
    }  # fmt: skip


CLOCKS = [
    a_clock("xa.early", "the board", NOON - 5 * HOUR // 2, "overdue"),
    a_clock("xa.breach", "the data office", NOON + 143 * HOUR // 2, "running"),
]
FILE = {
    "id": "f0", "title": "A box <b>stood</b> open", "severity": "high", "opened_at": NOON - 3 * HOUR, "opened_by": "ada",
    "entry": "operator:0", "began_at": NOON - 4 * HOUR, "aware_at": NOON - 3 * HOUR, "closed_at": None, "incidents": ["i1"],
    "subjects": ["counter-1"], "more_subjects": 0, "people": "", "findings": [],
    "steps": [{"id": "operator:0", "record": {"at": NOON - 3 * HOUR, "step": "opened", "person": "ada", "text": "t", "to": ""}}],
}  # fmt: skip
ACCOUNT = {
    "now_us": NOON, "declaration": "d", "state": "open", "file": FILE, "clocks": CLOCKS,
    "affected": {
        "devices": ["counter-1"], "services": ["street-light"], "functions": [], "essential": "no", "personal": "unknown",
        "people": {"categories": ["drivers"], "data": [], "count": "unknown"},
        "recipients": [{"recipient": "planner", "party": "p", "datasets": ["counts"], "rows": 3, "count": 1}],
    },
    "timeline": {
        "moments": [{"at": NOON, "entry": "watch:7", "kind": "finding", "subject": "counter-1", "said": "frozen"}], "more": {},
    },
}  # fmt: skip
LINE = {key: FILE[key] for key in ("id", "title", "severity", "opened_at", "opened_by", "subjects", "incidents")}


async def made() -> FilesMade:
    lines = [{"state": "open", "clocks": CLOCKS, **LINE}]
    return FilesMade(
        msgspec.json.encode({"incidents": lines}), dict.fromkeys(("f0", "i1"), msgspec.json.encode(ACCOUNT))
    )


@dataclass
class Alerted:
    """A tiny city with one alert and one file."""

    house: House
    hands: MemoryHands
    files: MemoryFiles


@pytest.fixture
def city() -> Iterator[Alerted]:
    book = MemoryBook({"i1": INCIDENT}, [FINDING], {"counter-1": STANDING})
    hands, filed = MemoryHands(book), MemoryFiles()
    built = house(
        watch=book,
        handing=hands,
        filing=filed,
        incidents=made,
        containing=MemoryContainments(),
        ledger=MemoryEvidence(),
    )
    built.history.rows = [("counter-1", "vehicle-speed", NOON - n * 600_000_000, 42.0) for n in range(1, 24)]
    with opened(built, files("cityward.web") / "console") as door:
        yield Alerted(door, hands, filed)


def picture(browser: Browser, name: str) -> None:
    """Kept where somebody wants to look at it: wide, and as a phone shows it."""
    if folder := os.environ.get("CITYWARD_PICTURES"):
        browser.screenshot(Path(folder) / f"{name}.png")


def click(browser: Browser, words: str) -> None:
    """The first button, link or summary that begins so."""
    found = browser.evaluate(
        "(() => { const one = [...document.querySelectorAll('main button, main a, main summary')]"
        f".find(e => e.innerText.trim().startsWith({words!r})); one?.click(); return !!one }})()"
    )
    assert found, words


def fill(browser: Browser, field: str, text: str) -> None:
    browser.evaluate(f"document.querySelector({field!r}).focus()")
    browser.call("Input.insertText", text=text)


def choose(browser: Browser, field: str, value: str) -> None:
    browser.evaluate(
        f"(() => {{ const s = document.querySelector({field!r}); s.value = {value!r};"
        " s.dispatchEvent(new Event('change', {bubbles: true})) })()"
    )


def test_an_alert_says_why_is_given_to_a_person_put_off_and_contained_in_two_clicks(
    browser: Browser, city: Alerted
) -> None:
    sign_in(browser, city.house)
    at(browser, "#/watch?by=area", 'section[aria-label="Over time"] dd a')
    assert "High: counter-1: frozen." in browser.evaluate("document.querySelector('dd .hidden-words').textContent")
    picture(browser, "alerts")
    at(browser, "#/watch/incident/i1", 'section[aria-label="Whose it is"] select')
    click(browser, "Why did this fire?")
    browser.until(f"{SHOWN}.includes('It fails when')")
    browser.until("document.querySelector('details[open] canvas')")  # the readings, over what was expected
    assert "cityward trace watch:7" in browser.evaluate(SHOWN)

    choose(browser, "section[aria-label='Whose it is'] select", "ada")
    click(browser, "Assign")
    browser.until(f"{SHOWN}.includes('Given to Ada Ford by First person')")
    fill(browser, "section[aria-label='Whose it is'] .wide input", "parts come")
    click(browser, "Snooze")
    browser.until(f"{SHOWN}.includes('by First person: parts come. It comes back by itself')")
    assert city.hands.held["i1"].snoozed_until == NOON + 8 * HOUR
    browser.until("document.querySelector('aside li').innerText.includes('Put off')")
    picture(browser, "alert")
    click(browser, "Take up again")
    browser.until("!document.querySelector('aside li').innerText.includes('Put off')")

    click(browser, "Contain device counter-1")  # one click from the alert, and what it costs stands there
    browser.until(f"{SHOWN}.includes('1 device is cut off')")
    assert "people are touched" in browser.evaluate(SHOWN) or "nobody is known" in browser.evaluate(SHOWN)
    assert complaints(browser) == []


def test_a_file_is_opened_from_an_alert_and_steps_are_put_on_record(browser: Browser, city: Alerted) -> None:
    sign_in(browser, city.house)
    at(browser, "#/watch/incident/i1", 'section[aria-label="Whose it is"] select')
    click(browser, "Open an incident file")
    browser.until("location.hash === '#/incidents/i1'")
    browser.until("document.querySelector('section[aria-label=Timeline]')")
    assert city.files.said == [("opened", "i1", "", (), "operator")]
    text = browser.evaluate(SHOWN)
    assert "A box <b>stood</b> open" in text and "planner (p): 3 rows of counts" in text  # as text
    assert "Overdue" in text and "2 h 30 min over" in text and "2 days 23 h left" in text

    at(browser, "#/incidents/f0", "section[aria-label=Timeline]")
    choose(browser, "form select", "told")
    browser.until("document.querySelector('fieldset')")
    browser.evaluate("document.querySelector('fieldset input').click()")
    fill(browser, "form > label:nth-of-type(2) input", "the board")
    fill(browser, "form .wide input", "by telephone")
    picture(browser, "incident")
    click(browser, "Put on record")
    browser.until("document.querySelector('form .wide input').value === ''")
    assert city.files.said[-1] == ("told", "f0", "by telephone", "the board", ("xa.early",), "operator")

    at(browser, "#/incidents", ".leaf > ul > li")
    listed = browser.evaluate(SHOWN)
    assert "1 reporting clock is overdue" in listed and "▲ Overdue" in listed and "◷ Runs" in listed
    picture(browser, "incidents")
    assert complaints(browser) == []


def test_every_actuation_tells_its_way_from_the_sensor_to_the_streets_answer_and_pages_fit_a_phone(
    browser: Browser, city: Alerted
) -> None:
    cause = {"sky": "night", "rests_on": "illuminance of 1 sensor (12)"}
    city.house.state.issued = [
        CommandRow("c1", "lighting", "lamp-01", "dim", 40.0, cause, "service:12", "timed-out", NOON - HOUR, NOON - HOUR)
    ]
    sign_in(browser, city.house)
    at(browser, "#/device/lamp-01", "main h1")
    browser.until("[...document.querySelectorAll('main summary')].some(e => e.innerText === 'Sensor to street')")
    click(browser, "Sensor to street")
    stops = browser.evaluate(
        "[...document.querySelectorAll('details[open] ol > li')].map(li => li.innerText.replaceAll('\\n', ' '))"
    )
    assert [stop.split()[0] for stop in stops] == ["Sensor", "Reading", "Rule", "Command", "Street"]
    assert "illuminance of 1 sensor (12)" in stops[1] and "sky night" in stops[2]
    assert "service:12" in stops[3] and "Timed out" in stops[4]
    browser.look(390, 844, phone=True)
    for page, mark in (
        ("#/incidents", ".leaf li"),
        ("#/incidents/f0", ".leaf ol"),
        ("#/watch/incident/i1", ".shown form"),
    ):
        at(browser, page, mark)
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390
        picture(browser, f"phone-{page.rpartition('/')[2]}")
    assert complaints(browser) == []
