"""How a camera is told a password without being told it: Digest (MD5, SHA-256), and Basic through TLS only. Pure.

Source: RFC 7616 (Digest), RFC 2617 (without `qop`, as older cameras ask), RFC 7617 (Basic).

INVARIANT: SECURITY: of several ways a camera offers, the strongest is taken; the password itself goes through TLS or nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cityward.adapters.video.camera_keys import CameraLogin
from cityward.errors import LinkError

MOST_CHALLENGE = 2048
_PART = re.compile(r'\s*([A-Za-z][A-Za-z0-9-]{0,31})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|\Z)')
_HASHES = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}
_TOKEN = re.compile(r"[ !#-\[\]-~]{0,512}\Z")  # printable, without what ends a quoted text


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is asked for. way: `SHA-256`, `MD5` or `basic`."""

    way: str
    realm: str = ""
    nonce: str = ""
    opaque: str = ""
    has_qop: bool = False


def chosen(headers: Sequence[str], *, sealed: bool) -> Challenge:
    """The strongest of what a camera offers.

    Args:
        headers: the values of `WWW-Authenticate`.
        sealed: whether the connection is encrypted.

    Raises:
        LinkError: nothing of it may be done here.
    """
    found = [one for text in headers[:8] if (one := _read(text)) is not None]
    for way in (*_HASHES, *(["basic"] if sealed else [])):
        for one in found:
            if one.way == way:
                return one
    if any(one.way == "basic" for one in found):
        raise LinkError("the camera asks for its password in clear", mend="turn Digest on at the camera, or use rtsps")
    raise LinkError(
        "the camera asks for a way of signing in that is not known here", mend="turn Digest on at the camera"
    )


def answer(challenge: Challenge, login: CameraLogin, method: str, uri: str, cnonce: str, count: int = 1) -> str:
    """The value of `Authorization`.

    Example:
        >>> c = Challenge("MD5", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093")
        >>> login = CameraLogin(user="Mufasa", password="Circle Of Life")
        >>> "670fd8c2df070c60b045671b8b24ff02" in answer(c, login, "GET", "/dir/index.html", "")
        True
    """
    if challenge.way == "basic":
        return "Basic " + base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    hashed = _HASHES[challenge.way]

    def h(text: str) -> str:
        return hashed(text.encode()).hexdigest()

    secret, asked = h(f"{login.user}:{challenge.realm}:{login.password}"), h(f"{method}:{uri}")
    parts = {"username": login.user, "realm": challenge.realm, "nonce": challenge.nonce, "uri": uri}
    bare: dict[str, str] = {}
    if challenge.has_qop:
        bare = {"qop": "auth", "nc": f"{count:08x}"}
        parts["cnonce"] = cnonce
        parts["response"] = h(f"{secret}:{challenge.nonce}:{count:08x}:{cnonce}:auth:{asked}")
    else:
        parts["response"] = h(f"{secret}:{challenge.nonce}:{asked}")
    if challenge.opaque:
        parts["opaque"] = challenge.opaque
    if challenge.way != "MD5":
        bare["algorithm"] = challenge.way
    quoted = [f'{name}="{_quoted(value)}"' for name, value in parts.items()]
    return "Digest " + ", ".join([*quoted, *(f"{name}={value}" for name, value in bare.items())])


def _read(text: str) -> Challenge | None:
    """None of what is not known, or could not be sent back as it is."""
    scheme, _, rest = text[:MOST_CHALLENGE].strip().partition(" ")
    parts: dict[str, str] = {}
    at = 0
    while found := _PART.match(rest, at):
        parts.setdefault(found.group(1).lower(), found.group(2) if found.group(2) is not None else found.group(3))
        at = found.end()
    realm, nonce, opaque = (parts.get(name, "") for name in ("realm", "nonce", "opaque"))
    if not all(map(_TOKEN.match, (realm, nonce, opaque))):
        return None
    if scheme.lower() == "basic":
        return Challenge("basic", realm)
    way = parts.get("algorithm", "MD5").upper()
    qops = {one.strip().lower() for one in parts.get("qop", "").split(",") if one.strip()}
    if scheme.lower() != "digest" or way not in _HASHES or not nonce or (qops and "auth" not in qops):
        return None
    return Challenge(way, realm, nonce, opaque, bool(qops))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
