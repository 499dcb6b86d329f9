"""Assurance in a real Chromium, against the real door and real signed logs: the assessor opens the evidence of N8."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from assured import ENTRIES, assured_town
from cityward.assurance.examples import NOW_US, released
from cityward.assurance.reporting.model import encode
from cityward.compose.home import Home
from cityward.compose.proving.entries import entry_told
from cityward.compose.reporting.asking import ReportMade
from cityward.compose.reporting.gathering import gather
from cityward.compose.reporting.given import GivingDesk
from cityward.web.assurance_ports import Assuring
from console.browser import Browser
from console.test_console import CHROMIUM, browser, complaints, sign_in
from console.test_watch import at
from web.house import House, house, opened
from web.watching import MemoryBook

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

MAIN = "document.querySelector('main').innerText"
NARROW = (
    "document.documentElement.scrollWidth <= innerWidth && document.querySelector('main').scrollWidth <= innerWidth"
)
STATEMENT = (
    b'{"due":1,"statements":[{"entry":"attest:0","control":"H-01","subject":"zones.street","person":"ada","said":"Locked.",'
    b'"scope":"all","word":"holds","at":"2027-01-01T00:00:00Z","until":"2027-02-01T00:00:00Z","stand":"due soon",'
    b'"changed":false}]}'
)
RISKS = (
    b'{"threats":3,"by_standing":{"open":2,"accepted":1},"drilled":0,"stale":0,"more":0,"risks":[],"borne":[{"control":"R-04",'
    b'"subject":"devices.x","owner":"council","why":"a round looks","until":"2027-03-31T00:00:00Z","entry":"risks:0"}]}'
)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[House]:
    """The door of a tiny city, whose report is that of a small town with signed logs. Made on the second asking."""
    town = assured_town(tmp_path, {**ENTRIES, "release": (released("planner"),)})
    data, asked = encode(gather(town, NOW_US).report), list[int]()

    async def reporting() -> ReportMade | None:
        asked.append(1)
        return ReportMade(data, b"", "") if len(asked) > 1 else None

    async def statements() -> bytes:
        return STATEMENT

    async def risks() -> bytes:
        return RISKS

    home, made = Home(town), house(watch=MemoryBook())
    assuring = Assuring(
        entry=lambda id_: entry_told(home, id_), statements=statements, risks=risks, given=GivingDesk(town)
    )
    made.doors = replace(made.doors, reporting=reporting, assuring=assuring)
    with opened(made, files("cityward.web") / "console") as door:
        yield door


def picture(browser: Browser, name: str) -> None:
    """Kept where somebody wants to look at it."""
    if folder := os.environ.get("CITYWARD_PICTURES"):
        browser.screenshot(Path(folder) / f"{name}.png")


def click(browser: Browser, words: str) -> None:
    """The first link, button or summary of the page that begins so."""
    found = browser.evaluate(
        "(() => { const one = [...document.querySelectorAll('main a, main button, main summary')]"
        f".find(e => e.innerText.trim().startsWith({words!r})); one?.click(); return !!one }})()"
    )
    assert found, words


def report_of(browser: Browser) -> dict[str, Any]:
    """The report as the door gives it to this very browser."""
    browser.evaluate("fetch('/api/report').then(r => r.json()).then(told => { window.told = told })")
    browser.until("window.told !== undefined")
    return browser.evaluate("window.told")


ORDER = ("failed", "unknown", "accepted", "stated", "proven", "not-applicable")
WORDS = {"not-applicable": "not applicable"}


def test_the_assessor_opens_the_evidence_of_n8(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    at(browser, "#/assurance", ".numbers")  # it waited for the report by itself
    browser.until(f"{MAIN}.includes('Nobody bears') || {MAIN}.includes('a round looks')")
    page = browser.evaluate(MAIN)
    assert "Read first. More is unknown than known" in page
    assert "of 17 subjects: 0 proven, 0 stated, 16 unknown, 1 failed" in page
    assert "due soon" in page and "council" in page
    picture(browser, "assurance")

    click(browser, "N8")
    browser.until("location.hash === '#/assurance/N8'")
    assert "whether anonymous is anonymous enough" in browser.evaluate(MAIN)
    picture(browser, "assurance-n8")
    click(browser, "P-07")
    browser.until("location.hash === '#/assurance/control/P-07'")
    assert "3 rows left to planner by counts-out" in browser.evaluate(MAIN)
    click(browser, "release:0")
    browser.until("document.querySelector('.entry dl')")
    assert browser.evaluate("location.hash") == "#/assurance/control/P-07?entry=release%3A0"
    entry = browser.evaluate("document.querySelector('.entry').innerText.replaceAll('\\n', ' ')")
    assert "recipient planner" in entry and "rows 3" in entry
    assert "smalltown/release was checked just now against the checkpoint of 1 entries" in entry
    assert "cityward trace release:0" in entry
    picture(browser, "assurance-entry")

    browser.look(390, 844, phone=True)
    assert browser.evaluate(NARROW)
    browser.evaluate("location.hash = '#/assurance'")
    browser.until("document.querySelector('.numbers')")
    assert browser.evaluate(NARROW)
    picture(browser, "assurance-phone")
    assert complaints(browser) == []


def test_nothing_is_greener_on_the_page_than_in_the_report(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    at(browser, "#/assurance", ".principles")
    told = report_of(browser)
    legend = browser.evaluate("document.querySelector('.legend').innerText.replaceAll(/\\s+/g, ' ').trim()")
    assert legend == " ".join(f"{WORDS.get(name, name)} {told['by_result'][name]}" for name in ORDER)
    for control in ("K-04", "K-05", "P-07"):
        at(browser, f"#/assurance/control/{control}", ".subjects")
        browser.until(f"document.querySelector('main h1').innerText.startsWith('{control}')")
        shown = browser.evaluate("[...document.querySelectorAll('.subjects > li .head')].map(e => e.innerText.trim())")
        (found,) = [one for one in told["controls"] if one["id"] == control]
        expected = sorted((one["result"], one["subject"]) for one in found["subjects"])
        assert sorted(tuple(line.split(maxsplit=1)) for line in shown) == expected
    at(browser, "#/assurance/control/Z-99", "main p")
    browser.until(f"{MAIN}.includes('There is no such principle or control')")


def test_a_signed_report_is_made_from_the_page_and_its_files_can_be_fetched(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    at(browser, "#/assurance", ".numbers")
    browser.until(f"{MAIN}.includes('None was made from here yet')")
    click(browser, "Make the signed report")
    browser.until("document.querySelector('.files a[href$=\"/manifest\"]')", 60)
    assert "evidence.tar" in browser.evaluate("document.querySelector('.files').innerText")
    browser.until(f"{MAIN}.includes('Now, against the report of')")
    picture(browser, "assurance-given")
    assert complaints(browser) == []
