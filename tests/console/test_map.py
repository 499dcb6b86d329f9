"""The map page in a real Chromium: one filter for map, legend and list; clusters; the address; the city as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.browser import Browser
from console.stage import DUSK_MS, Stage
from console.test_console import CHROMIUM, browser, complaints, stage

__all__ = ["browser", "stage"]  # the fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
LAMPS = "quay-street-lighting"
INCIDENT: dict[str, Any] = {
    "id": "i1",
    "title": "Loops of the ring road: frozen",
    "shared": "device:ring-road-loops-01",
    "severity": "high",
    "began_at": (DUSK_MS - 3 * HOUR_MS) * 1000,
    "last_at": (DUSK_MS - HOUR_MS) * 1000,
    "findings": 1,
    "subjects": 1,
    "first_subjects": ["ring-road-loops-01"],
    "kinds": ["freeze/frozen"],
    "state": "open",
    "quiet_since": None,
    "person": "",
    "note": "",
    "noticed_at": 0,
}


@pytest.fixture
def watched(stage: Stage) -> Iterator[Stage]:
    """The demonstration city with one open incident, and a past."""
    counts = {"open": {"high": 1}}
    standing = {"incidents": [INCIDENT], "counts": counts, "standings": [], "standings_in_all": 0, "detectors": 28}
    stage.answers["watch"] = {**standing, "now": DUSK_MS * 1000}
    stage.answers["moment"] = lambda asked: moment(stage, asked)
    stage.answers["span"] = span
    yield stage


def moment(stage: Stage, asked: dict[str, str]) -> dict[str, Any]:
    at, after = int(asked["at_ms"]), asked.get("after_ms")
    rows = [{**row, "doubted": False} for row in stage.latest(at)]
    return {"at_ms": at, "since_ms": int(after or at - 24 * HOUR_MS), "latest": rows, "left_out": 0}


def span(asked: dict[str, str]) -> dict[str, Any]:
    since, until = int(asked["from_ms"]), int(asked["until_ms"])
    steps = [
        {"at_ms": at, "service": LAMPS, "devices": 40, "because": "lamp dim 80 <- quay-street-lighting: sky night"}
        for at in range(until - 4 * HOUR_MS, until, HOUR_MS)
    ]
    return {"from_ms": since, "until_ms": until, "commands": steps, "commands_in_all": 4, "alerts": [INCIDENT]}


def shot(browser: Browser, name: str) -> None:
    if folder := os.environ.get("CITYWARD_SCREENSHOTS"):
        browser.evaluate(
            "new Promise((done) => setTimeout(done, 600))"
        )  # the picture, not the test, waits for the last tile
        browser.screenshot(Path(folder) / f"{name}.png")


def opened(browser: Browser, stage: Stage, address: str = "#/") -> None:
    browser.open(f"{stage.address}/{address}")
    browser.until("document.querySelector('.legend button') && document.querySelector('.maplibregl-canvas')")


def tally(word: str) -> str:
    found = f"[...document.querySelectorAll('.legend button')].find(b => b.innerText.startsWith('{word}'))"
    return f"Number({found}.querySelector('b').innerText)"


def choose(browser: Browser, control: str, value: str) -> None:
    browser.evaluate(
        f"(s => {{ s.value = '{value}'; s.dispatchEvent(new Event('change', {{bubbles: true}})) }})"
        f"(document.getElementById('{control}'))"
    )


def test_clusters_tell_the_worst_inside_and_the_alerts_by_shape_and_in_words(browser: Browser, watched: Stage) -> None:
    browser.look(1440, 900)
    refusal = {
        "seq": 1,
        "row": 0,
        "device": "quay-street-lamps-01",
        "flow": "f",
        "property": "lamp-level",
        "reason": "out-of-range",
    }
    watched.refusals["recent"] = [
        {**refusal, "mend": "", "value": 1.0, "observed_at_ms": DUSK_MS, "received_at_ms": DUSK_MS, "excerpt": ""}
    ]
    opened(browser, watched, "#/?z=11&c=2.3421,54.9012")
    browser.until("document.querySelectorAll('.mark').length > 2 && document.querySelector('.mark .alert.is-high')")
    browser.until("document.querySelector('.mark.is-refused')")
    first = browser.evaluate("document.querySelector('.mark').getAttribute('aria-label')")
    assert "1 open alert" in first and first.endswith("Show nearer.")
    assert "1 refused" in browser.evaluate("document.querySelector('.mark.is-refused').getAttribute('aria-label')")
    assert browser.evaluate("document.querySelectorAll('.mark[tabindex=\"0\"]').length") == 1
    shot(browser, "map-clusters")
    browser.evaluate("document.querySelector('.mark').focus()")
    browser.press("ArrowRight")
    browser.until("document.activeElement === document.querySelectorAll('.mark')[1]")
    browser.evaluate("document.querySelector('.mark').click()")
    browser.until("Number(new URLSearchParams(location.hash.split('?')[1]).get('z')) > 11.5")
    assert complaints(browser) == []


def test_one_filter_holds_for_map_legend_list_and_address(browser: Browser, watched: Stage) -> None:
    browser.look(1440, 900)
    opened(browser, watched)
    browser.until(f"{tally('Fresh')} > 20")
    everything = browser.evaluate(tally("Fresh"))
    entries = browser.evaluate("history.length")
    choose(browser, "map-service", LAMPS)
    browser.until(f"{tally('Fresh')} < {everything}")
    browser.evaluate(
        "[...document.querySelectorAll('.legend button')].find(b => b.innerText.startsWith('Fresh')).click()"
    )
    browser.until(f"location.hash.includes('service={LAMPS}') && location.hash.includes('state=fresh')")
    assert browser.evaluate("history.length") == entries
    browser.evaluate("document.getElementById('tab-Devices').click()")
    browser.until("document.getElementById('list-service').value === 'quay-street-lighting'")
    shown = browser.evaluate("document.querySelector('.find [role=status]').innerText")
    assert shown.split(" ")[0] == str(browser.evaluate(tally("Fresh")))
    shot(browser, "map-filter")
    address = browser.evaluate("location.href")
    browser.open("about:blank")
    browser.open(address)
    browser.until("document.getElementById('map-service')?.value === 'quay-street-lighting'")
    browser.until("document.querySelector('.legend button[aria-pressed=true]').innerText.startsWith('Fresh')")
    assert complaints(browser) == []


def test_the_city_as_it_was_is_drawn_apart_from_now_and_plays_by_keyboard(browser: Browser, watched: Stage) -> None:
    browser.look(1440, 900, "dark")
    at = DUSK_MS // MINUTE_MS * MINUTE_MS - 2 * HOUR_MS
    opened(browser, watched, f"#/?at={at}")
    browser.until("document.querySelector('.then')?.innerText.includes('As history holds it')")
    assert browser.evaluate("document.querySelector('main h1').innerText").startswith("Past map")
    assert browser.evaluate("document.querySelector('[data-testid=received]')") is None
    assert browser.evaluate("document.getElementById('moment').getAttribute('aria-valuetext')").endswith("15:43")
    browser.evaluate("document.getElementById('tab-Then').click()")
    browser.until("document.querySelectorAll('#tab-panel tbody tr').length === 5")
    assert "Loops of the ring road: frozen" in browser.evaluate("document.getElementById('tab-panel').innerText")
    assert browser.evaluate("document.querySelectorAll('.track rect.command').length") == 4
    shot(browser, "map-past")
    browser.evaluate("document.getElementById('moment').focus()")
    browser.press("ArrowRight")
    browser.until("document.getElementById('moment').getAttribute('aria-valuetext').endsWith('15:44')")
    browser.press(" ")
    browser.until("document.querySelector('.play').getAttribute('aria-label') === 'Stop playing'")
    browser.until("document.getElementById('moment').getAttribute('aria-valuetext').endsWith('16:04')")
    steps = [a for a in browser.requested() if "/api/moment" in a]
    assert "after_ms" not in steps[0] and all("after_ms" in a for a in steps[1:])
    browser.until("location.hash.includes('at=2026-11-16T')")
    browser.evaluate("[...document.querySelectorAll('button')].find(b => b.innerText === 'Back to now').click()")
    browser.until("!document.querySelector('.then') && document.querySelector('[data-testid=received]')")
    assert complaints(browser) == []


def test_a_past_that_history_does_not_answer_is_said_and_nothing_is_drawn_for_it(
    browser: Browser, watched: Stage
) -> None:
    del watched.answers["moment"]
    opened(browser, watched, f"#/?at={DUSK_MS - HOUR_MS}")
    browser.until(
        "document.querySelector('.then')?.innerText.includes('The map shows no values until history answers')"
    )
    assert browser.evaluate(tally("Fresh")) == 0
    browser.look(390, 844, phone=True)
    browser.until("document.documentElement.scrollWidth <= 390")
    shot(browser, "map-phone")
