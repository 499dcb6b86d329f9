"""*What if* in a real Chromium, against the real door of the demonstration city: the officer's question, and may we sign.

What is asserted of the city is worked out by hand in `examples/doggerford` (`expected/`, `proposals/README.md`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from cityward.compose.asking.lessening import LesseningDesk
from cityward.compose.asking.proposing import ProposalDesk
from cityward.compose.asking.sign import judged_given
from cityward.compose.places import demo_place, load_place
from cityward.errors import PlaceErrors
from cityward.reach.sign.report import report_of
from cityward.reach.whatif.signing import Signed, mistake_of, not_read, signed
from console.browser import Browser
from console.test_console import CHROMIUM, TILES, browser, complaints, sign_in
from console.test_watch import at
from web.house import House, MemoryPeople, MemoryTiles, house, opened
from web.watching import MemoryBook

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

AUGUST = 1_785_542_400_000_000  # 2026-08-01, us: the day that the worked-out answers are for
MAIN = "document.querySelector('main').innerText"
SAID = "document.querySelector('.said')?.innerText"
NOW = "document.querySelector('.now')?.innerText.replaceAll(/\\s+/g, ' ')"
NARROW = (
    "document.documentElement.scrollWidth <= innerWidth && document.querySelector('main').scrollWidth <= innerWidth"
)


class Desk(ProposalDesk):
    """Judges in a thread: that the child judges alike is `tests/compose/asking`'s."""

    async def judge(self, name: str, raw: bytes, day: date) -> Signed:
        return await asyncio.to_thread(self._judged, name, raw, day)

    def _judged(self, name: str, raw: bytes, day: date) -> Signed:
        try:
            given, judgement = judged_given(demo_place(), name, raw, day)
        except PlaceErrors as error:
            return not_read(tuple(map(mistake_of, error.errors)), name)
        return signed(report_of(judgement, given.proposed.where, given.base.where), name)


@pytest.fixture(scope="module")
def city() -> Iterator[House]:
    loaded, people = load_place(demo_place()), MemoryPeople()
    people.hold("operator", "data-owner", "city-operator", party="doggerford-council")
    desks = {"watch": MemoryBook(), "tiles": MemoryTiles(TILES.read_bytes()), "proposing": Desk(demo_place())}
    built = house(loaded.place, people=people, machine_us=lambda: AUGUST, **desks)
    built.doors = replace(built.doors, where=loaded.where, digest=loaded.digest, lessening=LesseningDesk())
    with opened(built, files("cityward.web") / "console") as door:
        yield door


def picture(browser: Browser, name: str) -> None:
    """Kept where somebody wants to look at it."""
    if folder := os.environ.get("CITYWARD_PICTURES"):
        browser.screenshot(Path(folder) / f"{name}.png")


def choose(browser: Browser, field: str, value: str) -> None:
    """As a person does with a list: the value, and that it changed."""
    browser.evaluate(
        f"(() => {{ const s = document.querySelector({field!r}); s.value = {value!r};"
        " s.dispatchEvent(new Event('change', {bubbles: true})) })()"
    )


def click(browser: Browser, words: str, within: str = "main") -> None:
    """The first button, link or summary that begins so."""
    found = browser.evaluate(
        f"(() => {{ const one = [...document.querySelector({within!r}).querySelectorAll('button, a, summary, label')]"
        f".find(e => e.innerText.trim().startsWith({words!r})); one?.click(); return !!one }})()"
    )
    assert found, words


def test_the_officer_asks_hostile_of_a_supplier_and_opens_the_path(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    at(browser, "#/whatif", ".name select")
    browser.until("document.querySelectorAll('.name select option').length > 15")
    choose(browser, ".name select", "halden-optics")
    browser.until(f"{SAID}?.includes('turns against the city')")
    assert browser.evaluate("location.hash") == "#/whatif/party/halden-optics?how=hostile"
    said = browser.evaluate(SAID)
    assert said.startswith("If Halden Optics turns against the city, it could read ")
    assert said.endswith("stop 1 essential function within 4 h: 18,400 of 132,900 people, in Dockholme.")
    picture(browser, "whatif-hostile")

    # the path: sentence by sentence, with file and line, from the supplier to the function
    click(browser, "Why", "section[aria-label='What stops']")
    browser.until("document.querySelectorAll('.why li').length > 2")
    why = browser.evaluate("document.querySelector('.why').innerText")
    assert "Halden Optics" in why and "Video management" in why and "functions.watched-harbour.needs[0]" in why
    assert "systems.yaml:" in why and "services.yaml:" in why
    assert "So this degrades at once and fails after 4 h: The harbour is watched." in why
    assert "why=function%3Awatched-harbour" in browser.evaluate("location.hash")
    click(browser, "Street video", "section[aria-label='What it could read']")
    browser.until("document.querySelector('.why .end')?.innerText === 'So Halden Optics could read Street video.'")

    # what could be done: each step on top of those before
    browser.until("document.querySelectorAll('.steps > li').length === 3")
    done = browser.evaluate("document.querySelector(\"section[aria-label='What the city could do']\").innerText")
    assert "Effort 4 of 5" in done and "Preview and contain" in done
    picture(browser, "whatif-steps")
    assert browser.evaluate(NARROW)
    assert complaints(browser) == []


def test_the_hours_go_by_in_words_picture_and_list_alike(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    at(browser, "#/whatif/party/halden-optics?how=hostile&show=list", "#look table")
    browser.until(f"{NOW}?.includes('1 function degraded, 0 failed')")
    row = "[...document.querySelectorAll('#look tbody tr')].find(r => r.innerText.startsWith('Video management'))"
    listed = browser.evaluate(f"{row}.innerText")
    assert "Can be falsified, steered or stopped" in listed and "at once" in listed and "command" in listed
    browser.evaluate("document.getElementById('hour').focus()")
    for _ in range(2):
        browser.press("ArrowRight")
    browser.until(f"{NOW}.startsWith('After 4 h, if it stops all it can:')")
    now = browser.evaluate(NOW)
    assert "0 functions degraded, 1 failed: 18,400 of 132,900 people, in Dockholme" in now
    assert "at=4" in browser.evaluate("location.hash")
    click(browser, "Chain", "section[aria-label='Hour by hour']")
    browser.until("document.querySelectorAll('.look .befalls.is-falsified').length > 2")
    marked = browser.evaluate("[...document.querySelectorAll('.look .node')].map(n => n.getAttribute('aria-label'))")
    assert any(label.startswith("System Video management") and "steered" in label for label in marked)
    click(browser, "Map", "section[aria-label='Hour by hour']")
    browser.until("document.querySelectorAll('.look .spot.is-falsified').length > 3")
    titles = browser.evaluate("[...document.querySelectorAll('.look .spot')].map(s => s.title)")
    assert any(title.startswith("Harbour cameras") and "steered" in title for title in titles)
    browser.evaluate("document.querySelector(\"section[aria-label='Hour by hour']\").scrollIntoView()")
    picture(browser, "whatif-map")
    assert complaints(browser) == []


def test_a_jurisdiction_has_two_answers_and_a_site_cannot_turn(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    at(browser, "#/whatif/jurisdiction/xa?how=hostile", ".axes a")
    over_parties = browser.evaluate(SAID)
    assert "Xanthia (over its parties)" in over_parties
    click(browser, "Over what lies there")
    browser.until(f"{SAID}?.includes('(over what lies there)')")
    at(browser, "#/whatif/site/civic-dc?how=cut", ".said")
    browser.until(f"{SAID}?.includes('Civic data centre is cut off')")
    assert "3 functions of the city fail" in browser.evaluate(SAID)
    off = "[...document.querySelectorAll('.ways input')].filter(i => i.disabled).map(i => i.value)"
    assert browser.evaluate(off) == ["hostile", "sanctioned"]
    browser.until(
        "document.querySelectorAll('.look .befalls.is-stopped').length > 2"
    )  # what goes dark has another sign
    browser.until("document.querySelectorAll('.look .edge.is-silent').length > 10")
    assert complaints(browser) == []


def test_an_offer_is_judged_by_its_own_lines_and_a_dropped_file_is_read(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    at(browser, "#/whatif/sign", ".offered a")
    click(browser, "night-desk.yaml")
    browser.until("document.querySelector('.verdict .said')")
    told = browser.evaluate(MAIN)
    assert "May be signed under conditions" in told and "What to ask of the supplier before signing" in told
    assert "Forbid sub-contracting in `signal-night-desk-2026`" in told
    assert "proposal night-desk.yaml:12" in told and "subcontracting: allowed" in told  # the line itself
    assert "Open Moorings Support could command Signal control centre" in told
    picture(browser, "whatif-sign")
    offer = "flows:\\n  new: {from: cityward, to: nobody-known}\\n"
    browser.evaluate(
        "(() => { const d = new DataTransfer();"
        f" d.items.add(new File(['{offer}'], 'offer.yaml'));"
        " const given = {dataTransfer: d, bubbles: true, cancelable: true};"
        " document.querySelector('.drop').dispatchEvent(new DragEvent('drop', given)) })()"
    )
    browser.until("document.querySelector('.verdict.is-not-read')")
    told = browser.evaluate(MAIN)
    assert "offer.yaml cannot be judged" in told and "new: {from: cityward, to: nobody-known}" in told
    browser.look(390, 844, "dark", phone=True)
    assert browser.evaluate(NARROW)
    picture(browser, "whatif-sign-phone")
    at(browser, "#/whatif/party/fathom-cloud?how=dark&show=list", "#look table")
    browser.until("document.querySelectorAll('.steps > li').length > 0")
    assert browser.evaluate(NARROW)
    picture(browser, "whatif-phone")
    assert complaints(browser) == []
