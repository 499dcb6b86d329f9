"""ONVIF: what a camera says of itself, what changed, and what it may not do to who reads it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.video import onvif_camera
from adapters.video.onvif_camera import Camera
from cityward.adapters.outward.connect import Outward
from cityward.adapters.video.asking import Asking, said_by
from cityward.adapters.video.camera_keys import CameraLogin
from cityward.adapters.video.onvif import Heard, OnvifClient, Settings, changes, heard_in
from cityward.adapters.video.soap import MOST_DEPTH, MOST_ELEMENTS, read
from cityward.errors import LinkError, Refused
from cityward.place.addresses import read_address
from cityward.place.exits import Exit

LOGIN = CameraLogin(user=onvif_camera.USER, password=onvif_camera.PASSWORD)


@pytest.fixture
def camera() -> Iterator[Camera]:
    with onvif_camera.camera() as one:
        yield one


def client(to: Camera, login: CameraLogin | None = LOGIN, blocks: str = "127.0.0.0/8") -> OnvifClient:
    exit_ = Exit("onvif:gate-01", ("gate-video",), "http", "127.0.0.1", to.port, (read_address(blocks),))
    return OnvifClient(Outward(), exit_, "/onvif/device_service", lambda: login)


def test_a_camera_says_how_it_is_set(camera: Camera) -> None:
    told = client(camera).look()
    assert told.settings == Settings(
        device="Halden H20 2.4.1",
        streams=("rtsp://192.0.2.7/live/main",),
        profiles=("main H264 1920x1080",),
        users=frozenset({"admin", onvif_camera.USER}),
        aimed=(0.25, -0.1, 0.5),
    )
    assert told.clock_off_s is not None and abs(told.clock_off_s) < 2 and told.noticed == ()
    assert all(onvif_camera.PASSWORD not in body for body in camera.bodies)


def test_a_login_is_made_by_the_cameras_own_clock_and_how_far_that_is_off_is_said(camera: Camera) -> None:
    camera.off_s = -7200
    told = client(camera).look()
    assert told.settings.device and told.clock_off_s == pytest.approx(-7200, abs=2)


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        ({"firmware": "9.9"}, "it says to be Halden H20 9.9, and was Halden H20 2.4.1"),
        ({"stream": "rtsp://203.0.113.9/x"}, "a new stream address: rtsp://203.0.113.9/x"),
        ({"size": (640, 480)}, "a new profile: main H264 640x480"),
        ({"auto_start": True}, "a new destination it sends to by itself: 239.0.0.1:5000"),
        ({"pan": 0.6}, "it was aimed elsewhere: 0.25, -0.10, 0.50 to 0.60, -0.10, 0.50"),
        ({"users": ["admin", onvif_camera.USER, "maker"]}, "a new user ("),
        ({"users": [onvif_camera.USER]}, "a user gone ("),
    ],
    ids=["firmware", "stream", "profile", "multicast", "aim", "user", "user gone"],
)
def test_what_changed_is_noticed_once(camera: Camera, change: dict[str, object], noticed: str) -> None:
    asking = client(camera)
    asking.look()
    for name, value in change.items():
        setattr(camera, name, value)
    assert any(text.startswith(noticed) for text in asking.look().noticed)
    assert asking.look().noticed == ()


def test_no_user_of_a_camera_is_named_to_anybody(camera: Camera) -> None:
    asking = client(camera)
    asking.look()
    camera.users.append("jo-from-the-depot")
    assert "jo" not in " ".join(asking.look().noticed)


def test_what_a_camera_does_not_know_is_asked_once(camera: Camera) -> None:
    camera.knows_ptz = False
    asking = client(camera)
    assert asking.look().settings.aimed == asking.look().settings.aimed == ()
    assert camera.asked.count("GetStatus") == 1


def test_events_are_taken_and_those_about_the_camera_itself_are_told(camera: Camera) -> None:
    asking = Asking(client(camera))
    assert asking.look() and asking.taken() == []
    camera.events = [
        ("VideoSource/GlobalSceneChange", "true"),
        ("VideoSource/MotionAlarm", "true"),
        ("VideoSource/SignalLoss", "false"),
    ]
    assert asking.look()
    assert asking.taken() == ["the camera says: tns1:VideoSource/GlobalSceneChange"] and asking.taken() == []


def test_a_subscription_that_was_forgotten_is_made_anew(camera: Camera) -> None:
    asking = client(camera)
    asking.look()
    asking._pull = "/elsewhere"
    asking.look()
    assert (
        camera.asked.count("CreatePullPointSubscription") == 1
    )  # the path is the camera's to know; here it is one server


def test_a_wrong_login_is_told_without_the_password(camera: Camera) -> None:
    with pytest.raises(LinkError, match="refuses our login") as error:
        client(camera, CameraLogin(user=LOGIN.user, password="wrong")).look()
    assert "wrong" not in str(error.value)
    with pytest.raises(LinkError, match="refuses our login"):
        client(camera, None).look()


def test_no_address_but_the_declared_one_is_called(camera: Camera) -> None:
    with pytest.raises(Refused):
        client(camera, blocks="192.0.2.0/24").look()
    assert camera.asked == []


BOMB = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>'
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE l SYSTEM "file:///etc/passwd"><l/>'
DEEP = b"<a>" * (MOST_DEPTH + 2) + b"</a>" * (MOST_DEPTH + 2)
MANY = b"<a>" + b"<b/>" * (MOST_ELEMENTS + 1) + b"</a>"


@pytest.mark.parametrize(
    "body",
    [BOMB, EXTERNAL, DEEP, MANY, b"", b"not xml", b"<a>" + b" " * (300 << 10) + b"</a>", b"<a/><b/>", b"\xff\xfe<"],
    ids=["entities", "external", "deep", "many", "empty", "no xml", "long", "two roots", "half a character"],
)
def test_hostile_xml_is_refused_and_costs_nothing(camera: Camera, body: bytes) -> None:
    camera.body = body
    with pytest.raises(LinkError):
        client(camera).look()
    with pytest.raises(LinkError):
        read(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_tree_or_refused(body: bytes) -> None:
    with contextlib.suppress(LinkError):
        heard_in(read(b"<a>" + body + b"</a>"))


@given(st.lists(st.sampled_from(["x", "y", "z"]), max_size=5), st.lists(st.sampled_from(["x", "y", "z"]), max_size=5))
def test_the_same_settings_are_no_change_and_others_are(one: list[str], other: list[str]) -> None:
    before, now = Settings(streams=tuple(one)), Settings(streams=tuple(other))
    assert changes(before, before) == ()
    assert bool(changes(before, now)) == (bool(other) and set(one) != set(other))


def test_only_what_is_so_now_is_told() -> None:
    assert said_by([Heard("tns1:RuleEngine/TamperDetector/Tamper", {"IsTamper": "true"})]) != []
    assert said_by([Heard("tns1:RuleEngine/TamperDetector/Tamper", {"IsTamper": "false"})]) == []


def test_asking_goes_on_in_a_thread_of_its_own_and_ends(camera: Camera) -> None:
    asking = Asking(client(camera), every_s=0.01)
    asking.begin()
    deadline = time.monotonic() + 10
    while asking.counts["asked"] < 3:
        assert time.monotonic() < deadline, asking.why
        time.sleep(0.01)
    asking.close()
    assert asking._thread is not None and not asking._thread.is_alive()


@pytest.mark.parametrize("encoding", [b"nope", b"zlib", b"idna", b"utf-7"])
def test_an_encoding_that_nobody_knows_is_no_xml(encoding: bytes) -> None:
    with pytest.raises(LinkError, match="no XML"):
        read(b'<?xml version="1.0" encoding="' + encoding + b'"?><a>\xff</a>')


@pytest.mark.parametrize("off_s", [2.5e11, -6e10], ids=["the year 9952", "the year 125"])
def test_a_clock_at_the_end_of_time_is_off_and_stops_nobody(camera: Camera, off_s: float) -> None:
    camera.off_s = off_s
    with contextlib.suppress(LinkError):  # it may refuse a login of another time
        told = client(camera).look()
        assert told.clock_off_s is not None and abs(told.clock_off_s) < 2e9


def test_what_nobody_thought_of_does_not_end_the_asking(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: OnvifClient) -> None:
        raise OverflowError("a number of the camera's")

    asking = Asking(client(camera))
    monkeypatch.setattr(OnvifClient, "look", fails)
    assert not asking.look()
    assert (asking.counts["failed"], asking.why) == (1, "its own fault: OverflowError")
