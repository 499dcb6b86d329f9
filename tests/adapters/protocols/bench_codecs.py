"""How long decoding takes. Not a test: `python tests/adapters/protocols/bench_codecs.py` prints microseconds per observation.

Each codec is measured beside the plainest thing one would write (`json.loads` and a loop), in one run, so that the numbers
mean something on another machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[2]))

from cityward.adapters.protocols import codecs
from cityward.guard.batch import Messages
from places import tiny_registry

NOW_US = 1_790_000_000_000_000
REGISTRY = tiny_registry()


def messages(device: str, bodies: list[object]) -> Messages:
    """Bodies of one device, as they would stand in the log."""
    payloads = [json.dumps(body, separators=(",", ":")).encode() for body in bodies]
    unit, count = REGISTRY.unit_index[device], len(bodies)
    return Messages([unit] * count, payloads, [NOW_US] * count, range(1, count + 1))


def senml(size: int, index: int, **more: object) -> object:
    """A pack of `size` readings."""
    base = {"bn": "counter-1:", "bt": 1_789_999_000 + index, **more}
    records = [{"n": "speed", "v": 30 + n / 7, "t": n} for n in range(size)]
    return [{**base, **records[0]}, *records[1:]]


def weather(index: int) -> object:
    """One plain JSON body with three readings."""
    return {
        "at": f"2026-08-01T12:{index // 60 % 60:02d}:{index % 60:02d}Z",
        "illuminance": 1000 + index,
        "readings": {"temperature": 60.5, "humidity": 71.25},
    }


def air(index: int) -> object:
    """One normalized NGSI-LD entity with two readings."""
    when = f"2026-08-01T12:{index // 60 % 60:02d}:{index % 60:02d}Z"
    values = {"pm25": 12.5, "no2": 40.0 + index % 9}
    return {
        "id": "urn:ngsi-ld:AirQualityObserved:air-1",
        "type": "AirQualityObserved",
        **{k: {"type": "Property", "value": v, "unitCode": "GQ", "observedAt": when} for k, v in values.items()},
    }


WORKLOADS: dict[str, tuple[str, Messages]] = {
    "senml, single": ("senml", messages("counter-1", [senml(1, i) for i in range(4000)])),
    "senml, packs of 50": ("senml", messages("counter-1", [senml(50, i) for i in range(400)])),
    "senml, packs of 50, unit named": ("senml", messages("counter-1", [senml(50, i, bu="km/h") for i in range(400)])),
    "senml, packs of 50, full rules": ("senml", messages("counter-1", [senml(50, i, bver=10) for i in range(100)])),
    "json, single": ("json", messages("weather-1", [weather(i) for i in range(2000)])),
    "json, batches of 100": ("json", messages("weather-1", [[weather(i) for i in range(100)] for _ in range(20)])),
    "ngsi-ld, one entity": ("ngsi-ld", messages("air-1", [air(i) for i in range(2000)])),
}


def best_us(work: Callable[[], object], rounds: int = 15) -> float:
    """The shortest of some rounds, in microseconds."""
    shortest = float("inf")
    for _ in range(rounds):
        begun = perf_counter()
        work()
        shortest = min(shortest, perf_counter() - begun)
    return shortest * 1e6


def measure() -> dict[str, float]:
    """Microseconds per observation, by workload; printed beside a bare `json.loads` of the same bytes."""
    found: dict[str, float] = {}
    for name, (codec_id, sent) in WORKLOADS.items():
        codec = codecs()[codec_id]
        claims = codec.decode(sent, REGISTRY)
        assert not claims.fault.any(), name
        found[name] = best_us(lambda codec=codec, sent=sent: codec.decode(sent, REGISTRY)) / len(claims)
        bare = best_us(lambda sent=sent: [json.loads(p) for p in sent.payload]) / len(claims)
        print(f"{name:34s} {found[name]:7.2f} us/observation   json.loads alone {bare:6.2f}")
    return found


if __name__ == "__main__":
    measure()
