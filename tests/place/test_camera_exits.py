"""Where cameras are called: as declared, within the blocks of their device, and nowhere for a clip."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from cityward.place.exits import Exit, camera_exits, exits_of
from declarations import loaded, town

CAMERA = """cameras:
  gate:
    {device: lamps-01, flow: levels-in, dataset: levels, purpose: lighting, lawful_basis: public-task, view: The gate, STREAM}
"""
LAMPS = "lamps: {model: lamp, site: yard"


def exits(stream: str) -> list[Exit]:
    text = town((LAMPS, "lamps: {model: lamp, addresses: [192.0.2.0/28], site: yard"))
    place = loaded(text + CAMERA.replace("STREAM", stream)).place
    found = camera_exits(place, "gate")
    assert {one.by for one in found} == {by for by in exits_of(place) if by.endswith(":gate")}
    return found


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ('stream: "rtsp://192.0.2.7/live"', [("camera:gate", "rtsp", "192.0.2.7", 554, "none")]),
        ('stream: "rtsps://192.0.2.7:8322/live"', [("camera:gate", "rtsps", "192.0.2.7", 8322, "tls")]),
        (
            'stream: "rtsp://192.0.2.7/live", onvif: "https://192.0.2.7/onvif/device_service"',
            [("camera:gate", "rtsp", "192.0.2.7", 554, "none"), ("onvif:gate", "https", "192.0.2.7", 443, "tls")],
        ),
        ('stream: "file:video/gate.mp4"', []),
    ],
    ids=["plain", "sealed", "with its settings", "a clip"],
)
def test_a_camera_is_called_where_it_is_declared(stream: str, expected: list[tuple[str, str, str, int, str]]) -> None:
    found = exits(stream)
    assert [(one.by, one.scheme, one.host, one.port, one.sealed) for one in found] == expected
    assert all(one.blocks == (ip_network("192.0.2.0/28"),) and one.flows == ("levels-in",) for one in found)
