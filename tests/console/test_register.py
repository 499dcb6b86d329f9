"""An engineer adds a device and sees its first value: a whole small city, its real console in a real Chromium, its real doors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cityward.adapters.ledgers.reading import tail_of
from cityward.compose.home import Home
from cityward.compose.people.giving import PeopleDesk
from cityward.compose.setting import open_setting
from cityward.evidence.records import DeviceLife
from cityward.runtime.people import Wish
from console.axe import AXE, violations
from console.browser import Browser
from console.stage import DUSK_MS, Stage
from console.test_console import CHROMIUM, browser, complaints, stage
from towns import Town, running_town, write_town

__all__ = ["browser", "stage"]  # fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: adding a device is not tested"),
]

ROLES = """roles:
  giver: {name: Who gives roles, party: council, rights: [look, people]}
  engineer: {name: Engineer, party: council, rights: [look, data, devices], datasets: [light]}
"""
NOT_TOLD = "document.querySelector('[data-testid=secret]') === null"
SECRET = "document.querySelector('[data-testid=secret]')?.textContent"
FIRST = "document.querySelector('[data-testid=first-value]')?.textContent"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    folder = write_town(tmp_path / "town", 2)
    with (folder / "place.yaml").open("a") as file:
        file.write(ROLES)
    with running_town(folder, tmp_path / "state", "--plain-mqtt") as one:
        yield one


def sign_in_link(town: Town, person: str, role: str) -> str:
    """A new account with this role, and its first way in."""
    setting = open_setting(Home(town.state))
    desk = PeopleDesk(setting)
    desk.add(person, person.title(), "council", "test")
    desk.give(Wish(person, role, "puts up the meters"), "test")
    token = desk.link_for_another(person, "test", alone=True)
    setting.state.dispose()
    return f"{town.web}/sign-in?token={token}"


def click(browser: Browser, label: str) -> None:
    found = f"[...document.querySelectorAll('button')].find(b => (b.ariaLabel ?? b.innerText) === '{label}')"
    browser.until(f"{found} && !{found}.disabled")
    browser.evaluate(f"{found}.focus(), {found}.click()")


def send(town: Town, secret: str, lux: float) -> int:
    reading = [{"n": "lux", "t": time.time(), "v": lux}]
    key = {"authorization": f"Bearer {secret}", "content-type": "application/senml+json"}
    return httpx.post(f"{town.web}/v1/observations", json=reading, headers=key, timeout=30).status_code


def credentials(stage: Stage) -> dict[str, Any]:
    """Of every lamp of the demonstration city: those of Quay Street have a secret and were heard, the others have none."""

    def one(device: str) -> dict[str, Any]:
        has = device.startswith("quay-street")
        state, seen = ("active", DUSK_MS) if has else ("none", None)
        return {"device": device, "by": "password", "state": state, "last_seen_ms": seen}

    lamps = [unit.id for unit in stage.registry.units if "lamps" in unit.group]
    return {"credentials": [one(device) for device in lamps], "alone": True}


def test_devices_open_as_groups_those_without_a_secret_first_and_are_found_by_name(
    browser: Browser, stage: Stage
) -> None:
    stage.answers["credentials"] = credentials(stage)
    browser.open(f"{stage.address}/#/register")
    browser.until("document.querySelectorAll('main tbody tr').length > 2")
    rows = browser.evaluate("[...document.querySelectorAll('main tbody tr')].map(row => row.innerText)")
    assert len(rows) < 10 and not any("quay-street-lamps-01" in row for row in rows), "no list of every device"
    assert rows[0].startswith("Lamps of Mill Road") and "no secret" in rows[0] and "never" in rows[0], rows
    [quay] = [row for row in rows if row.startswith("Lamps of Quay Street")]
    assert "24 devices" in quay and "active" in quay
    assert "have no secret yet" in browser.text()
    first = "document.querySelector('main tbody button')"
    browser.evaluate(f"{first}.focus()")
    browser.press("Enter")
    browser.until(f"{first}.ariaExpanded === 'true' && document.querySelector('main tbody tr.is-inside')")
    assert browser.evaluate("document.querySelector('tr.is-inside button').ariaLabel") == "Add Lamps of Mill Road 01"
    browser.evaluate("document.querySelector('main input[type=search]').focus()")
    browser.call("Input.insertText", text="quay street 07")
    browser.until("document.querySelectorAll('main tbody tr').length === 1")
    assert browser.evaluate("document.querySelector('main tbody button').ariaLabel").endswith("Lamps of Quay Street 07")
    if AXE.is_file():
        assert violations(browser, "#/register") == []
    assert complaints(browser) == []


@pytest.mark.slow
def test_an_engineer_adds_a_device_and_sees_its_first_value(browser: Browser, town: Town) -> None:
    browser.open(sign_in_link(town, "eva", "engineer"))
    browser.until("document.querySelector('form button')")
    browser.evaluate("document.querySelector('form button').click()")
    browser.until("[...document.querySelectorAll('nav a')].some(a => a.innerText.trim() === 'Add a device')")
    browser.evaluate("location.hash = '#/register/meter-01'")
    click(browser, "Add meter-01")
    browser.until(SECRET)
    secret = browser.evaluate(SECRET)
    assert "Nothing was heard of it yet" in browser.text()

    browser.evaluate("window.notLoadedAgain = true")
    assert send(town, secret, 123.5) == 202
    browser.until(f"{FIRST} === '123.5'", 60)
    assert browser.evaluate("window.notLoadedAgain"), "the value came without the page being loaded again"

    # once: neither the page nor any answer tells the secret again
    browser.evaluate("location.reload()")
    browser.until(f"document.querySelector('main tbody td') && {NOT_TOLD}")
    assert secret not in browser.evaluate("document.documentElement.outerHTML")
    for path in ("/api/credentials", "/api/devices/meter-01", "/api/place"):
        assert secret not in browser.evaluate(f"fetch('{path}').then(answer => answer.text())")

    # in place of what it has, after a question that Escape answers with no, and then with yes
    click(browser, "Replace the secret of meter-01")
    browser.until("document.querySelector('dialog[open]')?.contains(document.activeElement)")
    browser.press("Escape")
    browser.until("!document.querySelector('dialog[open]') && document.activeElement.ariaLabel?.startsWith('Replace')")
    assert send(town, secret, 124.0) == 202
    browser.evaluate("document.activeElement.click()")
    browser.until("document.querySelector('dialog[open]')")
    click(browser, "Replace")
    browser.until(SECRET)
    assert browser.evaluate(SECRET) != secret
    assert send(town, browser.evaluate(SECRET), 125.5) == 202
    browser.until(f"{FIRST} === '125.5'", 60)

    told = [one for _, one in tail_of(Home(town.state).ledger("devices"), 10) if isinstance(one, DeviceLife)]
    assert [(one.device, one.to, one.person) for one in told] == [
        ("meter-01", "added", "eva"),
        ("meter-01", "rotated", "eva"),
    ]
    assert complaints(browser) == []
