"""A running town with cameras: one plays a clip, one speaks RTSP. Counted, covered, hashed, shown; a child may be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from adapters.video import rtsp_camera
from adapters.video.films import film
from cityward.adapters.bus.log import connect, disconnect
from cityward.adapters.bus.pictures import AskedPictures
from cityward.adapters.stores.state import SqlState
from cityward.adapters.video.camera_keys import CameraLogin, CameraSecrets
from cityward.compose.home import Home, read_city_file
from cityward.compose.pictures.cameras import archive_of
from cityward.errors import LinkError
from hearing import until
from towns import running_town, write_town

MODEL = """device_models:
  camera:
    maker: council
    properties: {camera-trouble: {}, picture-rate: {}, pedestrian-count: {}, vehicle-count: {}}
"""
DEVICES = """  gate:
    model: camera
    site: hall
    owner: council
    addresses: [127.0.0.0/8]
    positions: [[2.3, 54.9], [2.31, 54.9]]
flows:
  gate-video:
    {from: gate, to: cityward, datasets: [video], purpose: environment, protocol: rtsp, protection: tls, observability: enforced}
  gate-counts:
    {from: gate, to: cityward, datasets: [counts], purpose: environment, protocol: http, observability: enforced}
"""
DATASETS = """datasets:
  video: {personal: true, basis: public-task, sensitivity: restricted, retention_days: 1}
  counts:
    personal: false
    sensitivity: public
    retention_days: 30
    properties: [camera-trouble, picture-rate, pedestrian-count, vehicle-count]
"""
CAMERAS = """cameras:
  clip:
    {device: gate-01, flow: gate-video, dataset: video, purpose: environment, lawful_basis: public-task, view: The gate,
     stream: "file:gate.mp4", keep_hours: 1, segment_s: 2, counts: {door: {begin: [0.5, 0], end: [0.5, 1]}},
     viewing: {purposes: [environment]}}
  wire:
    {device: gate-02, flow: gate-video, dataset: video, purpose: environment, lawful_basis: public-task, view: The gate,
     stream: "rtsp://127.0.0.1:PORT/live"}
"""


def camera_town(folder: Path, port: int) -> Path:
    place = write_town(folder, 1)
    text = (place / "place.yaml").read_text()
    for kind, record in (("device_models", MODEL), ("datasets", DATASETS), ("flows", DEVICES)):
        text = text.replace(f"{kind}:\n", record, 1)
    (place / "place.yaml").write_text(text + CAMERAS.replace("PORT", str(port)))
    (place / "gate.mp4").write_bytes(film(pictures=50, width=320, height=240))
    return place


@contextmanager
def opened(home: Home) -> Iterator[SqlState]:
    state = SqlState(home.state_url)
    try:
        yield state
    finally:
        state.dispose()


def told(home: Home, camera: str) -> dict[str, Any]:
    try:
        return json.loads((home.root / "cameras.progress.json").read_bytes())["cameras"].get(camera, {})
    except (OSError, ValueError):
        return {}


def picture(home: Home, camera: str, grant: str = "") -> bytes:
    async def ask() -> bytes:
        city = read_city_file(home)
        client = await connect(city.bus_url, "web", city.passwords.get("web"))
        try:
            asked = AskedPictures(client)
            return await (asked.clear_picture(camera, "op-7", grant) if grant else asked.picture(camera, "op-7"))
        finally:
            await disconnect(client)

    return asyncio.run(ask())


def children_of(pid: int) -> list[int]:
    """The children that look, of the role with this pid."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found if b"adapters.video.child" in Path(f"/proc/{one}/cmdline").read_bytes()]


def test_cameras_are_looked_through_counted_recorded_and_shown(tmp_path: Path) -> None:
    home = Home(tmp_path / "state")
    login = CameraLogin(user=rtsp_camera.USER, password=rtsp_camera.PASSWORD)
    CameraSecrets(home.keys, "wire").keep(login)
    with (
        rtsp_camera.camera(way="MD5") as one,
        running_town(camera_town(tmp_path / "town", one.port), home.root) as town,
    ):
        until(lambda: told(home, "clip").get("counts", {}).get("looked", 0) > 5, "the clip is looked at")
        until(lambda: told(home, "wire").get("counts", {}).get("looked", 0) > 5, "the stream is looked at")
        with opened(home) as state:
            until(lambda: {row.property for row in state.latest_of(["gate-01"])} >= {"camera-trouble"}, "readings")
            archive = archive_of(home.root, state.segments)
            until(lambda: len(archive.between("clip", 0, 1 << 62)) >= 2, "segments")
            assert all(archive.open(row)[4:8] == b"ftyp" for row in archive.between("clip", 0, 1 << 62))
            assert archive.between("wire", 0, 1 << 62) == []  # nothing is kept of it
        shown = cv2.imdecode(np.frombuffer(picture(home, "clip"), np.uint8), cv2.IMREAD_COLOR)
        assert shown.shape == (240, 320, 3)
        with pytest.raises(LinkError, match="no clear view"):
            picture(home, "clip", "made-up")
        role = town.counts()["pids"]["cameras"]
        victim, *_ = children_of(role)
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in children_of(role) and len(children_of(role)) == 2, "another child")
        assert town.counts()["pids"]["cameras"] == role  # the role went on
        logs = b"".join(path.read_bytes() for path in home.root.rglob("*.log"))
        assert rtsp_camera.PASSWORD.encode() not in logs
