"""Unusual reads: one identity opens much more than a person's work needs, by rows or by devices.

The super-user whose account is taken reads everything at once. A fixed bound catches that without knowing anybody's habits.
"""

from __future__ import annotations

from cityward.time import HOUR, MINUTE
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, counting, number_in, parameters_of
from cityward.watch.world import World

ROWS = Rule("reads-in-bulk", threshold=2_000_000, drains_us=HOUR)
"""A day of a thousand sensors every minute is 1.4 million rows: a report may need that once an hour."""
DEVICES = Rule("opens-many-devices", threshold=300, drains_us=10 * MINUTE)
"""A person who looks at one device every two seconds for ten minutes."""


def _who(event: Event, _: World) -> str:
    return event.subject if event.kind is EventKind.READ else ""


def _rows(event: Event) -> float:
    return number_in(event, "rows")


def _devices(event: Event) -> float:
    return number_in(event, "devices", most=1000)


_TODO = (
    "ask the person what for; if nobody asked them to, end their session and see what they opened (`cityward trace`)"
)

CARD = Card(
    id="unusual-reads",
    title="Unusual reads",
    reads="events",
    sees="one identity that reads rows in bulk, or opens many devices one after another",
    fails_when=(
        "the data leaves slowly, below the bound",
        "it is read behind Cityward's back, from the disk or a backup",
    ),
    source="MITRE ATT&CK for ICS T0811; scenario S-04 (support account that opened cameras by the thousand, 2021)",
    kinds=(
        Kind(
            id=ROWS.kind,
            title="Reads in bulk",
            severity=Severity.MEDIUM,
            weight=0.0,
            technique="T0811",
            todo=_TODO,
        ),
        Kind(
            id=DEVICES.kind,
            title="Opens many devices",
            severity=Severity.HIGH,
            weight=0.0,
            technique="T0811",
            todo=_TODO,
        ),
    ),
    parameters=parameters_of(ROWS, DEVICES),
)

DETECTOR = counting(
    CARD, [Counted(ROWS, _who, _rows, what="rows read"), Counted(DEVICES, _who, _devices, what="devices opened")]
)
