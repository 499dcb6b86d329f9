"""What somebody tries at a running town and does not get; and that the security officer sees it, with its reason."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import httpx
import nats
import pytest

from cityward.cli.person import desk_of
from cityward.compose.entering.devices import Asked as Device
from cityward.compose.entering.devices import add_device
from cityward.compose.home import Home
from cityward.compose.outgoing.recipients import Asked, add_recipient, revoke_recipient
from cityward.compose.people.giving import PeopleDesk
from cityward.compose.setting import Setting, open_setting
from cityward.runtime.people import Wish
from console.browser import Browser
from console.test_console import CHROMIUM, browser, complaints
from mqtt import Mqtt
from releasing import recipient, rows_in, wait, write_releasing
from towns import Town, running_town

__all__ = ["browser"]  # the fixture

METERS = [f"meter-0{n}" for n in range(1, 5)]
ROLES = """
roles:
  officer: {party: council, rights: [look, watch, audit]}
  engineer:
    {party: acme, rights: [look, data], datasets: [light], standing: false, longest_hours: 4, from_addresses: [192.0.2.0/24]}
"""
with_browser = pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the console is not tested")


class LeadsOn:
    """A recipient's server that sends whoever calls on to somewhere else; as a store, it takes nothing."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(307)
                self.send_header("location", "https://elsewhere.example/in")
                self.end_headers()

            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(503)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self._thread = Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@dataclass
class Scene:
    """The town, its recipients, its people, and a client that is signed in as the officer."""

    town: Town
    setting: Setting
    desk: PeopleDesk
    officer: httpx.Client
    keys: dict[str, str] = field(default_factory=dict[str, str])

    def observe(self, lux: float, meters: list[str] = METERS) -> None:
        """One reading of each meter, now."""
        at = self.setting.now_us()
        for meter in meters:
            body = json.dumps([{"n": "lux", "u": "lx", "t": at / 1e6, "v": lux}]).encode()
            headers = {"Authorization": f"Bearer {self.keys[meter]}", "Content-Type": "application/senml+json"}
            with closing(http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)) as link:
                link.request("POST", "/v1/observations", body, headers)
                assert link.getresponse().status in (200, 202)

    def ask(self, who: str, **query: str) -> httpx.Response:
        """`GET /api/release/rows`, with the recipient's key."""
        asked = {"dataset": "light", "purpose": "planning"} | query
        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        return httpx.get(f"{self.town.web}/api/release/rows?{urlencode(asked)}", headers=headers, timeout=20)

    def seen(self, who: str, why: str) -> dict[str, str]:
        """What the officer sees of such an attempt; waited for, and on record under the name that is shown."""
        row = wait(f"{who} is seen, because of {why}", lambda: next(iter(self._seen(who, why)), None))
        assert row["record"].partition(":")[0] in {"web", "release", "steward"}
        return row

    def _seen(self, who: str, why: str) -> list[dict[str, str]]:
        rows = self.officer.get("/api/received/refusals").json()["refusals"]
        return [row for row in rows if row["recipient"] == who and why in row["reasons"].split()]

    def recipient(self, name: str) -> dict[str, Any]:
        """A recipient as the officer sees it."""
        told = self.officer.get("/api/received/recipients").json()["recipients"]
        return next(one for one in told if one["recipient"] == name)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("attempts")
    with ExitStack() as open_:
        leads_on = LeadsOn()
        open_.callback(leads_on.stop)
        place = write_releasing(folder / "place", everybody(leads_on.port))
        with (place / "place.yaml").open("a") as file:
            file.write(ROLES)
        town = open_.enter_context(running_town(place, folder / "state", "--speed", "600", "--plain-mqtt"))
        setting = open_setting(Home(folder / "state"))
        open_.callback(setting.state.dispose)
        desk = desk_of(folder / "state")
        open_.callback(desk.setting.state.dispose)
        for who, party, role in (("olga", "council", "officer"), ("eve", "acme", "engineer")):
            desk.add(who, who.title(), party, "test")
            desk.give(Wish(who, role, "for the test", 0), "test")
        wait("the door listens", lambda: listens(town.web))
        one = Scene(town, setting, desk, open_.enter_context(signed_in(town, desk, "olga")))
        one.keys = {meter: add_device(Device(town.state, meter, "test"))["secret"] for meter in METERS}
        for name in ("desk", "frugal", "groups", "ear"):
            one.keys[name] = add_recipient(Asked(town.state, name, "test"))["key"]
        for name in ("moved", "hopper"):
            add_recipient(Asked(town.state, name, "test"))
        access = b'{"access": "AKIATEST", "secret": "secret-of-the-store"}'
        add_recipient(Asked(town.state, "files", "test"), access=access)
        one.observe(11.5)
        wait("rows are held", lambda: (a := one.ask("desk")).status_code == 200 and len(rows_in(a.content)) == 4)
        yield one


@contextmanager
def signed_in(town: Town, desk: PeopleDesk, who: str) -> Iterator[httpx.Client]:
    """A browser of somebody who used their link."""
    with httpx.Client(base_url=town.web, timeout=20) as client:
        assert client.post("/sign-in", data={"token": desk.link(who, "test")}).status_code == 303
        yield client


def listens(web: str) -> bool:
    try:
        return httpx.get(f"{web}/sign-in", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def everybody(port: int) -> list[str]:
    return [
        recipient("desk", "query", flows="[asked, old]"),
        recipient("frugal", "query", flows="[asked]", rows_per_day="3"),
        recipient("groups", "query", flows="[asked]", form="groups"),
        recipient("ear", "live", flows="[heard]"),
        # its name was in this block when it was declared, and leads to the machine beside us now
        recipient("moved", "webhook", flows="[called]", endpoint=f"http://localhost:{port}/in",
                  addresses="[localhost, 192.0.2.0/24]"),
        recipient("hopper", "webhook", flows="[called]", endpoint=f"http://127.0.0.1:{port}/in"),
        recipient("files", "export", flows="[asked]", endpoint="s3://bucket/acme", store=f"http://127.0.0.1:{port}",
                  every="hour"),
    ]  # fmt: skip


def test_another_purpose_is_refused_and_seen(scene: Scene) -> None:
    assert scene.ask("desk", purpose="marketing").status_code == 403
    row = scene.seen("desk", "undeclared")
    assert (row["dataset"], row["purpose"], row["source"]) == ("light", "marketing", "127.0.0.1")


def test_an_agreement_that_is_over_is_refused_and_seen(scene: Scene) -> None:
    assert scene.ask("desk", purpose="history").status_code == 403
    assert scene.seen("desk", "out-of-term")["purpose"] == "history"


def test_another_recipients_subject_is_refused_over_nats_and_mqtt_and_seen(scene: Scene) -> None:
    async def listen() -> None:
        async def nothing(_: Exception) -> None: ...

        link = await nats.connect(
            scene.setting.city.bus_url, user="recipient:ear", password=scene.keys["ear"], error_cb=nothing,
            allow_reconnect=False,
        )  # fmt: skip
        await link.subscribe("out.hopper.>")
        await link.publish("out.hopper.light.made-up", b"forged")
        await link.flush()
        await link.close()

    asyncio.run(listen())
    first = scene.seen("ear", "not-its-own")
    assert (first["source"], first["count"]) == ("127.0.0.1", "2")
    with Mqtt(scene.town.mqtt_port, "recipient:ear", scene.keys["ear"], wait_s=20) as link:
        assert link.subscribe("out/hopper/#") == 0x80
        wait("it is seen again", lambda: scene.recipient("ear")["refused"] == 3)


def test_an_endpoint_that_moved_out_of_its_declared_block_is_left_alone_and_seen(scene: Scene) -> None:
    scene.seen("moved", "from-elsewhere")
    assert scene.recipient("moved")["sent"] == 0


def test_a_redirect_to_an_undeclared_host_is_not_followed_and_seen(scene: Scene) -> None:
    scene.seen("hopper", "from-elsewhere")
    assert scene.recipient("hopper")["sent"] == 0


def test_small_groups_are_withheld_and_the_officer_sees_how_many(scene: Scene) -> None:
    before = scene.recipient("groups")["withheld"]
    scene.observe(51.5, METERS[:2])  # two devices, and groups are of three

    def asked() -> bool:
        answer = scene.ask("groups")
        assert b"51.5" not in answer.content
        return scene.recipient("groups")["withheld"] >= before + 2

    wait("they are withheld", asked)


def test_a_bulk_read_beyond_the_budget_is_refused_and_seen(scene: Scene) -> None:
    assert scene.ask("frugal").status_code == 429
    assert scene.seen("frugal", "over-budget")["dataset"] == "light"
    assert scene.recipient("frugal")["sent"] == 0


def test_a_support_engineer_from_an_undeclared_place_is_refused_and_seen(scene: Scene) -> None:
    with signed_in(scene.town, scene.desk, "eve") as eve:
        answer = eve.get("/api/devices/meter-01")
        assert answer.status_code == 403
        assert "engineer is not for this address" in answer.json()["detail"]
    assert scene.seen("person:eve", "elsewhere")["source"] == "127.0.0.1"


def test_an_address_that_worked_once_is_nobodys_when_it_is_played_again_and_seen(scene: Scene) -> None:
    token = scene.desk.link("olga", "test")
    with httpx.Client(base_url=scene.town.web, timeout=20) as first, httpx.Client(base_url=scene.town.web) as second:
        assert first.post("/sign-in", data={"token": token}).status_code == 303
        assert second.post("/sign-in", data={"token": token}).status_code == 403
        assert second.get("/api/me").status_code == 401
    scene.seen("person:", "unknown-link")


def test_after_revocation_the_key_and_what_waited_for_export_get_nothing_and_both_are_seen(scene: Scene) -> None:
    wait("files wait", lambda: scene.recipient("files")["queued"], within_s=60)
    for name in ("files", "desk"):
        assert revoke_recipient(Asked(scene.town.state, name, "test"))
    wait("its key is nobody's", lambda: scene.ask("desk").status_code == 401)
    assert scene.seen("desk", "revoked")["source"] == "127.0.0.1"
    told = wait("the queue is shed", lambda: (one := scene.recipient("files"))["shed"] and not one["queued"] and one)
    assert (told["state"], told["sent"]) == ("revoked", 0)
    scene.seen("files", "revoked")
    shed = scene.officer.get("/api/received/receipts?recipient=files").json()["receipts"]
    assert {one["reason"] for one in shed} == {"revoked"}


def officers_page(browser: Browser, scene: Scene, page: str) -> None:
    browser.open(f"{scene.town.web}/sign-in?token={scene.desk.link('olga', 'test')}")
    browser.evaluate("document.querySelector('form button').click()")
    browser.until("document.querySelector('nav a[href=\"#/out\"]')")
    browser.evaluate(f"location.hash = '{page}'")


@pytest.mark.browser
@with_browser
def test_the_officer_opens_one_page_and_finds_every_attempt_on_it(browser: Browser, scene: Scene) -> None:
    officers_page(browser, scene, "#/out/book/attempts")
    browser.until("document.querySelector('section[aria-label=\"Refused attempts\"] tbody td.num')")
    rows = browser.evaluate("[...document.querySelectorAll('section tbody tr')].map(r => r.innerText)")
    for who, why in (
        ("desk", "undeclared"), ("desk", "out of term"), ("ear", "not its own"), ("moved", "from elsewhere"),
        ("hopper", "from elsewhere"), ("frugal", "over budget"), ("eve", "elsewhere"), ("somebody", "unknown link"),
        ("desk", "revoked"), ("files", "revoked"),
    ):  # fmt: skip
        assert any(row.startswith(who) and why in row for row in rows), (who, why, rows)
    assert complaints(browser) == []


@pytest.mark.browser
@with_browser
def test_a_recipients_own_page_tells_what_was_withheld_and_refused(browser: Browser, scene: Scene) -> None:
    officers_page(browser, scene, "#/out/recipient/frugal")
    browser.until("document.querySelector('section[aria-label=\"Refused attempts\"] .tag')")
    assert "over budget" in browser.evaluate("document.querySelector('.shown').innerText")
    browser.evaluate("location.hash = '#/out/recipient/groups'")
    withheld = scene.recipient("groups")["withheld"]
    browser.until(f"document.querySelector('.shown').innerText.includes('{withheld} held rows did not pass')")
    assert complaints(browser) == []
