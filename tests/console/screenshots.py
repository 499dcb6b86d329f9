"""Pictures of every page of the console and of the public pages, for docs/img: `make screenshots`.

A real demonstration city is run for them, at dusk; so the numbers differ from one time to the next, and the pages do not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2

from cityward.compose.places import demo_place
from console.browser import Browser, find_chromium
from towns import Town, running_town

IMAGES = Path(__file__).parents[2] / "docs" / "img"
DUSK = "2026-11-22T15:20:00Z"
WIDE = (1440, 900)
QUALITY = 82
WAITS = "/Working it out|Asking |takes some seconds/"
LIVE = "/Received\\s*[1-9]/.test(document.body.innerText)"

PAGES = (
    ("map", "#/", LIVE),
    ("all-services", "#/services", "document.querySelectorAll('.all section dl').length > 2"),
    ("services", "#/services/quay-street-lighting", "document.querySelectorAll('main section').length > 1"),
    ("cameras", "#/cameras", "document.body.innerText.includes('Viewing now')"),
    ("device", "#/device/air-station", "document.querySelector('main canvas')"),
    ("register", "#/register", "document.querySelectorAll('main tr').length > 3"),
    ("chain", "#/chain", "document.querySelector('main svg')"),
    ("reach", "#/reach/dataset/street-video", "document.body.innerText.includes('Street video')"),
    ("datum", "#/datum/air-station/no2", "document.querySelectorAll('main ol > li').length > 1"),
    (
        "what-if",
        "#/whatif/party/halden-optics?how=hostile",
        "document.body.innerText.includes('turns against the city')",
    ),
    (
        "data-out",
        "#/out",
        "document.body.innerText.includes('Data out') && document.querySelectorAll('main a').length > 2",
    ),
    ("alerts", "#/watch", "document.body.innerText.includes('Alerts over time')"),
    ("incidents", "#/incidents", "document.querySelector('main h1')"),
    (
        "assurance",
        "#/assurance",
        "document.body.innerText.includes('Read first') || document.body.innerText.includes('N14')",
    ),
    ("exercises", "#/exercises", "document.body.innerText.includes('S-25')"),
    ("me", "#/me", "document.body.innerText.includes('What you hold')"),
    ("show-me-as", "#/as", "document.querySelectorAll('main button').length > 1"),
)


def main() -> None:
    """Take them all."""
    binary = find_chromium()
    if binary is None:
        sys.exit("there is no chromium: install it, then ask again")
    with tempfile.TemporaryDirectory() as folder:
        options = ("--simulate", "--speed", "60", "--city-time", DUSK, "--backfill-days", "2")
        with running_town(demo_place(), Path(folder) / "state", *options) as town, Browser(binary) as browser:
            _take(town, browser)


def _take(town: Town, browser: Browser) -> None:
    browser.look(*WIDE)
    link = town.started["sign_in"]
    browser.open(link)
    browser.until("document.querySelector('form button')")
    browser.evaluate("document.querySelector('form button').click()")
    browser.until(LIVE, 120)
    root = browser.evaluate("location.origin")
    for name, address, ready in PAGES:
        browser.evaluate(f"location.hash = {address!r}")
        browser.until(ready, 120)
        browser.until(f"!{WAITS}.test(document.querySelector('main').innerText)", 120)
        _keep(browser, name)
    browser.open(f"{root}/public/")
    _keep(browser, "public")


def _keep(browser: Browser, name: str) -> None:
    """As WebP: a tenth of a PNG's size."""
    browser.until("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "page.png"
        browser.screenshot(raw)
        cv2.imwrite(str(IMAGES / f"{name}.webp"), cv2.imread(str(raw)), [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    print(f"docs/img/{name}.webp")


if __name__ == "__main__":
    main()
