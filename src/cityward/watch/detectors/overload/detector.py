"""Overload: somebody sends much more than declared, so that others are not heard.

What a device sends without asking for acknowledgement is not in the log, so the gate sheds none of it: the door counts it, and
keeps the device out for a while. That is told by itself (`kept-out`), however little was shed.
"""

from __future__ import annotations

from cityward.time import HOUR, MINUTE
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, address_of, counting, number_in, parameters_of
from cityward.watch.world import World

OVER = Rule("over-budget", threshold=600, drains_us=10 * MINUTE)
"""A message a second too many, for ten minutes."""
FLOOD = Rule("flood", threshold=100_000, drains_us=10 * MINUTE)
KEPT_OUT = Rule("kept-out", threshold=1, drains_us=6 * HOUR)
OVERSIZED = Rule("oversized", threshold=3, drains_us=10 * MINUTE)
STORM = Rule("connection-storm", threshold=300, drains_us=10 * MINUTE)
NO_ROOM = Rule("no-room", threshold=10, drains_us=10 * MINUTE)


def _who(event: Event) -> str:
    return event.subject or address_of(event) or "place:"


PENALTY = "penalty"  # the door's word for a budget that nobody may go so far beyond
NOT_ACKNOWLEDGED = (
    "not-acknowledged"  # sent with QoS 0: refused whatever there is room for; a flood of it costs a penalty
)


def _shed(event: Event, _: World) -> str:
    budget = event.detail.get("budget")
    return _who(event) if event.kind is EventKind.SHED and budget not in {PENALTY, NOT_ACKNOWLEDGED} else ""


def _kept_out(event: Event, _: World) -> str:
    return _who(event) if event.kind is EventKind.SHED and event.detail.get("budget") == PENALTY else ""


def _all_shed(event: Event, _: World) -> str:
    return "place:" if event.kind is EventKind.SHED and event.detail.get("budget") != NOT_ACKNOWLEDGED else ""


def _oversized(event: Event, _: World) -> str:
    return _who(event) if event.kind is EventKind.OVERSIZED else ""


def _connected(event: Event, _: World) -> str:
    return _who(event) if event.kind is EventKind.CONNECTED else ""


def _no_room(event: Event, _: World) -> str:
    """The budget that has no room: whoever is turned away may be none of those who fill it."""
    turned = event.kind is EventKind.TURNED_AWAY and event.detail.get("why") == "no-room"
    return f"budget:{event.detail.get('budget', '')}" if turned else ""


def _shed_times(event: Event) -> float:
    return number_in(event, "count", least=1)


_TODO = "see what the device does; `cityward device revoke` it, or isolate it, if others suffer"

CARD = Card(
    id="overload",
    title="Overload",
    reads="events",
    sees=(
        "a device over its budget or so far beyond that it is kept out, a flood of the whole place, messages over the bound, "
        "a storm of connections, a budget whose connections are used up"
    ),
    fails_when=(
        "the flood never reaches the city: the network in front of it is what is full",
        "many devices each send a little more than they did, all within budget",
    ),
    source="MITRE ATT&CK for ICS T0814; scenario S-12 (controllers in a reboot loop, 2016); MQTT flood recordings of MQTTset",
    kinds=(
        Kind(
            id=OVER.kind,
            title="Over budget",
            severity=Severity.MEDIUM,
            weight=0.2,
            technique="T0814",
            todo=_TODO,
        ),
        Kind(
            id=KEPT_OUT.kind,
            title="Kept out for a while: sends far more than declared",
            severity=Severity.MEDIUM,
            weight=0.25,
            technique="T0814",
            todo=_TODO,
        ),
        Kind(
            id=FLOOD.kind,
            title="The place is flooded",
            severity=Severity.HIGH,
            weight=0.0,
            technique="T0814",
            todo="critical flows keep their share; see which supplier's devices send, and isolate them",
        ),
        Kind(
            id=OVERSIZED.kind,
            title="Messages over the bound",
            severity=Severity.LOW,
            weight=0.1,
            technique="T0814",
            todo=_TODO,
        ),
        Kind(
            id=STORM.kind,
            title="Connects again and again",
            severity=Severity.LOW,
            weight=0.1,
            technique="T0814",
            todo="see why it loses its connection; a device in a reboot loop looks like this",
        ),
        Kind(
            id=NO_ROOM.kind,
            title="The connections of a budget are used up",
            severity=Severity.MEDIUM,
            weight=0.0,
            technique="T0814",
            todo="see which of its devices hold many connections (`cityward device list`); raise the budget if all are wanted",
        ),
    ),
    parameters=parameters_of(OVER, KEPT_OUT, FLOOD, OVERSIZED, STORM, NO_ROOM),
)

DETECTOR = counting(
    CARD,
    [
        Counted(OVER, _shed, _shed_times, what="messages shed"),
        Counted(KEPT_OUT, _kept_out, what="penalties"),
        Counted(FLOOD, _all_shed, _shed_times, what="messages shed"),
        Counted(OVERSIZED, _oversized, what="messages over the bound"),
        Counted(STORM, _connected, what="connections"),
        Counted(NO_ROOM, _no_room, what="turned away"),
    ],
)
