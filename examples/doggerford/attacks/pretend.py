"""Misbehaves as one device of the running demo, with the device's own secret: for docs/how-to-attack.md.

    .venv/bin/python examples/doggerford/attacks/pretend.py freeze ring-road-loops-02

The device's own simulator stays connected; this comes in beside it, as somebody would who copied the secret. Only against a city
of your own.
"""

from __future__ import annotations

import argparse
import itertools
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from cityward.adapters.keys.bundle import read_secret
from cityward.time import SECOND, CityClock, iso

WAYS = {
    "freeze": "says one speed for ever (take a loop)",
    "low": "says 8 to 11 km/h, as in a jam that is not there",
    "flood": "sends as fast as it can",
    "listen": "subscribes to everything",
    "forge": "speaks in the name of another device (--as)",
    "answer": "answers commands that nobody gave (take a lamp)",
    "knock": "signs in and says nothing more (--secret for one that was revoked)",
}
Said = tuple[str, bytes]


def main() -> None:
    asked = _arguments()
    folder = asked.state / "keys"
    stored = read_secret(folder / "devices", asked.device)
    secret = asked.secret or (stored and stored.password)
    if not secret:
        sys.exit(f"no secret of {asked.device} is in {folder}: give one with --secret")
    base, city, speed = msgspec.json.decode((asked.state / "clock.json").read_bytes())
    clock = CityClock(int(base), int(city), float(speed))
    client = _client(asked, secret, folder / "ca.pem")
    ends = time.monotonic() + asked.seconds
    if asked.way == "listen":
        client.subscribe("#", qos=1)
    for topic, body in _says(asked, clock):
        if body:
            client.publish(topic, body, qos=0 if asked.way == "flood" else 1)
        if time.monotonic() >= ends:
            break
        if asked.way != "flood":
            time.sleep(asked.every)
    client.disconnect()
    client.loop_stop()


def _arguments() -> argparse.Namespace:
    told = "\n".join(f"  {way:8} {what}" for way, what in WAYS.items())
    parser = argparse.ArgumentParser(epilog=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("device", help="whose secret is used")
    parser.add_argument("--state", type=Path, default=Path("var/doggerford"), help="the state directory of the city")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8883, help="the broker's, as `cityward run` prints it")
    parser.add_argument("--from", dest="source", default="", help="this address of ours, such as 127.0.0.66 (Linux)")
    parser.add_argument("--secret", help="instead of the one that the simulator has")
    parser.add_argument("--as", dest="other", help="forge: in whose name")
    parser.add_argument("--value", type=float, default=42.0, help="freeze: km/h")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between messages")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long")
    return parser.parse_args()


def _client(asked: argparse.Namespace, secret: str, ca: Path) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, f"{asked.device}:x", protocol=mqtt.MQTTv311)
    client.username_pw_set(asked.device, secret)
    client.tls_set_context(ssl.create_default_context(cafile=str(ca)))
    client.on_connect = lambda _c, _d, _f, reason, _p: _tell("the broker says:", reason)
    client.on_disconnect = lambda _c, _d, _f, reason, _p: _tell("the connection ended:", reason)
    client.on_subscribe = lambda _c, _d, _m, reasons, _p: _tell("to subscribe to #:", *reasons)
    client.on_message = lambda _c, _d, message: _tell("heard:", message.topic)
    client.connect(asked.host, asked.port, keepalive=20, bind_address=asked.source)
    client.loop_start()
    return client


def _tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def _says(asked: argparse.Namespace, clock: CityClock) -> Iterator[Said]:
    for n in itertools.count():
        now = clock.to_city_us(time.time_ns() // 1000)
        topic = f"in/{asked.other if asked.way == 'forge' and asked.other else asked.device}"
        if asked.way in ("listen", "knock"):
            yield f"in/{asked.device}", b""
        elif asked.way == "answer":
            answer = {"id": f"never-given-{n}", "outcome": "done", "level": 10, "at": iso(now)}
            yield f"ack/{asked.device}", msgspec.json.encode(answer)
        else:
            speed = asked.value if asked.way != "low" else 8 + n % 7 * 0.4
            yield topic, msgspec.json.encode([{"n": "speed", "u": "km/h", "t": now / SECOND, "v": speed}])


if __name__ == "__main__":
    main()
