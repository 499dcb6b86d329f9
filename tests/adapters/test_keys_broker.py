"""The city's certificates and secrets against the real broker and a real MQTT client, over TLS."""

from __future__ import annotations

import json
import queue
import socket
import ssl
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bcrypt
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from cityward.adapters.bus.server import find_binary, free_port
from cityward.adapters.keys.authority import Authority, client_certificates, open_authority, server_files
from cityward.adapters.keys.secrets import bcrypt_of, new_secret

NOW = datetime.now(UTC)


@contextmanager
def broker(folder: Path, mqtt_tls: dict[str, Any], users: list[dict[str, Any]]) -> Generator[int]:
    """A broker with a TLS MQTT listener; its port."""
    folder.mkdir(exist_ok=True)
    port, config = free_port(), folder / "nats.conf"
    document = {
        "server_name": "t",
        "listen": f"127.0.0.1:{free_port()}",
        "jetstream": {"store_dir": str(folder / "js")},
        "mqtt": {"listen": f"127.0.0.1:{port}", "tls": mqtt_tls},
        "accounts": {"CITY": {"jetstream": "enabled", "users": users}},
    }
    config.write_text(json.dumps(document))
    with subprocess.Popen([find_binary(), "-c", config], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said: list[str] = []
            for line in process.stderr:
                said.append(line)
                if "Server is ready" in line:
                    break
            else:
                raise AssertionError("".join(said))
            yield port
        finally:
            process.terminate()
            process.stderr.read()


def answer(port: int, context: ssl.SSLContext, user: str, password: str = "") -> str:
    """What the broker answered to CONNECT, or `closed` when it ended the connection instead."""
    answers: queue.Queue[str] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"{user}-client", protocol=paho.MQTTv311)
    client.on_connect = lambda _c, _u, _f, reason, _p: answers.put(str(reason))
    client.on_disconnect = lambda _c, _u, _f, _r, _p: answers.put("closed")
    client.tls_set_context(context)
    if user:
        client.username_pw_set(user, password or None)
    try:
        client.connect("localhost", port)
    except (ssl.SSLError, ConnectionError, OSError) as error:
        return type(error).__name__
    client.loop_start()
    try:
        said = answers.get(timeout=20)
        client.disconnect()
    finally:
        client.loop_stop()
    return said


def trusting(ca: Path, certificate: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    if certificate is not None:
        context.load_cert_chain(str(certificate))
    return context


def with_key(folder: Path, authority: Authority, device: str, now: datetime = NOW) -> Path:
    [client] = client_certificates(authority, [device], now)
    path = folder / f"{device}.pem"
    path.write_bytes(client.certificate + client.key)
    return path


def test_lets_a_device_in_by_its_password_over_tls_and_nobody_else(tmp_path: Path):
    authority = open_authority(tmp_path / "keys", "doggerford", NOW)
    server = server_files(authority, [], NOW)
    secret, other = new_secret(), new_secret()
    newer = bcrypt.hashpw(other.encode(), bcrypt.gensalt(4, prefix=b"2b")).decode()
    users = [{"user": "lamp-1", "password": bcrypt_of(secret)}, {"user": "lamp-2", "password": newer}]
    with broker(tmp_path / "b", {"cert_file": str(server.certificate), "key_file": str(server.key)}, users) as port:
        context = trusting(authority.ca)
        assert answer(port, context, "lamp-1", secret) == "Success"
        assert answer(port, context, "lamp-2", other) == "Success"  # the broker reads $2b$ as well as $2a$
        assert answer(port, context, "lamp-1", other) == "Not authorized"
        assert answer(port, context, "lamp-1", bcrypt_of(secret)) == "Not authorized"  # the hash is no password
        assert answer(port, context, "", "") == "Not authorized"
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
            pytest.raises(ssl.SSLCertVerificationError),  # who does not know the city's authority is told so
        ):
            ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            plain.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")  # without TLS
            assert plain.recv(4)[:1] != b"\x20"


def test_lets_a_device_in_by_its_certificate_and_nobody_else(tmp_path: Path):
    authority = open_authority(tmp_path / "keys", "doggerford", NOW)
    stranger = open_authority(tmp_path / "other", "elsewhere", NOW)
    server = server_files(authority, [], NOW)
    tls = {
        "cert_file": str(server.certificate),
        "key_file": str(server.key),
        "ca_file": str(authority.ca),
        "verify_and_map": True,
    }
    users = [{"user": "CN=lamp-1", "permissions": {"publish": ["in.lamp-1"]}}]
    ca = authority.ca
    with broker(tmp_path / "b", tls, users) as port:
        assert answer(port, trusting(ca, with_key(tmp_path, authority, "lamp-1")), "") == "Success"
        assert answer(port, trusting(ca, with_key(tmp_path, authority, "lamp-2")), "") == "Not authorized"
        assert answer(port, trusting(ca, with_key(tmp_path, authority, "lamp-2")), "CN=lamp-1") == "Not authorized"
        for refused in (
            trusting(ca),  # without a certificate
            trusting(ca, with_key(tmp_path, stranger, "lamp-1")),  # of another authority
            trusting(ca, with_key(tmp_path, authority, "lamp-1", NOW.replace(year=NOW.year - 3))),  # run out
        ):
            assert answer(port, refused, "") not in ("Success", "Not authorized")


@pytest.mark.parametrize("by_password", [True, False])
def test_holds_a_required_certificate_and_a_password_together(tmp_path: Path, by_password: bool):
    authority = open_authority(tmp_path / "keys", "doggerford", NOW)
    server = server_files(authority, [], NOW)
    tls = {
        "cert_file": str(server.certificate),
        "key_file": str(server.key),
        "ca_file": str(authority.ca),
        "verify": True,
    }
    secret = new_secret()
    context = trusting(authority.ca, with_key(tmp_path, authority, "lamp-1"))
    with broker(tmp_path / "b", tls, [{"user": "lamp-1", "password": bcrypt_of(secret)}]) as port:
        said = answer(port, context, "lamp-1", secret if by_password else new_secret())
        assert said == ("Success" if by_password else "Not authorized")
