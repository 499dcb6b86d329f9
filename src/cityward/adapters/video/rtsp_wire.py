"""What a camera's bytes say: RTSP answers, and RTP and RTCP packets between them. Pure; any bytes get a verdict.

Source: RFC 2326 (RTSP 1.0), sections 6, 7 and 10.12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cityward.errors import LinkError

MOST_HEAD = 16 << 10  # of an answer's lines
MOST_BODY = 64 << 10  # PRECEDENT: session descriptions of cameras are below 2 kB
MOST_LINES = 64
MOST_HELD = 1 << 20  # of bytes that make no message yet; one packet is 64 kB at most

_STATUS = re.compile(r"RTSP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\Z")
_ASKED = re.compile(r"([A-Z_]{3,20}) [^ \r\n]{1,1024} RTSP/1\.[01]\Z")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}\Z")


class WireError(LinkError):
    """The camera does not speak RTSP, or says more than is read."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer. headers: names in lower case; of one name several, one behind the other."""

    status: int
    headers: Mapping[str, tuple[str, ...]]
    body: bytes

    def header(self, name: str) -> str:
        """The first of this name; "" where there is none."""
        return next(iter(self.headers.get(name, ())), "")

    @property
    def sequence(self) -> int:
        """Which request it answers; -1 where it does not say."""
        text = self.header("cseq")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


@dataclass(frozen=True, slots=True)
class AskedOfUs:
    """A request of the camera's own: `ANNOUNCE`, `REDIRECT`."""

    method: str
    headers: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Packet:
    """RTP (even channels) or RTCP (odd ones)."""

    channel: int
    body: bytes


Message = Answered | AskedOfUs | Packet


@dataclass(slots=True)
class Wire:
    """Bytes in, messages out. After an error it is of no use any more."""

    _held: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now.

        Raises:
            WireError: that is none.
        """
        self._held += data
        out: list[Message] = []
        while (message := self._next()) is not None:
            out.append(message)
        if len(self._held) > MOST_HELD:
            raise WireError(f"more than {MOST_HELD} bytes that make no message")
        return out

    def _next(self) -> Message | None:
        if not self._held:
            return None
        if self._held[0] == 0x24:  # SPEC: 10.12, `$`
            return self._packet()
        if not 0x41 <= self._held[0] <= 0x5A:
            raise WireError("neither an answer nor a packet came")
        return self._text()

    def _packet(self) -> Packet | None:
        if len(self._held) < 4:
            return None
        size = int.from_bytes(self._held[2:4], "big")
        if len(self._held) < 4 + size:
            return None
        packet = Packet(self._held[1], bytes(self._held[4 : 4 + size]))
        del self._held[: 4 + size]
        return packet

    def _text(self) -> Message | None:
        end = self._held.find(b"\r\n\r\n", 0, MOST_HEAD + 4)
        if end < 0:
            if len(self._held) > MOST_HEAD:
                raise WireError(f"an answer with more than {MOST_HEAD} bytes of lines")
            return None
        first, *lines = bytes(self._held[:end]).decode("utf-8", "replace").split("\r\n")
        headers = _headers(lines)
        size = _size(headers)
        if len(self._held) < end + 4 + size:
            return None
        body = bytes(self._held[end + 4 : end + 4 + size])
        del self._held[: end + 4 + size]
        if found := _STATUS.match(first):
            return Answered(int(found.group(1)), headers, body)
        if found := _ASKED.match(first):
            return AskedOfUs(found.group(1), headers)
        raise WireError("a line came that begins no answer of RTSP")


def _headers(lines: list[str]) -> dict[str, tuple[str, ...]]:
    if len(lines) > MOST_LINES:
        raise WireError(f"an answer with more than {MOST_LINES} lines")
    out: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.match(name):
            raise WireError("an answer with a line that is no header")
        out[name.lower()] = (*out.get(name.lower(), ()), value.strip())
    return out


def _size(headers: Mapping[str, tuple[str, ...]]) -> int:
    sizes = set(headers.get("content-length", ("0",)))
    text = next(iter(sizes))
    if len(sizes) != 1 or not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise WireError("an answer that does not say how long it is")
    if int(text) > MOST_BODY:
        raise WireError(f"an answer of {int(text)} bytes, more than {MOST_BODY}")
    return int(text)


def request(method: str, uri: str, sequence: int, headers: Mapping[str, str]) -> bytes:
    """A request as it goes over the wire.

    Raises:
        ValueError: a part of it would begin a line of its own.
    """
    lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {sequence}", "User-Agent: cityward"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if any(not line.isprintable() or not line.isascii() for line in lines):
        raise ValueError("a request with a line break, or no ASCII")
    return "\r\n".join([*lines, "", ""]).encode()
