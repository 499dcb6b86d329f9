"""Alerts by supplier, and the way from an actuation to the very reading it rests on, in a real Chromium against the real door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files

import pytest
from msgspec.structs import replace as replace_fields

from cityward.place.parties import Agreement, Party, PartyKind
from cityward.runtime.ports import CommandRow, SourceSpan
from console.browser import Browser
from console.test_console import CHROMIUM, browser, complaints, sign_in
from console.test_services import NobodyHolds
from console.test_watch import INCIDENT, at
from web.house import NOON, House, house, opened
from web.test_services import MemoryServices
from web.watching import MemoryBook

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

HEARD = NOON - 90_000_000
COMMAND = CommandRow(
    "c-1", "lighting", "lamp-01", "dim", 40.0,
    {"traffic": "busy", "rests_on": "vehicle-speed of 1 sensor (31)"}, "service:7", "acknowledged", NOON, NOON,
    (SourceSpan("counter-1", HEARD, HEARD),),
)  # fmt: skip


@pytest.fixture
def city() -> Iterator[House]:
    other = replace_fields(INCIDENT, id="i2", first_subjects=("198.51.100.7",), shared="")
    book = MemoryBook({"i1": INCIDENT, "i2": other})
    built = house(watch=book, services=MemoryServices(issued=[COMMAND]), overriding=NobodyHolds())
    place = built.doors.place
    model = place.devices["counter-1"].model
    maker = Party(kind=PartyKind.COMPANY, incorporated_in="xa", name="Maker <b>Inc</b>")
    datasets = next(flow.datasets for flow in place.flows.values() if flow.from_ == "counter-1")
    built.doors = replace(
        built.doors,
        place=replace_fields(
            place,
            parties={**place.parties, "maker": maker},
            device_models={**place.device_models, model: replace_fields(place.device_models[model], maker="maker")},
            agreements={"upkeep-2026": Agreement(kind="support", parties=("council", "maker"), datasets=datasets)},
        ),
    )
    with opened(built, files("cityward.web") / "console") as door:
        yield door


def test_alerts_stand_by_who_answers_for_them_with_what_was_agreed(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    at(browser, "#/watch?by=supplier", "dl > div dd a")
    lanes = browser.evaluate(
        "[...document.querySelectorAll('dl > div dt')].map(e => e.innerText.replace(/\\s+/g, ' ').trim())"
    )
    assert sorted(lanes) == ["Maker <b>Inc</b> 1 under upkeep-2026", "No supplier known 1"]
    assert complaints(browser) == []


def test_the_sensor_of_an_actuation_is_a_link_to_its_reading_at_that_time(browser: Browser, city: House) -> None:
    sign_in(browser, city)
    at(browser, "#/services/lighting", "details ol li a")
    browser.evaluate("document.querySelector('details:has(ol) summary').click()")
    link = (
        "[...document.querySelectorAll('details ol li')].find(e => e.innerText.startsWith('Sensor')).querySelector('a')"
    )
    assert browser.evaluate(f"{link}.getAttribute('href')") == f"#/datum/counter-1/vehicle-speed?at={HEARD // 1000}"
    browser.evaluate(f"{link}.click()")
    browser.until("document.querySelector('h1')?.innerText.includes('counter-1')")
    assert browser.evaluate("location.hash").endswith(f"?at={HEARD // 1000}")
    assert complaints(browser) == []
