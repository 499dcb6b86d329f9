"""Hostile texts on the console's pages, in a real Chromium: each is shown as text; none runs, fetches or breaks the page."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import pytest

from cityward.runtime.ports import CommandRow, Quarantined
from cityward.time import MINUTE
from cityward.watch.contract import Severity
from cityward.watch.findings import Incident
from console.browser import Browser
from console.stage import DUSK_MS, Stage
from console.test_console import BALANCED, NOISE, TILES, browser, pytestmark, sign_in
from hostile import TEXTS
from web.house import NOON, House, MemoryTiles, house, opened
from web.watching import MemoryBook

__all__ = ["browser", "pytestmark"]

SHOWN = {name: text for name, text in TEXTS.items() if 0 < len(text) < 300 and text.strip()}
"""Raw, as they would come if no room before had made them harmless."""


def unhurt(page: Browser, address: str) -> None:
    """Nothing ran, nothing was fetched from elsewhere, nothing was hidden, and the page complains of nothing."""
    assert page.evaluate("window.__pwned === undefined && ({}).polluted === undefined")
    assert (
        page.evaluate(
            "document.querySelectorAll('iframe, base, math, mglyph, img, [onerror], [onload], [onfocus]').length"
        )
        == 0
    )
    assert (
        page.evaluate("[...document.querySelectorAll('a')].filter(a => !/^(https?:|$)/.test(a.protocol)).length") == 0
    )
    assert [e for e in list(page.events) if e["method"] == "Page.javascriptDialogOpening"] == []
    asked = [a for a in page.requested() if not a.startswith(("data:", "blob:"))]
    assert [a for a in asked if not a.startswith(address)] == []
    assert page.evaluate("getComputedStyle(document.body).display") != "none"
    assert [c for c in page.complaints() if not any(n in c for n in NOISE)] == []


def seen(page: Browser, wanted: dict[str, str]) -> list[str]:
    """The names of those texts that the page does not show. White space is the browser's to fold."""
    text = "".join(page.evaluate("document.body.textContent").split())
    return [name for name, one in wanted.items() if "".join(one.split()) not in text]


@pytest.fixture
def city() -> Iterator[House]:
    """The real door of a city in which everybody who may write has written something hostile."""
    book = MemoryBook()
    book.held = {
        f"i{n}": Incident(
            id=f"i{n}", title=text, shared=text, severity=Severity.HIGH, began_at=NOON, last_at=NOON, findings=1, subjects=1,
            first_subjects=(text,), kinds=("freeze/frozen",), person=text, note=text,
        )
        for n, text in enumerate(SHOWN.values())
    }  # fmt: skip
    built = house(tiles=MemoryTiles(TILES.read_bytes()), watch=book)
    texts = list(SHOWN.values())
    built.state.issued = [
        CommandRow(f"c{n}", "lighting", text, text, 1.0, {text: text}, text, "sent", NOON)
        for n, text in enumerate(texts)
    ]
    built.state.quarantined = [
        Quarantined(n, 0, text, text, text, "not-json", None, None, NOON - MINUTE, text.encode()[:256])
        for n, text in enumerate(texts)
    ]
    with opened(built, files("cityward.web") / "console") as one:
        yield one


def test_the_pages_of_the_real_door_show_what_strangers_wrote_as_text(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    for tab in ("Commands", "Refusals"):
        browser.evaluate(f"document.getElementById('tab-{tab}')?.click()")
        browser.until("document.querySelector('#tab-panel')?.innerText.length > 200")
        unhurt(browser, city.url)
    browser.evaluate("location.hash = '#/watch'")
    browser.until("document.body.textContent.includes('DROP TABLE')")
    assert seen(browser, SHOWN) == []
    unhurt(browser, city.url)


@pytest.mark.parametrize("page", ["#/watch", "#/device/", "#/chain/", "#/reach/", "#/reach?from=", "#/"])
def test_an_address_that_somebody_was_sent_is_a_text(browser: Browser, city: House, page: str) -> None:
    sign_in(browser, city)
    for name in ("script", "event handler", "attribute", "svg", "javascript link", "prototype", "path", "frame", "nul"):
        browser.evaluate(f"location.hash = {page!r} + encodeURIComponent({SHOWN[name]!r})")
        browser.until("document.querySelector('main') !== null")
        assert browser.evaluate("window.__pwned === undefined && document.querySelectorAll('img, iframe').length === 0")


def test_the_stages_pages_show_names_of_every_kind_as_text(browser: Browser, stage: Stage) -> None:
    texts = list(SHOWN.values())
    stage.overrides["place"] = {
        "name": SHOWN["script"],
        "areas": [
            {"id": f"a{n}", "name": text, "centre": [2.34 + n / 1000, 54.9], "outline": []}
            for n, text in enumerate(texts)
        ],
    }
    stage.refusals = {
        "reasons": [{"flow": t, "reason": t, "count": 1} for t in texts[:20]],
        "recent": [],
        "door": [{"word": t, "count": 1} for t in texts[:20]],
    }
    browser.open(f"{stage.address}/")
    browser.until("document.querySelector('.area-name')")
    unhurt(browser, stage.address)


@pytest.fixture
def stage() -> Iterator[Stage]:
    one = Stage(TILES)
    one.greeting = [
        ("counts", one.counts(BALANCED)),
        ("latest", one.latest(DUSK_MS)),
        ("clock", {"now_ms": DUSK_MS, "speed": 60.0}),
    ]
    yield one
    one.close()
