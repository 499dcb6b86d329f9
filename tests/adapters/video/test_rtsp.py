"""The RTSP client against cameras of the tests' own, and against a server of GStreamer's."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.video import rtsp_camera
from adapters.video.films import film
from adapters.video.rtsp_camera import Camera, camera
from adapters.video.test_watching import watch
from cityward.adapters.outward.connect import Outward, Turned
from cityward.adapters.video import feeding, rtsp
from cityward.adapters.video.camera_keys import CameraLogin, CameraSecrets
from cityward.adapters.video.feeding import StreamFeed
from cityward.adapters.video.rtsp import Pace, RtspFetcher, address_of
from cityward.adapters.video.watching import Backlog
from cityward.errors import LinkError, Refused
from cityward.place.addresses import read_address
from cityward.place.exits import Exit

LOGIN = CameraLogin(user=rtsp_camera.USER, password=rtsp_camera.PASSWORD)


def exit_to(port: int, blocks: str = "127.0.0.0/8") -> Exit:
    return Exit("camera:gate-01", ("gate-video",), "rtsp", "127.0.0.1", port, (read_address(blocks),))


def fetcher(to: Camera, login: CameraLogin | None = None, outward: Outward | None = None) -> RtspFetcher:
    return RtspFetcher(outward or Outward(), exit_to(to.port), to.uri, lambda: login)


def until(true: Callable[[], object], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.01)


@contextmanager
def fetching(one: RtspFetcher) -> Iterator[Backlog]:
    backlog = Backlog()
    one.begin(backlog)
    try:
        yield backlog
    finally:
        one.close()


@pytest.mark.parametrize("way", ["none", "MD5", "MD5-no-qop", "SHA-256"])
def test_a_stream_is_fetched_from_whoever_asks_who_we_are(way: str) -> None:
    with camera(way=way) as one:
        client = fetcher(one, None if way == "none" else LOGIN)
        with fetching(client) as backlog:
            until(lambda: client.counts["pictures"] > 15)
            first = backlog.take()
        assert first is not None and first.body.startswith(b"\x00\x00\x00\x01") and first.coding == "h264"
        assert client.why == "" and client.counts["gaps"] == 0
        assert all(rtsp_camera.PASSWORD not in said for said in one.logins)


def test_what_is_fetched_is_looked_at_in_the_child() -> None:
    async def body(one: Camera) -> None:
        feed = StreamFeed(fetcher(one), watch())
        try:
            seen, deadline = 0, time.monotonic() + 20
            while seen < 3 and time.monotonic() < deadline:
                glance = await feed.glance()
                seen += len(glance.seen)
                assert glance.broken == ""
            assert seen >= 3
            assert (await feed.show("op-7"))[:2] == b"\xff\xd8"
        finally:
            await feed.close()

    with camera(coder="libx265") as one:
        asyncio.run(body(one))


def test_the_last_seconds_before_a_camera_falls_silent_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "WAIT_S", 0.1)

    async def body(one: Camera) -> None:
        feed = StreamFeed(fetcher(one), watch(keep=True, segment_s=600))
        try:
            seen, deadline = 0, time.monotonic() + 20
            while seen < 3 and time.monotonic() < deadline:
                seen += len((await feed.glance()).seen)
            one.close()
            segment = None
            while segment is None and time.monotonic() < deadline:
                segment = (await feed.glance()).segment
            assert segment is not None and segment.pictures >= 3 and segment.body[4:8] == b"ftyp"
        finally:
            assert await feed.close() is None  # nothing was under way any more

    with camera() as one:
        asyncio.run(body(one))


def test_a_camera_is_told_that_we_are_still_there_and_when_we_go() -> None:
    with camera(timeout_s=4) as one:
        with fetching(fetcher(one)) as _:
            until(lambda: one.keep_alives >= 1)
        until(lambda: one.torn_down)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("garbage", "neither an answer nor a packet"),
        ("endless description", "more than"),
        ("endless packet lines", "lines"),
        ("no video", "no H.264"),
        ("udp only", "does not send over this connection"),
    ],
)
def test_a_camera_that_misbehaves_is_left_with_the_reason_said(wrong: str, why: str) -> None:
    with camera(wrong=wrong) as one, pytest.raises(LinkError, match=why):
        fetcher(one).fetch(Backlog())


@pytest.mark.parametrize("wrong", ["redirects", "asks us elsewhere"])
def test_a_camera_that_leads_elsewhere_is_refused_and_the_watch_is_told(wrong: str) -> None:
    told: list[Turned] = []
    outward = Outward(tell=told.append)
    with camera(wrong=wrong) as one, pytest.raises(Refused, match="leads on"):
        fetcher(one, outward=outward).fetch(Backlog())
    assert [turned.exit.by for turned in told] == ["camera:gate-01"]
    assert outward.counts()["camera:gate-01"].refused == 1


def test_an_address_that_is_not_declared_is_never_called() -> None:
    with camera() as one:
        client = RtspFetcher(Outward(), exit_to(one.port, "192.0.2.0/24"), one.uri, lambda: None)
        with pytest.raises(Refused):
            client.fetch(Backlog())
        assert one.said == []


def test_a_silent_camera_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtsp, "SILENT_S", 0.3)
    with camera(wrong="silence") as one, pytest.raises(LinkError, match="says nothing"):
        fetcher(one).fetch(Backlog())


@pytest.mark.parametrize(
    ("way", "wrong", "why"), [("MD5", "takes no login", "refuses our login"), ("basic", "", "in clear")]
)
def test_a_refused_login_is_told_without_the_password(
    way: str, wrong: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with camera(way=way, wrong=wrong) as one, pytest.raises(LinkError, match=why) as error:
        fetcher(one, LOGIN).fetch(Backlog())
    assert rtsp_camera.PASSWORD not in str(error.value) + caplog.text
    assert all(rtsp_camera.PASSWORD not in said for said in one.logins)
    assert len(one.logins) <= 2  # not tried over and over: cameras lock accounts


def test_a_camera_without_a_kept_login_is_told_how_to_keep_one() -> None:
    with camera(way="MD5") as one, pytest.raises(LinkError, match="none is kept"):
        fetcher(one).fetch(Backlog())


def test_lost_packets_are_counted_and_only_whole_groups_are_given() -> None:
    with camera(wrong="loses packets") as one:
        client = fetcher(one)
        with fetching(client):
            until(lambda: client.counts["gaps"] > 5)
        assert client.counts["dropped pictures"] > 0


def test_a_clock_that_goes_off_is_measured_by_the_cameras_own_reports() -> None:
    with camera(wrong="drifts") as one:
        client = fetcher(one)
        with fetching(client):
            until(lambda: client.drift_s > 2.0)


def test_a_stream_that_breaks_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtsp, "LONGEST_PAUSE_S", 0.05)
    with camera() as one:
        client = fetcher(one)
        with fetching(client):
            until(lambda: client.counts["pictures"] > 3)
            one.end_links()
            until(lambda: client.counts["sessions"] == 2 and client.why == "")


def test_no_address_names_a_user() -> None:
    with pytest.raises(LinkError, match="names a user"):
        address_of("rtsp://root:pass@192.0.2.7/live")


def test_a_login_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    kept = CameraSecrets(tmp_path / "keys", "gate-01")
    assert kept.read() is None
    kept.keep(LOGIN)
    assert kept.read() == LOGIN
    (file,) = (tmp_path / "keys").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"{")
    with pytest.raises(LinkError, match="damaged") as error:
        kept.read()
    assert rtsp_camera.PASSWORD not in str(error.value)


SERVER = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer(); server.set_address("127.0.0.1"); server.set_service("0")
auth = GstRtspServer.RTSPAuth(); auth.set_supported_methods(2)  # digest
token = GstRtspServer.RTSPToken(); token.set_string("media.factory.role", "viewer")
auth.add_digest(sys.argv[2], sys.argv[3], token); server.set_auth(auth)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( filesrc location={sys.argv[1]} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 )")
factory.set_shared(True)
permissions = GstRtspServer.RTSPPermissions()
permissions.add_permission_for_role("viewer", "media.factory.access", True)
permissions.add_permission_for_role("viewer", "media.factory.construct", True)
factory.set_permissions(permissions)
server.get_mount_points().add_factory("/live", factory); server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""
SYSTEM_PYTHON = "/usr/bin/python3"


def has_gstreamer() -> bool:
    try:
        asked = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
        return (
            subprocess.run([SYSTEM_PYTHON, "-c", asked], capture_output=True, timeout=60, check=False).returncode == 0
        )
    except OSError:
        return False


@pytest.fixture
def gstreamer(tmp_path: Path) -> Iterator[int]:
    if not has_gstreamer():
        pytest.skip("NOT TESTED AGAINST A REAL RTSP SERVER: .ci/setup installs one (gir1.2-gst-rtsp-server-1.0)")
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(film(pictures=60))
    command = [SYSTEM_PYTHON, "-c", SERVER, str(clip), LOGIN.user, LOGIN.password]
    env = {**os.environ, "GST_REGISTRY": str(tmp_path / "registry")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


def test_a_real_server_is_spoken_to_with_a_digest(gstreamer: int) -> None:
    uri = f"rtsp://127.0.0.1:{gstreamer}/live"
    client = RtspFetcher(Outward(), exit_to(gstreamer), uri, lambda: LOGIN)

    async def body() -> None:
        feed = StreamFeed(client, watch())
        try:
            seen, deadline = 0, time.monotonic() + 30
            while seen < 5 and time.monotonic() < deadline:
                seen += len((await feed.glance()).seen)
            assert seen >= 5, client.why
        finally:
            await feed.close()

    asyncio.run(body())
    assert client.counts["gaps"] == 0 and client.counts["malformed"] == 0


def test_a_real_server_refuses_a_wrong_password(gstreamer: int) -> None:
    wrong = CameraLogin(user=LOGIN.user, password="wrong")
    client = RtspFetcher(Outward(), exit_to(gstreamer), f"rtsp://127.0.0.1:{gstreamer}/live", lambda: wrong)
    with pytest.raises(LinkError, match="refuses our login"):
        client.fetch(Backlog())


def test_a_flood_of_packets_is_read_no_faster_than_a_camera_sends() -> None:
    waited: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return False

    pace, stop = Pace(), Stop()
    for _ in range(10):
        pace.take(1000, stop)
    assert len(waited) == 1 and 0 < waited[0] <= 1.0
