"""Coded pictures to RTP packets, written for the tests from the same standards: the other way round than `adapters.video.rtp`."""

from __future__ import annotations

import struct

SOURCE, PAYLOAD = 0x1234ABCD, 96


def nals(unit: bytes) -> list[bytes]:
    """The NAL units of Annex B."""
    out, at = [], unit.find(b"\x00\x00\x01")
    while at >= 0:
        end = unit.find(b"\x00\x00\x01", at + 3)
        piece = unit[at + 3 : end if end >= 0 else len(unit)]
        out.append(piece.rstrip(b"\x00") if end >= 0 else piece)
        at = end
    return out


def rtp(body: bytes, sequence: int, time: int, *, marker: bool, source: int = SOURCE) -> bytes:
    return (
        struct.pack("!BBHII", 0x80, PAYLOAD | (0x80 if marker else 0), sequence & 0xFFFF, time & 0xFFFFFFFF, source)
        + body
    )


def fragments(nal: bytes, coding: str, size: int) -> list[bytes]:
    """FU-A (H.264) or FU (H.265)."""
    long = 1 if coding == "h264" else 2
    pieces = [nal[n : n + size] for n in range(long, len(nal), size)]
    out = []
    for n, piece in enumerate(pieces):
        flags = (0x80 if n == 0 else 0) | (0x40 if n == len(pieces) - 1 else 0)
        if coding == "h264":
            head = bytes([(nal[0] & 0xE0) | 28, flags | (nal[0] & 0x1F)])
        else:
            head = bytes([(nal[0] & 0x81) | 49 << 1, nal[1], flags | (nal[0] >> 1) & 0x3F])
        out.append(head + piece)
    return out


def bodies(unit: bytes, coding: str, size: int = 1200) -> list[bytes]:
    """Small units together (STAP-A, AP), large ones in fragments, others as they are."""
    out, small = [], []
    for nal in nals(unit):
        if len(nal) < 60:
            small.append(nal)
            continue
        out += fragments(nal, coding, size) if len(nal) > size else [nal]
    if len(small) > 1:
        head = b"\x78" if coding == "h264" else bytes([48 << 1, 1])
        return [head + b"".join(len(n).to_bytes(2, "big") + n for n in small), *out]
    return small + out


def packets(units: list[bytes], coding: str = "h264", size: int = 1200, sequence: int = 65_500) -> list[bytes]:
    """A whole stream; the numbers wrap on the way."""
    out = []
    for n, unit in enumerate(units):
        parts = bodies(unit, coding, size)
        for k, part in enumerate(parts):
            out.append(rtp(part, sequence, 4_294_960_000 + n * 9000, marker=k == len(parts) - 1))
            sequence += 1
    return out


def sender_report(wall_s: float, time: int) -> bytes:
    seconds, part = divmod(wall_s + 2_208_988_800, 1)
    return struct.pack("!BBHIIIIII", 0x80, 200, 6, SOURCE, int(seconds), int(part * (1 << 32)), time & 0xFFFFFFFF, 1, 1)
