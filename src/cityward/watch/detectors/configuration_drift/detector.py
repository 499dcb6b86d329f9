"""Configuration drift: what runs is not what was declared, or what is declared has changed."""

from __future__ import annotations

from cityward.time import HOUR
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, counting, parameters_of
from cityward.watch.world import World

CHANGED = Rule("declaration-changed", threshold=1, drains_us=HOUR)
DIFFERS = Rule("running-differs", threshold=1, drains_us=HOUR)
RESTARTS = Rule("keeps-restarting", threshold=5, drains_us=HOUR)
STILL = Rule("stands-still", threshold=1, drains_us=HOUR)


def _changed(event: Event, _: World) -> str:
    is_declared = event.detail.get("what", "") == "declaration"
    return "place:" if event.kind is EventKind.CONFIGURATION and is_declared else ""


def _differs(event: Event, _: World) -> str:
    is_declared = event.detail.get("what", "") == "declaration"
    return (event.subject or "place:") if event.kind is EventKind.CONFIGURATION and not is_declared else ""


def _restarted(event: Event, _: World) -> str:
    ended = event.detail.get("code", "0") not in {"0", ""}
    return f"role:{event.detail.get('role', '')}" if event.kind is EventKind.PROCESS and ended else ""


def _stands_still(event: Event, _: World) -> str:
    is_still = event.detail.get("state", "") == "stands still"
    return f"role:{event.detail.get('role', '')}" if event.kind is EventKind.PROCESS and is_still else ""


CARD = Card(
    id="configuration-drift",
    title="Configuration drift",
    reads="events",
    sees="a changed declaration, a running configuration that is not the declared one, a process that keeps ending or stands "
    "still",
    fails_when=("whoever changes the configuration also changes what reports it",),
    source="MITRE ATT&CK for ICS T0836, T0881; NCSC connected places principle 9 (manage the place)",
    kinds=(
        Kind(
            id=CHANGED.kind,
            title="The declaration was changed",
            severity=Severity.LOW,
            weight=0.0,
            technique="T0836",
            todo="see that it is the change you meant: `cityward check`, and the digests below",
        ),
        Kind(
            id=DIFFERS.kind,
            title="What runs is not what was declared",
            severity=Severity.HIGH,
            weight=0.0,
            technique="T0836",
            todo="start the city again from the declaration; if it differs again, somebody changes it",
        ),
        Kind(
            id=RESTARTS.kind,
            title="A process keeps ending",
            severity=Severity.MEDIUM,
            weight=0.0,
            technique="T0881",
            todo="read its log; what kills it may be what comes in",
        ),
        Kind(
            id=STILL.kind,
            title="A process stands still",
            severity=Severity.HIGH,
            weight=0.0,
            technique="T0881",
            todo="see what holds it (a full disk, a stopped machine, a hand); end it, and it is started again",
        ),
    ),
    parameters=parameters_of(CHANGED, DIFFERS, RESTARTS, STILL),
)

DETECTOR = counting(
    CARD,
    [
        Counted(CHANGED, _changed, what="changes"),
        Counted(DIFFERS, _differs, what="differences"),
        Counted(RESTARTS, _restarted, what="ends"),
        Counted(STILL, _stands_still, what="stands"),
    ],
)
