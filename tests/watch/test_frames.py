"""Frames that are told twice, and gateways that only the network knows: what the samples of detectors do not show."""

from __future__ import annotations

from typing import Any

import pytest

from cityward.time import MINUTE
from cityward.watch.contract import Detector
from cityward.watch.detectors.frame_counter import DETECTOR as COUNTERS
from cityward.watch.detectors.hardware import DETECTOR as HARDWARE
from cityward.watch.detectors.impossible_travel import DETECTOR as TRAVEL
from cityward.watch.events import Event, EventKind
from watch.sample_town import sample_world

NOW = 1_705_276_800_000_000
WORLD = sample_world()


def frame(minute: int, **detail: str) -> Event:
    return Event(at=NOW + minute * MINUTE, kind=EventKind.FRAME, by="worker-0", subject="bins-01", detail=detail)


def signs(detector: Detector, *events: Event) -> list[str]:
    state: Any = detector.begin(WORLD)
    return [s.kind for event in events for s in detector.hear(state, [event], event.at, WORLD)]


def test_frames_that_are_told_again_after_a_restart_are_no_replay() -> None:
    seen = [frame(n, counter=str(n), session="01189440") for n in range(4)]
    assert signs(COUNTERS, *seen, *seen[1:], frame(4, counter="4", session="01189440")) == []
    assert signs(COUNTERS, *seen, frame(5, counter="1", session="01189440")) == ["counter-runs-back"]


def test_a_swap_that_is_told_again_after_a_restart_is_no_swap_back() -> None:
    seen = [frame(0, eui="01" * 8), frame(1, eui="02" * 8)]
    assert signs(HARDWARE, *seen, *seen) == ["device-swapped"]


def test_a_device_without_a_counter_has_no_frame_counter() -> None:
    assert signs(COUNTERS, frame(0, imei="490154203237518"), frame(1, imei="490154203237518")) == []


def test_a_gateway_far_away_that_only_the_network_knows_is_a_place() -> None:
    unit = WORLD.registry.unit_index["bins-01"]
    lon, lat = (float(x) for x in WORLD.lon_lat[unit])
    near = {"gateway": "0016c001f1000001", "lon": f"{lon:.6f}", "lat": f"{lat:.6f}"}
    far = {"gateway": "0016c001f1000002", "lon": f"{lon:.6f}", "lat": f"{lat - 5:.6f}"}
    assert signs(TRAVEL, frame(0, **near), frame(1, **near)) == []
    assert set(signs(TRAVEL, frame(0, **near), frame(1, **far))) == {"too-fast", "another-place"}


@pytest.mark.parametrize(
    "where", [{}, {"lon": "x", "lat": "1"}, {"lon": "nan", "lat": "1"}, {"lon": "1e9", "lat": "0"}]
)
def test_a_gateway_that_stands_nowhere_tells_nothing(where: dict[str, str]) -> None:
    assert signs(TRAVEL, frame(0, gateway="nobody", **where)) == []
