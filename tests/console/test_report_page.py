"""The report's page in a real Chromium: its own policy lets its style through and nothing else; it fits a telephone."""

from __future__ import annotations

from pathlib import Path

from assured import assured_town
from cityward.assurance.examples import NOW_US
from cityward.compose.reporting.folder import Wanted, files_of
from cityward.compose.reporting.gathering import gather
from console.browser import Browser
from console.test_console import browser, pytestmark

__all__ = ["browser", "pytestmark"]


def test_the_page_is_styled_loads_nothing_complains_of_nothing_and_fits(browser: Browser, tmp_path: Path) -> None:
    made = files_of(gather(assured_town(tmp_path), NOW_US), Wanted(("html",), "var/town"))
    page = tmp_path / "report.html"
    page.write_bytes(made["report.html"])
    browser.look(390, 800, phone=True)
    browser.open(page.as_uri())
    browser.until("document.readyState === 'complete'")
    assert browser.evaluate("getComputedStyle(document.querySelector('.warning')).borderTopWidth") == "3px"
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [one for one in browser.requested() if one.endswith("report.html")] == [page.as_uri()]
    assert [one for one in browser.requested() if one.startswith("http")] == []
    assert browser.complaints() == []
