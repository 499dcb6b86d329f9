"""Who is connected, from where and since when: followed by what the broker says of its connections.

Lives here: the table of open connections (`Presence`), and the wire to the broker's system account (`Follower`). Does not live
here: who may come in (`entry`), what it means that one comes twice (the watch).

The broker tells each connect and disconnect as it happens, and every connection with its counts when it is asked (`CONNZ`). Asked
every few seconds, it also mends what was missed while nobody listened.

INVARIANTS
- The table is bounded: by `MOST_OPEN` connections, beyond which new ones are counted (`unheld`) and not held.
- A connection is told to have come once, and to have gone once.

# SPEC: nats-server 2.15: `$SYS.ACCOUNT.*.CONNECT`, `.DISCONNECT`, `$SYS.REQ.SERVER.<id>.CONNZ`, `$SYS.REQ.SERVER.<id>.KICK`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from cityward.adapters.bus.entry import RECIPIENT
from cityward.errors import LinkError
from cityward.time import to_us

log = structlog.get_logger(__name__)

MOST_OPEN = 70_000  # more than the broker lets in
PAGE = 1024
ACCOUNT = "CITY"
_WITHIN_S = 5.0
_UNHEARD = "_INBOX_system.unheard"  # the broker does nothing for who wants no answer; `gone` is the answer we go by

Time = Annotated[datetime, Meta(tz=True)]


@dataclass(slots=True)
class Open:
    """One connection of a device. `since_us`: machine time. `messages`, `size`: what it has sent, as last counted."""

    connection: int
    device: str
    source: str
    client_id: str
    since_us: int
    messages: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Gone:
    """A connection that ended, and why, in the broker's words. `at_us`: machine time."""

    was: Open
    why: str
    at_us: int


@dataclass(slots=True)
class Presence:
    """The open connections. `came` and `gone` since they were last taken; `sent`: device -> (messages, bytes) likewise."""

    open: dict[int, Open] = field(default_factory=dict[int, Open])
    of_device: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    sent: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    unheld: int = 0

    def come(self, one: Open) -> bool:
        """Take a connection up; False where it is known already, or there is no room."""
        if one.connection in self.open:
            return False
        if len(self.open) >= MOST_OPEN:
            self.unheld += 1
            return False
        self.open[one.connection] = Open(one.connection, one.device, one.source, one.client_id, one.since_us)
        self.of_device.setdefault(one.device, set()).add(one.connection)
        self.count(one.connection, one.messages, one.size)
        return True

    def count(self, connection: int, messages: int, size: int) -> None:
        """What a connection has sent by now."""
        one = self.open[connection]
        before = self.sent.get(one.device, (0, 0))
        self.sent[one.device] = (before[0] + max(0, messages - one.messages), before[1] + max(0, size - one.size))
        one.messages, one.size = max(one.messages, messages), max(one.size, size)

    def go(self, connection: int) -> Open | None:
        """Forget a connection; what was known of it."""
        one = self.open.pop(connection, None)
        if one is not None:
            left = self.of_device[one.device]
            left.discard(connection)
            if not left:
                del self.of_device[one.device]
        return one

    def take_sent(self) -> dict[str, tuple[int, int]]:
        """device -> (messages, bytes) since this was last asked."""
        sent, self.sent = self.sent, {}
        return sent

    def clients_of(self, device: str) -> set[str]:
        """The client ids under which a device is connected."""
        return {self.open[c].client_id for c in self.of_device.get(device, ())}


# The broker's own words: fields we have no use for are left out, and new ones are no fault.
class _Server(msgspec.Struct, frozen=True):
    id: str


class _Client(msgspec.Struct, frozen=True):
    id: int
    start: Time
    host: str = ""
    acc: str = ""
    user: str = ""
    client_type: str = ""
    client_id: str = ""
    stop: Time | None = None


class _Sent(msgspec.Struct, frozen=True):
    msgs: int = 0
    bytes: int = 0


class _Advisory(msgspec.Struct, frozen=True):
    server: _Server
    client: _Client
    sent: _Sent = _Sent()
    reason: str = ""


class _Row(msgspec.Struct, frozen=True):
    cid: int
    start: Time
    type: str = ""
    ip: str = ""
    in_msgs: int = 0
    in_bytes: int = 0
    authorized_user: str = ""
    mqtt_client: str = ""


class _Page(msgspec.Struct, frozen=True):
    total: int
    connections: list[_Row] = []


class _Connz(msgspec.Struct, frozen=True):
    server: _Server
    data: _Page


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told. Each is called in the event loop, and does not wait."""

    came: Callable[[Open], None]
    gone: Callable[[Gone], None]
    refused: Callable[[str, str, str, int], None]
    """A name, an address and a client id that the broker itself turned away, and the connection's number."""


class Follower:
    """Keeps a `Presence` in step with one broker."""

    def __init__(self, client: Client, presence: Presence, told: Told) -> None:
        self._client, self._told = client, told
        self.presence = presence
        self._server = ""  # the broker's id; it has another after every start, and numbers its connections anew
        self._unseen = set[int]()  # known, and not told of by the last look
        self._deaf = 0  # advisories that could not be read

    async def start(self) -> None:
        """Listen, then learn who is there already.

        Raises:
            LinkError: the broker does not answer.
        """
        try:
            for subject, take in (
                (f"$SYS.ACCOUNT.{ACCOUNT}.CONNECT", self._came),
                (f"$SYS.ACCOUNT.{ACCOUNT}.DISCONNECT", self._gone),
                ("$SYS.SERVER.*.CLIENT.AUTH.ERR", self._refused),
            ):
                await self._client.subscribe(subject, cb=_reading(take, self))
            await self._client.flush()
        except (NatsError, TimeoutError, OSError) as error:
            raise LinkError(f"the broker does not tell who comes: {type(error).__name__}") from error
        await self.look()

    async def look(self) -> None:
        """Ask for all connections with their counts; come and go what was missed.

        Raises:
            LinkError: the broker does not answer.
        """
        known, seen = set(self.presence.open), set[int]()
        offset, total = 0, 1
        while offset < min(total, MOST_OPEN):
            page = await self._page(offset)
            total, offset = page.data.total, offset + PAGE
            self._of(page.server)
            for row in page.data.connections:
                seen.add(row.cid)
                self._seen(row)
        # Those that came while we asked are not among the known. A page may skip one, as others go: it counts the second time.
        unseen = known - seen
        for missed in unseen & self._unseen:
            self._left(missed, "missed", None, _Sent())
        self._unseen = unseen - self._unseen

    def _seen(self, row: _Row) -> None:
        if not _is_followed(row.type, row.authorized_user):
            return
        one = Open(row.cid, row.authorized_user, row.ip, row.mqtt_client, to_us(row.start), row.in_msgs, row.in_bytes)
        if row.cid in self.presence.open:
            self.presence.count(row.cid, row.in_msgs, row.in_bytes)
        elif self.presence.come(one):
            self._told.came(one)

    async def _page(self, offset: int) -> _Connz:
        asked = msgspec.json.encode({"auth": True, "acc": ACCOUNT, "offset": offset, "limit": PAGE})
        subject = "$SYS.REQ.SERVER.PING.CONNZ"
        try:
            answer = await self._client.request(subject, asked, timeout=_WITHIN_S)
            return msgspec.json.decode(answer.data, type=_Connz)
        except (NatsError, TimeoutError, OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise LinkError(f"the broker does not tell who is there: {type(error).__name__}") from error

    async def cut(self, connections: Sequence[int]) -> None:
        """Cut connections off. What the broker did of it comes as `gone`; ask again for those that stay.

        Raises:
            LinkError: the broker cannot be reached.
        """
        if not connections:
            return
        if not self._server:
            await self.look()
        kick = f"$SYS.REQ.SERVER.{self._server}.KICK"
        try:
            for connection in connections:
                await self._client.publish(kick, b'{"cid":%d}' % connection, reply=_UNHEARD)
            await self._client.flush()
        except (NatsError, TimeoutError, OSError) as error:
            raise LinkError(f"connections could not be cut: {type(error).__name__}") from error

    def connections_of(self, devices: Iterable[str]) -> list[int]:
        """The numbers of all connections of these devices."""
        return [c for device in devices for c in self.presence.of_device.get(device, ())]

    def _came(self, said: _Advisory) -> None:
        client = said.client
        self._of(said.server)
        if _is_followed(client.client_type, client.user):
            one = Open(client.id, client.user, client.host, client.client_id, to_us(client.start))
            if self.presence.come(one):
                self._told.came(one)

    def _of(self, server: _Server) -> None:
        """The broker that speaks. Where it is another than before, all whom the other one knew are gone."""
        before, self._server = self._server, server.id
        if before not in {"", server.id}:
            for connection in list(self.presence.open):
                self._left(connection, "the broker was started anew", None, _Sent())

    def _gone(self, said: _Advisory) -> None:
        self._left(said.client.id, said.reason, said.client.stop, said.sent)

    def _left(self, connection: int, why: str, stop: datetime | None, sent: _Sent) -> None:
        if connection in self.presence.open:
            self.presence.count(connection, sent.msgs, sent.bytes)
        one = self.presence.go(connection)
        if one is not None:
            self._told.gone(Gone(one, why, one.since_us if stop is None else to_us(stop)))

    def _refused(self, said: _Advisory) -> None:
        client = said.client
        self._told.refused(client.user, client.host, client.client_id, client.id)

    def unread(self) -> None:
        """An advisory that could not be read: the next look mends what it said."""
        self._deaf += 1
        if self._deaf == 1:
            log.warning("the broker says something of its connections that cannot be read")


def _is_followed(kind: str, name: str) -> bool:
    """Devices, and recipients by whichever protocol; not the roles of the city."""
    return kind == "mqtt" or name.startswith(RECIPIENT)


def _reading(take: Callable[[_Advisory], None], follower: Follower) -> Callable[[Msg], Awaitable[None]]:
    async def read(message: Msg) -> None:
        try:
            said = msgspec.json.decode(message.data, type=_Advisory)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            follower.unread()
            return
        take(said)

    return read
