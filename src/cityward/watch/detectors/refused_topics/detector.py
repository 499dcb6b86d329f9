"""Refused topics: a device that proved who it is speaks in another's name, or listens to what is not its own.

The broker refuses it; that it tries says that its firmware is wrong, or that somebody else holds its secret.
"""

from __future__ import annotations

from cityward.time import HOUR, MINUTE
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, address_of, counting, parameters_of
from cityward.watch.world import World

SPEAKS = Rule("speaks-for-others", threshold=3, drains_us=HOUR)
"""One or two may be a mistake while a device is set up."""
LISTENS = Rule("listens-to-others", threshold=1, drains_us=HOUR)
GUESSES = Rule("guesses-topics", threshold=50, drains_us=10 * MINUTE)

_REFUSED = frozenset({EventKind.REFUSED_PUBLISH, EventKind.REFUSED_SUBSCRIBE})


def _who(event: Event) -> str:
    return event.subject or address_of(event)


def _speaks(event: Event, _: World) -> str:
    return _who(event) if event.kind is EventKind.REFUSED_PUBLISH else ""


def _listens(event: Event, _: World) -> str:
    return _who(event) if event.kind is EventKind.REFUSED_SUBSCRIBE else ""


def _guesses(event: Event, _: World) -> str:
    return _who(event) if event.kind in _REFUSED else ""


_TODO = "take its credential away (`cityward device revoke`), look at the device, give it a new one"

CARD = Card(
    id="refused-topics",
    title="Refused topics",
    reads="events",
    sees="a device that publishes under another's name, subscribes to what is not its own, or tries many topics",
    fails_when=(
        "the broker is an outside one that does not tell what it refuses",
        "a device stays silent on others' topics and lies under its own name: that is for the plausibility detectors",
    ),
    source="MITRE ATT&CK for ICS T0856, T0861, T0802; topic spoofing and enumeration of MQTT (benchmarks, section 9)",
    kinds=(
        Kind(
            id=SPEAKS.kind,
            title="Speaks in another's name",
            severity=Severity.HIGH,
            weight=0.6,
            technique="T0856",
            todo=_TODO,
        ),
        Kind(
            id=LISTENS.kind,
            title="Listens to what is not its own",
            severity=Severity.MEDIUM,
            weight=0.3,
            technique="T0802",
            todo=_TODO,
        ),
        Kind(
            id=GUESSES.kind,
            title="Tries many topics",
            severity=Severity.HIGH,
            weight=0.6,
            technique="T0861",
            todo=_TODO,
        ),
    ),
    parameters=parameters_of(SPEAKS, LISTENS, GUESSES),
)

DETECTOR = counting(
    CARD,
    [
        Counted(SPEAKS, _speaks, what="publications refused"),
        Counted(LISTENS, _listens, what="subscriptions refused"),
        Counted(GUESSES, _guesses, what="topics refused"),
    ],
)
