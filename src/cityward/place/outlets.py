"""Where released data is put: the endpoints of recipients that are called (`webhook`) or given files (`export`).

Does not live here: opening anything (`adapters.outward`), and credentials: `cityward recipient add` keeps those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

PROTOCOLS_OF = {
    "query": ("http", "ngsi-ld"),
    "live": ("mqtt",),
    "https": ("webhook", "http"),
    "http": ("webhook", "http"),
    "s3": ("http",),
    "sftp": ("sftp",),
}
"""Way of a recipient, or scheme of its endpoint -> the protocols its flows may be declared with."""

SCHEMES_OF = {"webhook": ("https", "http"), "export": ("s3", "sftp")}
"""Way of a recipient that is called -> what its endpoint may begin with."""

_PORTS = {"https": 443, "http": 80, "s3": 443, "sftp": 22}
_USER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where it leads. bucket: of `s3`, whose host and port are those of its store. path: with a leading `/`; may be `/`."""

    scheme: Literal["https", "http", "s3", "sftp"]
    host: str
    port: int
    path: str
    user: str = ""  # of `sftp`
    bucket: str = ""  # of `s3`


def read_outlet(endpoint: str, store: str = "") -> Outlet:
    """An endpoint as declared.

    Args:
        endpoint: `https://host/path`, `s3://bucket/prefix` or `sftp://user@host/path`.
        store: of `s3`, the address of the store: `https://host`.

    Raises:
        ValueError: it is none, or holds a secret; the text says what to write.
    """
    parts = urlsplit(_plain(endpoint))
    if parts.scheme not in _PORTS:
        raise ValueError(f"its scheme is none of {', '.join(_PORTS)}")
    if parts.query or parts.fragment:
        raise ValueError("nothing may stand behind the path")
    if parts.scheme == "s3":
        return _in_store(parts.hostname or "", parts.path, store)
    user, at, _ = parts.netloc.rpartition("@")
    if ":" in user or (parts.scheme != "sftp" and at) or not set(user) <= _USER:
        raise ValueError(
            "it holds a password, or a name that does not belong there; `cityward recipient add` keeps those"
        )
    if parts.scheme == "sftp" and not user:
        raise ValueError("it names no user; write `sftp://user@host/path`")
    host, port = _host(parts.hostname, parts.port, parts.scheme)
    return Outlet(parts.scheme, host, port, parts.path or "/", user=user)  # pyright: ignore[reportArgumentType] # one of _PORTS


def _in_store(bucket: str, path: str, store: str) -> Outlet:
    if not bucket:
        raise ValueError("it names no bucket; write `s3://bucket/prefix`")
    parts = urlsplit(_plain(store))
    if parts.scheme not in ("https", "http") or "@" in parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError("its `store` is no address of a store; write `store: https://host`")
    host, port = _host(parts.hostname, parts.port, parts.scheme)
    return Outlet("s3", host, port, path or "/", bucket=bucket)


def _host(host: str | None, port: int | None, scheme: str) -> tuple[str, int]:
    if not host:
        raise ValueError("it has no host")
    return host.lower().removesuffix("."), _PORTS[scheme] if port is None else port


def _plain(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise ValueError("it has characters that no address has")
    return text
