"""Asks a camera by ONVIF how it is set, how its clock goes, and what happened to it; and says what changed.

Theory of operation
-------------------
`look` asks one after another: the camera's time (which needs no login, and is what a login's digest is made with), what device
it is, its profiles, where its stream is said to come from, its users, where it is aimed. All of it is one `Settings`. What
differs from the last one is said in words, once. Then the events that wait at a pull-point are taken; the subscription is made
anew when the camera forgot it.

Nothing is ever set. A camera that does not know a question is not asked it again; what could not be asked is no change.

INVARIANTS
- All of it goes through the declared exit; an address that the camera names is asked at the exit, by its path alone.
- SECURITY: the password goes out as a digest; answers are read by `soap`.
- Words of the camera are cut and counted: at most `MOST_NOTICED` at a time.

Source: ONVIF Core 23.06, Media, PTZ, Imaging; WS-BaseNotification pull-points.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from cityward.adapters.outward.connect import Outward
from cityward.adapters.outward.http import Request, exchange
from cityward.adapters.video.camera_keys import CameraLogin
from cityward.adapters.video.soap import MOST_BYTES, Element, envelope, read
from cityward.errors import LinkError
from cityward.place.exits import Exit
from cityward.text import harmless

ANSWER_S = 10.0
MOST_NOTICED = 16
MOST_USERS, MOST_PROFILES = 64, 16
MOST_OFF_S = 60 * 366 * 86_400.0  # of a camera's clock: one without a battery begins in 1970
MOVED = 0.02  # of PTZ's -1..1: gears stand still to within a hundredth

_NS = "http://www.onvif.org/ver10"
_DEVICE, _MEDIA, _PTZ = f"{_NS}/device/wsdl", f"{_NS}/media/wsdl", "http://www.onvif.org/ver20/ptz/wsdl"
_EVENTS, _SCHEMA = f"{_NS}/events/wsdl", f"{_NS}/schema"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a camera says of itself. aimed: pan, tilt, zoom; empty where it cannot turn."""

    device: str = ""  # maker, model, firmware
    streams: tuple[str, ...] = ()  # host and path of each profile
    profiles: tuple[str, ...] = ()  # name, encoding, size
    users: frozenset[str] = frozenset()
    multicast: tuple[str, ...] = ()  # where it sends by itself
    aimed: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of the camera's: its topic, and its values."""

    topic: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What one look gave. clock_off_s: the camera's clock less ours, None where it does not say."""

    settings: Settings
    clock_off_s: float | None
    noticed: tuple[str, ...] = ()
    heard: tuple[Heard, ...] = ()


@dataclass(slots=True)
class OnvifClient:
    """One camera. Blocks; for one thread at a time. device_path: of the declared address, `/onvif/device_service` as a rule."""

    outward: Outward
    exit_: Exit
    device_path: str
    login: Callable[[], CameraLogin | None]
    machine_s: Callable[[], float] = time.time
    _off_s: float = 0.0
    _last: Settings | None = None
    _unknown: set[str] = field(default_factory=set[str])
    _paths: dict[str, str] = field(default_factory=dict[str, str])
    _pull: str = ""

    def look(self) -> Told:
        """Ask everything once.

        Raises:
            LinkError: it does not answer, or refuses our login.
            Refused: it leads elsewhere.
        """
        off = self._clock()
        self._off_s = off or 0.0
        settings = self._settings()
        noticed = changes(self._last, settings) if self._last is not None else ()
        self._last = settings
        return Told(settings, off, noticed, self._heard())

    def _settings(self) -> Settings:
        device = self._ask("GetDeviceInformation", self.device_path, _DEVICE)
        if not self._paths:
            self._paths = _paths(
                self._ask("GetCapabilities", self.device_path, _DEVICE, "<m:Category>All</m:Category>")
            )
        users = self._ask("GetUsers", self.device_path, _DEVICE)
        media = self._paths.get("Media", "")
        profiles = self._ask("GetProfiles", media, _MEDIA) if media else None
        tokens = [one.attributes.get("token", "") for one in profiles.all("Profiles")] if profiles else []
        return Settings(
            device=_device(device),
            streams=tuple(filter(None, (self._stream(token) for token in tokens[:MOST_PROFILES]))),
            profiles=_profiles(profiles),
            users=frozenset(u for one in _each(users, "User") if (u := _name(one.word("Username")))),
            multicast=_multicast(profiles),
            aimed=self._aimed(tokens),
        )

    def _stream(self, token: str) -> str:
        body = (
            f'<m:StreamSetup><t:Stream xmlns:t="{_SCHEMA}">RTP-Unicast</t:Stream><t:Transport xmlns:t="{_SCHEMA}">'
            f"<t:Protocol>RTSP</t:Protocol></t:Transport></m:StreamSetup><m:ProfileToken>{_token(token)}</m:ProfileToken>"
        )
        said = self._ask("GetStreamUri", self._paths.get("Media", ""), _MEDIA, body)
        return _where(said.word("Uri")) if said is not None else ""

    def _aimed(self, tokens: list[str]) -> tuple[float, ...]:
        path = self._paths.get("PTZ", "")
        if not path or not tokens:
            return ()
        said = self._ask("GetStatus", path, _PTZ, f"<m:ProfileToken>{_token(tokens[0])}</m:ProfileToken>")
        turned = said.first("Position", "PanTilt") if said is not None else None
        zoomed = said.first("Position", "Zoom") if said is not None else None
        numbers = [
            _number(one.attributes.get(axis)) for one, axis in ((turned, "x"), (turned, "y"), (zoomed, "x")) if one
        ]
        return tuple(n for n in numbers if n is not None)

    def _clock(self) -> float | None:
        said = self._ask("GetSystemDateAndTime", self.device_path, _DEVICE, signed=False)
        utc = said.first("UTCDateTime") if said is not None else None
        if utc is None:
            return None
        names = (
            ("Date", "Year"),
            ("Date", "Month"),
            ("Date", "Day"),
            ("Time", "Hour"),
            ("Time", "Minute"),
            ("Time", "Second"),
        )
        try:
            year, month, day, hour, minute, second = (int(utc.word(*name)) for name in names)
            at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        except ValueError:
            return None
        off = at.timestamp() - self.machine_s()
        return max(-MOST_OFF_S, min(off, MOST_OFF_S))

    def _heard(self) -> tuple[Heard, ...]:
        path = self._paths.get("Events", "")
        if not path:
            return ()
        if not self._pull:
            made = self._ask("CreatePullPointSubscription", path, _EVENTS)
            self._pull = _path(made.word("SubscriptionReference", "Address")) if made is not None else ""
        if not self._pull:
            return ()
        body = f"<m:Timeout>PT1S</m:Timeout><m:MessageLimit>{MOST_NOTICED}</m:MessageLimit>"
        try:
            said = self._ask("PullMessages", self._pull, _EVENTS, body)
        except LinkError:
            self._pull = ""  # it forgot us; a new subscription is made next time
            return ()
        return heard_in(said) if said is not None else ()

    def _ask(self, what: str, path: str, space: str, body: str = "", *, signed: bool = True) -> Element | None:
        """The answer; None where the camera does not know the question."""
        if what in self._unknown or not path:
            return None
        login = self.login() if signed else None
        created = datetime.fromtimestamp(self.machine_s(), UTC) + timedelta(seconds=self._off_s)
        asked = envelope(
            f'<m:{what} xmlns:m="{space}">{body}</m:{what}>',
            None if login is None else (login.user, login.password),
            secrets.token_bytes(16),
            created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        request = Request("POST", path, asked, headers, most_answer=MOST_BYTES, whole_s=ANSWER_S)
        answer = exchange(self.outward, self.exit_, request)
        if answer.status in (401, 403):
            raise LinkError("the camera refuses our login at ONVIF", mend="cityward camera login NAME")
        if not answer.is_whole:
            raise LinkError("the camera's answer is longer than is read, or broke off")
        tree = read(answer.body)
        fault = tree.first("Body", "Fault")
        if fault is None and answer.is_taken:
            return tree.first("Body")
        codes = " ".join(one.text for one in _each(fault, "Value"))
        if "NotAuthorized" in codes or "FailedAuthentication" in codes:
            raise LinkError("the camera refuses our login at ONVIF", mend="cityward camera login NAME")
        if "ActionNotSupported" in codes or "UnknownAction" in codes or "NoSuchService" in codes:
            self._unknown.add(what)
            return None
        if what in ("PullMessages",):
            raise LinkError("the camera does not know our subscription any more")
        return None


def changes(before: Settings, now: Settings) -> tuple[str, ...]:
    """What became of a camera's settings, in words; what it did not say this time is no change."""
    out: list[str] = []
    if now.device and now.device != before.device:
        out.append(f"it says to be {now.device}, and was {before.device}")
    for name, one, other in (
        ("stream address", before.streams, now.streams),
        ("destination it sends to by itself", before.multicast, now.multicast),
        ("profile", before.profiles, now.profiles),
    ):
        if not other and name != "destination it sends to by itself":
            continue
        out += [f"a new {name}: {text}" for text in other if text not in one]
        out += [f"{name} gone: {text}" for text in one if text not in other]
    if now.users:
        out += [f"a new user ({_short(user)})" for user in sorted(now.users - before.users)]
        out += [f"a user gone ({_short(user)})" for user in sorted(before.users - now.users)]
    if len(before.aimed) == len(now.aimed) and any(
        abs(a - b) > MOVED for a, b in zip(before.aimed, now.aimed, strict=True)
    ):
        out.append(f"it was aimed elsewhere: {_numbers(before.aimed)} to {_numbers(now.aimed)}")
    return tuple(out[:MOST_NOTICED])


def heard_in(said: Element) -> tuple[Heard, ...]:
    """The events of an answer to `PullMessages`."""
    out: list[Heard] = []
    for one in list(said.all("NotificationMessage"))[:MOST_NOTICED]:
        values = {
            item.attributes.get("Name", "")[:64]: harmless(item.attributes.get("Value", ""))[:64]
            for item in list(one.all("SimpleItem"))[:MOST_NOTICED]
        }
        out.append(Heard(harmless(one.word("Topic"))[:128], values))
    return tuple(out)


def _device(said: Element | None) -> str:
    words = [said.word(name) for name in ("Manufacturer", "Model", "FirmwareVersion")] if said is not None else []
    return harmless(" ".join(word for word in words if word))[:160]


def _paths(said: Element | None) -> dict[str, str]:
    """Service -> its path at the exit: the host that it names is not asked."""
    out: dict[str, str] = {}
    for name in ("Media", "PTZ", "Events", "Imaging"):
        path = _path(said.word("Capabilities", name, "XAddr")) if said is not None else ""
        if path:
            out[name] = path
    return out


def _profiles(said: Element | None) -> tuple[str, ...]:
    out: list[str] = []
    for one in list(_each(said, "Profiles"))[:MOST_PROFILES]:
        video = one.first("VideoEncoderConfiguration")
        words = [one.word("Name")]
        if video is not None:
            size = f"{video.word('Resolution', 'Width')}x{video.word('Resolution', 'Height')}"
            words += [video.word("Encoding"), size]
        out.append(harmless(" ".join(words))[:120])
    return tuple(out)


def _multicast(said: Element | None) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for one in list(_each(said, "Multicast"))[:MOST_PROFILES]:
        host, port = one.word("IPv4Address") or one.word("IPv6Address"), one.word("Port")
        starts = one.word("AutoStart").lower() == "true"
        if starts and host and port not in ("", "0"):
            found[harmless(f"{host}:{port}")[:80]] = None
    return tuple(found)


def _each(said: Element | None, name: str) -> list[Element]:
    return list(said.all(name))[:MOST_USERS] if said is not None else []


def _name(text: str) -> str:
    return text.strip()[:128]


def _short(user: str) -> str:
    """SECURITY: a user's name may be a person's, or a password typed in the wrong field: told as a digest, to be compared."""
    return sha256(user.encode()).hexdigest()[:8]


def _where(uri: str) -> str:
    """Host and path of an address, without a user, a password or a question."""
    try:
        parts = urlsplit(uri)
        return harmless(f"{parts.scheme}://{parts.hostname or ''}{parts.path}")[:200]
    except ValueError:
        return "an address that cannot be read"


def _path(uri: str) -> str:
    """The path of an address, with its question; "" of what cannot be asked for."""
    try:
        parts = urlsplit(uri.strip())
    except ValueError:
        return ""
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    is_plain = path.startswith("/") and path.isascii() and path.isprintable() and " " not in path and len(path) <= 512
    return path if is_plain else ""


def _token(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c in "-_.:")[:64]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) <= 1e6 else None


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)
