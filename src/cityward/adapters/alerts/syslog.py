"""An alert as one syslog message (RFC 5424), its text a CEF event: over TLS (RFC 5425), TCP (RFC 6587) or UDP (RFC 5426)."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime

from cityward.errors import LinkError
from cityward.place.alerts import Endpoint

DEADLINE_S = 10.0
FACILITY = 13  # SPEC: RFC 5424 6.2.1, log audit
MOST_UDP = 2048  # SPEC: RFC 5426 3.2, what every receiver should take
_LEVELS = {"low": 5, "medium": 4, "high": 3, "critical": 2}


def syslog_line(host: str, severity: str, text: str, at: datetime) -> bytes:
    """One message: header, no structured data, the text in UTF-8."""
    priority = FACILITY * 8 + _LEVELS[severity]
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"<{priority}>1 {stamp} {host} cityward - alert - ".encode() + text.encode()


def send(endpoint: Endpoint, line: bytes, trust: ssl.SSLContext | None = None) -> None:
    """Send one message. Over UDP nobody says whether it arrived.

    Raises:
        LinkError: no connection, or it broke.
    """
    try:
        if endpoint.scheme == "syslog+udp":
            _datagram(endpoint, line)
        else:
            _framed(endpoint, line, trust)
    except (OSError, ValueError) as error:
        raise LinkError(
            f"{endpoint.host} did not take the message: {type(error).__name__}", mend="it is tried again"
        ) from error


def _datagram(endpoint: Endpoint, line: bytes) -> None:
    family, kind, proto, _, address = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, proto) as link:
        link.settimeout(DEADLINE_S)
        link.sendto(line[:MOST_UDP], address)


def _framed(endpoint: Endpoint, line: bytes, trust: ssl.SSLContext | None) -> None:
    """SPEC: RFC 5425 4.3, RFC 6587 3.4.1: the length in front, so that no text can begin a message of its own."""
    with socket.create_connection((endpoint.host, endpoint.port), timeout=DEADLINE_S) as plain:
        if endpoint.scheme == "syslog+tcp":
            plain.sendall(f"{len(line)} ".encode() + line)
            return
        context = trust or ssl.create_default_context()
        with context.wrap_socket(plain, server_hostname=endpoint.host) as link:
            link.sendall(f"{len(line)} ".encode() + line)
