"""Alerts against real servers: an HTTPS receiver, a mail server, syslog over TLS and UDP, with certificates of the test's own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from cityward.adapters.alerts import mail, syslog, webhook
from cityward.adapters.bus.server import free_port
from cityward.errors import LinkError, Refused
from cityward.place.alerts import read_endpoint
from cityward.place.exits import Exit
from outward import Door, led_to
from peers import Certificates, certificates_for, receiver

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = bytes(range(32))


def to(scheme: str, port: int) -> Exit:
    return led_to(read_endpoint(f"{scheme}://127.0.0.1:{port}"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates_for(tmp_path_factory.mktemp("keys"), "127.0.0.1")


def test_a_webhook_is_signed_over_tls_and_named(certificates: Certificates):
    with receiver(204, certificates.server) as (port, got):
        exit_ = led_to(read_endpoint(f"https://127.0.0.1:{port}/alarms?x=1"))
        door = Door(trust=certificates.trust)
        webhook.post(door, exit_, "/alarms?x=1", b'{"a":1}', KEY, "i1.opened", 1_700_000_000)
    [(path, headers, body)] = got.requests
    assert (path, body) == ("/alarms?x=1", b'{"a":1}')
    # HMAC-SHA256 of `1700000000.{"a":1}` under the key 00 01 .. 1f, by openssl
    assert headers["Cityward-Signature"] == "t=1700000000,v1=" + openssl_hmac(KEY, b'1700000000.{"a":1}')
    assert headers["Cityward-Alert"] == "i1.opened"


def openssl_hmac(key: bytes, data: bytes) -> str:
    import subprocess

    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key.hex()}"],
        input=data,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip().rsplit(" ", 1)[-1]


def test_a_receiver_with_a_strange_certificate_gets_nothing(certificates: Certificates):
    with receiver(204, certificates.server) as (port, got), pytest.raises(LinkError, match="did not answer"):
        webhook.post(Door(), to("https", port), "/", b"{}", KEY, "i1.opened", 0)
    assert got.requests == []


def test_a_redirect_is_not_followed(certificates: Certificates):
    with receiver(204, None) as (elsewhere, there):
        location = f"http://127.0.0.1:{elsewhere}/"
        with receiver(307, certificates.server, location) as (port, _), pytest.raises(Refused, match="answered 307"):
            webhook.post(Door(trust=certificates.trust), to("https", port), "/", b"{}", KEY, "i", 0)
    assert there.requests == []


class Box:
    """What a mail server took."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.envelopes.append((bool(session.ssl), envelope))
        return "250 taken"


@contextmanager
def mail_server(context: ssl.SSLContext | None, **more: Any) -> Iterator[tuple[int, Box]]:
    box = Box()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port, tls_context=context, **more)
    controller.start()
    try:
        yield port, box
    finally:
        controller.stop()


LETTER = mail.Letter("watch@city.example", ("duty@city.example",), "[town] high opened: frozen", "Text\n", "i1.opened")


def test_mail_goes_over_starttls(certificates: Certificates):
    with mail_server(certificates.server) as (port, box):
        mail.send(Door(trust=certificates.trust), to("smtp", port), LETTER)
    [(sealed, envelope)] = box.envelopes
    assert sealed
    assert envelope.rcpt_tos == ["duty@city.example"]
    assert b"Subject: [town] high opened: frozen" in envelope.content
    assert b"Message-ID: <i1.opened@city.example>" in envelope.content


def test_a_password_is_given_over_tls_and_never_without(certificates: Certificates):
    seen: list[bytes] = []

    def judge(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append(data.password)
        return AuthResult(success=data.password == b"word")

    login = mail.Login("watch", "word")
    with mail_server(certificates.server, authenticator=judge, auth_required=True) as (port, box):
        mail.send(Door(trust=certificates.trust), to("smtp", port), LETTER, login)
    assert len(box.envelopes) == 1
    with (
        mail_server(None, authenticator=judge, auth_require_tls=False) as (port, box),
        pytest.raises(LinkError, match="did not take the mail"),
    ):
        mail.send(Door(), to("smtp", port), LETTER, login)
    assert (seen, box.envelopes) == ([b"word"], [])


def test_a_subject_cannot_add_a_header(certificates: Certificates):
    letter = mail.Letter("watch@city.example", ("duty@city.example",), "x\r\nBcc: thief@x.example", "Text", "i")
    with mail_server(certificates.server) as (port, box), pytest.raises(LinkError):
        mail.send(Door(trust=certificates.trust), to("smtp", port), letter)
    assert box.envelopes == []


def test_syslog_over_tls_is_framed_by_its_length(certificates: Certificates):
    line = syslog.syslog_line("town", "high", "CEF:0|a\nb", NOW)
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            link, _ = listener.accept()
            with certificates.server.wrap_socket(link, server_side=True) as sealed:
                while part := sealed.recv(4096):
                    got.append(part)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        syslog.send(Door(trust=certificates.trust), to("syslog+tls", port), line)
        thread.join(10)
    text = "<107>1 2026-01-01T00:00:00.000000Z town cityward - alert - CEF:0|a\nb"  # 13 * 8 + 3
    assert b"".join(got) == f"{len(text)} {text}".encode()


def test_syslog_over_udp_is_one_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(10)
        syslog.send(Door(), to("syslog+udp", listener.getsockname()[1]), b"<107>1 x")
        assert listener.recv(4096) == b"<107>1 x"


@pytest.mark.parametrize(
    "send",
    [
        lambda port: webhook.post(Door(), to("https", port), "/", b"{}", KEY, "i", 0),
        lambda port: mail.send(Door(), to("smtp", port), LETTER),
        lambda port: syslog.send(Door(), to("syslog+tls", port), b"x"),
    ],
    ids=["webhook", "mail", "syslog"],
)
def test_nobody_there_is_a_link_error(send: Any):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LinkError):
        send(port)


def test_files_of_keys_are_for_their_owner_only(tmp_path: Path):
    from cityward.adapters.keys.private import read_private, write_private

    write_private(tmp_path / "k", b"00")
    (tmp_path / "k").chmod(0o644)
    with pytest.raises(LinkError, match="others than its owner"):
        read_private(tmp_path / "k")
