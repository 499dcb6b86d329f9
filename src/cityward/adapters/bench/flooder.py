"""The two sides of a flood, each run as a program of its own: those who flood, and those who only want to be heard.

Both speak just enough MQTT 3.1.1, with packets made before the clock starts, as `generator` does. The program reads one `Task` as
JSON from standard input, says `ready` when all connections stand, starts when it reads a line, and ends after `seconds` with one
`Told` as JSON. A flooder that is cut off comes back, again and again; a steady sender does not: it says that it was cut off.

INVARIANT: memory is bounded: a flooder sends the same few bodies over and over, with times written in when it is sent.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from cityward.adapters.bench.generator import Sender, connect_packet, publish_packet
from cityward.errors import LinkError

COME_BACK_S = 0.5
WINDOW = (
    64  # unacknowledged messages of a flooder: the broker takes them one by one, so more would only wait in buffers
)
MOST_WAITING = 256 * 1024


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, for so many seconds.

    kind: `flood`: as fast as it is taken, or `per_second` in all where that is not 0. `steady`: `per_second` from each.
    rows: readings in a message.
    """

    kind: Literal["flood", "steady"]
    port: int
    senders: tuple[Sender, ...]
    seconds: float
    per_second: float
    rows: int
    property: str
    unit: str


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. `sent_at` and `acknowledged_at` are machine seconds of each steady message, by sender, in order."""

    sent: int
    acknowledged: int
    bytes_sent: int
    cut_off: int
    turned_away: int
    sent_at: dict[str, list[float]] = {}
    acknowledged_at: dict[str, list[float]] = {}


def body(task: Task, at_us: int) -> bytes:
    """A message whose last reading is of this moment, those before a millisecond apart."""
    first = at_us - (task.rows - 1) * 1000
    rows = (
        b'{"n":"%s","u":"%s","t":%.6f,"v":%.1f}'
        % (task.property.encode(), task.unit.encode(), (first + n * 1000) / 1e6, 8 + n % 160 / 10)
        for n in range(task.rows)
    )
    return b"[" + b",".join(rows) + b"]"


@dataclass(slots=True)
class Line:
    """One device's connection."""

    sender: Sender
    socket: socket.socket | None = None
    waiting: bytearray = field(default_factory=bytearray)
    open: int = 0  # sent and not acknowledged
    partial: int = 0
    back_at: float = 0.0
    greeted: bool = False


@dataclass(slots=True)
class Tally:
    """Counts of one program."""

    sent: int = 0
    acknowledged: int = 0
    bytes_sent: int = 0
    cut_off: int = 0
    turned_away: int = 0


class Flood:
    """Many devices that send as much as they can."""

    def __init__(self, task: Task) -> None:
        self.task, self.tally = task, Tally()
        self.lines = [Line(sender) for sender in task.senders]
        self._selector = selectors.DefaultSelector()
        self._body = body(task, time.time_ns() // 1000)
        self._due = 0.0
        for line in self.lines:
            self._enter(line)

    def run(self) -> Told:
        """Until the time is over."""
        began = last = time.monotonic()
        while (now := time.monotonic()) < began + self.task.seconds:
            self._due = min(self._due + (now - last) * self.task.per_second, self.task.per_second)
            last = now
            for line in self.lines:
                self._feed(line, now)
            for key, events in self._selector.select(0.005):
                self._serve(key.data, events)
        self._close()
        t = self.tally
        return Told(
            sent=t.sent,
            acknowledged=t.acknowledged,
            bytes_sent=t.bytes_sent,
            cut_off=t.cut_off,
            turned_away=t.turned_away,
        )

    def _close(self) -> None:
        """Everything; what was sent and not acknowledged may be held or not."""
        for line in self.lines:
            if line.socket is not None:
                line.socket.close()
                line.socket = None
        self._selector.close()

    def _enter(self, line: Line) -> None:
        try:
            sock = socket.create_connection(("127.0.0.1", self.task.port), timeout=5)
            sock.setblocking(False)
        except OSError:
            self._leave(line, None)
            return
        line.socket, line.open, line.partial, line.greeted = sock, 0, 0, False
        line.waiting = bytearray(connect_packet(line.sender.id, line.sender.password))
        self._selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, line)

    def _leave(self, line: Line, sock: socket.socket | None) -> None:
        if sock is not None:
            self._selector.unregister(sock)
            sock.close()
            if line.greeted:
                self.tally.cut_off += 1
            else:
                self.tally.turned_away += 1
        line.socket, line.back_at = None, time.monotonic() + COME_BACK_S

    def _feed(self, line: Line, now: float) -> None:
        """Put the next messages in line, as far as the window and the pace go."""
        if line.socket is None:
            if now >= line.back_at:
                self._enter(line)
            return
        paced = self.task.per_second > 0
        while (
            line.greeted and line.open < WINDOW and len(line.waiting) < MOST_WAITING and (not paced or self._due >= 1)
        ):
            topic = f"in/{line.sender.id}"
            line.waiting += publish_packet(topic, self.tally.sent % 60_000 + 1, self._body)
            line.open += 1
            self.tally.sent += 1
            self._due -= paced
            if paced and self._due < len(self.lines):
                break  # one each, so that all of them flood
        if line.waiting:
            self._selector.modify(line.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, line)

    def _serve(self, line: Line, events: int) -> None:
        sock = line.socket
        if sock is None:
            return
        try:
            if events & selectors.EVENT_WRITE:
                self._write(line, sock)
            if events & selectors.EVENT_READ:
                self._read(line, sock)
        except BlockingIOError:
            return
        except OSError:
            self._leave(line, sock)

    def _write(self, line: Line, sock: socket.socket) -> None:
        if line.waiting:
            sent = sock.send(line.waiting[:65_536])
            self.tally.bytes_sent += sent
            del line.waiting[:sent]
        if not line.waiting:
            self._selector.modify(sock, selectors.EVENT_READ, line)

    def _read(self, line: Line, sock: socket.socket) -> None:
        data = sock.recv(65_536)
        if not data:
            raise ConnectionError
        if not line.greeted:
            if len(data) < 4 or data[3] != 0:
                raise ConnectionError
            line.greeted, data = True, data[4:]
        # PUBACK is the only packet that comes: 4 bytes each
        came, line.partial = divmod(line.partial + len(data), 4)
        line.open -= came
        self.tally.acknowledged += came


class Steady:
    """Devices that send at their rate and note when each message was sent and acknowledged."""

    def __init__(self, task: Task) -> None:
        self.task, self.tally = task, Tally()
        self._selector = selectors.DefaultSelector()
        self.sent_at: dict[str, list[float]] = {s.id: [] for s in task.senders}
        self.acknowledged_at: dict[str, list[float]] = {s.id: [] for s in task.senders}
        self._lines = [self._entered(sender) for sender in task.senders]

    def _entered(self, sender: Sender) -> Line:
        sock = socket.create_connection(("127.0.0.1", self.task.port), timeout=30)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(connect_packet(sender.id, sender.password))
        answer = sock.recv(4)
        if len(answer) != 4 or answer[3] != 0:
            raise LinkError(f"the broker did not let {sender.id} in")
        line = Line(sender, sock, greeted=True)
        self._selector.register(sock, selectors.EVENT_READ, line)
        return line

    def run(self) -> Told:
        """Until the time is over, and five seconds more for what is on its way."""
        gap = 1 / (self.task.per_second * len(self._lines))  # spread evenly: no burst at each turn
        began, sent = time.monotonic(), 0
        while (now := time.monotonic()) < began + self.task.seconds + 5:
            over = now >= began + self.task.seconds
            if over and self.tally.acknowledged >= self.tally.sent:
                break
            if not over and now >= began + sent * gap:
                self._say(self._lines[sent % len(self._lines)])
                sent += 1
                continue
            self._listen(0.001 if over else max(0.0, began + sent * gap - now))
        for line in self._lines:
            if line.socket is not None:
                line.socket.close()
        self._selector.close()
        t = self.tally
        return Told(
            sent=t.sent,
            acknowledged=t.acknowledged,
            bytes_sent=t.bytes_sent,
            cut_off=t.cut_off,
            turned_away=0,
            sent_at=self.sent_at,
            acknowledged_at=self.acknowledged_at,
        )

    def _say(self, line: Line) -> None:
        if line.socket is None:
            return
        at = time.time()
        mine = self.sent_at[line.sender.id]
        packet = publish_packet(f"in/{line.sender.id}", len(mine) % 60_000 + 1, body(self.task, int(at * 1e6)))
        mine.append(at)
        self.tally.sent += 1
        self.tally.bytes_sent += len(packet)
        try:
            line.socket.sendall(packet)
        except OSError:
            self._lost(line)

    def _listen(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            line: Line = key.data
            try:
                data = line.socket.recv(65_536) if line.socket else b""
            except OSError:
                data = b""
            if not data:
                self._lost(line)
                continue
            came, line.partial = divmod(line.partial + len(data), 4)
            self.acknowledged_at[line.sender.id] += [time.time()] * came
            self.tally.acknowledged += came

    def _lost(self, line: Line) -> None:
        if line.socket is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(line.socket)
            line.socket.close()
            line.socket = None
            self.tally.cut_off += 1


def run(task: Task, wait_for_start: Callable[[], None]) -> Told:
    """Connect, wait for the start signal, send."""
    side = Flood(task) if task.kind == "flood" else Steady(task)
    wait_for_start()
    return side.run()


def main() -> None:
    """The program: see the module."""
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)

    def wait_for_start() -> None:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()

    sys.stdout.write(msgspec.json.encode(run(task, wait_for_start)).decode() + "\n")


if __name__ == "__main__":
    main()
