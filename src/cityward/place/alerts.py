"""How the city calls for help: alert channels. Each leaves by a declared flow, like anything else that leaves.

Does not live here: keys and passwords. They are no part of a declaration; `cityward alert key` and `cityward alert password` keep
them beside the city's other keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from cityward.ids import Id
from cityward.place.record import Record

Text = Annotated[str, Meta(max_length=254)]

PORTS = {
    "https": 443,
    "http": 80,
    "smtp": 587,
    "smtps": 465,
    "syslog+tls": 6514,
    "syslog+tcp": 601,
    "syslog+udp": 514,
}
"""Scheme of an endpoint -> its usual port. SPEC: RFC 8314 (submission), RFC 5425, RFC 6587, RFC 5426 (syslog)."""

PROTOCOL_OF = {
    "https": "webhook",
    "http": "webhook",
    "smtp": "smtp",
    "smtps": "smtp",
    "syslog+tls": "syslog",
    "syslog+tcp": "syslog",
    "syslog+udp": "syslog",
}
"""Scheme of an endpoint -> the protocol its flow must be declared with."""

UNPROTECTED = frozenset({"http", "syslog+tcp", "syslog+udp"})
"""Schemes that anybody on the way reads: only where the flow says so (`protection: none`)."""


class AlertChannel(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where incidents are told: a webhook (`https://`), mail (`smtp://`, STARTTLS, or `smtps://`), or syslog in CEF (`syslog+tls://`).

    The endpoint's host must be among the declared addresses of who receives the flow.
    """

    flow: Id
    endpoint: Annotated[str, Meta(min_length=8, max_length=512)]
    sender: Text = ""  # of mail
    recipients: Annotated[tuple[Text, ...], Meta(max_length=20)] = ()  # of mail
    user: Text = ""  # of mail, where the server wants a password
    least: Literal["low", "medium", "high", "critical"] = "medium"
    on: tuple[Literal["opened", "raised", "closed"], ...] = ("opened", "raised")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a channel leads."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def protocol(self) -> str:
        """webhook | smtp | syslog."""
        return PROTOCOL_OF[self.scheme]


def read_endpoint(text: str) -> Endpoint:
    """An endpoint of the declaration.

    Raises:
        ValueError: it is none, or holds a secret; the text says what to write.
    """
    parts = urlsplit(text)
    if parts.scheme not in PORTS:
        raise ValueError(f"its scheme is none of {', '.join(PORTS)}")
    if "@" in parts.netloc:
        raise ValueError("it holds a name or password; keep those with `cityward alert password`")
    if not parts.hostname:
        raise ValueError("it has no host")
    if parts.fragment or (parts.scheme not in ("https", "http") and (parts.path.strip("/") or parts.query)):
        raise ValueError("nothing may stand behind the host here")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("it has characters that no address has")
    port = (
        parts.port if parts.port is not None else PORTS[parts.scheme]
    )  # a port beyond 65535 is a ValueError by itself
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(parts.scheme, parts.hostname.lower(), port, path)
