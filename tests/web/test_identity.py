"""Signing in by a link that works once; devices by their keys."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from cityward.evidence.records import AnyRecord, Lifecycle
from cityward.web import identity
from cityward.web.identity import DeviceKeys, client_of, digest, new_token
from web.house import KEYS, NOON, House, house, opened

FORM = {"content-type": "application/x-www-form-urlencoded"}


def redeem(browser: httpx.Client, token: str, **headers: str) -> httpx.Response:
    return browser.post("/sign-in", content=f"token={token}", headers={**FORM, **headers})


def test_opening_the_link_does_not_use_it_up(door: House) -> None:
    token = door.link()
    with door.stranger() as browser:
        for _ in range(3):
            page = browser.get(f"/sign-in?token={token}")
            assert f'value="{token}"' in page.text
        assert redeem(browser, token).status_code == 303


def test_a_link_opens_a_session_and_a_strict_cookie(door: House) -> None:
    with door.stranger() as browser:
        answer = redeem(browser, door.link())
        assert answer.headers["location"] == "/"
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith("cityward=")
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/" in cookie
        assert "secure" not in cookie
        assert browser.get("/api/place").status_code == 200
    (stored,) = door.sessions.open_ones
    assert stored == digest(answer.cookies["cityward"])


def test_a_secure_door_names_its_cookie_so_that_no_other_host_can_set_it() -> None:
    with opened(house(secure=True)) as door, door.stranger() as browser:
        answer = redeem(browser, door.link())
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-cityward=")
        assert "; Secure" in cookie
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_a_link_redeemed_twice_is_refused(door: House) -> None:
    token = door.link()
    with door.stranger() as one, door.stranger() as other:
        assert redeem(one, token).status_code == 303
        again = redeem(other, token)
    assert again.status_code == 403
    assert "set-cookie" not in again.headers
    assert token not in again.text


def test_of_many_who_redeem_at_once_one_gets_in(door: House) -> None:
    token, together, answers = door.link(), threading.Barrier(8), []

    def one() -> None:
        with door.stranger() as browser:
            together.wait()
            answers.append(redeem(browser, token).status_code)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303] + [403] * 7
    assert len(door.sessions.open_ones) == 1


@pytest.mark.parametrize("token", ["", "x", "a" * 300, "%00%ff", "a" * 43 + "&token=b"])
def test_what_is_no_link_is_refused(door: House, token: str) -> None:
    with door.stranger() as browser:
        assert redeem(browser, token).status_code == 403


def test_an_expired_link_is_refused(door: House) -> None:
    with door.stranger() as browser:
        assert redeem(browser, door.link(lasts_us=0)).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "none"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 303),
    ],
    ids=str,
)
def test_only_our_own_pages_may_post(door: House, headers: dict[str, str], status: int) -> None:
    with door.stranger() as browser:
        assert redeem(browser, door.link(), **headers).status_code == status


def test_our_own_origin_may_post_where_the_browser_says_no_more(door: House) -> None:
    with door.stranger() as browser:
        assert redeem(browser, door.link(), origin=door.url).status_code == 303


def test_a_token_in_the_page_stays_text(door: House) -> None:
    with door.stranger() as browser:
        page = browser.get("/sign-in", params={"token": '"><script>alert(1)</script>'})
    assert "<script>" not in page.text


def test_signing_in_is_rate_limited_and_says_when_to_come_back(door: House) -> None:
    with door.stranger() as browser:
        statuses = [redeem(browser, "a" * 43).status_code for _ in range(11)]
        last = redeem(browser, "a" * 43)
    assert statuses == [403] * 10 + [429]
    assert int(last.headers["retry-after"]) >= 1


def test_signing_out_ends_the_session_and_clears_the_cookie(door: House) -> None:
    with door.client() as person:
        answer = person.post("/sign-out")
        assert answer.headers["location"] == "/sign-in"
        assert 'cityward=""' in answer.headers["set-cookie"]
        assert door.sessions.open_ones == {}
        assert person.get("/api/place").status_code == 401


def test_another_site_cannot_sign_a_person_out(door: House) -> None:
    with door.client() as person:
        assert person.post("/sign-out", headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert person.get("/api/place").status_code == 200


def test_a_session_ends_by_itself(door: House) -> None:
    cookies = door.session()
    (row,) = door.sessions.open_ones.values()
    door.sessions.open(replace(row, expires_at=NOON))
    with door.stranger(cookies=cookies) as person:
        assert person.get("/api/place").status_code == 401


def test_sign_ins_are_recorded_before_the_session_opens() -> None:
    class Ledger:
        def __init__(self) -> None:
            self.records: list[AnyRecord] = []

        def append(self, records: list[AnyRecord]) -> list[str]:
            self.records += records
            return ["web:0"]

        def tail(self, most: int) -> list[tuple[str, AnyRecord]]:
            return []

    ledger = Ledger()
    with opened(house(ledger=ledger)) as door, door.stranger() as browser:
        redeem(browser, door.link())
    (record,) = ledger.records
    assert record == Lifecycle(at=NOON, by="web", event="sign-in", detail={"who": "operator"})


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer short", "Basic abc", f"Bearer {'k' * 300}", "Bearer " + "k" * 40]
)
def test_a_key_that_is_none_is_refused(door: House, header: str) -> None:
    with door.stranger() as stranger:
        answer = stranger.post("/v1/observations", headers={"authorization": header})
    assert answer.status_code == 401
    assert door.app.state.desk.meters.door["unauthorized"] == 1


def test_guessing_keys_is_rate_limited_but_known_devices_still_pass(door: House) -> None:
    senml = {"content-type": "application/senml+json"}
    with door.device("counter-1") as device, door.stranger() as guesser:
        assert device.post("/v1/observations", content=b"[]", headers=senml).status_code == 202
        statuses = {
            guesser.post("/v1/observations", headers={"authorization": f"Bearer {new_token()}"}).status_code
            for _ in range(70)
        }
        assert statuses == {401, 429}
        assert device.post("/v1/observations", content=b"[]", headers=senml).status_code == 202


def test_a_thousand_devices_behind_one_address_may_come_back_at_once(
    door: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    senml = {"content-type": "application/senml+json"}
    keys = door.app.state.desk.reception._keys
    with door.device("counter-1") as device:
        for _ in range(200):
            monkeypatch.setattr(keys, "_known", {})  # as after a restart: this key was never seen
            assert device.post("/v1/observations", content=b"[]", headers=senml).status_code == 202


def test_a_key_is_asked_for_once_and_forgotten_when_the_registry_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "RECHECK_S", 0.0)
    credentials = house().credentials

    async def play() -> None:
        keys, key = DeviceKeys(credentials), KEYS["counter-1"]
        assert await keys.known(key) is None
        assert await keys.look_up(key) == "counter-1"
        assert await keys.known(key) == "counter-1"
        assert credentials.lookups == 1
        credentials.revoke("counter-1", NOON)
        assert await keys.known(key) is None
        assert await keys.look_up(key) is None

    asyncio.run(play())


def test_a_look_up_that_began_before_a_revocation_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "RECHECK_S", 0.0)
    credentials = house().credentials
    reading, revoked = threading.Event(), threading.Event()
    ask = credentials.device_of_key

    def slow(hashed: bytes) -> str | None:
        found = ask(hashed)
        reading.set()
        revoked.wait(5)
        return found

    credentials.device_of_key = slow  # type: ignore[method-assign]

    async def play() -> None:
        keys, key = DeviceKeys(credentials), KEYS["counter-1"]
        await keys.known(key)
        looking = asyncio.create_task(keys.look_up(key))
        await asyncio.to_thread(reading.wait, 5)
        credentials.revoke("counter-1", NOON)
        assert await keys.known(key) is None
        revoked.set()
        await looking
        assert await keys.known(key) is None

    asyncio.run(play())


def test_tokens_have_256_bits_and_differ() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {43}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_an_address_is_limited_as_what_one_host_owns(one: str, other: str, same: bool) -> None:
    def of(host: str) -> str:
        scope: dict[str, Any] = {"type": "http", "client": (host, 1), "headers": []}
        return client_of(Request(scope))

    assert (of(one) == of(other)) is same
