"""New destination: a connection seen in a log of the network that no declared flow explains."""

from __future__ import annotations

from cityward.time import DAY
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, counting, parameters_of
from cityward.watch.world import World

UNDECLARED = Rule("undeclared-destination", threshold=1, drains_us=DAY)
OTHERWISE = Rule("spoken-otherwise", threshold=1, drains_us=DAY)


def _who(event: Event, declared: str) -> str:
    seen = event.kind is EventKind.DESTINATION and event.detail.get("declared", "") == declared
    return (event.subject or f"address:{event.source}") if seen else ""


def _undeclared(event: Event, _: World) -> str:
    return _who(event, "no")


def _otherwise(event: Event, _: World) -> str:
    return _who(event, "otherwise")


CARD = Card(
    id="new-destination",
    title="New destination",
    reads="events",
    sees=(
        "a device or system that talks where no declared flow leads, "
        "or otherwise than its flows say, in the logs of the network that the city follows "
        "(`run --network-log`) or is told of (`reconcile --log --tell`)"
    ),
    fails_when=(
        "no log covers the network it uses (a device with a SIM card of its own)",
        "the destination is one that a declared flow uses too",
        "somebody from outside comes to a declared thing: `cityward reconcile` tells that to a person",
    ),
    source="MITRE ATT&CK for ICS T0869; scenarios S-05, S-08 and S-10",
    kinds=(
        Kind(
            id=UNDECLARED.kind,
            title="Talks to an undeclared destination",
            severity=Severity.HIGH,
            weight=0.3,
            technique="T0869",
            todo="declare the flow if it is wanted; else block it, and ask the supplier what it carries",
        ),
        Kind(
            id=OTHERWISE.kind,
            title="Speaks otherwise than declared",
            severity=Severity.MEDIUM,
            weight=0.1,
            technique="T0869",
            todo="see what was changed at the device; declare it if it is wanted",
        ),
    ),
    parameters=parameters_of(UNDECLARED, OTHERWISE),
)

DETECTOR = counting(
    CARD,
    [Counted(UNDECLARED, _undeclared, what="connections"), Counted(OTHERWISE, _otherwise, what="connections")],
)
