"""The load: many devices' connections driven from one process, as fast as they are acknowledged. Run as a program of its own.

A client library costs several times more per message than the broker does (paho about 30 us, this about 1 us), and would be
what is measured. So this speaks just enough MQTT 3.1.1 to publish with QoS 1, with packets encoded before the clock starts;
nothing else of Cityward uses it.

It reads one `Load` as JSON from standard input, says `ready` when all connections stand and everything is encoded, starts when
it reads a line, and ends with one `Outcome` as JSON.

INVARIANT: per connection at most `window` messages are unacknowledged; each acknowledgement is counted, and at the end there are
as many as messages.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from cityward.errors import LinkError
from cityward.time import SECOND

STALL_S = 60.0
"""No acknowledgement for this long ends the run: something is stuck."""


class Sender(msgspec.Struct, frozen=True):
    """One device that sends."""

    id: str
    password: str
    http_key: str


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: `messages` of `rows` readings from each sender, times rising up to `until_us` (city time)."""

    door: Literal["mqtt", "http"]
    port: int
    senders: tuple[Sender, ...]
    messages: int
    rows: int
    property: str
    unit: str
    until_us: int
    window: int = 200
    step_us: int = 1000


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Machine times in seconds since 1970; `cpu_s` since the start signal."""

    began: float
    last_acknowledged: float
    sent: int
    acknowledged: int
    cpu_s: float


def bodies(load: Load, nth: int) -> Iterator[bytes]:
    """The message bodies of the nth sender: SenML packs whose times rise by `step_us` from one reading to the next."""
    total = load.messages * load.rows
    at = load.until_us - total * load.step_us
    for _ in range(load.messages):
        records: list[bytes] = []
        for _ in range(load.rows):
            at += load.step_us
            # speeds between 8 and 24 m/s, as the loops' are; a walk without chance, so that runs compare
            value = 8 + (at // load.step_us * 7 + nth * 13) % 160 / 10
            records.append(b'{"n":"%s","u":"%s","t":%.6f,"v":%.1f}' % (*_names(load), at / SECOND, value))
        yield b"[" + b",".join(records) + b"]"


def _names(load: Load) -> tuple[bytes, bytes]:
    return load.property.encode(), load.unit.encode()


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def _length(n: int) -> bytes:
    """SPEC: MQTT 3.1.1 2.2.3, remaining length."""
    out = bytearray()
    while True:
        n, digit = n >> 7, n & 0x7F
        out.append(digit | (0x80 if n else 0))
        if not n:
            return bytes(out)


def publish_packet(topic: str, packet_id: int, payload: bytes) -> bytes:
    """SPEC: MQTT 3.1.1 3.3, PUBLISH with QoS 1."""
    body = _text(topic) + struct.pack(">H", packet_id) + payload
    return b"\x32" + _length(len(body)) + body


def connect_packet(device: str, password: str) -> bytes:
    """SPEC: MQTT 3.1.1 3.1, CONNECT with a clean session, user name and password."""
    body = _text("MQTT") + b"\x04\xc2" + struct.pack(">H", 600) + _text(device) + _text(device) + _text(password)
    return b"\x10" + _length(len(body)) + body


class Lane(Protocol):
    """One connection's work. `step` reads what came and sends what may go; the answer is how many were acknowledged."""

    socket: socket.socket
    left: int

    def start(self) -> None: ...
    def step(self) -> int: ...


class MqttLane:
    """One device over MQTT. Packets go in chunks of a quarter of the window, encoded and joined beforehand."""

    def __init__(self, load: Load, nth: int) -> None:
        sender = load.senders[nth]
        # a window of packs is bounded by bytes too: 256 kB, what a socket buffers
        window = max(4, min(load.window, 262_144 // (load.rows * 60)))
        self._chunk = window // 4
        topic = f"in/{sender.id}"
        packets = [publish_packet(topic, i % 60_000 + 1, body) for i, body in enumerate(bodies(load, nth))]
        steps = range(0, len(packets), self._chunk)
        self._chunks = [(len(part), b"".join(part)) for i in steps if (part := packets[i : i + self._chunk])]
        self._window, self._next, self._open, self._partial = window, 0, 0, 0
        self.left = len(packets)
        self.socket = _connected(load.port)
        self.socket.sendall(connect_packet(sender.id, sender.password))
        answer = self.socket.recv(4)
        if len(answer) != 4 or answer[3] != 0:
            raise LinkError(f"the broker did not let {sender.id} in")

    def start(self) -> None:
        """Fill the window."""
        self._fill()

    def step(self) -> int:
        """See `Lane`."""
        data = self.socket.recv(65_536)
        if not data:
            raise LinkError("the broker closed a connection")
        # PUBACK is the only packet that comes: 4 bytes each
        acknowledged, self._partial = divmod(self._partial + len(data), 4)
        self._open -= acknowledged
        self.left -= acknowledged
        self._fill()
        return acknowledged

    def _fill(self) -> None:
        while self._next < len(self._chunks) and self._open + self._chunk <= self._window:
            count, data = self._chunks[self._next]
            self.socket.sendall(data)
            self._chunks[self._next] = (0, b"")  # sent: not kept
            self._next += 1
            self._open += count


class HttpLane:
    """One device over HTTP/1.1 with keep-alive: a request, its answer, the next request."""

    def __init__(self, load: Load, nth: int) -> None:
        sender = load.senders[nth]
        head = (
            "POST /v1/observations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/senml+json\r\n"
            f"Authorization: Bearer {sender.http_key}\r\nContent-Length: %d\r\n\r\n"
        ).encode()
        self._requests = [head % len(body) + body for body in bodies(load, nth)]
        self._next, self._seen = 0, b""
        self.left = len(self._requests)
        self.socket = _connected(load.port)

    def start(self) -> None:
        """Send the first request."""
        self._send()

    def step(self) -> int:
        """See `Lane`."""
        data = self.socket.recv(65_536)
        if not data:
            raise LinkError("the HTTP door closed a connection")
        self._seen += data
        head, found, rest = self._seen.partition(b"\r\n\r\n")
        if not found or len(rest) < _content_length(head):
            return 0
        if not head.startswith(b"HTTP/1.1 2"):
            raise LinkError(f"the HTTP door answered {head[9:12].decode('ascii', 'replace')}: {rest[:200]!r}")
        self._seen = b""
        self.left -= 1
        self._send()
        return 1

    def _send(self) -> None:
        if self._next < len(self._requests):
            self.socket.sendall(self._requests[self._next])
            self._requests[self._next] = b""
            self._next += 1


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def drive(lanes: Sequence[Lane]) -> tuple[float, float, int]:
    """Send everything; (began, last acknowledged, acknowledged).

    Raises:
        LinkError: a connection ended, or nothing was acknowledged for `STALL_S`.
    """
    selector = selectors.DefaultSelector()
    for lane in lanes:
        selector.register(lane.socket, selectors.EVENT_READ, lane)
    began = time.time()
    for lane in lanes:
        lane.start()
    left, acknowledged = sum(lane.left for lane in lanes), 0
    while acknowledged < left:
        ready = selector.select(STALL_S)
        if not ready:
            raise LinkError(f"nothing was acknowledged for {STALL_S:.0f} s; {acknowledged} of {left} were")
        for key, _ in ready:
            acknowledged += key.data.step()
    return began, time.time(), acknowledged


def run(load: Load, wait_for_start: Callable[[], None]) -> Outcome:
    """Connect, encode, wait for the start signal, send."""
    lane = MqttLane if load.door == "mqtt" else HttpLane
    lanes: list[Lane] = [lane(load, nth) for nth in range(len(load.senders))]
    wait_for_start()
    before = time.process_time()
    began, last, acknowledged = drive(lanes)
    outcome = Outcome(
        began=began,
        last_acknowledged=last,
        sent=load.messages * len(load.senders),
        acknowledged=acknowledged,
        cpu_s=time.process_time() - before,
    )
    for done in lanes:
        done.socket.close()
    return outcome


def main() -> None:
    """The program: see the module."""
    load = msgspec.json.decode(sys.stdin.buffer.readline(), type=Load)

    def wait_for_start() -> None:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()

    try:
        outcome = run(load, wait_for_start)
    except (LinkError, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")


if __name__ == "__main__":
    main()
