"""Signing in by an OpenID provider that the test runs: what it must prove, and what is refused."""

from __future__ import annotations

import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from cityward.runtime.people import Stance
from cityward.watch.events import EventKind
from cityward.web.ports import OidcSettings
from web.staff import Staff, staffed

CLIENT = "cityward"


class Provider:
    """A small OpenID provider. `person` is who signs in there; `lie` changes the claims of its next tokens."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", parameters={"kid": "one"})
        self.person, self.lie = "00u-ada", dict[str, Any]()
        self.codes: dict[str, dict[str, str]] = {}
        self.algorithm = "ES256"
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(provider.get(urlsplit(self.path)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self.answer(provider.token({k: v[0] for k, v in parse_qs(body).items()}))

            def answer(self, found: tuple[int, Any]) -> None:
                data = json.dumps(found[1]).encode()
                self.send_response(found[0])
                if found[0] == 303:
                    self.send_header("location", found[1])
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def get(self, asked: Any) -> tuple[int, Any]:
        if asked.path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            return 200, {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in ends.items()}
        if asked.path == "/keys":
            return 200, KeySet([self.key]).as_dict(private=False)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        code = secrets.token_hex(8)
        self.codes[code] = query
        return 303, f"{query['redirect_uri']}?code={code}&state={query['state']}&iss={self.issuer}"

    def token(self, form: dict[str, str]) -> tuple[int, Any]:
        asked = self.codes.pop(form["code"], None)
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": self.person, "nonce": asked["nonce"]}
        claims |= {"iat": now, "exp": now + 300, **self.lie}
        return 200, {"id_token": jwt.encode({"alg": self.algorithm, "kid": "one"}, claims, self.key)}


def fetch(method: str, address: str, form: Mapping[str, str] | None) -> tuple[int, bytes]:
    answer = httpx.request(method, address, data=None if form is None else dict(form), timeout=10)
    return answer.status_code, answer.content


@pytest.fixture
def provider() -> Iterator[Provider]:
    one = Provider()
    yield one
    one.close()


@pytest.fixture
def staff(tmp_path: Path, provider: Provider) -> Iterator[Staff]:
    with staffed(tmp_path, oidc=OidcSettings(issuer=provider.issuer, client=CLIENT, fetch=fetch)) as one:
        one.somebody("ada", "desk")
        one.desk.know("ada", provider.issuer, "00u-ada", "test")
        yield one


def back(browser: httpx.Client) -> str:
    """Go to the provider and sign in there: the address that it sends the browser back to."""
    there = browser.get("/sign-in/provider")
    assert there.status_code == 303
    return httpx.get(there.headers["location"]).headers["location"]


def test_somebody_whom_the_provider_knows_comes_in_and_no_answer_is_taken_twice(staff: Staff) -> None:
    with staff.door.stranger() as browser:
        address = back(browser)
        page = browser.get(address)
        assert page.status_code == 200 and 'url=/"' in page.text
        assert "samesite=strict" in page.headers["set-cookie"].lower()
        assert browser.get("/api/me").json()["id"] == "ada"
        assert browser.get(address).status_code == 403
    assert [e.detail for e in staff.told.events if e.kind is EventKind.SIGN_IN] == [{"way": "oidc"}]


def test_an_answer_in_another_browser_opens_nothing(staff: Staff) -> None:
    with staff.door.stranger() as browser, staff.door.stranger() as other:
        address = back(browser)
        assert other.get(address).status_code == 403
        other.get("/sign-in/provider")
        assert other.get(address).status_code == 403, "asked for something else"
        assert other.get("/api/me").status_code == 401


@pytest.mark.parametrize(
    "lie",
    [
        {"aud": "another-client"},
        {"aud": ["cityward", "another-client"]},
        {"iss": "https://evil.example"},
        {"nonce": "another"},
        {"exp": 1},
        {"iat": 4_102_444_800},
        {"exp": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "00u-nobody"},
    ],
    ids=str,
)
def test_a_token_that_does_not_hold_opens_nothing(staff: Staff, provider: Provider, lie: dict[str, Any]) -> None:
    provider.lie = lie
    with staff.door.stranger() as browser:
        assert browser.get(back(browser)).status_code == 403
        assert browser.get("/api/me").status_code == 401


def test_a_token_signed_with_a_key_that_is_not_published_opens_nothing(staff: Staff, provider: Provider) -> None:
    with staff.door.stranger() as browser:
        address = back(browser)
        published, provider.key = provider.key, ECKey.generate_key("P-256", parameters={"kid": "one"})
        signed, get = provider.token, provider.get

        def keys(asked: Any) -> tuple[int, Any]:
            return (200, KeySet([published]).as_dict(private=False)) if asked.path == "/keys" else get(asked)

        provider.get = keys  # type: ignore[method-assign]
        assert signed is not None and browser.get(address).status_code == 403


def test_keys_that_the_provider_has_changed_are_asked_for_again(staff: Staff, provider: Provider) -> None:
    with staff.door.stranger() as first, staff.door.stranger() as second:
        assert first.get(back(first)).status_code == 200
        provider.key = ECKey.generate_key("P-256", parameters={"kid": "one"})
        assert second.get(back(second)).status_code == 200


def test_a_locked_account_is_not_opened_by_a_provider(staff: Staff) -> None:
    staff.desk.stand("ada", Stance.LOCKED, "test")
    with staff.door.stranger() as browser:
        assert browser.get(back(browser)).status_code == 403


def test_an_answer_that_says_another_issuer_is_refused(staff: Staff) -> None:
    with staff.door.stranger() as browser:
        address = back(browser)
        assert browser.get(address.rpartition("&iss=")[0] + "&iss=https://evil.example").status_code == 403
