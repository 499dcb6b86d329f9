"""What bodies say of their radio, as events: each frame once, by its device, bounded."""

from __future__ import annotations

import msgspec

from cityward.guard.batch import Frame, Messages
from cityward.place.registry import Registry, number
from cityward.place.things import Hardware
from cityward.runtime.intake import frames as frames_
from cityward.runtime.intake.frames import Frames
from cityward.watch.events import EventKind
from places import tiny_place


def registry() -> Registry:
    """The tiny place, in which `air-1` is the gateway 00..1."""
    place = tiny_place()
    air = msgspec.structs.replace(place.devices["air-1"], hardware=(Hardware(eui="0016c001f1000001"),))
    return number(msgspec.structs.replace(place, devices={**place.devices, "air-1": air}))


def messages(*units: int) -> Messages:
    return Messages(list(units), [b""] * len(units), [1000 + n for n in range(len(units))], list(range(len(units))))


def test_a_frame_is_told_of_its_device_with_its_gateway_by_name() -> None:
    here = registry()
    counter = here.unit_index["counter-1"]
    frame = Frame(1, counter=7, session="01189440", gateway="0016c001f1000001", gateway_at=(-1.5, 53.8), eui="01" * 8)
    [event] = Frames(here, "worker-0").events([frame], messages(-1, counter), "worker-0:9")
    assert (event.kind, event.subject, event.at, event.record) == (EventKind.FRAME, "counter-1", 1001, "worker-0:9")
    assert event.detail == {
        "session": "01189440", "gateway": "air-1", "eui": "01" * 8, "counter": "7", "lon": "-1.500000", "lat": "53.800000",
    }  # fmt: skip


def test_what_says_nothing_new_in_a_batch_is_told_once() -> None:
    here = registry()
    one, other = here.unit_index["counter-1"], here.unit_index["counter-2"]
    same = [Frame(n, imei="490154203237518") for n in range(3)]
    told = Frames(here, "worker-0").events(
        [*same, Frame(3, imei="490154203237518")], messages(one, one, one, other), ""
    )
    assert [event.subject for event in told] == ["counter-1", "counter-2"]


def test_frames_of_nobody_are_not_told() -> None:
    assert Frames(registry(), "worker-0").events([Frame(0, counter=1)], messages(-1), "") == []


def test_a_flood_of_frames_is_cut_and_counted(monkeypatch) -> None:
    monkeypatch.setattr(frames_, "MOST_TOLD", 3)
    here = registry()
    counter = here.unit_index["counter-1"]
    told = Frames(here, "worker-0").events([Frame(0, counter=n) for n in range(10)], messages(counter), "")
    assert len(told) == 4
    assert (told[-1].kind, told[-1].detail) == (EventKind.SHED, {"budget": "frames", "count": "7"})
