"""Every view can be taken along: the JSON it was drawn from, a sheet, a call, and the command that answers the same."""

from __future__ import annotations

import pytest

from console.browser import Browser
from console.rooms import FIXTURES, ROOMS, alerted_city, board, followed_city, out_city, room, served_city
from console.test_console import CHROMIUM, browser, complaints, sign_in
from web.house import House

__all__ = ["FIXTURES", "alerted_city", "board", "browser", "followed_city", "out_city", "room", "served_city"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

ACTS = "#/watch/contain/"  # something is done here, and nothing told that another view does not tell
WAY = "[...document.querySelectorAll('main details')].find(d => d.querySelector('summary')?.innerText.trim() === 'Take along')"


@pytest.mark.parametrize("room", [name for name in ROOMS if name != "trying"], indirect=True)
def test_every_view_can_be_taken_along(browser: Browser, room: tuple[House, tuple[str, ...]]) -> None:
    city, addresses = room
    sign_in(browser, city)
    plain = ("#/services", "#/me") if "#/services/lighting" in addresses else ()
    for address in (*addresses, *plain):
        if address.startswith(ACTS):
            continue
        browser.evaluate(f"location.hash = '{address}'")
        browser.until(f"location.hash === '{address}' && document.querySelector('main h1') && {WAY}", 12)
        answers = browser.evaluate(
            f"Promise.all([...{WAY}.querySelectorAll('a')].map(a => fetch(a.href).then(r => r.status)))"
        )
        assert answers and set(answers) <= {200, 202}, address
        assert browser.evaluate(f"[...{WAY}.querySelectorAll('button')].some(b => b.textContent === 'As CSV')"), address
        said = browser.evaluate(f"[...{WAY}.querySelectorAll('code')].map(c => c.textContent)")
        assert any(one.startswith("curl ") for one in said), address
    assert complaints(browser) == []
