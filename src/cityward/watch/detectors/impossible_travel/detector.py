"""Impossible travel: a device that is heard where it cannot be.

Theory of operation
-------------------
Nothing on the street tells its position (the declaration says where things stand), so a device's place is taken from who
heard it:
- a *radio gateway* with a declared position hears what is within its reach; where it is not declared (a device whose
  `hardware.eui` is the gateway's), the position is taken that the network server tells of it;
- a *network address* is a place, too, once several devices that stand close together have been connecting from it for days: a
  cabinet's or a site's router. An address of devices from all over the city (a mobile network's) is none.

A hearing is a position, a reach and a time. Two hearings of one device that lie further apart than their reaches and the
fastest way between them allow are two devices. A hearing out of reach of where the device is declared to stand is a device
(or its credential) that was carried away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import asin, cos, isfinite, radians, sin, sqrt

from cityward.time import DAY, HOUR, MINUTE, SECOND
from cityward.watch.contract import Card, Kind, Severity, Sign
from cityward.watch.episodes import Buckets, Rule, drain, pour
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Listening, sign_of
from cityward.watch.world import EARTH_M, World

FASTEST_M_S = 70.0
GATEWAY_REACH_M = 15_000.0
PLACE_RADIUS_M = 500.0
PLACE_UNITS = 4
PLACE_DAYS = 3
STRAY_M = 1_000.0
MOST_ADDRESSES = 2048
MOST_UNITS_AN_ADDRESS = 16

TOO_FAST = Rule("too-fast", 1, HOUR)
ANOTHER_PLACE = Rule("another-place", 1, DAY)

CARD = Card(
    id="impossible-travel",
    title="Impossible travel",
    reads="events",
    sees="a device heard at two places that it cannot have travelled between, or far from where it is declared to stand",
    fails_when=(
        "the other place is within the reach of the same gateways, or behind an address that is no place (a mobile network's)",
        "neither gateways nor neighbours have declared positions: then nothing can be told",
        "the clone waits as long as the way would take",
        "devices do not send positions to this platform; where one did, its own word would be worth no more than its values",
    ),
    source="idea of impossible travel from sign-in protection; reach of LoRaWAN cells in towns. Exercises S-02, S-16, S-17",
    kinds=(
        Kind(
            id=TOO_FAST.kind,
            title="In two places within too short a time",
            severity=Severity.HIGH,
            weight=0.8,
            todo="Two devices use one identity: rotate its credential, and look at both places.",
            technique="T0848",
        ),
        Kind(
            id=ANOTHER_PLACE.kind,
            title="Heard far from where it stands",
            severity=Severity.MEDIUM,
            weight=0.6,
            todo="Check that the device is where it was mounted. If it was moved on purpose, declare its new position.",
            technique="T0848",
        ),
    ),
    parameters={
        "fastest_m_s": FASTEST_M_S,
        "gateway_reach_m": GATEWAY_REACH_M,
        "place_radius_m": PLACE_RADIUS_M,
        "place_units": PLACE_UNITS,
        "place_days": PLACE_DAYS,
        "stray_m": STRAY_M,
        "most_addresses": MOST_ADDRESSES,
        "most_units_an_address": MOST_UNITS_AN_ADDRESS,
    },
)


@dataclass(frozen=True, slots=True)
class Hearing:
    """A device was within `reach_m` of a position (degrees) at a time (city us), by the word of `who`."""

    lon: float
    lat: float
    reach_m: float
    at: int
    who: str


@dataclass(slots=True)
class State:
    """heard: unit id -> its newest hearing [lon, lat, reach_m, at] and by whom. users: address -> units that come from there,
    in order of their first time; known_since: address -> when the first came.
    """

    heard: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    heard_by: dict[str, str] = field(default_factory=dict[str, str])
    users: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    known_since: dict[str, int] = field(default_factory=dict[str, int])
    buckets: Buckets = field(default_factory=Buckets)


def apart_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two positions (lon, lat in degrees), along the ground.

    >>> round(apart_m((0.0, 0.0), (1.0, 0.0)))
    111195
    """
    lon1, lat1, lon2, lat2 = map(radians, (*one, *other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_M * asin(min(1.0, sqrt(half)))


def excess(before: Hearing, now: Hearing) -> float:
    """How much faster than `FASTEST_M_S` a device must have been to be heard so; 1.0 is just as fast. 0 where reaches overlap.

    >>> here = Hearing(0.0, 0.0, 0.0, 0, "a")
    >>> round(excess(here, Hearing(1.0, 0.0, 0.0, 100 * SECOND, "b")), 2)
    15.88
    """
    way = apart_m((before.lon, before.lat), (now.lon, now.lat)) - before.reach_m - now.reach_m
    seconds = max(abs(now.at - before.at) / SECOND, 1.0)
    return max(0.0, way) / (FASTEST_M_S * seconds)


def listen(state: State, events: Sequence[Event], now: int, world: World) -> Sequence[Sign]:
    """Signs of devices heard where they cannot be."""
    signs: list[Sign] = []
    for event in events:
        unit = world.registry.unit_index.get(event.subject, -1)
        if unit >= 0 and abs(event.at) < 1 << 60:
            hearing = _hearing(state, unit, event, world)
            if hearing is not None:
                signs += _judge(state, unit, hearing, event, world)
    for rule in (TOO_FAST, ANOTHER_PLACE):
        signs += [sign_of(rule.kind, turn, world, {}) for turn in drain(state.buckets, rule, now)]
    return signs


def _hearing(state: State, unit: int, event: Event, world: World) -> Hearing | None:
    """Where the device was, as far as an event tells."""
    if event.kind is EventKind.FRAME:
        gateway = event.detail.get("gateway", "")
        where = _position(world.registry.unit_index.get(gateway, -1), world) or _told(event)
        return None if where is None else Hearing(*where, GATEWAY_REACH_M, event.at, gateway)
    if event.kind is EventKind.CONNECTED and event.source:
        return _at_address(state, unit, event, world)
    return None


def _told(event: Event) -> tuple[float, float] | None:
    """Where the network says that its gateway stands: in degrees."""
    try:
        lon, lat = float(event.detail["lon"]), float(event.detail["lat"])
    except (KeyError, ValueError):
        return None
    return (lon, lat) if -180 <= lon <= 180 and -90 <= lat <= 90 else None


def _position(unit: int, world: World) -> tuple[float, float] | None:
    if unit < 0:
        return None
    lon, lat = (float(x) for x in world.lon_lat[unit])
    return (lon, lat) if isfinite(lon) and isfinite(lat) else None


def _at_address(state: State, unit: int, event: Event, world: World) -> Hearing | None:
    """Where an address is, if it is a place. The device joins those that tell where, unless it stands elsewhere."""
    address = event.source
    if address not in state.users and len(state.users) >= MOST_ADDRESSES:
        oldest = next(iter(state.users))
        del state.users[oldest], state.known_since[oldest]
    users = state.users.setdefault(address, [])
    since = state.known_since.setdefault(address, event.at)
    place = _centre([u for u in users if u != unit], world) if event.at - since >= PLACE_DAYS * DAY else None
    mine = _position(unit, world)
    strays = place is not None and mine is not None and apart_m(mine, place) > PLACE_RADIUS_M + STRAY_M
    if mine is not None and unit not in users and not strays and len(users) < MOST_UNITS_AN_ADDRESS:
        users.append(unit)
    return None if place is None else Hearing(*place, PLACE_RADIUS_M, event.at, address)


def _centre(users: Sequence[int], world: World) -> tuple[float, float] | None:
    """The middle of devices that stand close together; None where they do not, or are too few to tell."""
    where = [p for p in (_position(u, world) for u in users) if p is not None]
    if len(where) < PLACE_UNITS:
        return None
    centre = sum(p[0] for p in where) / len(where), sum(p[1] for p in where) / len(where)
    return centre if all(apart_m(p, centre) <= PLACE_RADIUS_M for p in where) else None


def _judge(state: State, unit: int, hearing: Hearing, event: Event, world: World) -> Iterator[Sign]:
    name, records = event.subject, (event.record,) if event.record else ()
    before = state.heard.get(name)
    if before is not None and hearing.at >= before[3]:
        last = Hearing(before[0], before[1], before[2], int(before[3]), state.heard_by[name])
        ratio = excess(last, hearing)
        if ratio >= 1:
            facts = _travelled(last, hearing)
            for turn in pour(state.buckets, TOO_FAST, name, 1, hearing.at):
                yield sign_of(TOO_FAST.kind, turn, world, facts, records)
    if before is None or hearing.at >= before[3]:
        state.heard[name] = [hearing.lon, hearing.lat, hearing.reach_m, float(hearing.at)]
        state.heard_by[name] = hearing.who
    mine = _position(unit, world)
    away = 0.0 if mine is None else apart_m(mine, (hearing.lon, hearing.lat)) - hearing.reach_m
    if away > STRAY_M:
        facts = {"heard by": hearing.who, "stands at least": f"{away / 1000:.3g} km from there"}
        for turn in pour(state.buckets, ANOTHER_PLACE, name, 1, hearing.at):
            yield sign_of(ANOTHER_PLACE.kind, turn, world, facts, records)


def _travelled(before: Hearing, now: Hearing) -> dict[str, str]:
    way = apart_m((before.lon, before.lat), (now.lon, now.lat))
    return {
        "heard by": f"{before.who}, then {now.who}",
        "apart": f"{way / 1000:.3g} km",
        "within": f"{(now.at - before.at) / MINUTE:.3g} min",
    }


DETECTOR = Listening(CARD, lambda _: State(), listen)
