"""The journey of a data owner: from a device's page along one datum to its last recipient. Real door, history, log and book."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from cityward.adapters.stores.history import DeltaHistory
from cityward.compose.home import Home, write_city_file
from cityward.compose.proving.following import facts_of
from cityward.compose.setting import Setting, open_setting
from cityward.evidence.records import Admission
from cityward.guard.admit import Judged
from cityward.runtime.releasing.ports import Due
from cityward.time import MINUTE, SECOND
from console.browser import Browser
from console.test_console import CHROMIUM, browser, complaints, sign_in
from console.test_watch import at
from declarations import town
from towns import stopped_city
from web.house import House, MemoryPeople, house, opened
from web.test_received import NOON, receipt
from web.watching import MemoryBook

__all__ = ["browser"]  # the fixture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested"),
]

AT = NOON - 30 * MINUTE
BEHIND = """flows:
  calls-home:
    from: counter-1
    to: workbench
    datasets: [counts]
    purpose: planning
    protocol: proprietary
    observability: not-observable
"""
OWNER = "roles:\n  owner: {party: council, rights: [look, audit]}\n"


def write_place(folder: Path) -> Path:
    """A town whose counter also calls its maker, behind the city's back."""
    folder.mkdir()
    (folder / "place.yaml").write_text(town(("flows:\n", BEHIND)) + OWNER)
    return folder


def hold(setting: Setting) -> str:
    """One reading, the entry that admitted it, and a receipt of its leaving; the entry's id."""
    registry = setting.registry
    channel = np.array(
        [registry.channel_by_property[registry.unit_index["counter-1"], "vehicle-speed"]], dtype=np.int32
    )
    one = np.array([AT])
    rows = Judged(
        message=np.zeros(1, dtype=np.int32), unit=registry.channel_unit[channel], channel=channel, value=np.array([8.5]),
        observed_at=one, received_at=one + SECOND, seq=np.array([5]), flow=np.zeros(1, dtype=np.int32),
        reason=np.zeros(1, dtype=np.uint8),
    )  # fmt: skip
    admission = Admission(
        at=AT + 2 * SECOND, by="worker-0", stream="in", partitions=(0,), first_seq=1, last_seq=10, received=10, admitted=9,
        shed=0, refused={"out-of-range": 1}, by_flow={"counts-in": (10, 9, 1, 0)}, digest="0" * 64, declaration="1" * 64,
    )  # fmt: skip
    with setting.ledger("worker-0") as ledger:
        [entry] = ledger.append([admission])
    DeltaHistory(str(setting.home.history), registry).append(rows.seal(entry), dict.fromkeys(range(4), 10))
    setting.state.releases.take("acme-desk", Due("counts/planning", None, ((receipt(1, 10), None),)))
    return entry


@pytest.fixture
def city(tmp_path: Path) -> Iterator[tuple[House, str]]:
    home = Home(tmp_path / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_place(tmp_path / "town")))
    setting, people = open_setting(home), MemoryPeople()
    entry = hold(setting)
    people.hold("operator", "owner")
    more = {
        "people": people,
        "watch": MemoryBook(),
        "following": partial(facts_of, setting),
        "where": setting.loaded.where,
    }
    with opened(house(setting.loaded.place, **more), files("cityward.web") / "console") as door:
        yield door, entry
    setting.state.dispose()


def picture(browser: Browser, name: str) -> None:
    """Kept where somebody wants to look at it."""
    if folder := os.environ.get("CITYWARD_PICTURES"):
        browser.screenshot(Path(folder) / f"{name}.png")


def test_a_data_owner_follows_a_datum_to_its_last_recipient(browser: Browser, city: tuple[House, str]) -> None:
    door, entry = city
    sign_in(browser, door)
    # from the device, whose values the owner may not read, to one of them
    at(browser, "#/device/counter-1", "a.follow")
    browser.until("document.body.innerText.includes('Its values are for whoever holds one of its datasets')")
    assert (
        browser.evaluate("document.querySelector('a.follow').getAttribute('href')") == "#/datum/counter-1/vehicle-speed"
    )
    # the address of one very value
    at(browser, f"#/datum/counter-1/vehicle-speed?at={AT // 1000}", "#hop-counts-in")
    told = browser.text()
    assert "to 1 party outside the city in 1 country, and ends at 2 last recipients: 2 on record, 1 that nobody" in told
    # every hop: number, time, purpose, party, country, retention, protection, entry
    order = browser.evaluate("[...document.querySelectorAll('.leaf ol > li')].map(li => li.id)")
    assert order == ["hop-calls-home", "hop-counts-in", "hop-to-acme"]
    out = browser.evaluate("document.querySelector('#hop-to-acme').innerText")
    for words in ("On record", "web:1", "Planning", "acme", "XB", "kept 365 days", "http, TLS", "acme-2026"):
        assert words in out
    assert entry in browser.evaluate("document.querySelector('#hop-counts-in').innerText")
    assert "Not observable" in browser.evaluate("document.querySelector('#hop-calls-home').innerText")
    # the picture says the same, by shape: a circle for what is on record, a square for what nobody can see
    shape = "[a.getAttribute('aria-label'), a.querySelector('circle, path').tagName]"
    marks = browser.evaluate(f"[...document.querySelectorAll('figure .roll a')].map(a => {shape})")
    assert sorted(marks) == [
        ["Hop 1, counter-1 to workbench: Not observable", "path"],
        ["Hop 2, counter-1 to cityward: On record", "circle"],
        ["Hop 3, cityward to acme: On record", "circle"],
    ]
    # by keyboard from a mark in the picture to its line
    browser.evaluate("[...document.querySelectorAll('figure .roll a')].at(-1).focus()")
    browser.press("Enter")
    browser.until("document.activeElement.id === 'hop-to-acme'")
    # the last recipients, and where the city's sight ends
    last = browser.evaluate("[...document.querySelectorAll('.last h3')].map(h => h.innerText)")
    assert last == ["workbench", "acme"]
    assert "What happens to it behind this is not seen by the city" in told
    assert "Where the city's sight ends" in told
    # nothing that the owner may not read came over the wire
    value = browser.evaluate(
        f"fetch('/api/datum?device=counter-1&property=vehicle-speed&at={AT // 1000}').then(a => a.json()).then(a => a.way.value)"
    )
    assert value is None
    for width, height, scheme, phone in ((1440, 900, "light", False), (390, 844, "dark", True)):
        browser.look(width, height, scheme, phone=phone)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        picture(browser, f"datum-{scheme}")
    assert complaints(browser) == []
    assert all(
        asked.startswith((door.url, "blob:", "data:")) for asked in browser.requested() if asked != "about:blank"
    )
