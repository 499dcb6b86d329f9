"""Released rows against real recipients: a webhook over TLS, an S3-compatible store (moto), an SFTP server (asyncssh)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from moto.server import ThreadedMotoServer

from cityward.adapters.keys.ways import ServerAccess, StoreAccess, WaySecrets
from cityward.adapters.outlets import s3
from cityward.adapters.outlets.names import checked_name
from cityward.adapters.outward.signing import REPLAY_S, is_fresh
from cityward.compose.outward import way_out
from cityward.errors import LinkError, Refused
from cityward.place.release import Recipient
from outward import Door, Names
from peers import Certificates, behaving, certificates_for, receiver

NOW = 1_700_000_000
BODY = b'{"device":"a"}\n' * 3
NAME = "acme-counts/2026/11/22T10.parquet"


def recipient(endpoint: str, *addresses: str, store: str = "") -> Recipient:
    by = "webhook" if endpoint.startswith("http") else "export"
    return Recipient(
        party="acme", flows=("counts",), by=by, endpoint=endpoint, store=store, addresses=addresses, jurisdiction="xa"
    )


def kept(tmp_path: Path) -> WaySecrets:
    return WaySecrets(tmp_path, "recipient", "acme")


# -- webhook


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates_for(tmp_path_factory.mktemp("keys"), "hooks.example")


def test_a_webhook_gets_rows_that_it_can_tell_to_be_ours_and_no_replay(certificates: Certificates, tmp_path: Path):
    key = bytes.fromhex(kept(tmp_path).new_key())
    with receiver(204, certificates.server) as (port, got):
        door = Door(Names(hooks_example=["127.0.0.1"]), certificates.trust)
        to = recipient(f"https://hooks.example:{port}/in", "hooks.example", "127.0.0.0/8")
        way_out(door, tmp_path, "acme", to).send(BODY, NAME, {"Content-Type": "application/x-ndjson"})
    [(path, headers, body)] = got.requests
    assert (path, body, headers["Content-Type"]) == ("/in", BODY, "application/x-ndjson")
    assert headers["Cityward-Release"] == NAME
    signed = headers["Cityward-Signature"]
    at_s = int(signed.split(",")[0].removeprefix("t="))
    assert signed == f"t={at_s},v1={hmac.new(key, f'{at_s}.'.encode() + BODY, hashlib.sha256).hexdigest()}"
    assert is_fresh(key, body, signed, at_s + REPLAY_S)
    assert not is_fresh(key, body, signed, at_s + REPLAY_S + 1), "played again later"
    assert not is_fresh(key, body + b" ", signed, at_s)
    assert not is_fresh(bytes(32), body, signed, at_s)
    assert not is_fresh(key, body, signed.replace(f"t={at_s}", f"t={at_s + 1}"), at_s)


@pytest.mark.parametrize("status", [400, 410, 429, 500, 503])
def test_what_a_webhook_does_not_take_is_tried_again(status: int, tmp_path: Path):
    kept(tmp_path).new_key()
    with receiver(status, None) as (port, _), pytest.raises(LinkError, match=f"answered {status}"):
        way_out(Door(), tmp_path, "acme", recipient(f"http://127.0.0.1:{port}/", "127.0.0.1")).send(BODY, NAME, {})


def test_a_webhook_that_leads_on_elsewhere_is_refused(tmp_path: Path):
    kept(tmp_path).new_key()
    with receiver(307, None, "https://elsewhere.example/") as (port, _):
        door = Door()
        with pytest.raises(Refused, match=r"leads on to `elsewhere\.example`"):
            way_out(door, tmp_path, "acme", recipient(f"http://127.0.0.1:{port}/", "127.0.0.1")).send(BODY, NAME, {})
    assert len(door.turned) == 1


def test_a_recipient_without_its_key_is_sent_nothing(tmp_path: Path):
    with receiver(204, None) as (port, got), pytest.raises(LinkError, match="recipient `acme` has no key"):
        way_out(Door(), tmp_path, "acme", recipient(f"http://127.0.0.1:{port}/", "127.0.0.1")).send(BODY, NAME, {})
    assert got.requests == []


# -- store

ACCESS = StoreAccess(access="AKIDEXAMPLE", secret="wJalrXUtnFEMI+bPxRfiCYEXAMPLEKEY", region="xa-north-1")


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"{host}:{port}"
    finally:
        server.stop()


def asked(where: str, method: str, path: str) -> tuple[int, bytes]:
    link = HTTPConnection(where, timeout=20)
    link.request(method, path, headers={"Authorization": f"AWS {ACCESS.access}:by-the-owner"})
    answer = link.getresponse()
    found = answer.status, answer.read()
    link.close()
    return found


def test_a_file_is_put_into_the_store_and_a_repeat_replaces_it(store: str, tmp_path: Path):
    kept(tmp_path).keep_store(ACCESS)
    assert asked(store, "PUT", "/city-data")[0] == 200
    to = recipient("s3://city-data/from-cityward", "127.0.0.1", store=f"http://{store}")
    way = way_out(Door(), tmp_path, "acme", to)
    way.send(b"first", NAME, {})
    way.send(BODY, NAME, {"Content-Type": "application/vnd.apache.parquet"})
    assert asked(store, "GET", f"/city-data/from-cityward/{NAME}") == (200, BODY)


def test_a_bucket_that_is_not_there_is_told_by_the_stores_own_word(store: str, tmp_path: Path):
    kept(tmp_path).keep_store(ACCESS)
    to = recipient("s3://nowhere/x", "127.0.0.1", store=f"http://{store}")
    with pytest.raises(LinkError, match="answered 404 NoSuchBucket"):
        way_out(Door(), tmp_path, "acme", to).send(BODY, NAME, {})


def test_the_signature_is_in_the_headers_holds_for_the_body_and_makes_no_url_to_play_again(tmp_path: Path):
    kept(tmp_path).keep_store(ACCESS)
    with receiver(200, None) as (port, got):
        to = recipient("s3://city-data/a+b(c)", "127.0.0.1", store=f"http://127.0.0.1:{port}")
        way_out(Door(), tmp_path, "acme", to).send(BODY, NAME, {"Content-Type": "text/csv"})
    [(path, headers, body)] = got.requests
    assert path == f"/city-data/a%2Bb%28c%29/{NAME}", "no query: nothing of it can be used again as an address"
    assert headers["X-Amz-Content-SHA256"] == hashlib.sha256(body).hexdigest()
    assert headers["Authorization"] == signature_v4(path, headers, ACCESS)


def signature_v4(path: str, headers: dict[str, str], access: StoreAccess) -> str:
    """Worked out by the specification, step by step: canonical request, string to sign, derived key."""
    lower = {name.lower(): value for name, value in headers.items()}
    names = lower["authorization"].split("SignedHeaders=")[1].split(",")[0]
    assert {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names.split(";"))
    signed = "".join(f"{name}:{lower[name]}\n" for name in names.split(";"))
    canonical = f"PUT\n{path}\n\n{signed}\n{names}\n{lower['x-amz-content-sha256']}"
    scope = f"{lower['x-amz-date'][:8]}/{access.region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{lower['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{access.secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"AWS4-HMAC-SHA256 Credential={access.access}/{scope}, SignedHeaders={names}, Signature={signature}"


def test_a_store_in_another_region_that_leads_on_is_refused(tmp_path: Path):
    kept(tmp_path).keep_store(ACCESS)
    with receiver(307, None, "https://city-data.store.example/x") as (port, _), pytest.raises(Refused):
        to = recipient("s3://city-data/x", "127.0.0.1", store=f"http://127.0.0.1:{port}")
        way_out(Door(), tmp_path, "acme", to).send(BODY, NAME, {})


def test_a_body_beyond_the_bound_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(s3, "MOST_BODY", 10)
    with pytest.raises(LinkError, match="more than 10"):
        to = recipient("s3://city-data/x", "127.0.0.1", store="http://127.0.0.1:9")
        way_out(Door(), tmp_path, "acme", to).send(BODY, NAME, {})


# -- sftp


def public_text(key: Any) -> str:
    return key.export_public_key().decode().strip()


OURS, THEIRS, STRANGE = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(3))


@contextmanager
def sftp_server(folder: Path, **more: Any) -> Iterator[int]:
    """A server that lets `city` in by our key; its port."""
    folder.mkdir(exist_ok=True)
    loop = asyncio.new_event_loop()
    authorized = asyncssh.import_authorized_keys(public_text(OURS))

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[THEIRS],
            authorized_client_keys=authorized,
            sftp_factory=lambda chan: asyncssh.SFTPServer(chan, chroot=str(folder)),
            config=None,
            **more,
        )

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(20)

    async def end() -> None:
        acceptor.close()
        await acceptor.wait_closed()

    try:
        yield acceptor.get_port()
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


def keep_server(tmp_path: Path, host: Any, ours: Any = OURS) -> None:
    key = ours.export_private_key().decode()
    kept(tmp_path).keep_server(ServerAccess(key=key, hosts=(public_text(host),)))


def test_a_file_appears_on_the_server_whole_and_a_repeat_replaces_it(tmp_path: Path):
    keep_server(tmp_path, THEIRS)
    with sftp_server(tmp_path / "served") as port:
        door = Door()
        way = way_out(door, tmp_path, "acme", recipient(f"sftp://city@127.0.0.1:{port}/drop", "127.0.0.1"))
        way.send(b"first", NAME, {})
        way.send(BODY * 10_000, NAME, {})
    files = [path for path in (tmp_path / "served").rglob("*") if path.is_file()]
    assert [(str(path.relative_to(tmp_path / "served")), path.read_bytes()) for path in files] == [
        (f"drop/{NAME}", BODY * 10_000)
    ]
    [count] = door.counts().values()
    assert (count.flows, count.opened, count.closed, count.failed) == (("counts",), 2, 2, 0)


def test_a_server_with_another_host_key_is_refused_and_told(tmp_path: Path):
    keep_server(tmp_path, STRANGE)
    with sftp_server(tmp_path / "served") as port:
        door = Door()
        way = way_out(door, tmp_path, "acme", recipient(f"sftp://city@127.0.0.1:{port}/drop", "127.0.0.1"))
        with pytest.raises(Refused, match="host key that is not among those"):
            way.send(BODY, NAME, {})
    assert list((tmp_path / "served").rglob("*")) == []
    assert len(door.turned) == 1


def test_a_server_that_does_not_know_our_key_is_tried_again(tmp_path: Path):
    keep_server(tmp_path, THEIRS, ours=STRANGE)
    with sftp_server(tmp_path / "served") as port, pytest.raises(LinkError, match="PermissionDenied"):
        way_out(Door(), tmp_path, "acme", recipient(f"sftp://city@127.0.0.1:{port}/d", "127.0.0.1")).send(
            BODY, NAME, {}
        )


def test_a_server_that_trickles_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from cityward.adapters.outlets import sftp

    def drips(link: Any, ended: threading.Event) -> None:
        while not ended.wait(0.02):
            link.sendall(b"x")

    monkeypatch.setattr(sftp, "within_s", lambda _: 0.3)
    keep_server(tmp_path, THEIRS)
    with behaving(drips) as port, pytest.raises(LinkError, match="did not take the file"):
        way_out(Door(), tmp_path, "acme", recipient(f"sftp://city@127.0.0.1:{port}/d", "127.0.0.1")).send(
            BODY, NAME, {}
        )


# -- names and secrets


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "../a", "a/../b", "a/.b", "a b", "a\nb", "a//b", "é", "a" * 201, "a\0"]
)
def test_a_name_that_could_lead_elsewhere_is_none(name: str):
    with pytest.raises(ValueError, match="no name of a delivery"):
        checked_name(name)


def test_secrets_are_the_owners_only_and_gone_when_forgotten(tmp_path: Path):
    mine = kept(tmp_path)
    mine.new_key()
    mine.keep_store(ACCESS)
    mine.keep_password("word")
    assert (mine.password(), mine.store()) == ("word", ACCESS)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    mine.forget()
    assert list(tmp_path.iterdir()) == []


def test_damaged_access_is_told_without_what_stands_in_it(tmp_path: Path):
    from cityward.adapters.keys.private import write_private

    write_private(tmp_path / "recipient-acme.s3", b'{"access": "AKIA", "secret": "hush", "extra": 1}')
    with pytest.raises(LinkError, match="is damaged") as told:
        kept(tmp_path).store()
    assert "hush" not in str(told.value) and told.value.__cause__ is None
