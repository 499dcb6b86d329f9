"""*Services* in a real Chromium, against the real door: boards, notices, plans; texts stay texts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from cityward.services.board import (
    Board,
    Cell,
    Figure,
    Line,
    Shape,
    SignalHead,
    SignalQueue,
    SignalsAt,
    SignalStage,
    Table,
)
from console.browser import Browser
from console.test_console import CHROMIUM, browser, complaints, sign_in
from console.test_watch import at
from web.house import NOON, House, house, opened
from web.test_services import PLAN, MemoryServices
from web.watching import MemoryBook

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

SHOWN = "document.querySelector('.shown').innerText"
HOSTILE = "<img src=x onerror=document.title='had'>"
MS = NOON // 1000


JUNCTION = SignalsAt(
    name="Customs House",
    device="lamp-01",
    stages=(
        SignalStage(name="through", groups=("west",), plan_s=40),
        SignalStage(name="side", groups=("hill",), plan_s=28),
    ),
    groups=(
        SignalHead(name="west", now=True, seconds=12.4, most_red_s=120),
        SignalHead(name="hill", seconds=40, most_red_s=120),
    ),
    queues=(
        SignalQueue(lane="west-1", device="radar-1", vehicles=4, halted=2),
        SignalQueue(lane="hill-1", blind="frozen"),
    ),
    stage=0,
    since_s=15,
    settled=True,
    wish=1,
    why=HOSTILE,
    flags=("1 detectors blind",),
    asked=("bus-01 (bus) for west in 9 s",),
    stance="wait",
)


class Boards(MemoryServices):
    """With a board that has one of everything."""

    def board(self, service: str) -> Board:
        curve = Line(
            title="Energy",
            unit="kW",
            points=tuple((MS - n * 60_000, float(n)) for n in range(50, 0, -1)),
            forecast=((MS, 1.0), (MS + 600_000, 2.0)),
            band=((MS, 0.5, 1.5), (MS + 600_000, 1.0, 3.0)),
        )
        rows = ((Cell(text="lamp-01", device="lamp-01"), Cell(text=HOSTILE, stance="bad")),)
        return Board(
            summary="night, 12 of 13 lamps dimmed",
            figures=(Figure(label="Energy tonight", value="12.4", unit="kWh", stance="good", note="of 20"),),
            lines=(curve,),
            tables=(Table(title="Lamps", columns=("Lamp", "State"), rows=rows),),
            shapes=(
                Shape(at=((2.37, 54.9),), label="first", order=1),
                Shape(at=((2.37, 54.9), (2.38, 54.91)), stance="wait"),
            ),
            signals=(JUNCTION,),
        )


class NobodyHolds:
    """`web.ports.Overriding`, as far as it is only looked at."""

    def overrides(self, most: int = 100, service: str | None = None) -> tuple[()]:
        return ()

    consents = overrides


@pytest.fixture
def city() -> Iterator[House]:
    desks = {"services": Boards(), "overriding": NobodyHolds(), "watch": MemoryBook()}
    with opened(house(**desks), files("cityward.web") / "console") as door:
        yield door


def picture(browser: Browser, name: str) -> None:
    """Kept where somebody wants to look at it."""
    if folder := os.environ.get("CITYWARD_PICTURES"):
        browser.screenshot(Path(folder) / f"{name}.png")


def test_a_service_shows_its_board_and_what_it_says_and_plans(browser: Browser, city: House):
    sign_in(browser, city)
    at(browser, "#/services", '.all a[href="#/services/lighting"]')
    glance = browser.evaluate("document.querySelector('.all section').innerText")
    for words in ("Night, 12 of 13 lamps dimmed", "Running", "12.4 kWh"):
        assert words in glance, words
    picture(browser, "all-services")
    browser.evaluate("document.querySelector('aside a[href=\"#/services/lighting\"]').click()")
    browser.until(f"{SHOWN}.includes('12 of 13 lamps dimmed') && document.querySelector('.shown canvas')")
    told = browser.evaluate(SHOWN)
    for words in (
        "Night, 12 of 13",
        "12.4 kWh",
        "Lamps (1)",
        HOSTILE,
        "Failed",
        "truck <1>",
        "GPX",
        "Rate exceeded",
        "Memory 12 bytes",
    ):
        assert words in told, words
    assert browser.evaluate("document.querySelectorAll('.shown svg circle, .shown svg polyline').length") == 2
    for words in ("Customs House", "green 12 s", "red 40 s of 120 s", "Wish: side", "Blind: frozen", "bus-01 (bus)"):
        assert words in told, words
    assert browser.evaluate("document.querySelector('article svg[role=img]').getAttribute('aria-label')") == (
        "Shows through for 15 s. Stages: through, side"
    )
    assert browser.evaluate(
        "[...document.querySelectorAll('.shown a[download]')].map((a) => a.getAttribute('href'))"
    ) == [f"/api/services/lighting/plans/{PLAN.plan_id}?form={form}" for form in ("gpx", "geojson")]
    assert browser.evaluate("document.title").startswith("Services, ")
    picture(browser, "services")
    assert complaints(browser) == []


def test_on_a_phone_the_service_that_is_shown_stands_at_the_top_and_its_page_in_the_rail(browser: Browser, city: House):
    sign_in(browser, city)
    browser.look(390, 844, phone=True)
    at(browser, "#/services/lighting", ".shown h1")
    browser.until("document.querySelector('.shown h1').getBoundingClientRect().top < 300")
    browser.until("document.querySelector('aside a')?.innerText.startsWith('All services')")
    at(browser, "#/watch", "main h1")
    here = "document.querySelector('nav [aria-current]').getBoundingClientRect()"
    browser.until(f"{here}.left >= 0 && {here}.right <= innerWidth && {here}.width > 0")
    assert complaints(browser) == []


def test_the_page_starts_at_its_heading_and_fits_a_phone(browser: Browser, city: House):
    sign_in(browser, city)
    at(browser, "#/services/lighting", '.shown section[aria-label="Notices"]')
    browser.until("document.querySelector('main h1')")
    browser.look(390, 844, "dark", phone=True)
    browser.until("document.documentElement.scrollWidth <= innerWidth")
    picture(browser, "services-phone")
    assert complaints(browser) == []
