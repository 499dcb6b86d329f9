"""*Cameras* in a real Chromium, against the real door: no picture before a purpose; then one, marked, counted down, ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from cityward.adapters.video.segments import Archive, Piece
from cityward.runtime.pictures.viewing import ViewState
from cityward.time import MINUTE, SECOND
from cityward.web.identity import digest
from cityward.web.ports import machine_now_us
from console.browser import Browser
from console.test_console import CHROMIUM, TILES, browser, complaints, shown
from viewings import REASON, MemoryPictures, asked
from web.house import MemoryTiles
from web.test_cameras import Wall, wall
from web.watching import MemoryBook

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

SHOWN = "document.querySelector('.shown').innerText"
AT = "document.createElement('canvas').getContext('2d', {willReadFrequently: true})"
GREEN = (
    f"(() => {{ const c = document.querySelector('canvas'), to = {AT}; if (!c) return null; to.drawImage(c, 0, 0);"
    " return [...to.getImageData(9, 9, 1, 1).data] })()"
)


class DrawnPictures(MemoryPictures):
    """Real JPEGs: green, with the mark across."""

    def _give(self, *what: str) -> bytes:
        super()._give(*what)
        image = np.full((360, 640, 3), (40, 160, 40), np.uint8)
        cv2.putText(image, what[2], (30, 180), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
        return cv2.imencode(".jpg", image)[1].tobytes()


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Wall]:
    console = files("cityward.web") / "console"
    tiles = MemoryTiles(TILES.read_bytes())
    with wall(tmp_path, DrawnPictures(), console=console, watch=MemoryBook(), tiles=tiles) as one:
        yield one


def come_in(browser: Browser, made: Wall, who: str, page: str) -> None:
    token = f"a-link-for-{who}-0123456789abcdef"
    made.town.setting.state.add_link(digest(token), who, machine_now_us() + 10 * MINUTE)
    browser.open(f"{made.door.url}/sign-in?token={token}")
    browser.evaluate("document.querySelector('form button').click()")
    browser.until(f"{shown('received')} !== undefined")
    browser.evaluate(f"location.hash = '{page}'")


def fill(browser: Browser, purpose: str = "safety", reason: str = REASON) -> None:
    browser.until("document.querySelector('.shown form select')")
    browser.evaluate(
        f"""(() => {{
        const set = (at, value) => {{ const e = document.querySelector(at); e.value = value;
          e.dispatchEvent(new Event('input', {{bubbles: true}})); e.dispatchEvent(new Event('change', {{bubbles: true}})) }}
        set('.shown form select', '{purpose}'); set('.shown form input[minlength]', '{reason}') }})()"""
    )


def press(browser: Browser, words: str) -> None:
    found = (
        f"[...document.querySelectorAll('.shown button')].find((b) => b.innerText.includes('{words}') && !b.disabled)"
    )
    browser.until(found)
    browser.evaluate(f"{found}.click()")


def photo(browser: Browser, name: str) -> None:
    """Kept where somebody wants to look at it."""
    if folder := os.environ.get("CITYWARD_PICTURES"):
        browser.screenshot(Path(folder) / f"{name}.png")


def test_the_wall_shows_states_and_counts_in_words_and_not_one_picture(browser: Browser, made: Wall) -> None:
    come_in(browser, made, "ada", "#/cameras")
    browser.until("document.querySelectorAll('.tile').length === 4")
    told = browser.evaluate(SHOWN)
    photo(browser, "cameras-wall")

    for words in ("frozen", "3 people forward", "not heard", "safety (public task)", "nobody", "24 h, covered"):
        assert words in told
    assert browser.evaluate("document.querySelectorAll('.shown img, .shown canvas, .shown video').length") == 0
    assert browser.evaluate("document.querySelectorAll('aside .list a[href^=\"#/cameras/one/\"]').length") == 4
    assert made.pictures.asked == []
    assert complaints(browser) == []


def test_a_counted_vehicle_against_the_declaration_is_said_on_the_card(browser: Browser, made: Wall) -> None:
    come_in(browser, made, "ada", "#/")
    browser.evaluate(
        """(() => { const fetched = window.fetch; window.fetch = async (...asked) => {
        const answer = await fetched(...asked);
        if (new URL(answer.url).pathname !== '/api/cameras') return answer;
        const told = await answer.json();
        for (const one of told.cameras) one.no_vehicles = 'Bollards keep vehicles out.';
        told.cameras[0].lines[0].ways['vehicle back'] = 1;
        return new Response(JSON.stringify(told), {status: answer.status, headers: answer.headers}) } })()"""
    )
    browser.evaluate("location.hash = '#/cameras'")
    browser.until("document.querySelectorAll('.tile .against').length === 1")
    photo(browser, "cameras-contradicted")
    assert "But a vehicle was counted" in browser.evaluate("document.querySelector('.tile .against').innerText")


def test_a_picture_comes_for_a_purpose_and_a_reason_is_counted_down_and_ended(browser: Browser, made: Wall) -> None:
    come_in(browser, made, "ada", "#/cameras/one/quay")
    browser.until("document.querySelector('.shown form')")
    assert browser.evaluate("document.querySelector('.shown form button').disabled") is True
    fill(browser)
    photo(browser, "cameras-ask")
    press(browser, "Look")
    browser.until(f"({GREEN} ?? [])[1] > 120")
    photo(browser, "cameras-view")
    assert browser.evaluate("document.activeElement.innerText") == "End the view"
    assert browser.evaluate("/^[0-9]+:[0-9]{2}$/.test(document.querySelector('[role=timer]').innerText)") is True
    [row] = made.town.setting.state.views.under_way()
    assert (row.person, row.purpose, row.reason) == ("ada", "safety", REASON)
    press(browser, "End the view")
    browser.until(f"{SHOWN}.includes('You ended the view')")

    assert made.town.desk.views(1)[0].outcome == "ended"
    assert made.pictures.asked[0][2].startswith("ada 20")
    assert complaints(browser) == []


def test_a_view_that_the_city_ends_goes_dark_and_says_so(browser: Browser, made: Wall) -> None:
    come_in(browser, made, "ada", "#/cameras/one/quay")
    fill(browser)
    press(browser, "Look")
    browser.until(f"({GREEN} ?? [])[1] > 120")
    made.town.crisis()
    browser.until(f"{SHOWN}.includes('The view has ended')")

    assert browser.evaluate("document.querySelector('canvas')") is None
    assert made.town.desk.views(1)[0].state is ViewState.ENDED


def test_a_recording_is_chosen_by_its_time(browser: Browser, made: Wall) -> None:
    setting = made.town.setting
    archive, begin = Archive(setting.home.root / "video", setting.state.segments), setting.now_us() - 10 * MINUTE
    with setting.ledger("cameras") as ledger:
        archive.keep(Piece("quay", begin, begin + 2 * SECOND, 10, b"film"), ledger, "cameras", "d")
    come_in(browser, made, "ada", "#/cameras/one/quay")
    fill(browser)
    browser.until("!document.querySelector('input[value=recorded]').disabled")
    browser.evaluate("document.querySelector('input[value=recorded]').click()")
    browser.until("document.querySelectorAll('.shown form select').length === 2")
    browser.evaluate(
        "(() => { const e = document.querySelectorAll('.shown form select')[1]; e.selectedIndex = 1;"
        "e.dispatchEvent(new Event('change', {bubbles: true})) })()"
    )
    press(browser, "Look")
    browser.until(f"{SHOWN}.includes('The recording is at its end')")

    kinds = {what[0] for what in made.pictures.asked}
    assert kinds == {"recorded"}
    assert all(begin <= int(what[3]) < begin + 2 * SECOND for what in made.pictures.asked)


def test_the_owner_sees_who_viewed_what_and_who_got_nothing(browser: Browser, made: Wall) -> None:
    town = made.town
    found = town.desk.ask(asked(), town.who("ada"))
    town.desk.end(found.row.id, town.who("ada"))
    town.desk.ask(asked(reason="<img src=x onerror=alert(1)>", purpose="curiosity"), town.who("eve"))
    town.desk.ask(asked(cover="clear"), town.who("eve"))
    come_in(browser, made, "bo", "#/cameras")
    browser.until(f"{SHOWN}.includes('Waiting for a second person')")
    browser.evaluate("location.hash = '#/cameras/viewed'")
    browser.until(f"{SHOWN}.includes('wrong-purpose')")
    told = browser.evaluate(SHOWN)
    photo(browser, "cameras-viewed")

    for words in (REASON, "curiosity", "<img src=x onerror=alert(1)>", "viewing:0"):
        assert words in told
    assert complaints(browser) == []
