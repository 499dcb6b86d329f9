"""Serving and stopping."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cityward.errors import LinkError, PlaceError
from cityward.web import serve as serving
from cityward.web.admin import build_admin
from cityward.web.app import build
from cityward.web.serve import Tls, serve
from web.house import house


def test_a_request_that_is_cut_off_at_the_end_leaves_no_traceback_and_any_other_error_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said = logging.getLogger("uvicorn.error")
    said.addFilter(serving.CUT_OFF)
    for error in (asyncio.CancelledError("timeout graceful shutdown exceeded"), ValueError("a mistake of ours")):
        said.error("Exception in ASGI application", exc_info=error)
    said.error("Cancel 2 running task(s), timeout graceful shutdown exceeded")
    assert [str(record.exc_info[1]) if record.exc_info else "" for record in caplog.records] == [
        "a mistake of ours",
        "",
    ]


def test_plain_http_beyond_loopback_is_refused() -> None:
    app = build(house().doors)
    with pytest.raises(PlaceError, match="plain HTTP"):
        asyncio.run(serve(app, build_admin(app), "0.0.0.0", 0, 0, asyncio.Event()))


def test_a_port_in_use_is_told_with_its_mend() -> None:
    app = build(house().doors)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(LinkError, match="choose another"):
        asyncio.run(serve(app, build_admin(app), "127.0.0.1", taken.getsockname()[1], 0, asyncio.Event()))


def test_stopping_lets_answers_under_way_finish() -> None:
    built = house()
    app = build(built.doors)

    async def play() -> None:
        stop, asked, go = asyncio.Event(), asyncio.Event(), asyncio.Event()
        publish = built.intake.publish

        async def slow(device: str, codec: str, payload: bytes) -> int:
            asked.set()
            await go.wait()
            return await publish(device, codec, payload)

        built.intake.publish = slow  # type: ignore[method-assign]
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        told = lambda port, _: ready.set_result(port)  # noqa: E731
        running = asyncio.create_task(serve(app, build_admin(app), "127.0.0.1", 0, 0, stop, on_ready=told))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await ready}", timeout=10) as device:
            headers = {"authorization": "Bearer key-of-counter-1-0123456789abcdef"}
            sending = asyncio.create_task(device.post("/v1/observations", json=[], headers=headers))
            await asked.wait()
            stop.set()
            await asyncio.sleep(0)
            go.set()
            assert (await sending).status_code == 202
        await asyncio.wait_for(running, 10)
        assert built.intake.log == [("counter-1", "senml", b"[]")]

    asyncio.run(play())


def test_a_connection_that_never_asks_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEADER_S", 0.05)
    app = build(house().doors)

    async def play() -> None:
        stop = asyncio.Event()
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        told = lambda port, _: ready.set_result(port)  # noqa: E731
        running = asyncio.create_task(serve(app, build_admin(app), "127.0.0.1", 0, 0, stop, on_ready=told))
        for opening in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", await ready)
            writer.write(opening)
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
        stop.set()
        await asyncio.wait_for(running, 10)

    asyncio.run(play())


def test_https_is_served_with_the_citys_certificate(tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    app = build(house(secure=True).doors)

    async def play() -> None:
        stop = asyncio.Event()
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        told = lambda port, _: ready.set_result(port)  # noqa: E731
        running = asyncio.create_task(serve(app, build_admin(app), "127.0.0.1", 0, 0, stop, tls=tls, on_ready=told))
        trusting = ssl.create_default_context(cafile=str(tls.certificate))
        async with httpx.AsyncClient(verify=trusting, timeout=10) as browser:
            answer = await browser.get(f"https://127.0.0.1:{await ready}/sign-in")
        assert answer.status_code == 200
        stop.set()
        await asyncio.wait_for(running, 10)

    asyncio.run(play())


def certificate(where: Path) -> Tls:
    """A certificate for loopback that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tinytown")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    tls = Tls(where / "door.pem", where / "door.key")
    tls.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    tls.key.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return tls
