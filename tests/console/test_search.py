"""The search in a real Chromium: opened by a key or a button, used by keyboard, leading to the right page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.browser import Browser
from console.stage import Stage
from console.test_console import CHROMIUM, browser, complaints, stage

__all__ = ["browser", "stage"]  # the fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

FOUND = "[...document.querySelectorAll('#found li')].map(li => li.innerText.replace(/\\s+/g, ' '))"


def type_in(browser: Browser, text: str) -> None:
    browser.evaluate("document.querySelector('dialog input').select()")
    browser.call("Input.insertText", text=text)


def shot(browser: Browser, name: str) -> None:
    if folder := os.environ.get("CITYWARD_SCREENSHOTS"):
        browser.screenshot(Path(folder) / f"{name}.png")


def test_a_key_opens_the_search_and_each_kind_of_thing_leads_to_its_page(browser: Browser, stage: Stage) -> None:
    browser.look(1440, 900)
    browser.open(f"{stage.address}/#/reach")
    browser.until(
        "document.querySelectorAll('select').length > 0 && document.querySelector('header button[aria-keyshortcuts]')"
    )
    leads = [
        ("ring-road-loops-03", "Device", "#/device/ring-road-loops-03"),
        ("quay street light", "Service", "#/services/quay-street-lighting"),
        ("dockholme", "Area", "#/?area=dockholme"),
        ("northlight", "Party", "#/reach/party/northlight"),
        ("xanthia", "Country", "#/reach/jurisdiction/xa"),
        ("who can reach", "Page", "#/reach"),
        ("speeds of the ring", "Flow", "#/?flow=loops-in"),
    ]
    for wanted, kind, address in leads:
        browser.press("/")
        browser.until("document.activeElement?.getAttribute('role') === 'combobox'")
        browser.until(f"{FOUND}.length > 5")
        type_in(browser, wanted)
        browser.until(f"{FOUND}.some(text => text.startsWith('{kind} '))")
        at = next(n for n, text in enumerate(browser.evaluate(FOUND)) if text.startswith(f"{kind} "))
        for _ in range(at):
            browser.press("ArrowDown")
        browser.until(f"document.activeElement.getAttribute('aria-activedescendant') === 'found-{at}'")
        if kind == "Service":
            shot(browser, "search")
        browser.press("Enter")
        browser.until(f"!document.querySelector('dialog') && location.hash === '{address}'")
    assert [one for one in complaints(browser) if "/api/services" not in one] == []  # the stage plays no services


def test_the_key_is_a_letter_where_somebody_writes_and_can_be_switched_off(browser: Browser, stage: Stage) -> None:
    browser.look(390, 844, "dark", phone=True)
    browser.open(f"{stage.address}/")
    browser.until("document.getElementById('tab-Devices')")
    browser.evaluate("document.getElementById('tab-Devices').click()")
    browser.until("document.getElementById('find-device')")
    browser.evaluate("document.getElementById('find-device').focus()")
    browser.press("/")
    assert browser.evaluate("document.querySelector('dialog')") is None
    browser.evaluate("document.querySelector('header button[aria-haspopup]').click()")
    browser.until("document.querySelector('dialog[open]')")
    type_in(browser, "nobody is called so")
    browser.until("document.getElementById('found-told').innerText.startsWith('Nothing is called so.')")
    type_in(browser, "harbour")
    browser.until(f"{FOUND}.length > 3")
    shot(browser, "search-phone")
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    browser.evaluate("document.querySelector('dialog input[type=checkbox]').click()")
    browser.press("Escape")
    browser.until("!document.querySelector('dialog')")
    browser.evaluate("document.activeElement.blur()")
    browser.press("/")
    assert browser.evaluate("document.querySelector('dialog')") is None
