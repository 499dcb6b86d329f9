"""The doorkeeper: judges who comes in, knows who is in, and tells what it saw.

Lives here: the judgement with what it needs of the moment (how often a device came, how often it is in already), and the events
made of it. Does not live here: the wire (`callout`, `connections`), when somebody is cut off (`compose.entering.door`).

Every sign-in that fails is told, but not one by one: what is alike within a second is one event with a count, and at most
`MOST_ALIKE` different ones are told a second, the others under `(others)`; late use is told by itself also then. So a storm at
the door costs the watch nothing.

INVARIANTS
- let in + turned away = asked.
- What is held is bounded by the number of devices, and of connections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cityward.adapters.bus.connections import MOST_OPEN, Gone, Open, Presence
from cityward.adapters.bus.entry import RECIPIENT, Caller, Entry, Refusal, Roll, Why, may_enter
from cityward.adapters.bus.room import Room
from cityward.runtime.ports import ConnectionRow, CredentialRow, EventSink
from cityward.time import MINUTE, SECOND, CityClock
from cityward.watch.events import Event, EventKind, cut

MOST_ALIKE = 256
MOST_LATE = 4 * MOST_ALIKE
"""SECURITY: whoever has a stolen secret is not to hide in a storm of made-up names, which fills less than this."""
MOST_ENTRIES = (
    120  # of one device a minute. PRECEDENT: clients back off from 1 s (Paho: 1 to 120 s); this is a device gone wild
)
MOST_OF_RECIPIENT = 8
LATE = frozenset({"revoked", "lost", "stolen", "retired", "planned", "stored", "maintenance"})
DOOR = "mqtt"
BY = "door"

Kind = tuple[EventKind, str, str, tuple[tuple[str, str], ...]]
"""What makes two refusals alike: kind, subject, source, detail."""


@dataclass(slots=True)
class Keeper:
    """See the module. `roll` is replaced whole when who is known changes."""

    roll: Roll
    presence: Presence
    events: EventSink
    clock: CityClock
    machine_us: Callable[[], int]
    tls: bool
    roles: frozenset[str] = frozenset()
    room: Room = field(default_factory=Room)
    turned_away: Counter[Kind] = field(default_factory=Counter[Kind])
    moved: dict[str, ConnectionRow] = field(default_factory=dict[str, ConnectionRow])
    _entries: Counter[str] = field(default_factory=Counter[str])
    _minute: int = 0
    _entered: dict[int, tuple[bytes, bytes]] = field(default_factory=dict[int, tuple[bytes, bytes]])

    def judge(self, caller: Caller) -> Entry | Refusal:
        """Whether a caller may come in; what is refused is told."""
        now = self.machine_us()
        said = may_enter(caller, self.roll, now)
        if isinstance(said, Entry):
            said = self._too_much(caller, said, now) or said
        if isinstance(said, Refusal):
            self._turn_away(caller, said)
        else:
            self._remember(caller.connection, said.device)
        if isinstance(said, Entry) and not said.recipient:
            self.room.expect(caller.connection, said.device, caller.client_id, now)
        return said

    def may_stay(self, one: Open) -> bool:
        """Whether a connection is one of a device that is still let in, with the secret it has now."""
        if one.device.startswith(RECIPIENT):
            return self._recipient_may_stay(one)
        row = self.roll.credentials.get(one.device)
        return (
            row is not None
            and row.state == "active"
            and self._same_secret(one, row)
            and self.roll.status.get(one.device) == "active"
            and self.roll.bar_of(one.device, self.machine_us()) is None
        )

    def _recipient_may_stay(self, one: Open) -> bool:
        """Whether it still has what it came in with; one that was in before us is asked to come again."""
        known = self.roll.recipients.get(one.device)
        return known is not None and self._entered.get(one.connection) == known.proof

    def _same_secret(self, one: Open, row: CredentialRow) -> bool:
        """Whether the device still has the secret it came in with. One that was in before us came with what is older."""
        entered = self._entered.get(one.connection)
        return row.issued_at <= one.since_us if entered is None else entered == _secret_of(row)

    def _remember(self, connection: int, device: str) -> None:
        if len(self._entered) > 2 * MOST_OPEN:  # let in, and gone before they were seen to come
            self._entered = {c: held for c, held in self._entered.items() if c in self.presence.open}
        known = self.roll.recipients.get(device)
        self._entered[connection] = _secret_of(self.roll.credentials[device]) if known is None else known.proof

    def came(self, one: Open) -> None:
        """A device is in."""
        at = self.clock.to_city_us(one.since_us)
        if not one.device.startswith(RECIPIENT):
            self.room.came(one.connection, one.device)
        self.moved[one.device] = ConnectionRow(one.device, one.source, one.client_id, at, None)
        detail = {
            "client_id": cut(one.client_id),
            "connection": str(one.connection),
            "tls": "yes" if self.tls else "no",
        }
        self._tell(EventKind.CONNECTED, at, one.device, one.source, detail)

    def gone(self, what: Gone) -> None:
        """A device left, or was cut off."""
        if not what.was.device.startswith(RECIPIENT):
            self.room.gone(what.was.device)
        self._entered.pop(what.was.connection, None)
        one, at = what.was, self.clock.to_city_us(max(what.at_us, what.was.since_us))
        if not self.presence.of_device.get(one.device):
            since = self.clock.to_city_us(one.since_us)
            self.moved[one.device] = ConnectionRow(one.device, one.source, one.client_id, since, at)
        detail = {
            "client_id": cut(one.client_id),
            "connection": str(one.connection),
            "why": cut(what.why),
            "seconds": str(max(0, what.at_us - one.since_us) // SECOND),
            "messages_in": str(one.messages),
            "bytes_in": str(one.size),
        }
        self._tell(EventKind.DISCONNECTED, at, one.device, one.source, detail)

    def refused(self, name: str, source: str, client_id: str, _: int) -> None:
        """The broker itself turned somebody away: one who came with the name of a role of ours. It says so more than once."""
        if name in self.roles:
            self._count(
                EventKind.TURNED_AWAY, f"role:{name}", source, {"why": Why.NOT_A_DEVICE, "client_id": cut(client_id)}
            )

    def tell_turned_away(self) -> None:
        """Tell what has been refused since this was last called."""
        alike, self.turned_away = self.turned_away, Counter()
        at = self.city_now()
        for (kind, subject, source, detail), count in alike.items():
            self._tell(kind, at, subject, source, {**dict(detail), "count": str(count)})

    def leave(self) -> None:
        """The city stops, and everybody with it."""
        for one in self.presence.open.values():
            since = self.clock.to_city_us(one.since_us)
            self.moved[one.device] = ConnectionRow(one.device, one.source, one.client_id, since, self.city_now())

    def city_now(self) -> int:
        """The city's time."""
        return self.clock.to_city_us(self.machine_us())

    def take_moved(self) -> list[ConnectionRow]:
        """The devices whose place has changed since this was last called."""
        moved, self.moved = self.moved, {}
        return list(moved.values())

    def _too_much(self, caller: Caller, entry: Entry, now: int) -> Refusal | None:
        if now // MINUTE != self._minute:
            self._minute = now // MINUTE
            self._entries.clear()
        self._entries[entry.device] += 1
        if self._entries[entry.device] > MOST_ENTRIES:
            return Refusal(Why.TOO_OFTEN, entry.device)
        if entry.recipient:
            full = len(self.presence.of_device.get(entry.device, ())) >= MOST_OF_RECIPIENT
            return Refusal(Why.TOO_MANY, entry.device) if full else None
        clients = self.presence.clients_of(entry.device) | self.room.clients_expected(entry.device)
        if caller.client_id in clients:
            return None  # in place of its own: the broker ends the older one
        if len(clients) >= self.room.most_of(entry.device):
            return Refusal(Why.TOO_MANY, entry.device)
        full = self.room.full(entry.device, now)
        return Refusal(Why.NO_ROOM, entry.device, budget=full) if full else None

    def _turn_away(self, caller: Caller, said: Refusal) -> None:
        subject = said.device if said.device in self.roll.status else cut(caller.name)
        if said.state in LATE:
            self._count(EventKind.LATE_USE, subject, caller.source, {"state": said.state})
            return
        why = said.state if said.why is Why.BARRED else said.why
        named = {"client_id": cut(caller.client_id)} if said.why is Why.CLIENT_ID else {}
        named |= {"budget": cut(said.budget)} if said.budget else {}
        self._count(EventKind.TURNED_AWAY, subject, caller.source, {"why": why, **named})

    def _count(self, kind: EventKind, subject: str, source: str, detail: dict[str, str]) -> None:
        alike = (kind, subject, source, tuple(sorted({"door": DOOR, **detail}.items())))
        room = MOST_LATE if kind is EventKind.LATE_USE else MOST_ALIKE
        if alike not in self.turned_away and len(self.turned_away) >= room:
            alike = (EventKind.TURNED_AWAY, "(others)", source if len(self.turned_away) < 2 * MOST_ALIKE else "", ())
        self.turned_away[alike] += 1

    def _tell(self, kind: EventKind, at: int, subject: str, source: str, detail: dict[str, str]) -> None:
        event = Event(at=at, kind=kind, by=BY, subject=cut(subject), source=cut(source), detail=detail)
        self.events.tell(event)


def _secret_of(row: CredentialRow) -> tuple[bytes, bytes]:
    return row.key_sha256 or b"", row.certificate_sha256 or b""
