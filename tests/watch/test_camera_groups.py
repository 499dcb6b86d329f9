"""A camera is known as one also where only its group has addresses: a log of the network knows no more than the group."""

from __future__ import annotations

from cityward.compose.places import demo_place, load_place
from cityward.place.registry import number
from cityward.watch.detectors.cameras import DETECTOR
from cityward.watch.events import Event, EventKind
from cityward.watch.world import world_of


def kinds_of(subject: str) -> list[str]:
    place = load_place(demo_place()).place
    world = world_of(place, number(place))
    detail = {"to": "203.0.113.254", "port": "554", "protocol": "tcp", "count": "1", "declared": "no"}
    event = Event(at=1_000_000, kind=EventKind.DESTINATION, by="network", subject=subject, detail=detail)
    return [sign.kind for sign in DETECTOR.hear(DETECTOR.begin(world), [event], event.at, world)]


def test_a_group_of_cameras_that_sends_elsewhere_is_told_as_cameras() -> None:
    assert kinds_of("harbour-cameras") == ["second-stream"]


def test_a_group_of_lamps_is_no_camera_and_a_stranger_neither() -> None:
    assert kinds_of("quay-street-lamps") == []
    assert kinds_of("nobody-of-ours") == []
