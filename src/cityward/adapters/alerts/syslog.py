"""An alert as one syslog message (RFC 5424), its text a CEF event: over TLS (RFC 5425), TCP (RFC 6587) or UDP (RFC 5426)."""

from __future__ import annotations

from datetime import UTC, datetime

from cityward.adapters.outward.connect import Outward
from cityward.place.exits import Exit

FACILITY = 13  # SPEC: RFC 5424 6.2.1, log audit
_LEVELS = {"low": 5, "medium": 4, "high": 3, "critical": 2}


def syslog_line(host: str, severity: str, text: str, at: datetime) -> bytes:
    """One message: header, no structured data, the text in UTF-8."""
    priority = FACILITY * 8 + _LEVELS[severity]
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"<{priority}>1 {stamp} {host} cityward - alert - ".encode() + text.encode()


def send(outward: Outward, exit_: Exit, line: bytes) -> None:
    """Send one message. Over UDP nobody says whether it arrived.

    SPEC: RFC 5425 4.3, RFC 6587 3.4.1: the length in front, so that no text can begin a message of its own.

    Raises:
        LinkError: no connection, or it broke.
        Refused: the name leads elsewhere.
    """
    if exit_.transport == "udp":
        outward.send_datagram(exit_, line)
        return
    with outward.open(exit_) as link:
        link.sock.sendall(f"{len(line)} ".encode() + line)
