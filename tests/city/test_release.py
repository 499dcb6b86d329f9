"""A running town gives real recipients what it holds: each what it may have, with receipts, and nobody anything else."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import nats
import pytest
from moto.server import ThreadedMotoServer

from cityward.adapters.ledgers.reading import tail_of
from cityward.compose.home import Home
from cityward.compose.setting import Setting, open_setting
from cityward.evidence.records import Release
from cityward.time import iso
from mqtt import Mqtt
from releasing import Hook, cityward, count_of, hooked, opened, recipient, rows_in, wait, write_releasing
from towns import Town, running_town

SPEED = "600"  # an hour of the city is six seconds: exports by the hour come while one waits
METERS = [f"meter-0{n}" for n in range(1, 5)]


@dataclass
class Scene:
    """The town with everybody in it."""

    town: Town
    state: Path
    setting: Setting
    hook: Hook
    keys: dict[str, str] = field(default_factory=dict[str, str])
    sent: int = 0

    def observe(self, lux: float, meters: list[str] = METERS) -> int:
        """One reading of each meter, now; the city's time of it."""
        at = self.setting.now_us()
        for meter in meters:
            self.sent += 1
            body = json.dumps([{"n": "lux", "u": "lx", "t": at / 1e6, "v": lux}]).encode()
            headers = {"Authorization": f"Bearer {self.keys[meter]}", "Content-Type": "application/senml+json"}
            with closing(http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)) as link:
                link.request("POST", "/v1/observations", body, headers)
                assert link.getresponse().status in (200, 202)
        return at

    def ask(self, who: str, *, key: str | None = None, **query: Any) -> tuple[int, bytes, dict[str, str]]:
        """`GET /api/release/rows`."""
        asked = {"dataset": "light", "purpose": "planning"} | query
        with closing(http.client.HTTPConnection(self.town.web.removeprefix("http://"), timeout=20)) as link:
            headers = {"Authorization": f"Bearer {self.keys[who] if key is None else key}"}
            link.request("GET", f"/api/release/rows?{urlencode(asked)}", headers=headers)
            answer = link.getresponse()
            return answer.status, answer.read(), {name.lower(): text for name, text in answer.getheaders()}

    def ledger(self, role: str) -> list[Any]:
        return [record for _, record in tail_of(self.setting.home.ledger(role), 10_000)]

    def receipts(self, **of: Any) -> Any:
        return self.setting.state.releases.receipts(**of)

    def refusals(self, who: str) -> list[Any]:
        return cityward("recipient", "show", who, "--state", str(self.state))["refused"]

    def cli(self, *words: str, code: int = 0, given: bytes | None = None) -> Any:
        return cityward("recipient", *words, "--state", str(self.state), code=code, given=given)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("release")
    with ExitStack() as open_:
        hook = open_.enter_context(hooked())
        store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        store.start()
        open_.callback(store.stop)
        place = write_releasing(folder / "place", everybody(hook.port, store.get_host_and_port()[1]))
        town = open_.enter_context(running_town(place, folder / "state", "--speed", SPEED, "--plain-mqtt"))
        setting = open_setting(Home(folder / "state"))
        open_.callback(setting.state.dispose)
        scene = Scene(town, folder / "state", setting, hook)
        told = (cityward("device", "add", meter, "--state", str(town.state)) for meter in METERS)
        scene.keys |= {meter: one["secret"] for meter, one in zip(METERS, told, strict=True)}
        for name in ("desk", "frugal", "groups", "ear", "lost"):
            scene.keys[name] = scene.cli("add", name)["key"]
        scene.cli("add", "hook")
        access = json.dumps({"access": "AKIATEST", "secret": "secret-of-the-store"}).encode()
        scene.cli("add", "files", "--access", "-", given=access)
        open_bucket(store.get_host_and_port()[1])
        opened(town)
        yield scene


def everybody(hook: int, store: int) -> list[str]:
    return [
        recipient("desk", "query", flows="[asked, old]"),
        recipient("frugal", "query", flows="[asked]", rows_per_day="3"),
        recipient("groups", "query", flows="[asked]", form="groups"),
        recipient("far", "query", flows="[asked]", addresses="[192.0.2.0/24]"),
        recipient("ear", "live", flows="[heard]"),
        recipient("lost", "live", flows="[heard]", addresses="[192.0.2.7]"),
        recipient("hook", "webhook", flows="[called]", endpoint=f"http://127.0.0.1:{hook}/in"),
        recipient(
            "files",
            "export",
            flows="[asked]",
            endpoint="s3://bucket/acme",
            store=f"http://127.0.0.1:{store}",
            every="hour",
        ),
    ]


def client_of(port: int) -> Any:
    import boto3

    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", aws_access_key_id="AKIATEST",
        aws_secret_access_key="secret-of-the-store",
    )  # fmt: skip


def open_bucket(port: int) -> None:
    with closing(client_of(port)) as client:
        client.create_bucket(Bucket="bucket")


def test_whoever_asks_gets_rows_with_a_receipt_that_is_on_record(scene: Scene) -> None:
    scene.observe(11.5)
    status, body, headers = wait("rows", lambda: (a := scene.ask("desk"))[0] == 200 and len(rows_in(a[1])) >= 4 and a)
    told = rows_in(body)
    assert status == 200
    assert {row["device"] for row in told} == set(METERS)
    assert {row["value"] for row in told} == {11.5}
    receipt = headers["cityward-receipt"]
    [record] = [
        r for r in scene.ledger("web") if isinstance(r, Release) and r.recipient == "desk" and r.rows == len(told)
    ][-1:]
    assert (record.purpose, record.agreement, record.to) == ("planning", "acme-2026", "127.0.0.1")
    [kept] = [r for r in scene.receipts(recipient="desk") if r.record == receipt]
    assert kept.devices == tuple(METERS)
    assert kept.digest == json.loads(body.splitlines()[0])["digest"]


def test_a_webhook_is_called_with_the_same_receipt_that_the_owner_sees(scene: Scene) -> None:
    scene.observe(21.5)
    wait("a post", lambda: any(b"21.5" in body for _, _, body in scene.hook.taken))
    name, headers, body = next(taken for taken in scene.hook.taken if b"21.5" in taken[2])
    receipt = headers["cityward-receipt"]
    assert name == receipt.replace(":", "-")
    assert "Cityward-Signature" in headers
    assert json.loads(body.splitlines()[0])["receipt"] == receipt
    wait(
        "it is settled",
        lambda: any(r.record == receipt and r.state == "delivered" for r in scene.receipts(recipient="hook")),
    )


def test_a_live_recipient_hears_its_own_subject_and_nothing_else(scene: Scene) -> None:
    async def listen() -> tuple[list[str], bytes]:
        refused: list[str] = []

        async def note(error: Exception) -> None:
            refused.append(str(error))

        link = await nats.connect(
            scene.setting.city.bus_url,
            user="recipient:ear",
            password=scene.keys["ear"],
            error_cb=note,
            allow_reconnect=False,
        )
        try:
            mine = await link.subscribe("out.ear.>")
            for other in ("out.hook.>", "out.>", "in.>", "cmd.>"):
                await link.subscribe(other)
            await link.publish("out.ear.light.made-up", b"forged")
            await link.flush()
            await asyncio.to_thread(scene.observe, 31.5)
            message = await mine.next_msg(timeout=30)
            while b"31.5" not in message.data:  # what waited for it comes first
                message = await mine.next_msg(timeout=30)
        finally:
            await link.close()
        return refused, message.data

    refused, data = asyncio.run(listen())
    assert {row["value"] for row in rows_in(data)} == {31.5}
    assert len([text for text in refused if "permissions violation" in text.lower()]) == 5
    with Mqtt(scene.town.mqtt_port, "recipient:ear", scene.keys["ear"], wait_s=20) as link:
        assert link.code == 0
        assert link.subscribe("out/ear/#") != 0x80
        assert link.subscribe("out/hook/#") == 0x80


def test_nobody_listens_from_an_undeclared_address_or_with_anothers_key(scene: Scene) -> None:
    for who, key in (("lost", scene.keys["lost"]), ("ear", scene.keys["lost"]), ("desk", scene.keys["desk"])):
        with Mqtt(scene.town.mqtt_port, f"recipient:{who}", key, wait_s=20) as link:
            assert link.code == 5


def test_beyond_its_budget_a_recipient_gets_no_bulk(scene: Scene) -> None:
    scene.observe(41.5)
    wait("rows", lambda: len(rows_in(scene.ask("desk")[1])) > 3)
    status, body, _ = scene.ask("frugal")
    assert (status, json.loads(body)["detail"]) == (429, "it is not released: over-budget")
    wait("it is on record", lambda: [r for r in scene.refusals("frugal") if r["reasons"] == "over-budget"])
    assert count_of(scene.town, "frugal")["sent"] == 0


def test_asking_again_by_smaller_spans_tells_nothing_of_small_groups(scene: Scene) -> None:
    scene.observe(51.5, METERS[:2])  # two devices, and groups are of three
    until = scene.setting.now_us()
    for seconds in (86_400, 3600, 120, 61, 60, 1):
        since = f"{(until - seconds * 1_000_000) // 1_000_000}"
        status, body, _ = scene.ask("groups", since=iso(int(since) * 1_000_000), until=iso(until))
        assert status in (200, 503)
        assert b"51.5" not in body


def test_an_export_by_the_hour_is_put_into_the_store(scene: Scene) -> None:
    scene.observe(61.5)
    wait("a file", lambda: any(r.state == "delivered" for r in scene.receipts(recipient="files")), within_s=60)
    [newest, *_] = [r for r in scene.receipts(recipient="files") if r.state == "delivered"]
    with closing(client_of(int(scene.setting.loaded.place.recipients["files"].store.rsplit(":", 1)[1]))) as client:
        keys = [one["Key"] for one in client.list_objects_v2(Bucket="bucket")["Contents"]]
    assert any(key.startswith("acme/light/") and newest.record.replace(":", "-") in key for key in keys)


def test_killed_at_any_moment_it_loses_nothing_and_gives_nothing_without_a_receipt(scene: Scene) -> None:
    values = (81.5, 82.5, 83.5)
    for value in values:
        scene.observe(value)
        if (pid := scene.town.counts()["pids"].get("release")) is not None:
            os.kill(pid, signal.SIGKILL)
    bodies = lambda: [body for _, _, body in scene.hook.taken]  # noqa: E731
    wait("all of it", lambda: all(any(b"%.1f" % v in body for body in bodies()) for v in values), within_s=40)
    on_record = {r.record for r in scene.receipts(recipient="hook", most=10_000)}
    assert {headers["cityward-receipt"] for _, headers, _ in scene.hook.taken} <= on_record
    by_name = {name: body for name, _, body in scene.hook.taken}
    assert all(by_name[name] == body for name, _, body in scene.hook.taken)  # a repeat is the same under the same name
    count_of(scene.town, "hook")


def test_after_revocation_nothing_more_is_given_and_what_waits_is_shed(scene: Scene) -> None:
    scene.hook.dead = True
    scene.observe(71.5)
    wait("something waits", lambda: count_of(scene.town, "hook")["queued"])
    scene.setting.state.recipients.revoke("hook")
    view = wait("it is shed", lambda: (v := count_of(scene.town, "hook"))["shed"] and not v["queued"] and v)
    assert view["state"] == "revoked"
    assert "revoked" in {r.reason for r in scene.receipts(recipient="hook") if r.state == "shed"}
    assert not any(b"71.5" in body for _, _, body in scene.hook.taken)
