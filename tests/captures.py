"""A small reader of recorded packets for tests: what each client of a TCP server said, in order. pcapng and pcap.

Enough for Ethernet, IPv4 and IPv6, TCP; retransmissions are told apart by their sequence numbers, losses are not filled in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

ETHERNET, RAW, LINUX_COOKED, LOOPBACK = 1, 101, 113, 0
MOST_BLOCK = 1 << 20


def frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """(link type, frame) of each packet."""
    data = path.read_bytes()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from _pcapng(data)
    else:
        order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        link, at = struct.unpack(f"{order}I", data[20:24])[0], 24
        while at + 16 <= len(data):
            size = struct.unpack(f"{order}I", data[at + 8 : at + 12])[0]
            yield link, data[at + 16 : at + 16 + size]
            at += 16 + size


def _pcapng(data: bytes) -> Iterator[tuple[int, bytes]]:
    at, order, links = 0, "<", list[int]()
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, size = struct.unpack(f"{order}II", data[at : at + 8])
        if not 12 <= size <= MOST_BLOCK:
            return  # cut off, or not what we read
        if kind == 1:
            links.append(struct.unpack(f"{order}H", data[at + 8 : at + 10])[0])
        elif kind == 6:
            interface, _, _, length = struct.unpack(f"{order}IIII", data[at + 8 : at + 24])
            yield links[interface], data[at + 28 : at + 28 + length]
        at += size


def _tcp(link: int, frame: bytes) -> tuple[tuple[bytes, int, bytes, int], int, bytes] | None:
    """((from, port, to, port), sequence, payload) of a frame that carries TCP."""
    head = {ETHERNET: 14, LINUX_COOKED: 16, LOOPBACK: 4, RAW: 0}.get(link)
    if head is None or len(frame) < head + 40:
        return None
    ip = frame[head:]
    if ip[0] >> 4 == 4 and ip[9] == 6:
        start, total, ends = (ip[0] & 15) * 4, struct.unpack(">H", ip[2:4])[0], (ip[12:16], ip[16:20])
    elif ip[0] >> 4 == 6 and ip[6] == 6:
        start, total, ends = 40, 40 + struct.unpack(">H", ip[4:6])[0], (ip[8:24], ip[24:40])
    else:
        return None
    segment = ip[start:total] if total else ip[start:]
    if len(segment) < 20:
        return None
    source, target, seq = struct.unpack(">HHI", segment[:8])
    return (ends[0], source, ends[1], target), seq, segment[(segment[12] >> 4) * 4 :]


def said_to(path: Path, port: int) -> list[bytes]:
    """What each connection to a port sent, in the order in which they began."""
    streams: dict[tuple[bytes, int, bytes, int], dict[int, bytes]] = {}
    for link, frame in frames(path):
        found = _tcp(link, frame)
        if found is not None and found[0][3] == port and found[2]:
            streams.setdefault(found[0], {}).setdefault(found[1], found[2])
    return [b"".join(part for _, part in sorted(parts.items())) for parts in streams.values()]
