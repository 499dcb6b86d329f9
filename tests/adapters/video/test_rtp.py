"""RTP: pictures come out as they went in, gaps cost whole groups, and any bytes get a verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.video.films import units
from adapters.video.packing import PAYLOAD, SOURCE, nals, packets, rtp, sender_report
from cityward.adapters.video.rtp import Assembler, Drift, read_report, read_rtp

CODERS = {"h264": "libx264", "hevc": "libx265"}


def coded(coding: str) -> list[bytes]:
    return [unit for unit, _ in units(CODERS[coding], 20, 320, 240)]


@pytest.mark.parametrize("coding", ["h264", "hevc"])
@pytest.mark.parametrize("size", [200, 1200, 60_000])
def test_what_was_packed_comes_out_as_it_went_in(coding: str, size: int) -> None:
    stream = coded(coding)
    assembler = Assembler(coding, PAYLOAD)  # type: ignore[arg-type]
    out = [one for packet in packets(stream, coding, size) for one in assembler.take(packet)]
    assert [sorted(nals(one.body)) for one in out] == [sorted(nals(unit)) for unit in stream]
    assert [one.is_key for one in out] == [n % 10 == 0 for n in range(20)]
    assert set(assembler.counts) == {"sources"}


@pytest.mark.parametrize("coding", ["h264", "hevc"])
def test_a_lost_packet_costs_everything_up_to_the_next_key_picture(coding: str) -> None:
    stream = coded(coding)
    whole = packets(stream, coding, 200)
    lost = next(
        n for n, packet in enumerate(whole) if (read_rtp(packet).time - read_rtp(whole[0]).time) % (1 << 32) == 27_000
    )  # type: ignore[union-attr]
    assembler = Assembler(coding, PAYLOAD)  # type: ignore[arg-type]
    out = [one for n, packet in enumerate(whole) if n != lost for one in assembler.take(packet)]
    assert len(out) == 3 + 10  # pictures 0, 1, 2, and all of the second group
    assert assembler.counts["gaps"] == 1 and assembler.counts["dropped pictures"] in (6, 7)


def test_nothing_is_given_before_the_first_key_picture() -> None:
    stream = coded("h264")[3:]
    assembler = Assembler("h264", PAYLOAD)
    out = [one for packet in packets(stream) for one in assembler.take(packet)]
    assert len(out) == 10 and out[0].is_key


def test_parameter_sets_of_the_description_stand_before_a_key_picture_that_brings_none() -> None:
    key = b"\x65" + bytes(range(1, 200))
    assembler = Assembler("h264", PAYLOAD, sets=(b"\x67one", b"\x68two"))
    (out,) = assembler.take(rtp(key, 1, 0, marker=True))
    assert nals(out.body) == [b"\x67one", b"\x68two", key]


def test_parameter_sets_that_come_alone_are_kept_for_the_key_picture() -> None:
    assembler = Assembler("h264", PAYLOAD)
    assert assembler.take(rtp(b"\x67sps", 1, 0, marker=False)) == []
    assert assembler.take(rtp(b"\x68pps", 2, 0, marker=True)) == []
    (out,) = assembler.take(rtp(b"\x65picture", 3, 9000, marker=True))
    assert nals(out.body) == [b"\x67sps", b"\x68pps", b"\x65picture"]


def test_a_missing_marker_is_made_good_by_the_next_time() -> None:
    assembler = Assembler("h264", PAYLOAD)
    assert assembler.take(rtp(b"\x65one", 1, 0, marker=False)) == []
    (out,) = assembler.take(rtp(b"\x41two", 2, 9000, marker=False))
    assert out.is_key and out.time == 0


def test_another_payload_or_no_rtp_is_counted_and_nothing_else() -> None:
    assembler = Assembler("h264", PAYLOAD + 1)
    assert assembler.take(rtp(b"\x65one", 1, 0, marker=True)) == []
    assert assembler.take(b"\x00") == [] and assembler.counts["no packet of it"] == 2


def test_an_endless_picture_is_bounded() -> None:
    assembler, n = Assembler("h264", PAYLOAD), 0
    for n in range(100):
        flags = 0x80 if n == 0 else 0
        assert assembler.take(rtp(b"\x7c" + bytes([flags | 5]) + bytes(60_000), n, 0, marker=False)) == []
    assert len(assembler._part) <= 4 << 20 and assembler.counts["malformed"] > 0


@given(st.binary(max_size=200))
def test_any_bytes_are_a_packet_or_none(data: bytes) -> None:
    packet = read_rtp(data)
    assert packet is None or len(packet.body) <= len(data) - 12
    read_report(data)


@given(st.lists(st.binary(max_size=60), max_size=40), st.sampled_from(["h264", "hevc"]))
def test_any_bodies_make_pictures_or_counts(parts: list[bytes], coding: str) -> None:
    assembler = Assembler(coding, PAYLOAD)  # type: ignore[arg-type]
    for n, part in enumerate(parts):
        for one in assembler.take(rtp(part, n, n // 3, marker=n % 3 == 2)):
            assert one.body.startswith(b"\x00\x00\x00\x01")


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=20))
def test_flipped_packets_never_raise(flips: list[tuple[int, int]]) -> None:
    stream = [bytearray(packet) for packet in packets(coded("h264")[:6], size=300)]
    for n, value in flips:
        packet = stream[n % len(stream)]
        packet[n % len(packet)] ^= value
    assembler = Assembler("h264", PAYLOAD)
    for packet in stream:
        assembler.take(bytes(packet))


# -- clocks ---------------------------------------------------------------------------------------------------------------


def test_a_report_says_the_cameras_wall_clock() -> None:
    report = read_report(sender_report(1_700_000_000.25, 77))
    assert report is not None
    assert (report.source, report.time) == (SOURCE, 77) and report.wall_s == pytest.approx(1_700_000_000.25, abs=1e-6)


def test_drift_is_how_far_a_clock_went_off_and_one_late_report_is_none() -> None:
    drift = Drift()
    # an hour off from the beginning; then 0.5 s a report more, one of them 9 s late on the network
    for here, wall in [(0, 3600), (10, 3610.5), (20, 3621), (30 + 9, 3631.5), (40, 3642)]:
        report = read_report(sender_report(wall + 1_700_000_000, 0))
        assert report is not None
        drift.take(report, here + 1_700_000_000.0)
    assert drift.seconds == pytest.approx(1.0)  # the middle of 1.0, -7.5 and 2.0
