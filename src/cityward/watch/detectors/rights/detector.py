"""Rights: somebody is given more than they had, or takes many devices out of service at once."""

from __future__ import annotations

from cityward.time import HOUR
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, counting, parameters_of
from cityward.watch.world import World

GIVEN = Rule("right-given", threshold=1, drains_us=HOUR)
MANY = Rule("many-devices-taken-out", threshold=20, drains_us=HOUR)

_OUT = frozenset({"revoked", "lost", "stolen", "retired", "isolated"})


CREDENTIAL = "credential"


def _given(event: Event, _: World) -> str:
    """Who has more now. Of credentials of devices whoever asked for them: it may be for many, and it is in their hands."""
    if event.kind is not EventKind.PRIVILEGE or event.detail.get("given") == "no":
        return ""
    return f"person:{event.detail.get('who', '')}" if event.detail.get("what") == CREDENTIAL else event.subject


def _taken_out(event: Event, _: World) -> str:
    if event.kind is not EventKind.LIFE or event.detail.get("to", "") not in _OUT:
        return ""
    return f"person:{event.detail.get('who', '')}"


CARD = Card(
    id="rights",
    title="Rights",
    reads="events",
    sees=(
        "a right that is given: a credential of a device to whoever asked for it, or more access for a party than at the "
        "last start; and one person who takes many devices out of service"
    ),
    fails_when=(
        "the right was given before the watch began",
        "several people share the work of doing harm",
        "the declaration was changed and changed back between two starts: the two are compared at each start",
    ),
    source="MITRE ATT&CK for ICS T0890, T0892; scenario S-19 (insiders lock others out of signals, 2006)",
    kinds=(
        Kind(
            id=GIVEN.kind,
            title="A right was given",
            severity=Severity.LOW,
            weight=0.0,
            technique="T0890",
            todo="see that somebody asked for it, and when it ends",
        ),
        Kind(
            id=MANY.kind,
            title="Many devices taken out of service",
            severity=Severity.HIGH,
            weight=0.0,
            technique="T0892",
            todo="ask the person; `cityward device found` and `rotate` bring devices back",
        ),
    ),
    parameters=parameters_of(GIVEN, MANY),
)

DETECTOR = counting(CARD, [Counted(GIVEN, _given, what="rights"), Counted(MANY, _taken_out, what="devices")])
