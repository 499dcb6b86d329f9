"""Attacks on the device door that need little: half-open connections, slow ones, packets no client sends, recorded attacks.

Each against the real broker of a running town, and each beside a lawful device that must go on being heard.

Sources: slow-loris and SlowITe (Vaccari, Aiello, Cambiaso 2020); malformed packets by clauses of MQTT 3.1.1; MQTTset (CNR-IEIIT).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from captures import said_to
from city.test_bad_input import Bar, a_bar, senml, until
from cityward.adapters.bus.log import connect
from cityward.compose.home import Home, read_city_file
from cityward.guard.reasons import Reason
from mqtt import Mqtt

RECORDED = Path(__file__).parents[3] / "shared/data/iot_attacks_mqttset"
LAWFUL, ATTACKER = "meter-01", "meter-08"
CONNECT_ENDS_S = 20.0  # the broker gives up on a CONNECT sooner; a loaded machine takes its time


@pytest.fixture(scope="module")
def bar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bar]:
    with a_bar(tmp_path_factory.mktemp("slow"), 12, 2, 6000) as bar:
        yield bar


@contextlib.contextmanager
def a_lawful_device(bar: Bar) -> Iterator[list[bool]]:
    """Publishes all the time, on one connection and now and then on a new one; all of it must be acknowledged."""
    stop, acknowledged = threading.Event(), list[bool]()

    def speak() -> None:
        link = bar.enter(LAWFUL)
        n = 0
        while not stop.is_set():
            n += 1
            if n % 25 == 0:
                link.socket.close()
                link = bar.enter(LAWFUL)
            acknowledged.append(link.code == 0 and link.publish(f"in/{LAWFUL}", senml(n % 1000), n % 60_000 + 1))
            stop.wait(0.02)
        link.socket.close()

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield acknowledged
        until(lambda: len(acknowledged) >= 5, "a few messages of the lawful device")
    finally:
        stop.set()
        thread.join(60)
    assert all(acknowledged), f"{acknowledged.count(False)} of {len(acknowledged)} were not acknowledged"


def opened(bar: Bar) -> socket.socket:
    return socket.create_connection(("127.0.0.1", bar.town.mqtt_port), timeout=20)


def text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def packet(kind: int, body: bytes) -> bytes:
    out, n = b"", len(body)
    while True:
        n, digit = n >> 7, n & 127
        out += bytes([digit | (128 if n else 0)])
        if not n:
            return bytes([kind]) + out + body


def hello(bar: Bar, device: str, keep_alive: int = 60) -> bytes:
    name = text(device.encode())
    body = text(b"MQTT") + b"\x04\xc2" + struct.pack(">H", keep_alive) + name + name
    return packet(0x10, body + text(bar.secrets[device].encode()))


def ended(sock: socket.socket, within_s: float = CONNECT_ENDS_S) -> bool:
    """Whether the broker ends the connection in time."""
    deadline = time.monotonic() + within_s
    try:
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            if sock.recv(4096) == b"":
                return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return False


def test_half_open_and_slow_connections_keep_nobody_out(bar: Bar) -> None:
    """500 that say nothing, 200 whose CONNECT comes byte by byte."""
    said = hello(bar, ATTACKER)
    with a_lawful_device(bar), contextlib.ExitStack() as stack:
        silent = [stack.enter_context(opened(bar)) for _ in range(500)]
        slow = [stack.enter_context(opened(bar)) for _ in range(200)]
        for byte in range(5):
            for sock in slow:
                with contextlib.suppress(ConnectionError):
                    sock.send(said[byte : byte + 1])
            threading.Event().wait(0.1)
        assert all(ended(sock) for sock in [*silent, *slow]), "half a CONNECT does not stand for ever"
    bar.still_takes_readings("meter-02")


def test_an_identity_holds_one_connection_however_long_it_says_it_will_be_silent(bar: Bar) -> None:
    """SlowITe keeps slots busy with a keep-alive of 18 hours. Here a slot is one identity's, and it has one."""
    with a_lawful_device(bar), contextlib.ExitStack() as stack:
        held = [stack.enter_context(opened(bar)) for _ in range(30)]
        for sock in held:
            sock.sendall(hello(bar, ATTACKER, 65_535))
            sock.recv(4)
        assert sum(not ended(sock, 0.5) for sock in held) <= 1
    bar.still_takes_readings("meter-02")


TOPIC = text(b"in/meter-08")
MALFORMED = {
    "a second CONNECT": b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",  # 3.1.0-2
    "QoS 3": packet(0x36, TOPIC + b"\0\1[]"),  # 3.3.1-4
    "QoS 2": packet(0x34, TOPIC + b"\0\1[]"),  # not taken here
    "a length of five bytes": b"\x32\xff\xff\xff\xff\x01",  # 2.2.3
    "a length of 256 MB": b"\x32\xff\xff\xff\x7f" + b"x" * 4096,
    "a topic that is not UTF-8": packet(0x32, text(b"in/\xff\xfe") + b"\0\1[]"),  # 1.5.3-1
    "a topic with NUL": packet(0x32, text(b"in/\0a") + b"\0\1[]"),  # 1.5.3-2
    "a topic with a wildcard": packet(0x32, text(b"in/#") + b"\0\1[]"),  # 3.3.2-2
    "a topic longer than the packet": packet(0x32, b"\xff\xffin"),
    "a packet id of 0": packet(0x32, TOPIC + b"\0\0[]"),  # 2.3.1-1
    "type 0": b"\x00\x00",
    "type 15": b"\xf0\x00",
    "CONNACK from a client": b"\x20\x02\x00\x00",
    "reserved flags of SUBSCRIBE": packet(0x80, b"\0\1" + text(b"cmd/meter-08") + b"\1"),  # 3.8.1-1
    "SUBSCRIBE to nothing": b"\x82\x02\x00\x01",  # 3.8.3-3
    "a will in the middle": b"\x10\x02\x00\x04",
}


@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED)
def test_a_packet_that_no_client_sends_ends_the_connection_and_nothing_else(bar: Bar, said: bytes) -> None:
    with bar.enter("meter-03") as beside, opened(bar) as sock:
        sock.sendall(hello(bar, ATTACKER))
        assert sock.recv(4)[3:] == b"\0"
        sock.sendall(said)
        assert ended(sock)
        assert beside.publish("in/meter-03", senml(1))
    assert bar.latest(ATTACKER) == []


HANDSHAKES = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "another name": packet(0x10, text(b"MQIsdp") + b"\x03\x02\x00\x3c" + text(b"x")),
    "version 5": packet(0x10, text(b"MQTT") + b"\x05\x02\x00\x3c\x00" + text(b"x")),
    "a reserved flag": packet(0x10, text(b"MQTT") + b"\x04\x03\x00\x3c" + text(b"x")),
    "a password without a name": packet(0x10, text(b"MQTT") + b"\x04\x42\x00\x3c" + text(b"x") + text(b"secret")),
    "nobody": packet(0x10, text(b"MQTT") + b"\x04\x02\x00\x3c" + text(b"")),
    "a will of 60 kB": packet(
        0x10, text(b"MQTT") + b"\x04\x06\x00\x3c" + text(b"x") + text(b"in/a") + text(b"w" * 60_000)
    ),
    "a PUBLISH first": packet(0x32, TOPIC + b"\0\1[]"),
    "a CONNECT of 1 MB": packet(0x10, text(b"MQTT") + b"\x04\xc2\x00\x3c" + b"x" * 1_000_000),
}


@pytest.mark.parametrize("said", HANDSHAKES.values(), ids=HANDSHAKES)
def test_nobody_comes_in_by_a_strange_handshake(bar: Bar, said: bytes) -> None:
    with opened(bar) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(said)
        assert ended(sock)
    bar.still_takes_readings("meter-04")


def test_a_thousand_subscriptions_at_once_are_all_refused(bar: Bar) -> None:
    wanted = [f"cmd/meter-{n:02}/{n}".encode() for n in range(1000)]
    with a_lawful_device(bar), opened(bar) as sock:
        sock.sendall(hello(bar, ATTACKER))
        sock.recv(4)
        body = b"\0\1" + b"".join(text(one) + b"\1" for one in wanted)
        with contextlib.suppress(ConnectionError):
            sock.sendall(packet(0x82, body))
        answer = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            sock.settimeout(10)
            while len(answer) < 1005 and (part := sock.recv(4096)):
                answer += part
    granted = answer[5:]  # header, length of two bytes, packet id
    assert set(granted) <= {0x80}, "none is granted: refused one by one, or the connection is ended"


def test_retained_messages_are_bounded_by_the_topics_a_device_has(bar: Bar) -> None:
    with bar.enter("meter-05") as link:
        for n in range(20):
            link._send(0x33, TOPIC.replace(b"08", b"05") + struct.pack(">H", n + 1) + b"x" * 60_000)
            assert link._read(4)[:2] == b"\x40\x02"
        assert link.publish("in/meter-05", senml(5), 99)
    until(lambda: bar.latest("meter-05") == [5.0], "the reading behind them")
    assert {row.reason for row in bar.refused("meter-05")} <= {Reason.NOT_JSON.word, Reason.BYTES_EXCEEDED.word}
    assert kept_for_later(bar) <= 12


def kept_for_later(bar: Bar) -> int:
    """Retained messages that the broker keeps."""
    import asyncio

    async def ask() -> int:
        city = read_city_file(Home(bar.town.state))
        steward = await connect(city.bus_url, "steward", city.passwords["steward"])
        try:
            return (await steward.jetstream().stream_info("$MQTT_rmsgs")).state.messages
        finally:
            await steward.close()

    return asyncio.run(ask())


BOMBS = {
    "a million brackets cut to size": (b"[" * 60_000, {Reason.NOT_JSON, Reason.TOO_DEEP}),
    "a long number": (
        b'[{"n":"lux","v":' + b"9" * 50_000 + b"}]",
        {Reason.NOT_FINITE, Reason.NOT_JSON, Reason.OUT_OF_RANGE},
    ),
    "a long fraction": (b'[{"n":"lux","v":0.' + b"1" * 50_000 + b"e400}]", {Reason.NOT_FINITE, Reason.NOT_JSON}),
    "1e400": (b'[{"n":"lux","v":1e400}]', {Reason.NOT_FINITE}),
    "a long name": (b'[{"n":"' + b"l" * 60_000 + b'","v":1}]', {Reason.UNKNOWN_PROPERTY, Reason.WRONG_SHAPE}),
    "many keys": (
        b"[{" + b",".join(b'"k%d":1' % n for n in range(6000)) + b"}]",
        {Reason.WRONG_SHAPE, Reason.UNKNOWN_PROPERTY, Reason.NOT_JSON, Reason.NOT_A_NUMBER},
    ),
    "a key six thousand times": (
        b"[{" + b",".join([b'"v":1'] * 6000) + b',"n":"lux"}]',
        {Reason.DUPLICATE_KEY},
    ),
    "escapes": (
        b'[{"n":"' + b"\\ud800" * 9000 + b'","v":1}]',
        {Reason.NOT_JSON, Reason.NOT_UTF8, Reason.UNKNOWN_PROPERTY},
    ),
    "nothing but zeros": (b"\0" * 60_000, {Reason.NOT_JSON, Reason.NOT_UTF8}),
}


def test_bodies_made_to_cost_much_are_refused_by_a_reason(bar: Bar) -> None:
    device = "meter-06"
    assert bar.say(device, *(body for body, _ in BOMBS.values()), senml(7)) == len(BOMBS) + 1
    until(lambda: bar.latest(device) == [7.0], "the reading behind them")
    by_excerpt = {row.excerpt: row.reason for row in bar.refused(device)}
    for name, (body, reasons) in BOMBS.items():
        assert by_excerpt[body[:256]] in {reason.word for reason in reasons}, name


def test_a_publication_without_acknowledgement_is_not_held_and_harms_nobody(bar: Bar) -> None:
    """QoS 0 does not enter the log: what nobody promised to hold is not held. docs/budgets.md says so."""
    with bar.enter("meter-07") as link:
        for n in range(200):
            link._send(0x30, text(b"in/meter-07") + senml(n))
        assert link.publish("in/meter-07", senml(777), 1)
    until(lambda: bar.latest("meter-07") == [777.0], "the acknowledged one")
    assert bar.refused("meter-07") == []


ATTACKS = ("bruteforce", "flood", "malariados", "malformed", "slowite")


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("inside", [False, True], ids=["from a stranger", "from a device that was let in"])
def test_recorded_attacks_are_survived(bar: Bar, attack: str, inside: bool) -> None:
    found = sorted(RECORDED.glob(f"{attack}-*.pcap*"))
    if not found:
        pytest.skip(f"NOT TESTED ON RECORDED ATTACKS: {RECORDED} is not here")
    before = bar.totals()
    with a_lawful_device(bar):
        for said in said_to(found[0], 1883)[: 20 if inside else 100]:
            with opened(bar) as sock, contextlib.suppress(ConnectionError, TimeoutError):
                if inside:
                    sock.sendall(hello(bar, "meter-12"))
                    sock.recv(4)
                sock.settimeout(0.2)
                sock.sendall(said[2 + said[1] if inside else 0 :][:200_000])  # inside: behind its own CONNECT
                sock.recv(4096)
    after = bar.totals()
    assert after.received >= before.received
    assert bar.latest("meter-12") == []  # their topics are not ours: nothing of it came in
    bar.still_takes_readings("meter-02")


def test_in_the_end_everybody_is_let_in_who_may(bar: Bar) -> None:
    for device in ("meter-02", "meter-09", "meter-10"):
        with Mqtt(bar.town.mqtt_port, device, bar.secrets[device], wait_s=20) as link:
            assert link.code == 0
            assert link.publish(f"in/{device}", senml(3))
