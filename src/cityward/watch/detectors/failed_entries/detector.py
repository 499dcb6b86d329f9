"""Failed entries: somebody tries to get in, at the broker, at the doors of devices, or at the console.

Two buckets (see `watch.episodes`): by the address attempts come from, and by the name that was tried. Few failures are a device
with an old password; many from one address are somebody who guesses; many on one name from several addresses are somebody
who guesses slowly and from many places.
"""

from __future__ import annotations

from cityward.time import HOUR, MINUTE
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, address_of, counting, parameters_of
from cityward.watch.world import World

FAILED = frozenset({EventKind.TURNED_AWAY, EventKind.SIGN_IN_FAILED})
NO_ROOM = "no-room"  # the door's word for one who proved who it is, and found a shared budget used up

BY_SOURCE = Rule("guessing-from-one-address", threshold=20, drains_us=10 * MINUTE)
"""A device that tries an old password again every minute stays below it for ever."""
BY_NAME = Rule("guessing-one-name", threshold=100, drains_us=HOUR)


def _failed(event: Event) -> bool:
    return event.kind in FAILED and event.detail.get("why") != NO_ROOM


def _source(event: Event, _: World) -> str:
    return address_of(event) if _failed(event) else ""


def _name(event: Event, _: World) -> str:
    return event.subject if _failed(event) else ""


CARD = Card(
    id="failed-entries",
    title="Failed entries",
    reads="events",
    sees="many sign-ins that failed, from one address or on one name, at any door",
    fails_when=(
        "attempts are spread over many addresses and many names, each below its threshold",
        "many devices behind one address lose their passwords at once: that looks like guessing",
    ),
    source="MITRE ATT&CK for ICS T0859; brute force recordings of MQTTset (Vaccari et al. 2020)",
    kinds=(
        Kind(
            id=BY_SOURCE.kind,
            title="Many failed entries from one address",
            severity=Severity.MEDIUM,
            weight=0.0,
            technique="T0859",
            todo="see what stands at the address; if it is none of ours, have it blocked in front of the city",
        ),
        Kind(
            id=BY_NAME.kind,
            title="Many failed entries on one name",
            severity=Severity.MEDIUM,
            weight=0.0,
            technique="T0859",
            todo="give the device or person a new secret, and find out where the attempts come from",
        ),
    ),
    parameters=parameters_of(BY_SOURCE, BY_NAME),
)

DETECTOR = counting(
    CARD, [Counted(BY_SOURCE, _source, what="failed entries"), Counted(BY_NAME, _name, what="failed entries")]
)
