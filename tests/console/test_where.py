"""Where data goes, on the demonstration city: folding by keyboard, promise against reality, what changed, the answer first."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from cityward.reach.since.changes import changes
from cityward.reach.since.shapes import Version
from cityward.time import DAY
from console.browser import Browser
from console.stage import DUSK_MS, Stage
from console.test_console import CHROMIUM, browser, complaints, stage

__all__ = ["browser", "stage"]  # the fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

NOW_US = DUSK_MS * 1000
COUNCIL = "party:doggerford-council"


def seen(stage: Stage) -> dict[str, Any]:
    """Every flow seen but three, and one thing seen that is nowhere declared."""
    state = {"loops-in": "never seen", "speeds-to-planner": "otherwise", "speeds-to-transit": "nobody looks"}
    return {
        "from_ms": DUSK_MS - 86_400_000, "until_ms": DUSK_MS, "sources": ["the city's own gates"], "notes": [], "beyond": 0,
        "flows": [
            {"flow": flow, "state": state.get(flow, "seen"), "why": "", "count": 0 if flow == "loops-in" else 7,
             "last_ms": None if flow == "loops-in" else DUSK_MS,
             "differences": ["protection: declared tls, seen none"] if flow == "speeds-to-planner" else []}
            for flow in stage.place.flows
        ],
        "undeclared": [{"from": "quay-street-lamps", "to": "open-data-portal", "count": 3, "last_ms": DUSK_MS, "why": "",
                        "seen_at": "conn.log:35"}],
        "undeclared_in_all": 1,
    }  # fmt: skip


def test_promise_and_reality_differ_by_shape_and_the_list_says_the_same(browser: Browser, stage: Stage) -> None:
    stage.answers["chain/seen"] = seen(stage)
    browser.open(f"{stage.address}/#/chain?seen=1")
    browser.until("document.querySelector('.stray')")
    shape = "p => p.getAttribute('d') + getComputedStyle(p).fill"
    shapes = browser.evaluate(
        "['.saw-seen', '.saw-never-seen', '.saw-otherwise', '.saw-nobody-looks', '.stray']"
        f".map(s => [...document.querySelectorAll(s + ' path[transform]')].map({shape}))"
    )
    assert all(one for one in shapes)
    assert len({one[0] for one in shapes}) == 5  # a filled circle, a hollow one, a triangle, a cross, a diamond
    told = browser.evaluate("document.querySelector('aside').innerText")
    assert f"{len(stage.place.flows) - 3} declared and seen" in told
    for words in (
        "Lamps of Quay Street to Open data portal",
        "3 times, last",
        "Never seen",
        "protection: declared tls, seen none",
    ):
        assert words in told
    # the signs stand under the picture, not over its boxes
    edge = "(s, side) => document.querySelector(s).getBoundingClientRect()[side]"
    assert browser.evaluate(f"(({edge})('.legend', 'top') >= ({edge})('.frame', 'bottom') - 1)")
    assert complaints(browser) == []


def test_a_party_folds_and_unfolds_by_keyboard_and_keeps_the_focus(browser: Browser, stage: Stage) -> None:
    browser.open(f"{stage.address}/#/chain")
    browser.until("document.querySelectorAll('.node').length > 60")
    browser.evaluate("document.querySelector('.node[data-id=cityward]').focus()")
    browser.press("f")
    browser.until(f"document.activeElement.dataset.id === '{COUNCIL}'")
    assert browser.evaluate("location.hash") == "#/chain?fold=doggerford-council"
    assert "things" in browser.evaluate("document.activeElement.getAttribute('aria-label')")
    assert not browser.evaluate("!!document.querySelector('.node[data-id=cityward]')")
    browser.press("f")
    browser.until("document.querySelector('.node[data-id=cityward]')")
    assert browser.evaluate("location.hash") == "#/chain"
    assert complaints(browser) == []


def test_the_picture_is_laid_out_anew_for_who_asks_and_goes_back_to_known_places(
    browser: Browser, stage: Stage
) -> None:
    named = "[...document.querySelectorAll('.ways a')].find(a => a.innerText === '{}')"
    browser.open(f"{stage.address}/#/chain/cityward")
    browser.until("document.querySelectorAll('.node').length > 60")
    browser.evaluate(f"{named.format('Lay out anew')}.click()")
    browser.until(f"{named.format('Back to known places')} && document.querySelectorAll('.node').length > 60")
    assert browser.evaluate("location.hash") == "#/chain/cityward?tidy=1"  # what was chosen stays chosen
    assert [one for one in browser.requested() if one.endswith("/api/chain?tidy=true")]
    browser.evaluate(f"{named.format('Back to known places')}.click()")
    browser.until(f"{named.format('Lay out anew')} && document.querySelectorAll('.node').length > 60")
    assert browser.evaluate("location.hash") == "#/chain/cityward"
    assert complaints(browser) == []


def test_a_data_owner_asks_who_can_read_and_what_changed_since_they_signed(browser: Browser, stage: Stage) -> None:
    old = {name: flow for name, flow in stage.place.flows.items() if name != "speeds-to-planner"}
    versions = (Version(digest="a" * 64, at_us=NOW_US - 40 * DAY), Version(digest="b" * 64, at_us=NOW_US - 3 * DAY))

    def changed(query: dict[str, str]) -> Any:
        told = changes(replace(stage.place, flows=old), stage.place, versions, int(query["since"]) * 1000, NOW_US)
        return json.loads(msgspec.json.encode(told))

    stage.answers["reach/changes"] = changed
    browser.open(f"{stage.address}/#/reach/dataset/loop-speeds")
    browser.until("document.querySelector('.answer')")
    # the council, the transit operator, the planner, and the maker of the signals with its group
    assert browser.evaluate("document.querySelector('.answer').innerText").startswith(
        "5 parties can read Speeds on the ring for certain"
    )
    browser.until("document.querySelector('section[aria-label=Reachable] h3')")
    heads = browser.evaluate("[...document.querySelectorAll('section[aria-label=Reachable] h3')].map(h => h.innerText)")
    assert heads == ["Brennmark", "Norway", "United Kingdom"]
    browser.evaluate(
        "[...document.querySelectorAll('a')].find(a => a.innerText === 'What changed since a day').click()"
    )
    browser.until("document.querySelector('.two')")
    told = browser.text()
    assert "More is within reach of 1 party; less of nobody. Flows: 1 added." in told
    assert "Ledger & Lane Planning can now read Speeds on the ring" in told
    assert "New: Speeds for the transport planner" in told
    assert complaints(browser) == []
