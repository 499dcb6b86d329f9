"""Who travels through the corridor when: drawn second by second, as busy as the recorded people on the quays were at that hour.

The recorded hours give the shape of the day only; how many vehicles that is at the busiest hour stands here. Deterministic: the
same second and seed give the same departures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityward.adapters.recordings import Recording, read_folder
from cityward.time import HOUR

RECORDED = "pedestrians"
QUIET = 0.15  # of the busiest hour: a port never sleeps
BUSES = {"quay-bus-01": "west-east", "quay-bus-02": "east-west"}
BUS_EVERY_S, ENGINE_EVERY_S = 240, 1260
ENGINE, ENGINE_WAY = "fire-engine-01", "ring-west"
WAYS = {  # vehicles an hour at the busiest
    "west-east": 330, "east-west": 330, "west-hill": 60, "west-slip": 50, "hill-slip": 90, "hill-east": 70, "slip-hill": 70,
    "slip-east": 60, "lane-east": 60, "lane-west": 60, "east-lane": 40, "ring-basin": 90, "ring-west": 70, "basin-ring": 80,
    "east-ring": 70, "west-basin": 60,
}  # fmt: skip
WALKERS = 240
WALKS = (("market-lock", "lock-market"), ("lock-market", "market-lock"))


@dataclass(frozen=True, slots=True)
class Departure:
    """Who sets out now. kind: of vehicle, or `walker` with the edges of its walk as way."""

    name: str
    kind: str
    way: str


def shares_of(folder: Path | None) -> tuple[float, ...]:
    """(24,): how busy each hour of the day is, of the busiest; all 1 where nothing is recorded.

    Raises:
        RecordingError: the recordings cannot be read.
    """
    if folder is None:
        return (1.0,) * 24
    found = [recording for recording in read_folder(folder) if recording.name == RECORDED]
    return _by_hour(found[0]) if found else (1.0,) * 24


def _by_hour(recording: Recording) -> tuple[float, ...]:
    hours = (recording.at + recording.begins + recording.zone_s * 1_000_000) // HOUR % 24
    means = np.array([recording.value[hours == hour].mean() if (hours == hour).any() else 0.0 for hour in range(24)])
    return tuple(float(share) for share in means / max(float(means.max()), 1e-9))


class Demand:
    """See the module."""

    def __init__(self, shares: Sequence[float], seed: int) -> None:
        self._shares, self._seed = tuple(shares), seed

    def departures(self, second: int, hour: float) -> Iterator[Departure]:
        """Who sets out in this second. hour: of the day, 0 to 24, as the recordings mean it."""
        share = max(QUIET, self._share(hour))
        for way, most in WAYS.items():
            if self._draw(f"{way} {second}") < most * share / 3600:
                yield Departure(f"{way}.{second}", "car", way)
        for nth, (start, end) in enumerate(WALKS):
            if self._draw(f"walk {nth} {second}") < WALKERS / len(WALKS) * share / 3600:
                yield Departure(f"walk{nth}.{second}", "walker", f"{start} {end}")
        for nth, (unit, way) in enumerate(BUSES.items()):
            turn, at = divmod(second + nth * BUS_EVERY_S // 2, BUS_EVERY_S)
            if at == int(self._draw(f"{unit} {turn}") * BUS_EVERY_S / 2):  # no driver is on time to the second
                yield Departure(f"{unit}.{second}", "bus", way)
        if second % ENGINE_EVERY_S == ENGINE_EVERY_S // 2:
            yield Departure(f"{ENGINE}.{second}", "engine", ENGINE_WAY)

    def _share(self, hour: float) -> float:
        """Between the middles of two hours in a straight line."""
        at = (hour - 0.5) % 24
        first, part = int(at), at - int(at)
        return self._shares[first % 24] * (1 - part) + self._shares[(first + 1) % 24] * part

    def _draw(self, what: str) -> float:
        digest = hashlib.blake2b(f"{self._seed} {what}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
