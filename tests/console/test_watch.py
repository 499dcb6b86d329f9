"""The watch's pages in a real Chromium, against the real door: found, taken in hand, contained, by mouse and by keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from cityward.adapters.stores.state import SqlState
from cityward.evidence.records import Acknowledged
from cityward.insight.marks import Mark, MarkState
from cityward.runtime.containing import Stand
from cityward.runtime.watching.ports import Position, WatchEffects
from cityward.time import HOUR
from cityward.watch.contract import Phase, Severity
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState, Trust
from console.browser import Browser
from console.test_console import CHROMIUM, browser, complaints, sign_in
from web.house import NOON, House, house, opened
from web.watching import MemoryBook, MemoryContainments, MemoryEvidence

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

SINCE = NOON - 3 * HOUR
FINDING = Finding(
    id="f1",
    detector="freeze",
    kind="frozen",
    title="Frozen",
    subject="counter-1",
    property="vehicle-speed",
    severity=Severity.HIGH,
    phase=Phase.BEGAN,
    began_at=SINCE,
    at=NOON,
    score=2.0,
    words="Said 42 km/h <b>for three hours</b>.",
    facts={"value": "42"},
    records=("watch:7",),
    technique="T0856",
    todo="Look at the sensor on site",
    incident="i1",
)
INCIDENT = Incident(
    id="i1",
    title="counter-1: frozen",
    shared="device:counter-1",
    severity=Severity.HIGH,
    began_at=SINCE,
    last_at=NOON,
    findings=1,
    subjects=1,
    first_subjects=("counter-1",),
    kinds=("freeze/frozen",),
)
STANDING = DeviceStanding(device="counter-1", trust=0.38, state=Trust.QUARANTINED, since=SINCE, because=("f1",))
MARK = Mark(id="m1", device="counter-1", since=SINCE, until=NOON, state=MarkState.SUSPECT, why="frozen")


@dataclass
class Watched:
    """A tiny city with one incident."""

    house: House
    book: MemoryBook
    containments: MemoryContainments
    evidence: MemoryEvidence


@pytest.fixture
def city() -> Iterator[Watched]:
    book = MemoryBook({"i1": INCIDENT}, [FINDING], {"counter-1": STANDING})
    containments, evidence = MemoryContainments(), MemoryEvidence()
    built = house(watch=book, containing=containments, ledger=evidence)
    built.state.marked = [MARK]
    with opened(built, files("cityward.web") / "console") as door:
        yield Watched(door, book, containments, evidence)


def at(browser: Browser, page: str, mark: str) -> None:
    browser.evaluate(f"location.hash = '{page}'")
    browser.until(f"document.querySelector('{mark}')")


def typed(browser: Browser, text: str) -> None:
    browser.call("Input.insertText", text=text)


def tab_to(browser: Browser, words: str) -> None:
    """Press Tab until what has the focus reads like this."""
    for _ in range(60):
        browser.press("Tab")
        if browser.evaluate("document.activeElement.innerText || document.activeElement.placeholder") == words:
            return
    raise AssertionError(f"{words!r} is not reached by Tab")


def test_an_incident_is_told_with_what_was_seen_what_to_do_and_whom_it_costs_trust(
    browser: Browser, city: Watched
) -> None:
    sign_in(browser, city.house)
    at(browser, "#/watch", 'aside a[href="#/watch/incident/i1"]')
    aside = browser.evaluate("document.querySelector('aside').innerText")
    assert "counter-1: frozen" in aside and "High" in aside and "Quarantined" in aside
    at(browser, "#/watch/incident/i1", "section[aria-label=Findings] li")
    text = browser.evaluate("document.querySelector('.shown').innerText")
    assert "Said 42 km/h <b>for three hours</b>." in text  # as text
    assert "Look at the sensor on site." in text and "T0856" in text and "watch:7" in text
    assert complaints(browser) == []


def test_who_takes_an_incident_in_hand_says_so_by_keyboard_alone(browser: Browser, city: Watched) -> None:
    sign_in(browser, city.house)
    at(browser, "#/watch", 'aside a[href="#/watch/incident/i1"]')
    browser.evaluate("document.querySelector('aside a[href=\"#/watch/incident/i1\"]').focus()")
    browser.press("Enter")
    browser.until("document.querySelector('section[aria-label=Findings] li')")
    tab_to(browser, "A note for the record")
    typed(browser, "on my way")
    tab_to(browser, "Take in hand")
    browser.press("Enter")
    browser.until("document.querySelector('.shown header').innerText.includes('by operator: on my way')")
    assert city.book.held["i1"].state is IncidentState.ACKNOWLEDGED
    [record] = [r for r in city.evidence.records if isinstance(r, Acknowledged)]
    assert (record.person, record.note) == ("operator", "on my way")
    assert complaints(browser) == []


def test_a_containment_is_seen_before_it_begins_and_lifted_again(browser: Browser, city: Watched) -> None:
    sign_in(browser, city.house)
    at(browser, "#/watch/incident/i1", 'a.button[href^="#/watch/contain/"]')
    browser.evaluate("document.querySelector('a.button').click()")
    browser.until("document.querySelector('section[aria-label=\"What it costs\"]')")
    assert "1 device is cut off" in browser.evaluate("document.querySelector('.shown').innerText")
    assert city.containments.rows == []
    browser.evaluate("document.querySelector('section[aria-label=\"What it costs\"] input').focus()")
    typed(browser, "it lies")
    tab_to(browser, "Contain")
    browser.press("Enter")
    browser.until("document.querySelector('section[aria-label=Containments]').innerText.includes('in force')")
    [row] = city.containments.rows
    assert (row.target, row.reason, row.asked_by, row.seconds, row.units) == (
        "device:counter-1",
        "it lies",
        "operator",
        7200,
        ("counter-1",),
    )
    browser.evaluate("document.querySelector('section[aria-label=Containments] button').click()")
    browser.until("document.querySelector('section[aria-label=Containments]').innerText.includes('lifted')")
    assert city.containments.rows[0].state is Stand.LIFTED
    assert complaints(browser) == []


def test_what_cannot_be_contained_is_said(browser: Browser, city: Watched) -> None:
    sign_in(browser, city.house)
    at(browser, "#/watch/contain/party:nobody", "[role=alert]")
    assert "nobody" in browser.evaluate("document.querySelector('[role=alert]').innerText")


def test_a_devices_page_tells_its_trust_and_what_is_not_to_be_relied_on(browser: Browser, city: Watched) -> None:
    sign_in(browser, city.house)
    at(browser, "#/device/counter-1", "section[aria-label=Trust] meter")
    trust = browser.evaluate("document.querySelector('section[aria-label=Trust]').innerText")
    assert "0.38" in trust and "Quarantined" in trust and "counter-1: frozen" in trust
    browser.until("document.querySelector('.key .is-suspect')")
    browser.until("document.querySelector('figure').textContent.includes('Suspect from')")
    city.book.stands.clear()
    city.book.held["i1"] = msgspec.structs.replace(INCIDENT, state=IncidentState.CLOSED)
    city.book.changes += 1
    browser.until("!document.querySelector('section[aria-label=Trust]')")
    assert complaints(browser) == []


def many_incidents(count: int) -> WatchEffects:
    """As a storm leaves them: a few bad ones, most of them not, and devices that nobody trusts any more."""
    severities = [
        Severity.CRITICAL if n % 100 == 0 else Severity.HIGH if n % 10 == 0 else Severity.LOW for n in range(count)
    ]
    incidents = [
        msgspec.structs.replace(
            INCIDENT, id=f"i{n:04}", title=f"counter-{n}: frozen", severity=severity, last_at=NOON - n
        )
        for n, severity in enumerate(severities)
    ]
    findings = [
        msgspec.structs.replace(FINDING, id=f"f{n}", incident="i0700", subject=f"counter-{n}", words=f"Finding {n}.")
        for n in range(300)
    ]
    standings = [msgspec.structs.replace(STANDING, device=f"counter-{n}") for n in range(150)]
    return WatchEffects(
        position=Position(),
        at=NOON,
        findings=findings,
        incidents=incidents,
        standings=standings,
        trusted=[],
        alerts=[],
        counts={},
    )


def test_more_than_a_thousand_incidents_are_counted_and_reached_page_by_page(browser: Browser, tmp_path: Path) -> None:
    store = SqlState(f"sqlite:///{tmp_path / 'state.db'}")
    store.watch.hold(many_incidents(1250))
    links = "[...document.querySelectorAll('aside a[href*=\"incident/\"]')]"
    built = house(watch=store.watch, containing=MemoryContainments(), ledger=MemoryEvidence())
    with opened(built, files("cityward.web") / "console") as door:
        sign_in(browser, door)
        at(browser, "#/watch", "aside button.more")
        browser.look(1400, 900)
        aside = browser.evaluate("document.querySelector('aside').innerText")
        assert "Open: 13 critical, 112 high, 1,125 low." in aside
        assert browser.evaluate("document.querySelector('.badge').innerText") == "1250"
        assert "And 50 more" in aside
        if shots := os.environ.get("CITYWARD_SCREENSHOTS"):
            browser.screenshot(Path(shots) / "watch-many.png")
        first = browser.evaluate(f"{links}.map(a => a.innerText.split('\\n')[0])")
        assert len(first) == 100 and first[0].startswith("Critical")
        for pages in range(2, 14):
            browser.evaluate("document.querySelector('aside button.more').click()")
            browser.until(f"{links}.length === {min(100 * pages, 1250)}")
        assert not browser.evaluate("!!document.querySelector('aside button.more')")
        told = browser.evaluate(f"{links}.map(a => a.getAttribute('href'))")
        assert len(set(told)) == 1250
        browser.evaluate(f"{links}.find(a => a.href.endsWith('i0700')).click()")
        browser.until("document.querySelectorAll('section[aria-label=Findings] li').length === 200")
        browser.evaluate("document.querySelector('aside .list').scrollTop = 1e9")
        assert complaints(browser) == []
    store.dispose()


def test_each_detector_says_when_it_fails_and_a_phone_need_not_scroll_sideways(browser: Browser, city: Watched) -> None:
    sign_in(browser, city.house)
    at(browser, "#/watch", ".detectors li")
    cards = browser.evaluate("[...document.querySelectorAll('.detectors li')].map(li => li.innerText)")
    assert len(cards) > 20 and all("Fails when" in card for card in cards)
    assert not any(".." in card or "`" in card for card in cards)
    browser.look(390, 844, phone=True)
    for page in ("#/watch", "#/watch/incident/i1", "#/watch/contain/party:council", "#/device/counter-1"):
        at(browser, page, "main h1")
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390
