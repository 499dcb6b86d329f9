"""Zeek's JSON lines into rows."""

from __future__ import annotations

import msgspec

from cityward.adapters.flow_logs.fields import (
    END_OF_TIME_US,
    BadLine,
    Times,
    address,
    lasting_us,
    refusal,
    transport_and_service,
)
from cityward.adapters.flow_logs.tuples import Row


class _Conn(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a connection that are used; the others are left alone: every site logs its own."""

    orig_h: str = msgspec.field(name="id.orig_h")
    resp_h: str = msgspec.field(name="id.resp_h")
    resp_p: int | None = msgspec.field(name="id.resp_p", default=None)
    ts: float | str | None = None
    proto: str = ""
    service: str = ""
    duration: float | None = None
    orig_bytes: int | None = None
    resp_bytes: int | None = None
    conn_state: str = ""


class _Shape(msgspec.Struct, frozen=True):
    """What makes an object a connection, whatever stands there."""

    orig_h: msgspec.Raw = msgspec.field(name="id.orig_h")
    resp_h: msgspec.Raw = msgspec.field(name="id.resp_h")


class JsonRows:
    """Reads lines of one JSON object each. `recognised`: whether one of them had the shape of a connection, odd or not."""

    def __init__(self) -> None:
        self.recognised = False
        self._times = Times()
        self._decoder = msgspec.json.Decoder(_Conn)

    @property
    def naive(self) -> int:
        """How many times had no zone."""
        return self._times.naive

    def row(self, line: str) -> Row:
        """What the line says.

        Raises:
            BadLine: it cannot be read.
        """
        try:
            conn = self._decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            self.recognised = self.recognised or _is_connection(line)
            raise BadLine("no JSON object with `id.orig_h` and `id.resp_h`") from None
        self.recognised = True
        if conn.resp_p is not None and not 0 <= conn.resp_p <= 65_535:
            raise BadLine("a port that is none")
        if not all(0 <= n < 1 << 62 for n in (conn.orig_bytes, conn.resp_bytes) if n is not None):
            raise BadLine("a number that is none")
        first = self._times.us(str(conn.ts)) if conn.ts is not None else None
        transport, service = transport_and_service(conn.proto, conn.service)
        return Row(
            address(conn.orig_h),
            address(conn.resp_h),
            conn.resp_p,
            transport,
            service,
            refusal(conn.conn_state, transport),
            None,
            first,
            _end(first, conn.duration),
            1,
            conn.orig_bytes,
            conn.resp_bytes,
        )


def _is_connection(line: str) -> bool:
    try:
        msgspec.json.decode(line, type=_Shape)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return False
    return True


def _end(first: int | None, duration: float | None) -> int | None:
    if first is None or duration is None:
        return first
    return min(first + lasting_us(duration), END_OF_TIME_US - 1)
