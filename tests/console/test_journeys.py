"""Two of the console's journeys in a real Chromium: an operator overrides a lamp and undoes it; a citizen reads a sign's page.

The others: an engineer adds a device (`test_register.py`), a data owner follows a datum (`test_datum.py`), an officer asks
*hostile* of a supplier (`test_whatif.py`), an assessor opens the evidence of N8 (`test_assurance.py`), a supplier's engineer
sees nothing that is not theirs (`test_wire.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from cityward.compose.acting.overrides import OverrideDesk
from cityward.compose.places import demo_place, load_place
from cityward.compose.setting import Setting
from cityward.runtime.overriding import held_units
from cityward.web.ports import machine_now_us
from compose.acting.test_overrides import city_of, steps
from console.browser import Browser
from console.test_console import CHROMIUM, browser, complaints, sign_in
from console.test_services import MemoryServices
from releasing import wait
from web.house import House, MemoryPeople, house, opened
from web.watching import MemoryBook

__all__ = ["browser"]  # a fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the journeys are not tested"),
]

MAIN = "document.querySelector('main').innerText"


@pytest.fixture
def lit(tmp_path: Path) -> Iterator[tuple[House, Setting]]:
    """A town with two lamps behind the real door, its overrides in the real book and on the real record."""
    setting, people = city_of(tmp_path), MemoryPeople()
    place = setting.loaded.place
    people.hold("operator", "operator", party=place.responsible)
    desks = {"overriding": OverrideDesk(setting), "services": MemoryServices(), "watch": MemoryBook(), "people": people}
    built = house(place, machine_us=machine_now_us, **desks)
    with opened(built, files("cityward.web") / "console") as door:
        yield door, setting
    setting.state.dispose()


def write(browser: Browser, label: str, text: str) -> None:
    """Into the field of that label, as typed."""
    field = f"[...document.querySelectorAll('main label')].find(l => l.innerText.trim() === '{label}')?.querySelector('input')"
    browser.until(field)
    browser.evaluate(f"{field}.select()")
    browser.call("Input.insertText", text=text)


def click(browser: Browser, words: str) -> None:
    found = f"[...document.querySelectorAll('main button')].find(b => b.innerText.trim() === '{words}' && !b.disabled)"
    browser.until(found)
    browser.evaluate(f"{found}.click()")


def test_an_operator_overrides_a_lamp_and_undoes_it(browser: Browser, lit: tuple[House, Setting]) -> None:
    door, setting = lit
    sign_in(browser, door)
    browser.evaluate("location.hash = '#/services/lights'")
    write(browser, "Device or group", "lamps-01")
    write(browser, "Value", "50")
    click(browser, "Show what it does")
    browser.until(f"/lamps-01\\s+allowed/.test({MAIN})")
    assert held_units(setting.state.overrides_under_way(), setting.now_us()) == frozenset(), "seen, and nothing done"
    write(browser, "Why", "night works at the quay")
    click(browser, "Hold")
    browser.until(f"{MAIN}.includes('Night works at the quay')")
    assert held_units(setting.state.overrides_under_way(), setting.now_us()) == {"lamps-01"}
    click(browser, "Undo")
    browser.until(f"/undone/i.test({MAIN})")
    assert held_units(setting.state.overrides_under_way(), setting.now_us()) == frozenset()
    assert steps(setting) == [("begun", "operator"), ("undone", "operator")]
    assert complaints(browser) == []


def test_a_citizen_reads_the_page_of_a_sign_with_scripts_switched_off(browser: Browser) -> None:
    place = load_place(demo_place()).place
    with opened(house(place), files("cityward.web") / "console") as door:
        browser.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.look(390, 844, phone=True)
        browser.call("Page.navigate", url=f"{door.url}/public/quay-street-lamps")
        # no script of the page's runs, nor a promise: the browser is asked until it is there
        wait(
            "the page",
            lambda: browser.evaluate("document.readyState === 'complete' && document.querySelector('h1') !== null"),
        )
        said = browser.text().lower()
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert browser.evaluate("document.scripts.length") == 0
    # what, by whom, why, how long, who is given it, whose law reaches it, how to object, and how each claim is known
    asked = ("lamps of quay street", "doggerford city council", "why", "days", "law", "object")
    missing = [words for words in asked if words not in said]
    assert not missing, (missing, said[:3000])
    assert complaints(browser) == []
