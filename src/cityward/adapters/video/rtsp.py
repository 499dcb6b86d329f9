"""Fetches a camera's stream: a small RTSP 1.0 client over one TCP connection, through the declared exit and nowhere else.

Theory of operation
-------------------
A thread of its own asks (DESCRIBE, SETUP, PLAY), then reads packets until the connection ends, and begins again after a pause
that doubles up to `LONGEST_PAUSE_S`. Packets become pictures (`rtp`) and go into the backlog with the time they came. Twice
within the session's own timeout the camera is told that somebody is still there (GET_PARAMETER). Every wait has a deadline: a
camera that says nothing for `SILENT_S` is left, and after `WHOLE_S` a session begins anew.

INVARIANTS
- Bytes are read and counted here, never decoded.
- The connection leads to a checked address of the declared exit; a redirect is refused and told to the watch.
- SECURITY: a password goes out as a digest, or through TLS; it is in no log, no error and no address.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from cityward.adapters.outward.connect import Link, Outward
from cityward.adapters.video.camera_keys import CameraLogin
from cityward.adapters.video.challenge import Challenge, answer, chosen
from cityward.adapters.video.exchange import Unit
from cityward.adapters.video.rtp import Assembler, Drift, read_report
from cityward.adapters.video.rtsp_wire import Answered, AskedOfUs, Packet, Wire, WireError, request
from cityward.adapters.video.sdp import Offer, offer_of
from cityward.adapters.video.watching import Backlog
from cityward.errors import CitywardError, LinkError, Refused
from cityward.place.exits import Exit

WHOLE_S = 86_400.0  # a session at most: then keys, addresses and certificates are looked at again
ANSWER_S = 10.0
SILENT_S = 15.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
KEEP_ALIVE_S = 30.0  # SPEC: RFC 2326 12.37, a session ends after 60 s where the camera does not say
READ = 64 << 10
GOODBYE_S, END_S = 0.5, 5.0  # to say that we go; then for the thread to notice that its connection was cut
MOST_BETWEEN = 1024
MOST_PER_S = 8000  # messages. PRECEDENT: 4K at 25/s and 30 Mbit/s are 2,700 packets a second

log = structlog.get_logger(__name__)


def address_of(stream: str) -> str:
    """The address as it is asked for: without a user and a password, which the keys hold.

    Raises:
        LinkError: it has them.
    """
    parts = urlsplit(stream)
    if "@" in parts.netloc:
        raise LinkError("a camera's address names a user", mend="leave it out; cityward camera login keeps it")
    return stream


@dataclass(slots=True)
class RtspSession:
    """One connection: asks, and is answered, in order. sealed: whether it is encrypted."""

    link: Link
    sealed: bool
    login: CameraLogin | None
    wire: Wire = field(default_factory=Wire)
    between: list[Packet] = field(default_factory=list[Packet])  # packets that came before an answer
    _sequence: int = 0
    _challenge: Challenge | None = None
    _asked: int = 0  # times the challenge was answered

    def ask(self, method: str, uri: str, headers: Mapping[str, str] | None = None) -> Answered:
        """One request and its answer; once more where the camera asks who we are.

        Raises:
            LinkError: no answer, or a refusal.
            OSError: the connection broke.
        """
        got = self._exchange(method, uri, headers or {})
        if got.status == 401 and self.login is not None and (self._challenge is None or _is_stale(got)):
            self._challenge = chosen(got.headers.get("www-authenticate", ()), sealed=self.sealed)
            self._asked = 0
            got = self._exchange(method, uri, headers or {})
        if got.status == 401:
            why = "refuses our login" if self.login is not None else "asks for a login, and none is kept"
            raise LinkError(f"the camera {why}", mend="cityward camera login NAME")
        if 300 <= got.status < 400:
            raise Refused(f"the camera leads on to `{_host(got.header('location'))}`", mend="declare that address")
        if got.status != 200:
            raise LinkError(f"the camera answers {method} with {got.status}")
        return got

    def tell(self, method: str, uri: str, headers: Mapping[str, str]) -> None:
        """A request whose answer is not waited for."""
        self.link.sock.sendall(self._request(method, uri, headers))

    def _request(self, method: str, uri: str, headers: Mapping[str, str]) -> bytes:
        self._sequence += 1
        more: dict[str, str] = {}
        if self._challenge is not None and self.login is not None:
            self._asked += 1
            more["Authorization"] = answer(self._challenge, self.login, method, uri, secrets.token_hex(16), self._asked)
        return request(method, uri, self._sequence, {**headers, **more})

    def _exchange(self, method: str, uri: str, headers: Mapping[str, str]) -> Answered:
        self.link.sock.settimeout(ANSWER_S)
        self.link.sock.sendall(self._request(method, uri, headers))
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            messages = self.wire.feed(read_some(self.link))
            self.between += [one for one in messages if isinstance(one, Packet)][: MOST_BETWEEN - len(self.between)]
            for message in messages:
                if isinstance(message, Answered) and message.sequence == self._sequence:
                    return message
        raise LinkError(f"the camera did not answer {method} within {ANSWER_S:g} s")


def read_some(link: Link) -> bytes:
    """What came.

    Raises:
        LinkError: nothing came in time, or the camera ended the connection.
    """
    try:
        data = link.sock.recv(READ)
    except TimeoutError:
        raise LinkError("the camera says nothing") from None
    if not data:
        raise LinkError("the camera ended the connection")
    return data


@dataclass(slots=True)
class Pace:
    """So many messages a second of one camera; then it is not read until the second is over, and its own sending waits.

    SECURITY: a flood of the smallest packets would else take the processor that the other cameras' readers share.
    """

    _begun: float = field(default_factory=time.monotonic)
    _taken: int = 0

    def take(self, messages: int, stop: threading.Event) -> None:
        """Count them; returns when more may be read."""
        self._taken += messages
        left = 1.0 - (time.monotonic() - self._begun)
        if self._taken > MOST_PER_S and left > 0:
            stop.wait(left)
            left = 0.0
        if left <= 0:
            self._begun, self._taken = time.monotonic(), 0


class RtspFetcher:
    """Implements `feeding.Fetcher`. login: asked for before each session. counts: since the start."""

    def __init__(
        self,
        outward: Outward,
        exit_: Exit,
        stream: str,
        login: Callable[[], CameraLogin | None],
        machine_s: Callable[[], float] = time.time,
    ) -> None:
        self._outward, self._exit, self._uri, self._login = outward, exit_, address_of(stream), login
        self._machine_s = machine_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._link: Link | None = None
        self._drift = Drift()
        self.counts: Counter[str] = Counter()
        self.why = ""

    @property
    def drift_s(self) -> float:
        """See the port."""
        return self._drift.seconds

    def begin(self, backlog: Backlog) -> None:
        """See the port."""
        self._thread = threading.Thread(target=self._run, args=(backlog,), name=f"rtsp-{self._exit.by}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """See the port."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(GOODBYE_S)
            link = self._link
            if link is not None:
                link.cut()
            self._thread.join(END_S)

    def _run(self, backlog: Backlog) -> None:
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                self.fetch(backlog)
            except CitywardError as error:
                self._told(error.what)
            except (OSError, ValueError) as error:
                self._told(type(error).__name__)
            pause = FIRST_PAUSE_S if time.monotonic() - begun > LONGEST_PAUSE_S else min(2 * pause, LONGEST_PAUSE_S)
            self._stop.wait(pause)

    def _told(self, why: str) -> None:
        if self._stop.is_set():
            return
        self.counts["ended"] += 1
        if why != self.why:
            log.warning("a camera gives no stream", exit=self._exit.by, why=why)
        self.why = why

    def fetch(self, backlog: Backlog) -> None:
        """One session, until it ends: always by an exception.

        Raises:
            LinkError: the camera does not answer, or says what is no RTSP.
            Refused: it leads elsewhere.
        """
        login = self._login()
        self.counts["sessions"] += 1
        with self._outward.open(self._exit, WHOLE_S) as link:
            self._link = link
            try:
                session = RtspSession(link, self._exit.sealed == "tls", login)
                offer, headers, keep_s = self._set_up(session)
                self._read(session, offer, headers, keep_s, backlog)
            except Refused as error:
                raise self._outward.refuse(self._exit, error) from None
            finally:
                self._link = None

    def _set_up(self, session: RtspSession) -> tuple[Offer, dict[str, str], float]:
        described = session.ask("DESCRIBE", self._uri, {"Accept": "application/sdp"})
        base = described.header("content-base") or described.header("content-location") or self._uri
        offer = offer_of(described.body, base if _is_ours(base, self._uri) else self._uri)
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        answered = session.ask("SETUP", offer.control, transport)
        if "interleaved" not in answered.header("transport").lower():
            raise LinkError("the camera does not send over this connection", mend="turn RTP over RTSP (TCP) on")
        id_, _, rest = answered.header("session").partition(";")
        if not 1 <= len(id_.strip()) <= 256:
            raise WireError("a session without a name")
        headers = {"Session": id_.strip()}
        session.ask("PLAY", self._uri, {**headers, "Range": "npt=0.000-"})
        return offer, headers, _keep_alive(rest)

    def _read(
        self, session: RtspSession, offer: Offer, headers: Mapping[str, str], keep_s: float, backlog: Backlog
    ) -> None:
        assembler = Assembler(offer.coding, offer.payload, offer.sets, self.counts)
        next_told = time.monotonic() + keep_s
        heard = time.monotonic()
        session.link.sock.settimeout(min(keep_s, SILENT_S))
        pace = Pace()
        messages: Sequence[object] = session.between
        while not self._stop.is_set():
            for message in messages:
                if isinstance(message, Packet):
                    heard = time.monotonic()
                    self._packet(message, assembler, offer, backlog)
                elif isinstance(message, AskedOfUs) and message.method == "REDIRECT":
                    raise Refused("the camera leads on to another place", mend="declare that address")
            if time.monotonic() - heard > SILENT_S:
                raise LinkError(f"no picture came for {SILENT_S:g} s")
            if time.monotonic() >= next_told:
                session.tell("GET_PARAMETER", self._uri, headers)
                next_told = time.monotonic() + keep_s
            pace.take(len(messages), self._stop)
            messages = session.wire.feed(read_some(session.link))
        session.tell("TEARDOWN", self._uri, headers)
        raise LinkError("it was ended here")

    def _packet(self, packet: Packet, assembler: Assembler, offer: Offer, backlog: Backlog) -> None:
        now = self._machine_s()
        if packet.channel == 1:
            if (report := read_report(packet.body)) is not None:
                self._drift.take(report, now)
                self.counts["reports"] += 1
            return
        if packet.channel != 0:
            self.counts["other channels"] += 1
            return
        self.counts["packets"] += 1
        for coded in assembler.take(packet.body):
            self.counts["pictures"] += 1
            self.why = ""
            backlog.put(Unit(at_s=now, coding=offer.coding, body=coded.body), coded.is_key)


def _keep_alive(text: str) -> float:
    """Half of the session's timeout, within bounds."""
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() == "timeout" and value.isascii() and value.isdecimal() and len(value) < 6:
            return min(max(int(value) / 2, 2.0), KEEP_ALIVE_S)
    return KEEP_ALIVE_S


def _is_ours(base: str, uri: str) -> bool:
    """Whether an address may be asked for: text that a request can hold, of the host that we speak to."""
    try:
        one, other = urlsplit(base), urlsplit(uri)
        return base.isascii() and base.isprintable() and " " not in base and one.hostname == other.hostname
    except ValueError:
        return False


def _is_stale(got: Answered) -> bool:
    return any("stale=true" in text.lower().replace('"', "") for text in got.headers.get("www-authenticate", ()))


def _host(location: str) -> str:
    try:
        return (urlsplit(location).hostname or "")[:253]
    except ValueError:
        return "nowhere that can be read"
