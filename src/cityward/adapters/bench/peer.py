"""The peer: Mosquitto, a paho subscriber, SQLite. What a council would write itself, and fair to it. A program of its own.

    mosquitto (Debian's)  ->  paho, topic in/+, QoS 1  ->  json.loads  ->  INSERT, commit every second or 1000 rows (WAL)

It checks nothing: no device, no unit, no range, no time, no repetition, no evidence. Mosquitto acknowledges a message when it has
it in memory. Its queue is set to unlimited here, for with its defaults it would drop most of the load in silence.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from cityward.adapters.bus.server import free_port
from cityward.errors import LinkError

COMMIT_ROWS, COMMIT_S = 1000, 1.0
START_S = 20.0

_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_inflight_messages 1000
persistence false
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running peer."""

    mqtt_port: int
    processes: dict[str, int]
    database: Path

    def held(self) -> int:
        """Rows committed."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10) as db:
            return int(db.execute("SELECT coalesce(max(rowid), 0) FROM observations").fetchone()[0])


def find_mosquitto() -> str | None:
    """Mosquitto's path, or None where it is not installed."""
    return shutil.which("mosquitto") or next((p for p in ("/usr/sbin/mosquitto",) if Path(p).exists()), None)


@contextmanager
def running_peer(binary: str, folder: Path) -> Generator[Peer]:
    """Mosquitto and the subscriber, each a process, stopped at the end.

    Raises:
        LinkError: one of them did not start.
    """
    folder.mkdir(parents=True)
    port, database = free_port(), folder / "observations.db"
    config = folder / "mosquitto.conf"
    config.write_text(_CONFIG.format(port=port))
    quiet = subprocess.DEVNULL
    # both commands are ours: no shell, no text from outside
    with subprocess.Popen([binary, "-c", str(config)], stdout=quiet, stderr=quiet) as broker:  # noqa: S603
        try:
            command = [sys.executable, "-m", __name__, str(port), str(database)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=quiet, text=True) as loop:  # noqa: S603
                try:
                    if loop.stdout is None or loop.stdout.readline() != "ready\n":
                        raise LinkError("the peer's subscriber did not start")
                    yield Peer(port, {"broker": broker.pid, "worker-0": loop.pid}, database)
                finally:
                    loop.terminate()
        finally:
            broker.terminate()


class _Loop:
    """The subscriber: rows wait in a list until a commit."""

    def __init__(self, port: int, database: Path) -> None:
        self._db = sqlite3.connect(database)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE observations (device TEXT, property TEXT, unit TEXT, observed_at REAL, value REAL)"
        )
        self._db.commit()
        self._rows: list[tuple[str, str, str, float, float]] = []
        self._committed = time.monotonic()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "loop", clean_session=False)
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.on_connect = self._on_connect
        self._connect(port)

    def _connect(self, port: int) -> None:
        end = time.monotonic() + START_S
        while True:
            try:
                self._client.connect("127.0.0.1", port, 60)
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def run(self) -> None:
        """Until killed."""
        while True:
            self._client.loop(0.1)
            self._commit_if_due()

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe("in/+", qos=1)

    def _on_subscribe(self, *_: Any) -> None:
        sys.stdout.write("ready\n")
        sys.stdout.flush()

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        device = message.topic.rsplit("/", 1)[1]
        for record in json.loads(message.payload):
            self._rows.append((device, record["n"], record["u"], record["t"], record["v"]))
        self._commit_if_due()

    def _commit_if_due(self) -> None:
        due = len(self._rows) >= COMMIT_ROWS or time.monotonic() - self._committed >= COMMIT_S
        if due and self._rows:
            self._db.executemany("INSERT INTO observations VALUES (?, ?, ?, ?, ?)", self._rows)
            self._db.commit()
            self._rows.clear()
            self._committed = time.monotonic()


if __name__ == "__main__":
    _Loop(int(sys.argv[1]), Path(sys.argv[2])).run()
