"""Late use: a credential that was taken away is used, after the device was revoked, lost, stolen or retired.

Who does it has the device, or its secret. The finding tells from where.
"""

from __future__ import annotations

from cityward.time import HOUR
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, counting, parameters_of
from cityward.watch.world import World

TAKEN = Rule("taken-away-and-used", threshold=1, drains_us=24 * HOUR)
RETIRED = Rule("retired-and-used", threshold=1, drains_us=24 * HOUR)


def _state(event: Event, retired: frozenset[str]) -> bool:
    return event.kind is EventKind.LATE_USE and event.detail.get("state", "") in retired


_OLD = frozenset({"retired", "stored", "planned", "maintenance"})


def _taken(event: Event, _: World) -> str:
    return event.subject if event.kind is EventKind.LATE_USE and not _state(event, _OLD) else ""


def _retired(event: Event, _: World) -> str:
    return event.subject if _state(event, _OLD) else ""


CARD = Card(
    id="late-use",
    title="Late use",
    reads="events",
    sees="a credential that is revoked, lost, stolen or retired is used again, and from where",
    fails_when=("the thief takes the device apart and never lets it speak to the city",),
    source="MITRE ATT&CK for ICS T0859; scenario S-16, stolen SIM cards of signals (Johannesburg 2010-11)",
    kinds=(
        Kind(
            id=TAKEN.kind,
            title="Taken away and used",
            severity=Severity.HIGH,
            weight=0.0,
            technique="T0859",
            todo=(
                "whoever uses it has the device or its secret: the finding has its address and time; "
                "tell the police if it was stolen"
            ),
        ),
        Kind(
            id=RETIRED.kind,
            title="Out of service and used",
            severity=Severity.LOW,
            weight=0.0,
            technique="T0859",
            todo="see whether it was taken down as planned; `cityward device revoke` it, or set it to active",
        ),
    ),
    parameters=parameters_of(TAKEN, RETIRED),
)

DETECTOR = counting(CARD, [Counted(TAKEN, _taken, what="uses"), Counted(RETIRED, _retired, what="uses")])
