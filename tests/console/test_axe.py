"""Every page held against axe-core (WCAG 2.2 AA and its best practices), light and dark, wide and narrow, in one browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from assured import assured_town
from cityward.assurance.examples import NOW_US
from cityward.assurance.reporting.model import encode
from cityward.compose.home import Home
from cityward.compose.places import demo_place, load_place
from cityward.compose.proving.entries import entry_told
from cityward.compose.reporting.asking import ReportMade
from cityward.compose.reporting.folder import Wanted, files_of
from cityward.compose.reporting.gathering import gather
from cityward.compose.reporting.given import GivingDesk
from cityward.runtime.ports import CredentialRow
from cityward.web.assurance_ports import Assuring
from cityward.web.identity import digest
from console.axe import AXE, violations
from console.browser import Browser
from console.rooms import FIXTURES, alerted_city, board, followed_city, out_city, room, served_city
from console.test_console import CHROMIUM, TILES, complaints, sign_in
from web.house import NOON, House, MemoryPeople, MemoryTiles, house, opened
from web.test_transport import Opened, pages
from web.watching import MemoryBook

__all__ = ["FIXTURES", "alerted_city", "board", "followed_city", "out_city", "room", "served_city"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: accessibility is not tested"),
    pytest.mark.skipif(not AXE.exists(), reason="NO axe-core (`npm ci` in console/): accessibility is not tested"),
]

LOOKS = [(1440, 900, "light"), (1440, 900, "dark"), (390, 844, "light"), (390, 844, "dark")]
CONSOLE = (
    "#/", "#/services", "#/cameras", "#/chain", "#/reach", "#/whatif", "#/out", "#/watch", "#/incidents", "#/assurance",
    "#/exercises", "#/register", "#/datum", "#/me", "#/as", "#/device/quay-crossings-01", "#/nowhere",
)  # fmt: skip
OPEN = ("/sign-in", "/public/", "/stops/")
SETTLED = (
    "document.querySelector('main h1, main canvas, main .map') && !document.querySelector('main [aria-busy=true]')"
)
SHOW = (
    "fetch('/api/me/as', {method: 'POST', body: JSON.stringify({role: 'data-owner'}),"
    " headers: {'content-type': 'application/json'}}).then(answer => answer.status)"
)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The demonstration city behind the real door, with another town's report, and somebody who sees every page."""
    town = assured_town(tmp_path_factory.mktemp("town"))
    report = encode(gather(town, NOW_US).report)

    async def reporting() -> ReportMade:
        return ReportMade(report, b"", "")

    async def none() -> None:
        return None

    async def nothing() -> bytes:
        return b'{"statements":[]}'

    home = Home(town)
    assuring = Assuring(entry=lambda id_: entry_told(home, id_), statements=nothing, risks=none, given=GivingDesk(town))
    loaded, people = load_place(demo_place()), MemoryPeople()
    roles = [name for name, role in loaded.place.roles.items() if role.party == loaded.place.responsible]
    people.hold("operator", *roles, party=loaded.place.responsible)
    built = house(loaded.place, people=people, watch=MemoryBook(), tiles=MemoryTiles(TILES.read_bytes()))
    key = digest("a secret of 32 letters, or of more")
    built.credentials.issue([CredentialRow("quay-crossings-01", None, key, None, "active", NOON)])
    opened_ = Opened({"stops.json": pages()})
    built.doors = replace(
        built.doors, opened=opened_, where=loaded.where, digest=loaded.digest, assuring=assuring, reporting=reporting
    )
    with opened(built, files("cityward.web") / "console") as door:
        yield door


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None
    with Browser(CHROMIUM) as one:
        one.look(1440, 900)
        yield one


def settle(browser: Browser) -> None:
    """The page's code and its answers are there: nothing is asked and the words stand still for half a second."""
    browser.until(SETTLED)
    browser.evaluate(
        "new Promise(done => { let told = '', since = performance.now(); const begun = since; const look = () => {"
        " const now = document.querySelector('main')?.childElementCount + '/' + document.querySelectorAll('main *').length;"
        " if (now !== told) { told = now; since = performance.now() }"
        " if (performance.now() - since > 300 || performance.now() - begun > 5000) done(); else requestAnimationFrame(look)"
        " }; look() })"
    )


def in_all_looks(browser: Browser, page: str) -> list[str]:
    found: list[str] = []
    for width, height, scheme in LOOKS:
        browser.look(width, height, scheme, phone=width < 500)
        found += violations(browser, f"{page} at {width} {scheme}")
        if folder := os.environ.get("CITYWARD_PICTURES"):
            browser.screenshot(Path(folder) / f"axe-{page.strip('#/').replace('/', '-') or 'map'}-{width}-{scheme}.png")
    return found


@pytest.mark.slow
def test_no_page_breaks_a_rule_of_axe(browser: Browser, city: House) -> None:
    found: list[str] = []
    for path in OPEN:
        browser.open(f"{city.url}{path}")
        found += in_all_looks(browser, path)
    browser.open(f"{city.url}/public/")
    groups = browser.evaluate(
        "[...document.querySelectorAll('main a')].map(a => a.pathname).filter(p => p.startsWith('/public/'))"
    )
    assert len(groups) > 10
    for group in groups[::4]:
        browser.open(f"{city.url}{group}")
        found += in_all_looks(browser, group)
    browser.look(1440, 900)
    sign_in(browser, city)
    for page in CONSOLE:
        browser.look(1440, 900)
        browser.evaluate(f"location.hash = '{page}'")
        settle(browser)
        found += in_all_looks(browser, page)
    browser.look(1440, 900)
    assert browser.evaluate(SHOW) == 204
    browser.open(f"{city.url}/#/as")
    browser.evaluate("location.reload()")
    browser.until("document.querySelector('.as button')")
    settle(browser)
    found += in_all_looks(browser, "#/as shown")
    click_end = "document.querySelector('.as button').click()"
    browser.evaluate(click_end)
    browser.until("!document.querySelector('.as') && document.querySelector('main .go[type=button]')")
    assert not found, "\n".join([f"{len(found)} findings", *found])
    assert [one for one in complaints(browser) if "policy" in one.lower()] == []


@pytest.mark.slow
def test_pages_with_much_on_them_break_no_rule_of_axe(browser: Browser, room: tuple[House, tuple[str, ...]]) -> None:
    door, pages = room
    browser.look(1440, 900)
    sign_in(browser, door)
    found: list[str] = []
    for page in pages:
        browser.look(1440, 900)
        browser.evaluate(f"location.hash = '{page}'")
        settle(browser)
        found += in_all_looks(browser, page)
    assert not found, "\n".join([f"{len(found)} findings", *found])


@pytest.mark.slow
def test_no_dialog_and_no_page_of_a_stop_breaks_a_rule_of_axe(browser: Browser, city: House) -> None:
    browser.look(1440, 900)
    sign_in(browser, city)
    browser.evaluate(
        "[...document.querySelectorAll('header button')].find(b => b.innerText.includes('Search')).click()"
    )
    browser.until("document.querySelector('dialog[open] li')")
    found = in_all_looks(browser, "search")
    browser.press("Escape")
    browser.look(1440, 900)
    browser.evaluate("location.hash = '#/register/quay-crossings-01'")
    replace = "[...document.querySelectorAll('main td button')].find(b => b.ariaLabel.startsWith('Replace'))"
    browser.until(replace)
    browser.evaluate(f"{replace}.click()")
    browser.until("document.querySelector('dialog[open]')")
    found += in_all_looks(browser, "replace")
    browser.open(f"{city.url}/stops/quay")
    assert "Quay" in browser.text()
    found += in_all_looks(browser, "/stops/quay")
    assert not found, "\n".join([f"{len(found)} findings", *found])


def test_the_report_breaks_no_rule_of_axe(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(files_of(gather(assured_town(tmp_path), NOW_US), Wanted(("html",), "var/town"))["report.html"])
    browser.open(page.as_uri())
    found = in_all_looks(browser, "report")
    assert not found, "\n".join(found)


def test_every_page_of_the_rail_is_walked() -> None:
    told = (Path(__file__).parents[2] / "console" / "src" / "frame" / "pages.ts").read_text()
    pages = {line.split("href: '")[1].split("'")[0] for line in told.splitlines() if "href: '" in line}
    assert pages <= set(CONSOLE)
