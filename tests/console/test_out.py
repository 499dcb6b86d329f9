"""*Data out* in a real Chromium, against the real door over the real book: who received what, and postures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest

from cityward.compose.acting.postures import PostureDesk
from cityward.compose.home import Home, write_city_file
from cityward.compose.outgoing.received import ReceivedDesk
from cityward.compose.setting import open_setting
from compose.acting.test_postures import let_out, write_releasing_town
from console.browser import Browser
from console.test_console import CHROMIUM, browser, complaints, sign_in
from console.test_watch import at, tab_to, typed
from towns import stopped_city
from web.house import House, MemoryPeople, house, opened
from web.test_received import fill, write_names
from web.watching import MemoryBook

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

SHOWN = "document.querySelector('.shown').innerText"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For those who only look."""
    with releasing_city(tmp_path_factory.mktemp("out")) as door:
        yield door


@pytest.fixture
def own(tmp_path: Path) -> Iterator[House]:
    """For those who change it, or who they are."""
    with releasing_city(tmp_path) as door:
        yield door


@contextmanager
def releasing_city(folder: Path) -> Iterator[House]:
    home = Home(folder / "state")
    home.prepare()
    town = write_releasing_town(folder / "town")
    write_names(town / "place.yaml")
    write_city_file(home, stopped_city(town))
    setting, people = open_setting(home), MemoryPeople()
    let_out(setting)
    fill(setting)
    people.hold("operator", "keeper", "officer")
    desks = {"watch": MemoryBook(), "posturing": PostureDesk(setting), "received": ReceivedDesk(setting)}
    with opened(house(setting.loaded.place, people=people, **desks), files("cityward.web") / "console") as door:
        yield door
    setting.state.dispose()


def picture(browser: Browser, name: str) -> None:
    """Kept where somebody wants to look at it."""
    if folder := os.environ.get("CITYWARD_PICTURES"):
        browser.screenshot(Path(folder) / f"{name}.png")


def test_a_data_owner_sees_who_received_a_dataset_when_why_in_what_form_under_which_law(browser: Browser, city: House):
    sign_in(browser, city)
    at(browser, "#/out", 'aside a[href="#/out/dataset/counts"]')
    browser.evaluate("document.querySelector(\"aside a[href='#/out/dataset/counts']\").click()")
    browser.until(
        f"document.querySelector('section[aria-label=\"Who received it\"] tbody tr') && {SHOWN}.includes('delivered')"
    )
    told = browser.evaluate(SHOWN)
    assert "Who received People who pass" in told
    for words in ("607 rows left, to 1 of 1 recipients", "Planners of Acme", "2024-10-04 to 2024-11-04", "planning", "acme-2026",
                  "nothing younger than 900 s", "xb"):  # fmt: skip
        assert words in told
    assert "acme-desk" not in told.replace('"acme-desk"', "")  # but in the JSON of a receipt
    side = browser.evaluate("document.querySelector('aside').innerText")
    assert "People who pass" in side and "Planners of Acme" in side and "acme-desk" not in side
    picture(browser, "out-dataset")
    assert complaints(browser) == []


def test_a_receipt_opens_by_keyboard_to_its_json_and_its_command(browser: Browser, city: House):
    sign_in(browser, city)
    at(browser, "#/out/dataset/counts", "section[aria-label=Receipts] summary")
    browser.evaluate("document.querySelector('section[aria-label=Receipts] summary').focus()")
    browser.press("Enter")
    browser.until("document.querySelector('section[aria-label=Receipts] details[open]')")
    opened_one = browser.evaluate("document.querySelector('details[open]').innerText")
    assert "cityward trace web:60 --state" in opened_one
    assert '"rows": 7' in opened_one
    browser.evaluate("[...document.querySelectorAll('button')].find(b => b.innerText === 'Show older ones').click()")
    browser.until("document.querySelectorAll('section[aria-label=Receipts] summary').length === 61")
    assert complaints(browser) == []


def test_a_recipient_has_its_balance_its_month_and_what_was_refused_to_it(browser: Browser, city: House):
    sign_in(browser, city)
    at(browser, "#/out/recipient/acme-desk", "[data-testid=triggered]")
    numbers = {n: browser.evaluate(f"document.querySelector('[data-testid={n}]').innerText") for n in
               ("triggered", "sent", "queued", "shed")}  # fmt: skip
    assert numbers == {"triggered": "607", "sent": "607", "queued": "0", "shed": "0"}
    browser.evaluate(
        "(() => { const m = document.querySelector('input[type=month]'); m.value = '2024-10';"
        " m.dispatchEvent(new Event('input', {bubbles: true})) })()"
    )
    month = "document.querySelector('section[aria-label=\"Statement of a month\"]').innerText"
    browser.until(f"{month}.includes('600')")
    attempts = "document.querySelector('section[aria-label=\"Refused attempts\"]').innerText"
    browser.until(f"{attempts}.includes('undeclared')")
    told = browser.evaluate(attempts)
    assert "192.0.2.9" in told and "2 times" in told and "marketing" in told
    picture(browser, "out-recipient")
    assert complaints(browser) == []


def test_a_posture_is_seen_before_it_is_switched_and_stops_what_it_said(browser: Browser, own: House):
    sign_in(browser, own)
    at(browser, "#/out", 'section[aria-label="Declared postures"] button')
    browser.evaluate("document.querySelector(\"section[aria-label='Declared postures'] button\").click()")
    browser.until("document.querySelector('.preview h3')")
    assert "Planners of Acme of Acme gets no People who pass any more for planning" in browser.evaluate(SHOWN)
    browser.evaluate("document.querySelector('.why input').focus()")
    typed(browser, "flood <b>warning</b>")
    picture(browser, "out-preview")
    tab_to(browser, "Switch on")
    browser.press("Enter")
    browser.until(f"{SHOWN}.includes('Flood <b>warning</b>. Asked for by operator')")
    browser.until("[...document.querySelectorAll('.shown button')].some(b => b.innerText === 'Switch off')")
    at(browser, "#/out/recipient/acme-desk", "[data-testid=triggered]")
    browser.until(f"{SHOWN}.includes('People who pass for planning may not leave to it now')")
    picture(browser, "out-stopped")
    assert complaints(browser) == []


def test_the_page_fits_a_phone_and_starts_at_its_heading(browser: Browser, city: House):
    sign_in(browser, city)
    browser.look(390, 844, "dark", phone=True)
    for page in ("#/out", "#/out/dataset/counts", "#/out/recipient/acme-desk"):
        at(browser, page, ".shown h1")
        browser.until("document.querySelector('main h1')")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(browser, "out-phone")
    assert browser.evaluate("document.querySelectorAll('main h1').length") == 1
    assert complaints(browser) == []


def test_the_registers_erasures_and_what_is_kept_are_read_beside_it(browser: Browser, city: House):
    sign_in(browser, city)
    at(browser, "#/out/book/transfers", 'section[aria-label="Register of transfers"] tbody tr')
    assert "Controller:" in browser.evaluate(SHOWN)
    assert "never observed" in browser.evaluate(SHOWN)
    at(browser, "#/out/book/erasures", "section[aria-label=Erasures] tbody tr")
    assert "Nothing was erased." in browser.evaluate(SHOWN)
    at(browser, "#/out/book/retention", 'section[aria-label="What is kept"] tbody tr')
    told = browser.evaluate(SHOWN)
    assert "(receipts)" in told and "2024-10-04 12:00:00" in told
    at(browser, "#/out/book/processing", 'section[aria-label="Records of processing"] tbody tr')
    assert complaints(browser) == []


def test_who_may_look_neither_into_the_watch_nor_into_what_left_asks_for_nothing_of_either(
    browser: Browser, own: House
):
    people: MemoryPeople = own.doors.people
    people.hold("operator", "clerk")
    sign_in(browser, own)
    browser.evaluate("window.beats = 0, setInterval(() => window.beats++, 1000), 0")
    at(browser, "#/out", "aside .empty")
    browser.until("document.querySelector('aside .empty').innerText.includes('right audit')")
    asked = "performance.getEntriesByType('resource').filter(e => new URL(e.name).pathname === '%s').length"
    browser.until(
        f"window.beats > 6 && {asked % '/api/me'} > 1"
    )  # longer than the rounds of the watch and of this page
    assert browser.evaluate(asked % "/api/watch") == 0
    assert browser.evaluate(asked % "/api/received/recipients") == 0
    assert complaints(browser) == []
