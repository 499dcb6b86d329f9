"""What a camera says over the wire, in pieces of any size; what it offers; and how it is answered who we are."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.video.camera_keys import CameraLogin
from cityward.adapters.video.challenge import Challenge, answer, chosen
from cityward.adapters.video.rtsp_wire import Answered, AskedOfUs, Packet, Wire, WireError, request
from cityward.adapters.video.sdp import offer_of
from cityward.errors import LinkError

OK = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 4\r\n\r\nbody"
PACKET = b"$\x00\x00\x03abc"
SAID = OK + PACKET + b"ANNOUNCE rtsp://c/ RTSP/1.0\r\nCSeq: 9\r\n\r\n" + b"$\x01\x00\x00"


@given(st.lists(st.integers(1, 20), max_size=60))
def test_messages_come_out_whole_however_the_bytes_come(cuts: list[int]) -> None:
    wire, out, at = Wire(), [], 0
    for cut in [*cuts, len(SAID)]:
        out += wire.feed(SAID[at : at + cut])
        at += cut
    answered, packet, asked, empty = out
    assert isinstance(answered, Answered) and (answered.status, answered.body, answered.sequence) == (200, b"body", 3)
    assert packet == Packet(0, b"abc") and empty == Packet(1, b"")
    assert isinstance(asked, AskedOfUs) and asked.method == "ANNOUNCE"


@given(st.binary(max_size=300))
def test_any_bytes_are_messages_an_error_or_not_whole_yet(data: bytes) -> None:
    with contextlib.suppress(WireError):
        Wire().feed(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nno header\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 100 + b"\r\n",
        b"R" * (1 << 15),
    ],
    ids=["no text", "http", "no header", "negative", "two lengths", "too long", "many lines", "no end"],
)
def test_what_is_no_rtsp_ends_the_session(data: bytes) -> None:
    with pytest.raises(WireError):
        Wire().feed(data)


def test_no_part_of_a_request_begins_a_line_of_its_own() -> None:
    assert request("PLAY", "rtsp://c/", 1, {"Session": "7"}).endswith(b"Session: 7\r\n\r\n")
    for uri, headers in [("rtsp://c/\r\nX: y", {}), ("rtsp://c/", {"Session": "7\r\nX: y"}), ("rtsp://ö/", {})]:
        with pytest.raises(ValueError, match="line break"):
            request("PLAY", uri, 1, headers)


# -- descriptions ---------------------------------------------------------------------------------------------------------

SDP = """v=0\r
o=- 1 1 IN IP4 192.0.2.7\r
s=Session\r
a=control:*\r
m=audio 0 RTP/AVP 0\r
a=control:track0\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=1;profile-level-id=42E01E;sprop-parameter-sets=Z0LgHg==,aM4=\r
a=control:track1\r
"""


def test_the_first_video_that_is_read_here_is_taken_with_its_parameter_sets() -> None:
    offer = offer_of(SDP.encode(), "rtsp://cam.example/live/")
    assert (offer.coding, offer.payload, offer.rate) == ("h264", 96, 90_000)
    assert offer.control == "rtsp://cam.example/live/track1"
    assert offer.sets == (base64.b64decode("Z0LgHg=="), base64.b64decode("aM4="))


@pytest.mark.parametrize(
    ("control", "address"),
    [
        ("rtsp://cam.example/live/t1", "rtsp://cam.example/live/t1"),
        ("rtsp://198.51.100.9/elsewhere", "rtsp://cam.example/elsewhere"),
        ("t1", "rtsp://cam.example/live/t1"),
    ],
)
def test_no_control_address_leads_to_another_host(control: str, address: str) -> None:
    text = SDP.replace("a=control:track1", f"a=control:{control}")
    assert offer_of(text.encode(), "rtsp://cam.example/live").control == address


@pytest.mark.parametrize("body", [b"", b"v=0", SDP.replace("H264", "VP8").encode(), b"m=video\n" * 600])
def test_a_description_without_such_a_video_is_told(body: bytes) -> None:
    with pytest.raises(WireError):
        offer_of(body, "rtsp://cam.example/")


@given(
    st.lists(
        st.sampled_from(
            [*SDP.split("\r\n"), "a=control:rtsp://[", "a=rtpmap:96 H265/0", "\0", "a=fmtp:96 sprop-vps=%%%"]
        ),
        max_size=30,
    ),
    st.binary(max_size=30),
)
def test_any_description_gets_a_verdict(lines: list[str], more: bytes) -> None:
    with contextlib.suppress(WireError):
        offer = offer_of("\n".join(lines).encode() + more, "rtsp://cam.example/live")
        assert offer.control.startswith("rtsp://cam.example")


# -- who we are -----------------------------------------------------------------------------------------------------------

LOGIN = CameraLogin(user="Mufasa", password="Circle of Life")


def test_answers_the_examples_of_the_standard() -> None:
    """RFC 7616 3.9.1: MD5 and SHA-256 of the same request."""
    realm, nonce = "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    for way, expected in {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }.items():
        said = answer(Challenge(way, realm, nonce, "", True), LOGIN, "GET", "/dir/index.html", cnonce)
        assert f'response="{expected}"' in said


def test_the_strongest_way_is_taken_and_a_password_in_clear_only_through_tls() -> None:
    md5, sha = 'Digest realm="c", nonce="n"', 'Digest realm="c", nonce="n", algorithm=SHA-256, qop="auth,auth-int"'
    basic = 'Basic realm="c"'
    assert chosen([basic, md5, sha], sealed=True).way == "SHA-256"
    assert chosen([basic, md5], sealed=True).way == "MD5"
    assert chosen([basic], sealed=True).way == "basic"
    with pytest.raises(LinkError, match="in clear"):
        chosen([basic], sealed=False)
    with pytest.raises(LinkError, match="not known"):
        chosen(['Digest realm="c", nonce="n", algorithm=MD5-sess', "Bearer"], sealed=True)


@given(st.lists(st.text(max_size=100), max_size=4), st.booleans())
def test_any_challenge_gets_a_verdict(headers: list[str], sealed: bool) -> None:
    with contextlib.suppress(LinkError):
        said = answer(chosen(headers, sealed=sealed), LOGIN, "PLAY", "rtsp://c/", "0" * 32)
        assert said.isprintable() and LOGIN.password not in said


def test_no_word_of_a_login_shows_its_password() -> None:
    assert LOGIN.password not in repr(LOGIN) and LOGIN.password not in str(LOGIN)
