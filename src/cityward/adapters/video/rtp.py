"""RTP packets to coded pictures, and what a camera's reports say of its clock. Pure; any bytes get a verdict.

Theory of operation
-------------------
Packets of one picture bear one time; the last one bears the marker. `Assembler` gathers their NAL units (whole, aggregated, or in
fragments) and gives the picture as Annex B when it is whole. A gap in the numbers spoils the picture under way and every one
after it until the next key picture: a decoder would make rubbish of them, and rubbish looks like something that moved. Both are
counted.

Source: RFC 3550 (RTP, RTCP), RFC 6184 (H.264: single, STAP-A, FU-A), RFC 7798 (H.265: single, AP, FU; without DONL).
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

MOST_PICTURE = 4 << 20  # as `exchange.MOST_UNIT`
MOST_NALS = 1024  # of one picture
MOST_SETS = 8
_START = b"\x00\x00\x00\x01"
_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class Rtp:
    """One packet."""

    payload: int
    marker: bool
    sequence: int
    time: int
    source: int
    body: bytes


def read_rtp(data: bytes) -> Rtp | None:
    """None where that is none."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, sequence, time, source = struct.unpack_from("!BBHII", data)
    begin, end = 12 + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if len(data) < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    if first & 0x20:
        end -= data[-1]
    if begin > end or (first & 0x20 and data[-1] == 0):
        return None
    return Rtp(second & 0x7F, bool(second & 0x80), sequence, time, source, data[begin:end])


@dataclass(frozen=True, slots=True)
class Report:
    """A sender report: the camera's wall clock (seconds since 1970) at a time of its RTP."""

    source: int
    wall_s: float
    time: int


def read_report(data: bytes) -> Report | None:
    """The first sender report of a compound packet; None where there is none."""
    at = 0
    while at + 8 <= len(data):
        if data[at] >> 6 != 2:
            return None
        size = 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 200 and size >= 28 and at + 20 <= len(data):
            source, seconds, part, time = struct.unpack_from("!IIII", data, at + 4)
            return Report(source, seconds - _NTP_EPOCH + part / _WRAP, time)
        at += size
    return None


@dataclass(frozen=True, slots=True)
class Coded:
    """A whole picture, as Annex B."""

    body: bytes
    is_key: bool
    time: int


@dataclass(slots=True)
class Assembler:
    """Packets in, pictures out. sets: parameter sets from the description. counts: what was lost, and why."""

    coding: Literal["h264", "hevc"]
    payload: int
    sets: Sequence[bytes] = ()
    counts: Counter[str] = field(default_factory=Counter[str])
    _next: int = -1
    _source: int = -1
    _time: int = -1
    _nals: list[bytes] = field(default_factory=list[bytes])
    _part: bytearray = field(default_factory=bytearray)  # of a fragmented NAL unit
    _size: int = 0
    _spoiled: bool = False  # the picture under way
    _waits: bool = True  # for a key picture

    def take(self, data: bytes) -> list[Coded]:
        """The pictures that are whole with this packet: none, one, or two (where a marker was left out)."""
        packet = read_rtp(data)
        if packet is None or packet.payload != self.payload:
            self.counts["no packet of it"] += 1
            return []
        out: list[Coded] = []
        if packet.source != self._source:
            self._restart(packet)
        elif packet.sequence != self._next:
            self.counts["gaps"] += 1
            self._spoiled = self._waits = True
            self._part.clear()
        self._next = (packet.sequence + 1) & 0xFFFF
        if packet.time != self._time and self._nals:
            out += self._whole()
        self._time = packet.time
        if not (self._h264(packet.body) if self.coding == "h264" else self._h265(packet.body)):
            self.counts["malformed"] += 1
            self._spoiled = True
        if packet.marker:
            out += self._whole()
        return out

    def _restart(self, packet: Rtp) -> None:
        self.counts["sources"] += 1
        self._source, self._waits, self._spoiled = packet.source, True, False
        self._clear()

    def _clear(self) -> None:
        self._nals.clear()
        self._part.clear()
        self._size = 0

    def _whole(self) -> list[Coded]:
        nals, spoiled = list(self._nals), self._spoiled or bool(self._part)
        self._clear()
        self._spoiled = False
        if nals and not spoiled and not any(map(self._is_slice, nals)):
            self.sets = nals[-MOST_SETS:]  # for the key pictures to come
            return []
        is_key = any(map(self._is_key, nals))
        if spoiled or not nals or (self._waits and not is_key):
            self.counts["dropped pictures"] += 1
            self._waits = True
            return []
        self._waits = False
        if is_key and not any(map(self._is_set, nals)):
            nals = [*self.sets, *nals]
        return [Coded(b"".join(_START + nal for nal in nals), is_key, self._time)]

    def _is_key(self, nal: bytes) -> bool:
        return nal[0] & 0x1F == 5 if self.coding == "h264" else 16 <= (nal[0] >> 1) & 0x3F <= 21

    def _is_slice(self, nal: bytes) -> bool:
        return 1 <= nal[0] & 0x1F <= 5 if self.coding == "h264" else (nal[0] >> 1) & 0x3F < 32

    def _is_set(self, nal: bytes) -> bool:
        return nal[0] & 0x1F == 7 if self.coding == "h264" else (nal[0] >> 1) & 0x3F == 33

    def _add(self, nal: bytes) -> bool:
        self._size += len(nal)
        if not nal or len(self._nals) >= MOST_NALS or self._size > MOST_PICTURE:
            return False
        self._nals.append(nal)
        return True

    def _h264(self, body: bytes) -> bool:
        kind = body[0] & 0x1F if body else 0
        if 1 <= kind <= 23:
            return self._add(body)
        if kind == 24:  # STAP-A
            return self._aggregate(body[1:])
        if kind == 28 and len(body) > 2:  # FU-A
            return self._fragment(bytes([(body[0] & 0xE0) | (body[1] & 0x1F)]), body[1], body[2:])
        return False

    def _h265(self, body: bytes) -> bool:
        kind = (body[0] >> 1) & 0x3F if len(body) > 2 else 64
        if kind < 48:
            return self._add(body)
        if kind == 48:
            return self._aggregate(body[2:])
        if kind == 49 and len(body) > 3:
            return self._fragment(bytes([(body[0] & 0x81) | (body[2] & 0x3F) << 1, body[1]]), body[2], body[3:])
        return False

    def _aggregate(self, body: bytes) -> bool:
        at = 0
        while at + 2 <= len(body):
            size = int.from_bytes(body[at : at + 2], "big")
            if at + 2 + size > len(body) or not self._add(body[at + 2 : at + 2 + size]):
                return False
            at += 2 + size
        return at == len(body) and at > 0

    def _fragment(self, head: bytes, flags: int, body: bytes) -> bool:
        begins, ends = flags & 0x80, flags & 0x40
        if begins:
            self._part[:] = head
        elif not self._part:
            return False
        self._part += body
        if self._size + len(self._part) > MOST_PICTURE:
            self._part.clear()
            return False
        if ends:
            nal = bytes(self._part)
            self._part.clear()
            return self._add(nal)
        return True


@dataclass(slots=True)
class Drift:
    """How far a camera's clock went off since it was first heard, by its reports and when they came. One late one is no drift."""

    _first: float | None = None
    _last: list[float] = field(default_factory=list[float])

    def take(self, report: Report, here_s: float) -> None:
        """A report that came at `here_s` (seconds since 1970)."""
        off = report.wall_s - here_s
        if self._first is None:
            self._first = off
        self._last = [*self._last[-2:], off]

    @property
    def seconds(self) -> float:
        """The middle of the last three; 0.0 until there are three."""
        if self._first is None or len(self._last) < 3:
            return 0.0
        return sorted(self._last)[1] - self._first
