"""A supplier's engineer sees nothing that is not theirs: what every answer of the door says is read, and every name in it.

Theirs: the things, readings, flows and commands of their role, their party, and the city's own. What the place shows everybody on
its map (areas, sites) is nobody's secret; that a command of theirs says in its cause what it rests on is owed to who operates it.
A walk of somebody of the city over the same questions shows that the walk would find more where there is more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import httpx
import pytest
from msgspec.structs import replace as replace_fields

from cityward.compose.places import demo_place, load_place
from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.runtime.ports import CommandRow, FlowCount, HourlyRow, Latest, Quarantined
from cityward.time import HOUR, MINUTE
from cityward.watch.contract import Severity
from cityward.watch.findings import DeviceStanding, Incident, Trust
from console.browser import Browser
from console.test_axe import CONSOLE, settle
from console.test_console import CHROMIUM, TILES, browser
from web.house import NOON, House, MemoryPeople, MemoryTiles, house, opened
from web.test_people import Pages, live_words
from web.test_routes import DECLARED
from web.watching import MemoryBook

__all__ = ["browser"]  # a fixture

ROLE, OURS = "lamp-engineer", "city-operator"
SECRET = 7700.0625  # every value that is not theirs ends so, and no other number of the tests does
SECRET_TEXT = re.compile(r"77\d\d\.0625")
THEIRS_TEXT = "41.5"
BOOK = ("/api/me/", "/api/people", "/api/grants", "/api/approvals", "/sign-out")
"""What is posted there changes the book of people, which here is not a real one: `web/test_people.py` asks that."""
ASKED = [
    one
    for one in DECLARED
    if (one.right or one.signed_in) and one.path not in ("/api/live", "/tiles/city.pmtiles")
    if one.method == "GET" or not one.path.startswith(BOOK)
]
FROM_US = {"sec-fetch-site": "same-origin"}


@dataclass(frozen=True)
class Wire:
    """The door, and what is whose: unit ids of the role, and every word that names something that is not theirs."""

    door: House
    mine: tuple[str, ...]
    foreign: frozenset[str]

    def told(self, body: str, asked: str = "") -> set[str]:
        """What of `body` is not the engineer's. What they wrote themselves is no news to them."""
        words = set(re.findall(r"[\w.:-]*\w", body))
        texts = {name for name in self.foreign if " " in name and name in body}
        return {one for one in (words & self.foreign) | texts | set(SECRET_TEXT.findall(body)) if one not in asked}


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    loaded, people = load_place(demo_place()), MemoryPeople()
    roles = {name: replace_fields(role, from_addresses=()) for name, role in loaded.place.roles.items()}
    place = replace_fields(loaded.place, roles=roles)
    people.hold("eve", ROLE, party=roles[ROLE].party, until=NOON + HOUR)
    people.hold("olga-of-the-watch", OURS, "data-owner", party=place.responsible)
    book = MemoryBook()
    built = house(place, people=people, watch=book, tiles=MemoryTiles(TILES.read_bytes()), ledger=Pages())
    registry = built.doors.registry
    reporting = {flow.from_ for flow in place.flows.values() if "lamp-states" in flow.datasets}
    groups = reporting.union(place.services["quay-street-lighting"].actuators)
    mine = tuple(unit.id for unit in registry.units if unit.group in groups)
    assert 0 < len(mine) < len(registry.units) / 2
    built.doors = replace(built.doors, where=loaded.where, digest=loaded.digest)
    _fill(built, registry, mine, book)
    with opened(built, files("cityward.web") / "console") as door:
        yield Wire(door, mine, _foreign(place, registry, mine))


def _fill(built: House, registry: Registry, mine: tuple[str, ...], book: MemoryBook) -> None:
    """Every channel has a value; commands, refusals, incidents and standings of both kinds."""
    state, other = built.state, next(u for u in registry.units if u.flow >= 0 and u.id not in mine)
    rows = [(u.id, registry.channel_property[c]) for u in registry.units for c in u.channels]
    values = {(d, p): 41.5 if d in mine else SECRET + n % 100 for n, (d, p) in enumerate(rows)}
    state.rows = [Latest(d, p, v, NOON - MINUTE, NOON, n) for n, ((d, p), v) in enumerate(values.items())]
    state.heard = {unit.id: NOON for unit in registry.units}
    state.counted = [FlowCount(flow, 7, 7, 0, 0) for flow in registry.flows]
    state.refused = {(flow, "out-of-range"): 1 for flow in registry.flows}
    state.hours = [HourlyRow(p, "", NOON // HOUR * HOUR, 4, SECRET, SECRET, SECRET) for _, p in rows]
    prop = registry.channel_property[other.channels[0]]
    flow = registry.flows[other.flow]
    raw = b"raw 7700.0625"
    state.quarantined = [Quarantined(4, 0, other.id, flow, prop, "out-of-range", SECRET, None, NOON, raw)]
    state.ranges = []
    because = {"why": "moonlight"}
    state.issued = [
        CommandRow("c-1", "quay-street-lighting", mine[0], "dim", 41.5, because, "service:7", "sent", NOON),
        CommandRow("c-2", "bin-collection", other.id, "dim", SECRET, because, "service:8", "sent", NOON),
    ]
    built.history.rows = [(d, p, NOON - n * MINUTE, v) for (d, p), v in values.items() for n in range(1, 3)]
    subjects = (other.id,)
    book.held["i1"] = Incident(
        id="i1", title=f"{other.id}: frozen", shared=f"device:{other.id}", severity=Severity.HIGH, began_at=NOON, last_at=NOON,
        findings=1, subjects=1, first_subjects=subjects, kinds=("frozen",),
    )  # fmt: skip
    book.stands[other.id] = DeviceStanding(device=other.id, trust=0.2, state=Trust.QUARANTINED, since=NOON)


def _foreign(place: Place, registry: Registry, mine: tuple[str, ...]) -> frozenset[str]:
    """Ids and names of all that is not the engineer's."""
    groups = {unit.group for unit in registry.units if unit.id in mine}
    models = {place.devices[group].model for group in groups}
    flows = {name for name, flow in place.flows.items() if flow.from_ in groups and "lamp-states" in flow.datasets}
    party, service = place.roles[ROLE].party, "quay-street-lighting"
    theirs = {*mine, *groups, *models, *flows, party, place.responsible, "lamp-states", service, place.platform}
    kinds: tuple[Any, ...] = (
        place.devices, place.device_models, place.flows, place.datasets, place.services, place.parties, place.systems,
        place.recipients, place.agreements, place.postures, place.cameras,
    )  # fmt: skip
    held = {name: getattr(one, "name", "") for kind in kinds for name, one in kind.items()}
    ours = {held[name] for name in theirs if name in held} | theirs
    units = {unit.id for unit in registry.units}
    words = {*held, *(name for name in held.values() if name), *units, "olga-of-the-watch"}
    known = {*place.areas, *place.sites, *place.purposes, *registry.channel_property, "lighting", "waste", "transport"}
    return frozenset(words - ours - known)


def walk(wire: Wire, client: httpx.Client) -> Iterator[tuple[str, httpx.Response]]:
    """Every route for persons, asked of what is theirs and of what is not; with what was asked."""
    place = wire.door.doors.place
    other = next(unit.id for unit in wire.door.doors.registry.units if unit.id not in wire.mine and unit.flow >= 0)
    names = {
        "device": (wire.mine[0], other), "service": ("quay-street-lighting", "bin-collection"), "name": tuple(place.postures)[:2],
        "camera": tuple(place.cameras)[:1], "entry": ("watch:1",), "stance": ("lock",), "step": ("open",), "word": ("approve",),
        "plan": ("p1",), "view": ("v1",), "file": ("report.html",),
    }  # fmt: skip
    for declared in ASKED:
        holes = re.findall(r"{(\w+)}", declared.path)
        first = (
            names.get(holes[0], (*names["device"], *names["service"], "i1", "olga-of-the-watch")) if holes else ("",)
        )
        for value in first:
            path = declared.path
            for hole in holes:
                path = path.replace(f"{{{hole}}}", value if hole == holes[0] else names[hole][0])
            for query in _queries(declared.query.__name__, wire.mine[0], other):
                headers = FROM_US | ({"content-type": declared.media[0]} if declared.media else {})
                body = b"{}" if declared.media else b""
                answer = client.request(declared.method, path, params=query, content=body, headers=headers)
                yield f"{declared.method} {path} {query}", answer


def _queries(kind: str, mine: str, other: str) -> tuple[dict[str, str], ...]:
    noon = str(NOON // 1000)
    span = {"since_ms": str(NOON // 1000 - 3_600_000), "until_ms": noon}
    return {
        "WindowQuery": (span,), "RefusalsQuery": ({},), "CommandsQuery": ({}, {"device": other}),
        "DatumQuery": tuple({"device": d, "property": p} for d in (mine, other) for p in ("lamp-level", "no2")),
        "MomentQuery": ({"at_ms": noon},), "SpanQuery": ({"from_ms": span["since_ms"], "until_ms": noon},),
        "ReachQuery": ({"about": "device", "id": mine}, {"about": "party", "id": "northlight"}),
        "WhatIfQuery": ({"about": "party", "id": "northlight", "how": "hostile"},),
        "EntitiesQuery": ({"local": "true"}, {"local": "true", "type": "Device", "format": "simplified"}),
        "StatementQuery": ({"dataset": "lamp-states"},), "TargetQuery": ({"target": f"device:{other}"},),
    }.get(kind, ({},))  # fmt: skip


def test_no_answer_to_a_suppliers_engineer_holds_an_id_a_name_or_a_value_that_is_not_theirs(wire: Wire) -> None:
    wrong: list[str] = []
    seen = ""
    with wire.door.client("eve") as eve:
        for asked, answer in walk(wire, eve):
            assert answer.status_code < 500 or "unavailable" in answer.text, (asked, answer.text[:300])
            seen += answer.text
            if told := wire.told(answer.text, asked):
                wrong.append(f"{asked} -> {answer.status_code}: {sorted(told)[:6]} of {len(told)}")
        said = live_words(eve)
        if told := wire.told(said):
            wrong.append(f"/api/live: {sorted(told)[:6]} of {len(told)}")
    assert not wrong, "\n".join(wrong)
    assert wire.mine[0] in seen and THEIRS_TEXT in seen and wire.mine[0] in said, "their own things are told to them"


def test_the_same_reading_finds_names_and_values_in_what_somebody_of_the_city_is_told(wire: Wire) -> None:
    found: set[str] = set()
    with wire.door.client("olga-of-the-watch") as olga:
        for path in ("place", "watch", "refusals", "chain", "moment?at_ms=1760000000000"):
            told = wire.told(olga.get(f"/api/{path}").text)
            assert told, path
            found |= told
        assert any(SECRET_TEXT.fullmatch(one) for one in wire.told(live_words(olga)))
    assert any(SECRET_TEXT.fullmatch(one) for one in found) and len(found) > 100


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console's own questions are not read")
def test_no_page_of_the_console_asks_the_door_for_more_than_is_the_engineers(browser: Browser, wire: Wire) -> None:
    token = next(iter(wire.door.session("eve").values()))
    browser.call("Network.setCookie", name="cityward", value=token, url=wire.door.url)
    browser.open(f"{wire.door.url}/")
    browser.until("document.querySelector('nav')")
    bodies = read = 0
    for page in (*CONSOLE, f"#/device/{wire.mine[0]}", "#/services/quay-street-lighting", "#/services/bin-collection"):
        browser.evaluate(f"location.hash = '{page}'")
        settle(browser)
        assert not wire.told(browser.evaluate("document.body.innerText"), page), page
        events = list(browser.events)
        for url, body in _told(browser, events[read:]):
            bodies += 1
            assert not wire.told(body, url), (url, json.dumps(sorted(wire.told(body, url)))[:300])
        read = len(events)
    assert bodies > len(CONSOLE)


def _told(browser: Browser, events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(address, body) of every answer of the API among these events; the live feed never ends, and is read over the wire."""
    whole = {one["params"]["requestId"] for one in events if one["method"] == "Network.loadingFinished"}
    answers = [one["params"] for one in events if one["method"] == "Network.responseReceived"]
    return [
        (one["response"]["url"], browser.call("Network.getResponseBody", requestId=one["requestId"])["body"])
        for one in answers
        if "/api/" in one["response"]["url"] and one["requestId"] in whole and one["response"]["status"] != 204
    ]
