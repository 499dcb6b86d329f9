"""Which video a camera offers, of its session description. Pure; any bytes get a verdict.

Source: RFC 8866 (SDP), RFC 2326 appendix C (`a=control`), RFC 6184 and RFC 7798 section 7 (`a=fmtp`).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

from cityward.adapters.video.rtsp_wire import WireError

MOST_LINES = 512
MOST_SETS = 8  # parameter sets
MOST_SET = 4096  # bytes of one
MOST_CONTROL = 512

_MAP = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9.-]{1,32})/([0-9]{1,9})")
_CODINGS: dict[str, Literal["h264", "hevc"]] = {"h264": "h264", "h265": "hevc"}


@dataclass(frozen=True, slots=True)
class Offer:
    """One video. payload: its number in RTP. rate: ticks a second. control: its address, absolute. sets: parameter sets (NAL)."""

    coding: Literal["h264", "hevc"]
    payload: int
    rate: int
    control: str
    sets: tuple[bytes, ...]


def offer_of(body: bytes, base: str) -> Offer:
    """The first video that is read here.

    Args:
        body: the description.
        base: the address it is relative to.

    Raises:
        WireError: it has none, or is none.
    """
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    if len(lines) > MOST_LINES:
        raise WireError(f"a description with more than {MOST_LINES} lines")
    session, medias = _parts(lines)
    base = _joined(base, _attribute(session, "control"))
    for media in medias:
        if (found := _video(media, base)) is not None:
            return found
    raise WireError("no H.264 or H.265 among what the camera offers", mend="set one of them at the camera")


def _parts(lines: list[str]) -> tuple[list[str], list[list[str]]]:
    session: list[str] = []
    medias: list[list[str]] = []
    for line in lines:
        if line.startswith("m="):
            medias.append([line])
        elif medias:
            medias[-1].append(line)
        else:
            session.append(line)
    return session, medias


def _video(media: list[str], base: str) -> Offer | None:
    if not media[0].startswith("m=video "):
        return None
    formats = media[0].split()[3:]
    for line in media:
        if not line.startswith("a=rtpmap:"):
            continue
        found = _MAP.match(line.removeprefix("a=rtpmap:"))
        coding = _CODINGS.get(found.group(2).lower()) if found else None
        if found is None or coding is None or found.group(1) not in formats:
            continue
        payload, rate = int(found.group(1)), int(found.group(3))
        if payload < 128 and 0 < rate <= 10_000_000:
            control = _joined(base, _attribute(media, "control"))
            return Offer(coding, payload, rate, control, _sets(media, payload))
    return None


def _attribute(lines: list[str], name: str) -> str:
    head = f"a={name}:"
    return next((line.removeprefix(head).strip() for line in lines if line.startswith(head)), "")


def _joined(base: str, control: str) -> str:
    """# SECURITY: an address of another host is not asked for: the connection leads to this one anyway."""
    if control in ("", "*"):
        return base
    if not (control.isascii() and control.isprintable() and " " not in control and len(control) <= MOST_CONTROL):
        raise WireError("a control address that cannot be asked for")
    if "://" not in control:
        return base + control if base.endswith("/") else f"{base}/{control}"
    try:
        one, other = urlsplit(control), urlsplit(base)
        if (one.scheme, one.hostname) != (other.scheme, other.hostname):
            return urljoin(base, one.path) if one.path else base
    except ValueError:
        raise WireError("a control address that is none") from None
    return control


def _sets(media: list[str], payload: int) -> tuple[bytes, ...]:
    head = f"a=fmtp:{payload} "
    text = next((line.removeprefix(head) for line in media if line.startswith(head)), "")
    out: list[bytes] = []
    for part in text.split(";")[:64]:
        name, _, value = part.strip().partition("=")
        if name.lower() in {"sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps"}:
            out += [one for one in map(_decoded, value.split(",")[:MOST_SETS]) if one]
    return tuple(out[:MOST_SETS])


def _decoded(text: str) -> bytes:
    if len(text) > 2 * MOST_SET:
        return b""
    try:
        return base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), validate=True)[:MOST_SET]
    except (binascii.Error, ValueError):
        return b""
