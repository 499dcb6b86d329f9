"""The gate for documents: a live feed of public transport is judged whole, then entity by entity; what is believed is passed on.

Theory of operation
-------------------
`judge_feed(body, moment, memory) -> JudgedFeed`. The whole is refused where its head is wrong: bytes that are no feed, a version
or a time that is none, a time ahead of ours, too old, earlier than one we had (a replay), or the same with other content; and
where nothing in it moves while its time goes on (frozen). The very body we had is `UNCHANGED`: no news, no fault; it grows old by
itself. Else each entity is refused alone, for the first of these that is so: a published rule that doubles as a sign of poisoning
(`RULES`), or what only the feeds before can show: a vehicle that moved faster than its kind can, ran back, or stood still while
it said that it drives. Stops of a trip update that the timetable does not know are left out, and counted.

What is remembered of a vehicle is where it was last *believed* to be. A vehicle set far off by a lie is refused until the time
that passed makes the way possible, and its next true place is near the remembered one: one lie costs one reading.

INVARIANTS
- Total: any bytes and any memory give a verdict. Pure: the same give the same.
- entities == admitted + refused, of every document that is not refused whole.
- What is refused leaves no trace in the memory: a refused document changes nothing, a refused vehicle is not remembered there.
- Only this module makes `AdmittedFeed`, and only of what was judged here, with the entry of the record that says so.

Fails when: the first position ever of a vehicle is a lie (nothing says so, within the area), or a vehicle creeps away slowly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from hashlib import sha256

import msgspec

from cityward.errors import DecodeError
from cityward.transit.cutting import without
from cityward.transit.decoding import decode
from cityward.transit.ground import metres_between
from cityward.transit.realtime import Feed, VehiclePosition, Whereabouts
from cityward.transit.rules import Case, Memory, find, judge, remember
from cityward.transit.rules.vehicles import is_on_earth
from cityward.transit.timetable import Timetable

MOST_AHEAD_S = 60
MOST_AGE_S = (
    300  # of a feed. PRECEDENT: the published rules ask for 65; what is five minutes old tells nobody when a bus comes
)
MOST_STALE_S = 900  # of one vehicle's position, against its feed's time
FROZEN_FEED_S = 180  # nothing moves so long
FROZEN_MOVING_S = 30  # in one place, to the last digit, and said to drive
FROZEN_ON_TRIP_S = 1200  # in one place, to the last digit, on a trip, and not said to stand at a stop
MOVING_M_S = 1.0
SLACK_M = 300.0  # of a position: two fixes may each be 150 m off
FASTEST_M_S = {0: 30.0, 1: 45.0, 2: 100.0, 3: 40.0, 4: 30.0, 5: 15.0, 6: 15.0, 7: 15.0, 11: 30.0, 12: 45.0}
FASTEST_OTHER_M_S = 100.0
FASTEST_ROAD_M_S = 40.0  # without a timetable a vehicle is taken to be a road's
FEWEST_FOR_FROZEN = 3
REMEMBERED_S = 3600
MOST_REMEMBERED = 20_000


class Whole(StrEnum):
    """Why a whole document is refused."""

    TOO_LARGE = "too-large"
    UNDECODABLE = "undecodable"
    NO_TIME = "no-time"
    BAD_TIME = "bad-time"
    BAD_VERSION = "bad-version"
    IN_THE_FUTURE = "in-the-future"
    TOO_OLD = "too-old"
    RAN_BACK = "ran-back"
    SAME_TIME = "same-time-other-content"
    FROZEN = "frozen"


class Part(StrEnum):
    """Why one entity is refused (of `UNKNOWN_STOP`: or a stop of it left out)."""

    DUPLICATE = "duplicate-vehicle"
    NO_PLACE = "no-place"
    OUTSIDE = "outside-area"
    OFF_ROUTE = "off-route"
    UNKNOWN_TRIP = "unknown-trip"
    UNKNOWN_ROUTE = "unknown-route"
    UNKNOWN_STOP = "unknown-stop"
    OTHER_TRIP = "not-the-planned-trip"
    OTHER_VEHICLE = "not-the-paired-vehicle"
    BAD_TIME = "bad-time"
    IN_THE_FUTURE = "in-the-future"
    BAD_ORDER = "bad-order"
    TOO_FAST = "impossible-speed"
    MOVED = "moved-too-far"
    RAN_BACK = "ran-back"
    SAME_TIME = "same-time-other-place"
    STALE = "stale"
    FROZEN = "frozen"
    NAMELESS = "nameless"


class Standing(Enum):
    """What became of a document."""

    ADMITTED = "admitted"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


RULES: dict[str, Part] = {
    "E052": Part.DUPLICATE,
    "E026": Part.NO_PLACE,
    "E028": Part.OUTSIDE,
    "E029": Part.OFF_ROUTE,
    "E003": Part.UNKNOWN_TRIP,
    "E004": Part.UNKNOWN_ROUTE,
    "E016": Part.OTHER_TRIP,
    "E023": Part.OTHER_TRIP,
    "E024": Part.OTHER_TRIP,
    "E035": Part.OTHER_TRIP,
    "E045": Part.OTHER_TRIP,
    "E051": Part.OTHER_TRIP,
    "E047": Part.OTHER_VEHICLE,
    "E001": Part.BAD_TIME,
    "E020": Part.BAD_TIME,
    "E021": Part.BAD_TIME,
    "E050": Part.IN_THE_FUTURE,
    "E002": Part.BAD_ORDER,
    "E025": Part.BAD_ORDER,
    "E036": Part.BAD_ORDER,
    "E040": Part.BAD_ORDER,
}
"""Published rules for which an entity is refused, the first that fires. E022 (times that stand still) is common and harmless."""


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a vehicle was last believed to be, when it was there, and since when it has stood exactly there. POSIX s, degrees."""

    at: int
    since: int
    latitude: float
    longitude: float


class FeedMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered of one flow between its documents. body, content: digests. since: of the same content, POSIX s."""

    timestamp: int = 0
    body: str = ""
    content: str = ""
    received: int = 0
    since: int = 0
    vehicles: dict[str, Seen] = {}


@dataclass(frozen=True, slots=True)
class Moment:
    """When a document came (POSIX s), what it is held against, and how old it may be."""

    received: int
    timetable: Timetable | None = None
    beside: Feed | None = None
    most_age_s: int = MOST_AGE_S
    most_bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class JudgedFeed:
    """What the gate says of one document. refused: reason -> entities. left_out: stops left out of trip updates that stay.

    body: what is passed on, as protocol buffers; b"" where nothing is. not_checked: published rules, and what they lacked.
    """

    standing: Standing
    digest: str
    size: int
    memory: FeedMemory
    why: str = ""
    timestamp: int = 0
    entities: int = 0
    admitted: int = 0
    refused: Mapping[str, int] = field(default_factory=dict[str, int])
    left_out: int = 0
    body: bytes = b""
    feed: Feed | None = None
    vehicles: tuple[int, ...] = ()
    breaches: Mapping[str, int] = field(default_factory=dict[str, int])
    not_checked: Mapping[str, str] = field(default_factory=dict[str, str])

    def seal(self, record: int) -> AdmittedFeed:
        """What may be held, once the evidence has the entry `record`.

        Raises:
            ValueError: it was not admitted.
        """
        if self.standing is not Standing.ADMITTED or self.feed is None:
            raise ValueError(f"a document that is {self.standing.value} is not held")
        return AdmittedFeed(_SEAL, self.body, self.feed, self.vehicles, record)


_SEAL = object()


class AdmittedFeed:
    """A document that passed the gate. body: as protocol buffers. feed: all it said. vehicles: the entities admitted of it."""

    __slots__ = ("body", "feed", "record", "vehicles")

    def __init__(self, seal: object, body: bytes, feed: Feed, vehicles: tuple[int, ...], record: int) -> None:
        if seal is not _SEAL:
            raise TypeError("only guard.feeds makes an AdmittedFeed")
        self.body, self.feed, self.vehicles, self.record = body, feed, vehicles, record


def judge_feed(body: bytes, moment: Moment, memory: FeedMemory) -> JudgedFeed:
    """The verdict on one document of a flow."""
    digest = sha256(body).hexdigest()
    feed: Feed | None = None
    try:
        if len(body) > moment.most_bytes:
            raise DecodeError("too-large", "")
        feed = decode(body)
    except DecodeError as error:
        why = Whole.TOO_LARGE if error.reason in {"too-large", "too-deep"} else Whole.UNDECODABLE
        return JudgedFeed(Standing.REFUSED, digest, len(body), memory, why)
    case = Case(feed, moment.timetable, _before(memory), moment.beside, moment.received, moment.received)
    now = remember(case)
    head = _Head(digest, len(body), now.content, feed)
    why = _whole(head, moment, memory)
    if why is not None:
        return JudgedFeed(Standing.REFUSED, digest, len(body), memory, why, timestamp=feed.header.timestamp or 0)
    if digest == memory.body or (now.timestamp == memory.timestamp and now.content == memory.content):
        return JudgedFeed(Standing.UNCHANGED, digest, len(body), memory, timestamp=now.timestamp)
    return _entities(body, head, case, moment, memory)


@dataclass(frozen=True, slots=True)
class _Head:
    digest: str
    size: int
    content: str
    feed: Feed


def _before(memory: FeedMemory) -> Memory | None:
    return Memory(memory.timestamp, memory.content, memory.received) if memory.timestamp else None


def _whole(head: _Head, moment: Moment, memory: FeedMemory) -> Whole | None:  # noqa: PLR0911 - one line a reason
    at = head.feed.header.timestamp or 0
    if head.feed.header.version not in {"1.0", "2.0"}:
        return Whole.BAD_VERSION
    if not at:
        return Whole.NO_TIME
    if not 946_684_800 <= at < 4_102_444_800:
        return Whole.BAD_TIME
    if at > moment.received + MOST_AHEAD_S:
        return Whole.IN_THE_FUTURE
    if at < memory.timestamp:
        return Whole.RAN_BACK
    if moment.received - at > moment.most_age_s:
        return Whole.TOO_OLD
    if at == memory.timestamp and head.content != memory.content:
        return Whole.SAME_TIME
    return Whole.FROZEN if _all_frozen(head, memory) else None


def _all_frozen(head: _Head, memory: FeedMemory) -> bool:
    """Whether the same is said again and again under ever new times, or all vehicles on trips stand to the last digit."""
    at, feed = head.feed.header.timestamp or 0, head.feed
    alive = [e for e in feed.entities if e.trip_update is not None or e.vehicle is not None]
    if head.content == memory.content and len(alive) >= FEWEST_FOR_FROZEN and at - memory.since >= FROZEN_FEED_S:
        return at > memory.timestamp
    still, moving = set[str](), False
    for _, vehicle in feed.vehicles():
        name = name_of(vehicle) or ""
        seen = memory.vehicles.get(name)
        if seen is None or vehicle.position is None or vehicle.trip is None or vehicle.status == "STOPPED_AT":
            continue
        stands = _is_there(vehicle.position, seen) and at - seen.since >= FROZEN_FEED_S
        still, moving = (still | {name} if stands else still), moving or not stands
    return len(still) >= FEWEST_FOR_FROZEN and not moving


def _entities(body: bytes, head: _Head, case: Case, moment: Moment, memory: FeedMemory) -> JudgedFeed:
    feed, at = head.feed, head.feed.header.timestamp or 0
    report = judge(case)
    why = _by_rules(case)
    unknown = _unknown_stops(case, why)
    for entity, reason in _by_memory(case, memory):
        why.setdefault(entity, reason)
    kept = [n for n in range(len(feed.entities)) if n not in why]
    left_out = {n: stops for n, stops in unknown.items() if n not in why}
    vehicles = tuple(n for n in kept if feed.entities[n].vehicle is not None)
    now = FeedMemory(
        timestamp=at,
        body=head.digest,
        content=head.content,
        received=moment.received,
        since=memory.since if head.content == memory.content else at,
        vehicles=_remembered(feed, vehicles, memory, at),
    )
    return JudgedFeed(
        Standing.ADMITTED,
        head.digest,
        head.size,
        now,
        timestamp=at,
        entities=len(feed.entities),
        admitted=len(kept),
        refused=dict(sorted(Counter(reason.value for reason in why.values()).items())),
        left_out=sum(map(len, left_out.values())),
        body=without(body, why, left_out),
        feed=feed,
        vehicles=vehicles,
        breaches=report.counts,
        not_checked=report.not_checked,
    )


def _by_rules(case: Case) -> dict[int, Part]:
    """Entity -> why, by the published rules, in the order of `RULES`. All of each rule's, not only what a report tells."""
    found = dict[int, Part]()
    for name, part in RULES.items():
        for entity, _, _ in find(case, name):
            if entity >= 0:
                found.setdefault(entity, part)
    return found


def _unknown_stops(case: Case, why: dict[int, Part]) -> dict[int, set[int]]:
    """Stops of trip updates that the timetable does not know. What has no other stops, or is a vehicle there, is refused."""
    found = dict[int, set[int]]()
    if case.timetable is None:
        return found
    for i, update in case.feed.trip_updates():
        gone = {n for n, stop in enumerate(update.stops) if stop.stop_id and stop.stop_id not in case.plan.stop_of}
        if gone and len(gone) == len(update.stops):
            why.setdefault(i, Part.UNKNOWN_STOP)
        elif gone:
            found[i] = gone
    for i, vehicle in case.feed.vehicles():
        if vehicle.stop_id and vehicle.stop_id not in case.plan.stop_of:
            why.setdefault(i, Part.UNKNOWN_STOP)
    return found


def name_of(vehicle: VehiclePosition) -> str | None:
    """What a vehicle is known by from feed to feed: its id, else its label."""
    said = vehicle.vehicle
    return (said.id or said.label or None) if said is not None else None


def _by_memory(case: Case, memory: FeedMemory) -> Iterator[tuple[int, Part]]:
    head = case.feed.header.timestamp or 0
    for i, vehicle in case.feed.vehicles():
        at = vehicle.timestamp or head
        fastest = _fastest(case, vehicle)
        if head - at > MOST_STALE_S:
            yield i, Part.STALE
        elif (
            vehicle.position is not None
            and vehicle.position.speed is not None
            and not (0 <= vehicle.position.speed <= fastest)
        ):
            yield i, Part.TOO_FAST
        elif vehicle.position is not None:
            name = name_of(vehicle)
            seen = memory.vehicles.get(name or "")
            if name is None:
                yield i, Part.NAMELESS
            elif seen is not None and (why := _against(vehicle, vehicle.position, seen, at, fastest)) is not None:
                yield i, why


def _against(vehicle: VehiclePosition, there: Whereabouts, seen: Seen, at: int, fastest: float) -> Part | None:
    same = _is_there(there, seen)
    if at < seen.at:
        return Part.RAN_BACK
    if at == seen.at:
        return None if same else Part.SAME_TIME
    if not same:
        metres = metres_between(seen.longitude, seen.latitude, there.longitude, there.latitude)
        return Part.MOVED if metres > SLACK_M + fastest * (at - seen.at) else None
    stood = at - seen.since
    drives = there.speed is not None and there.speed >= MOVING_M_S
    if drives and stood >= FROZEN_MOVING_S:
        return Part.FROZEN
    waits = vehicle.trip is None or vehicle.status == "STOPPED_AT"
    return Part.FROZEN if not waits and stood >= FROZEN_ON_TRIP_S else None


def _is_there(there: Whereabouts, seen: Seen) -> bool:
    return there.latitude == seen.latitude and there.longitude == seen.longitude


def _fastest(case: Case, vehicle: VehiclePosition) -> float:
    """What its kind of vehicle can do, m/s, by the route of its trip."""
    plan = case.timetable
    if plan is None:
        return FASTEST_ROAD_M_S
    trip = plan.trip_of.get((vehicle.trip.trip_id if vehicle.trip is not None else None) or "", -1)
    route = int(plan.trips.route[trip]) if trip >= 0 else -1
    if route < 0 and vehicle.trip is not None:
        route = plan.route_of.get(vehicle.trip.route_id or "", -1)
    if route < 0:
        return max((FASTEST_M_S.get(int(k), FASTEST_OTHER_M_S) for k in plan.routes.kind), default=FASTEST_ROAD_M_S)
    return FASTEST_M_S.get(int(plan.routes.kind[route]), FASTEST_OTHER_M_S)


def _remembered(feed: Feed, vehicles: tuple[int, ...], memory: FeedMemory, head: int) -> dict[str, Seen]:
    """Where vehicles were last believed to be: those of this feed that were admitted, and the rest of the last hour's."""
    found = {name: seen for name, seen in memory.vehicles.items() if head - seen.at <= REMEMBERED_S}
    for n in vehicles:
        vehicle = feed.entities[n].vehicle
        name = name_of(vehicle) if vehicle is not None else None
        if vehicle is None or name is None or vehicle.position is None or not is_on_earth(vehicle.position):
            continue
        before, there, at = found.get(name), vehicle.position, vehicle.timestamp or head
        since = before.since if before is not None and _is_there(there, before) else at
        found[name] = Seen(at=at, since=since, latitude=there.latitude, longitude=there.longitude)
    newest = sorted(found.items(), key=lambda item: (-item[1].at, item[0]))[:MOST_REMEMBERED]
    return dict(newest)
