"""Who calls: a device by its key, a person by a session that a link, a passkey or an OpenID provider opened.

Lives here: tokens, the cookie, the lookups. Does not live here: what a route needs (`routes`), how people prove who they are
(`accounts`), the pages.

INVARIANTS
- Tokens have 256 random bits; only their SHA-256 is stored, looked up and compared, so timing tells nothing of the token.
- A revoked key is refused at most `RECHECK_S` after the registry changed; a lookup that began before the change is not kept.
- A link works once: the store decides, in one statement, also between two requests at a time.
- A session that is shown as a role holds what the role and its person both hold, whoever asks what it may.
- A session's token is made here, at the moment of the proof: a token that a browser brought along is never made good.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

from cityward.evidence.records import Lifecycle
from cityward.runtime.people import Held, SessionRow, Stance, shown_as
from cityward.runtime.ports import Credentials
from cityward.watch.events import Event, EventKind, cut
from cityward.web.gcra import Gcra
from cityward.web.ports import Doors
from cityward.web.problems import Problem, too_many
from cityward.web.showings import Showings
from cityward.web.standings import Standings
from cityward.web.told import tell

LATE = frozenset({"revoked", "lost", "stolen", "retired"})
"""What has become of a device whose key must not be in use any more."""

PERSON = "person"
DEVICE = "device"
RECIPIENT = "recipient"
CERTIFICATE = "cityward.certificate"
"""In a request's scope: the SHA-256 of the certificate that its client proved to have."""
RELEASES = "/api/release/"
"""Under it recipients ask, and nobody else."""

RECHECK_S = 1.0
SESSION_S = 12 * 3600  # PRECEDENT: a shift; NIST SP 800-63B 2.2.3 asks for 12 hours at AAL2
MOST_TOKEN = 8192  # of an OpenID provider
KEY_LENGTHS = range(16, 257)  # characters of a bearer token worth hashing
WRONG_KEYS = (1_000_000, 60)  # us between two from one address, and how many at once
MOST_KEYS = 200_000  # cached devices; a place has fewer


NOTHING = Held()


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. Of a person: `session`, the hash of their session; `held`, what they may do now, from here.

    proved_at: when they last proved who they are (machine us); ways: by what they could again.
    """

    id: str
    scope: str
    session: bytes = b""
    held: Held = NOTHING
    source: str = ""
    proved_at: int = 0
    ways: frozenset[str] = frozenset()


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return sha256(token.encode()).digest()


def client_of(request: Request) -> str:
    """The key under which an address is rate limited: IPv4 whole, IPv6 by its /64 (which one host owns)."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:64]
    return str(int(address) >> 64) + "::" if isinstance(address, IPv6Address) else host


def source_of(request: Request) -> str:
    """The address somebody calls from, "" where it is not known."""
    return request.client.host[:64] if request.client else ""


def refuse_cross_site(request: Request) -> None:
    """SECURITY: only our own pages may post.

    Browsers say where a request comes from in Sec-Fetch-Site, older ones in Origin. A request with neither comes from no
    browser, and carries no one's cookie but its own.

    PRECEDENT: Go's net/http CrossOriginProtection.

    Raises:
        Problem: 403.
    """
    site = request.headers.get("sec-fetch-site")
    if site is None:
        origin = request.headers.get("origin")
        same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    else:
        same = site in ("same-origin", "none")
    if not same:
        raise Problem(403, "cross-site", "this is taken from the city's own pages only")


class DeviceKeys:
    """Device keys, cached until the registry's version changes."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._known: dict[bytes, str] = {}
        self._version: int | None = None
        self._checked = float("-inf")
        self._checking = asyncio.Lock()

    async def known(self, key: str) -> str | None:
        """The device, if the key was looked up before and nothing changed since."""
        await self._recheck()
        return self._known.get(digest(key))

    async def look_up(self, key: str) -> str | None:
        """The device with this key, asking the registry."""
        hashed, before = digest(key), self._version
        device = await asyncio.to_thread(self._credentials.device_of_key, hashed)
        if device is not None and self._version == before:
            if len(self._known) >= MOST_KEYS:
                self._known.clear()
            self._known[hashed] = device
        return device

    async def _recheck(self) -> None:
        if time.monotonic() < self._checked + RECHECK_S:
            return
        async with self._checking:
            if time.monotonic() < self._checked + RECHECK_S:
                return
            began = time.monotonic()
            version = await asyncio.to_thread(self._credentials.version)
            if version != self._version:
                self._known.clear()
                self._version = version
            self._checked = began


class Reception:
    """Says who calls, opens and closes sessions."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self.standings = Standings(doors)
        self.showings = Showings()
        self._keys = DeviceKeys(doors.credentials)
        self._limits = Gcra(most_keys=10_000)
        self.cookie = "__Host-cityward" if doors.secure else "cityward"
        self.on_end: Callable[[bytes], None] = lambda _: None  # told of sessions that ended to make room

    async def caller(self, request: Request) -> Caller | None:
        """Who calls; None when nobody says so. A bearer token goes before a cookie.

        Raises:
            Problem: 401 for a key that is not known, 429 for too many of those.
        """
        authorization = request.headers.get("authorization")
        if request.url.path.startswith(RELEASES):
            return await self._recipient(request, authorization or "")
        if authorization is not None:
            return await self._by_key(request, authorization)
        token = request.cookies.get(self.cookie)
        if not token or len(token) not in KEY_LENGTHS:
            return None
        return await asyncio.to_thread(self._by_session, digest(token), source_of(request))

    async def _recipient(self, request: Request, authorization: str) -> Caller | None:
        """Who asks for released rows. Its certificate counts only where the TLS ends here: `serve` puts it into the scope."""
        desk = self._doors.releasing
        kind, _, token = authorization.partition(" ")
        certificate: bytes | None = request.scope.get(CERTIFICATE)
        bearer = kind.lower() == "bearer" and KEY_LENGTHS.start <= len(token) <= MOST_TOKEN
        if desk is None or not (bearer or certificate):
            return None
        self._attempts_left(request)
        found = await asyncio.to_thread(desk.recipient_of, token if bearer else "", certificate)
        if not found:
            self.limit(request, "key", *WRONG_KEYS)
            await asyncio.to_thread(desk.turned_away, source_of(request), token if bearer else "", certificate)
            raise unauthorized("the key, certificate or token is not known, or not active any more")
        return Caller(id=found, scope=RECIPIENT, source=source_of(request))

    async def _by_key(self, request: Request, authorization: str) -> Caller:
        kind, _, key = authorization.partition(" ")
        if kind.lower() != "bearer" or len(key) not in KEY_LENGTHS:
            raise unauthorized("the Authorization header is not `Bearer <device key>`")
        device = await self._keys.known(key)
        if device is None:
            self._attempts_left(request)
            device = await self._keys.look_up(key)
        if device is None:
            await self._tell_turned_away(request, key)
            self.limit(request, "key", *WRONG_KEYS)
            raise unauthorized("the device key is not known, or not active any more")
        return Caller(id=device, scope=DEVICE)

    async def _tell_turned_away(self, request: Request, key: str) -> None:
        """Whose key it once was, if anybody's, and from where it came. At most as often as wrong keys are looked at."""
        if self._doors.events is None:
            return
        device, state = await asyncio.to_thread(self._doors.credentials.late_key, digest(key)) or ("", "")
        late = state in LATE
        detail = {"door": "http"} | ({"state": state} if late else {"why": state or "unknown-key"})
        event = Event(
            at=self._doors.city_now_us(),
            kind=EventKind.LATE_USE if late else EventKind.TURNED_AWAY,
            by="web",
            subject=device,
            source=cut(request.client.host if request.client else ""),
            detail=detail if late else detail | {"count": "1"},
        )
        self._doors.events.tell(event)

    def _by_session(self, hashed: bytes, source: str) -> Caller | None:
        """In a thread."""
        session = self._doors.sessions.find(hashed, self._doors.machine_us())
        return None if session is None else self.caller_of(session, source)

    def caller_of(self, session: SessionRow, source: str) -> Caller | None:
        """Who calls by this session, from an address; None when the account is not active. In a thread."""
        found = self.standings.held(session, source)
        if found is None:
            return None
        standing, held = found
        showing = self.showings.of(session.session_sha256, self._doors.machine_us())
        if showing is not None:  # here, and nowhere later: every answer and every tick of the live feed comes by here
            held = shown_as(self._doors.place, held, showing.role, showing.until)
        return Caller(session.who, PERSON, session.session_sha256, held, source, session.proved_at, standing.ways)

    async def sign_in(self, request: Request, token: str) -> str | None:
        """Redeem a one-time link: the new session's token, or None when the link is unknown, expired or used.

        Raises:
            Problem: 429 for too many attempts.
        """
        self.limit(request, "sign-in", 6_000_000, 10)
        found = await asyncio.to_thread(self._redeem, token) if len(token) in KEY_LENGTHS else None
        if found is None:
            tell(self._doors, EventKind.SIGN_IN_FAILED, request, "", {"why": "unknown-link"})
            return None
        return await self.begin(request, found, "link")

    def _redeem(self, token: str) -> str | None:
        """Who. An account that is locked meanwhile is nobody's."""
        who = self._doors.sessions.redeem_link(digest(token), self._doors.machine_us())
        standing = None if who is None else self.standings.of(who)
        return who if standing is not None and standing.person.state is Stance.ACTIVE else None

    async def begin(self, request: Request, who: str, way: str) -> str:
        """A new session for somebody who has proved who they are: its token."""
        source = source_of(request)
        token, ended = await asyncio.to_thread(self._open, who, way, source)
        for one in ended:
            self.on_end(one)
        elsewhere = await asyncio.to_thread(self.standings.only_elsewhere, who, source)
        away = {"elsewhere": ", ".join(elsewhere)} if elsewhere else {}
        tell(self._doors, EventKind.SIGN_IN, request, who, {"way": way} | away)
        return token

    def _open(self, who: str, way: str, source: str) -> tuple[str, Sequence[bytes]]:
        self._record("sign-in", who)
        now, session = self._doors.machine_us(), new_token()
        row = SessionRow(digest(session), who, now + SESSION_S * 1_000_000, now, now, source, way)
        return session, self._doors.sessions.open(row)

    async def sign_out(self, caller: Caller) -> None:
        """End a session."""
        await asyncio.to_thread(self._close, caller)

    def _close(self, caller: Caller) -> None:
        self._doors.sessions.close(caller.session)
        self._record("sign-out", caller.id)

    def _record(self, event: str, who: str) -> None:
        if self._doors.ledger is not None:
            record = Lifecycle(at=self._doors.city_now_us(), by="web", event=event, detail={"who": who})
            self._doors.ledger.append([record])

    def _attempts_left(self, request: Request) -> None:
        """Only wrong keys are counted: a thousand devices behind one address may all come back at once."""
        wait = self._limits.wait(f"key {client_of(request)}", time.monotonic_ns() // 1000, *WRONG_KEYS)
        if wait:
            raise too_many("too many attempts from this address", wait)

    def limit(self, request: Request, what: str, every_us: int, burst: int) -> None:
        """At most so many attempts from one address.

        Raises:
            Problem: 429.
        """
        wait = self._limits.take(f"{what} {client_of(request)}", time.monotonic_ns() // 1000, every_us, burst)
        if wait:
            raise too_many("too many attempts from this address", wait)

    def within(self, request: Request, what: str, every_us: int, burst: int) -> None:
        """As `limit`, of what is counted only once it went wrong: asked before, so that what is beyond costs no entry.

        Raises:
            Problem: 429.
        """
        wait = self._limits.wait(f"{what} {client_of(request)}", time.monotonic_ns() // 1000, every_us, burst)
        if wait:
            raise too_many("too many attempts from this address", wait)


def unauthorized(detail: str) -> Problem:
    """401. The challenge names no realm of a browser dialogue: people sign in by link."""
    return Problem(401, "unauthorized", detail, {"www-authenticate": 'Bearer realm="cityward"'})
