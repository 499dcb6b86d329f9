"""Nothing is open that nobody declared: all sockets of all processes of a real town, looked at again and again while it works."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from city.test_disk_full import alerting_town
from city.test_watch import progress, until
from cityward.adapters.keys.ways import WaySecrets
from cityward.compose.home import Home, read_city_file
from cityward.watch.alerts import body_of
from cityward.watch.contract import Severity
from cityward.watch.findings import Incident
from peers import behaving, receiver
from sockets import Place, Seen, sockets_under, undeclared
from towns import running_town

LOOKED_S = 1.0


def calling_town(folder: Path, desk: int, hook: int) -> Path:
    """Two meters, a desk that is told what the watch finds, and a recipient whose webhook is called."""
    place = alerting_town(folder, desk)
    flow = (
        "  rows: {from: cityward, to: desk, datasets: [light], purpose: environment, protocol: webhook, "
        "protection: none, observability: enforced, agreement: desk-1}\n"
    )
    recipient = (
        f"\nrecipients:\n  desk-rows: {{party: desk, flows: [rows], by: webhook, endpoint: 'http://127.0.0.1:{hook}/', "
        "addresses: [127.0.0.1], jurisdiction: gb}\n"
    )
    text = (place / "place.yaml").read_text().replace("\nflows:\n", f"\nflows:\n{flow}")
    (place / "place.yaml").write_text(text + recipient)
    return place


def doors_of(home: Home) -> set[int]:
    """The ports that the city says it listens on."""
    city = read_city_file(home)
    bus = urlsplit(city.bus_url).port
    assert bus is not None
    return {bus, city.mqtt_port, city.web_port, city.admin_port}


def an_alert(state: Path) -> None:
    """Put one into the outbox, as if the watch had found something."""
    incident = Incident(
        id="i1", title="x", shared="", severity=Severity.HIGH, began_at=0, last_at=0, findings=1, subjects=1,
        first_subjects=(), kinds=(),
    )  # fmt: skip
    with closing(sqlite3.connect(state / "state.db", timeout=30)) as link, link:
        row = "desk", "i1", "opened", body_of("test-town", "opened", incident, ()), "waiting", 0, 0
        link.execute(
            "INSERT INTO alert (channel, incident, stage, body, state, tries, next_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )


def test_a_town_at_work_and_at_rest_opens_nothing_but_what_is_declared(tmp_path: Path) -> None:
    state, looked = tmp_path / "state", threading.Event()

    def answers_late(link: socket.socket, _: threading.Event) -> None:
        link.recv(65_536)
        looked.wait(60)
        link.sendall(b"HTTP/1.1 204 Taken\r\n\r\n")

    with (
        behaving(answers_late) as desk,
        receiver(204, None) as (hook, _),
        running_town(calling_town(tmp_path / "town", desk, hook), state, "--plain-mqtt") as town,
    ):
        doors, pid = doors_of(Home(state)), town.process.pid
        endpoints = {("127.0.0.1", desk), ("127.0.0.1", hook)}
        WaySecrets(state / "keys", "recipient", "desk-rows").new_key()
        WaySecrets(state / "keys", "alert", "desk").new_key()

        def called() -> set[Seen]:
            seen = sockets_under(pid)
            assert undeclared(seen, doors, endpoints) == set()
            return {one for one in seen if one.far in endpoints}

        until(lambda: progress(state), "the watch runs")
        an_alert(state)
        until(called, "an alert on its way")
        deadline = time.monotonic() + LOOKED_S
        while time.monotonic() < deadline:
            called()
        looked.set()

        def listening() -> set[Place]:
            return {one.near for one in sockets_under(pid) if one.state == psutil.CONN_LISTEN}

        declared = {("127.0.0.1", port) for port in doors}
        until(lambda: listening() >= declared, "every door listens")
        assert listening() == declared


# -- and this is how it would fail

OPENS = {
    "a listener at another port": "s = socket.create_server(('127.0.0.1', 0))",
    "a listener to everybody": "s = socket.create_server(('0.0.0.0', DOOR))",
    "a connection": "s = socket.create_connection(('127.0.0.1', PORT))",
    "a datagram socket": "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))",
    "one of its children": (
        "c = subprocess.Popen([sys.executable, '-c', 'import socket, sys; s = socket.create_server((\"127.0.0.1\", 0)); "
        "print(flush=True); sys.stdin.read()'], stdin=subprocess.PIPE, stdout=subprocess.PIPE); c.stdout.readline()"
    ),
}


@contextmanager
def opened(what: str, door: int, port: int) -> Iterator[int]:
    """A process that opens it and waits."""
    code = OPENS[what].replace("DOOR", str(door)).replace("PORT", str(port))
    code = f"import socket, subprocess, sys\n{code}\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid


@pytest.mark.parametrize("what", OPENS)
def test_what_nobody_declared_is_noticed(what: str) -> None:
    from cityward.adapters.bus.server import free_port

    with receiver(204, None) as (port, _):
        door = free_port()
        with opened(what, door, port) as pid:
            assert len(undeclared(sockets_under(pid), {door}, {("192.0.2.7", 443)})) == 1
            if what == "a connection":
                assert undeclared(sockets_under(pid), {door}, {("127.0.0.1", port)}) == set()
