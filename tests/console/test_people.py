"""Signing in by a passkey in a real Chromium with a virtual authenticator, and what the console shows of people."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from cityward.web.identity import digest
from cityward.web.ports import machine_now_us
from console.axe import AXE, violations
from console.browser import Browser, find_chromium
from web.house import MemoryTiles
from web.staff import Staff, staffed
from web.watching import MemoryBook

CHROMIUM = find_chromium()
TILES = Path(__file__).parents[2] / "examples" / "doggerford" / "map" / "city.pmtiles"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: passkeys are not tested in a browser"),
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser whose person has an authenticator that verifies them."""
    assert CHROMIUM is not None
    with Browser(CHROMIUM) as one:
        one.look(1280, 900)
        one.call("WebAuthn.enable")
        one.call(
            "WebAuthn.addVirtualAuthenticator",
            options={
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            },
        )
        yield one


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    from web import house

    tiles, book = MemoryTiles(TILES.read_bytes()), MemoryBook()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("web.staff.opened", lambda built: house.opened(built, files("cityward.web") / "console"))
        with staffed(tmp_path, tiles=tiles, watch=book) as one:
            yield one


def link_in(browser: Browser, staff: Staff, who: str) -> None:
    """Sign in by a one-time link, at the door's name."""
    token = f"link-of-{who}-0123456789abcdef"
    staff.door.sessions.add_link(digest(token), who, machine_now_us() + 60_000_000)
    browser.open(f"{local(staff)}/sign-in?token={token}")
    browser.evaluate("document.querySelector('form button').click()")
    browser.until("document.querySelector('nav')")


def local(staff: Staff) -> str:
    return staff.door.url.replace("127.0.0.1", "localhost")


def click(browser: Browser, words: str) -> None:
    """Press the button that says so."""
    found = f"[...document.querySelectorAll('button')].find(b => b.textContent.trim().startsWith('{words}'))"
    browser.until(f"{found} && !{found}.disabled")
    browser.evaluate(f"{found}.click()")


def fill(browser: Browser, label: str, text: str) -> None:
    """Write into the field of a label."""
    browser.evaluate(
        f"(() => {{ const l = [...document.querySelectorAll('label')].find(l => l.textContent.includes('{label}'));"
        f" const i = l.querySelector('input'); i.value = '{text}'; i.dispatchEvent(new Event('input', {{bubbles: true}})) }})()"
    )


def test_a_person_enrols_a_passkey_and_signs_in_with_it(browser: Browser, staff: Staff) -> None:
    staff.somebody("ada", "desk")
    link_in(browser, staff, "ada")
    browser.open(f"{local(staff)}/#/me")
    browser.until("document.body.innerText.includes('Enrol a passkey')")
    if AXE.is_file():  # where a passkey can be enrolled; elsewhere the page says that it cannot
        assert violations(browser, "#/me at localhost") == []
    fill(browser, "A name for the new one", "my laptop")
    click(browser, "Enrol a passkey")
    browser.until("document.body.innerText.includes('my laptop')")
    click(browser, "Sign out")
    browser.until("location.pathname === '/sign-in' && !document.getElementById('passkey').hidden")
    browser.evaluate("document.querySelector('#passkey button').click()")
    browser.until("location.pathname === '/' && document.body.innerText.includes('Ada')")
    assert [row.way for row in staff.door.sessions.open_ones.values()] == ["passkey"]
    assert [c for c in browser.complaints() if "GL Driver" not in c] == []


def test_broken_glass_stands_above_everything_for_everybody(browser: Browser, staff: Staff) -> None:
    staff.somebody("ada", "desk")
    staff.somebody("bo", "second")
    with staff.door.client("ada") as ada:
        ada.post("/api/me/glass", json={"role": "glass", "reason": "nobody answers"})
    link_in(browser, staff, "bo")
    browser.until("document.querySelector('.is-glass')?.textContent.includes('ada took glass without leave')")
    browser.open(f"{local(staff)}/#/me")
    click(browser, "I have looked at it")
    browser.until("!document.body.innerText.includes('Waiting for you')")


def test_somebody_without_a_role_is_told_so_and_can_ask_for_one(browser: Browser, staff: Staff) -> None:
    staff.somebody("eve", party="northlight")
    link_in(browser, staff, "eve")
    browser.until("document.body.innerText.includes('You hold no role that lets you look')")
    browser.open(f"{local(staff)}/#/me")
    browser.until("document.body.innerText.includes('For a task')")
    fill(browser, "Why", "lamp 7 flickers")
    click(browser, "Ask")
    browser.until("document.body.innerText.includes('asked for')")
    (grant,) = staff.desk.grants("eve")
    assert (grant.role, grant.reason, grant.seconds) == ("engineer", "lamp 7 flickers", 3600)
