"""New destination: a connection seen in a log of the network that no declared flow explains."""

from __future__ import annotations

from cityward.time import DAY
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, counting, parameters_of
from cityward.watch.world import World

UNDECLARED = Rule("undeclared-destination", threshold=1, drains_us=DAY)


def _undeclared(event: Event, _: World) -> str:
    seen = event.kind is EventKind.DESTINATION and event.detail.get("declared", "") == "no"
    return (event.subject or f"address:{event.source}") if seen else ""


CARD = Card(
    id="new-destination",
    title="New destination",
    reads="events",
    sees="a device or system that talks where no declared flow leads, in the logs that are read in (`reconcile --log`)",
    fails_when=(
        "no log covers the network it uses (a device with a SIM card of its own)",
        "the destination is one that a declared flow uses too",
        "nothing tells the watch of destinations yet: `cityward reconcile --log` tells a person",
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
    ),
    parameters=parameters_of(UNDECLARED),
)

DETECTOR = counting(CARD, [Counted(UNDECLARED, _undeclared, what="connections")])
