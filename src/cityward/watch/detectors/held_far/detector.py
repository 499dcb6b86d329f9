"""Held far: one person holds several actuators far from the value that is declared safe, within minutes.

Each hold tells how far from the command's fail-safe value it is, in percent of its declared range, and of how many units. What
lies less than `FAR` away is not counted; the rest fills a bucket (see `watch.episodes`) by the person who asked for it.
"""

from __future__ import annotations

from cityward.time import HOUR
from cityward.watch.contract import Card, Kind, Severity
from cityward.watch.episodes import Rule
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Counted, counting, number_in, parameters_of
from cityward.watch.world import World

FAR = 50  # percent of the declared range
HELD = Rule("held-far-from-safe", threshold=3, drains_us=HOUR)


def _who(event: Event, _: World) -> str:
    far = event.kind is EventKind.HOLD and number_in(event, "percent", most=100) >= FAR
    return event.subject if far else ""


def _units(event: Event) -> float:
    return float(number_in(event, "units", least=1, most=1_000_000))


CARD = Card(
    id="held-far",
    title="Held far from the safe value",
    reads="events",
    sees="a person who holds several actuators at values far from the one declared as fail-safe",
    fails_when=(
        "works or an event need it: a planned hold of a whole street is told like any other",
        "the harm lies near the fail-safe value, or the values are changed by less than half of their range",
        "one actuator is enough to do harm: single ones are on record, and shown at the service, and told by nothing",
    ),
    source="MITRE ATT&CK for ICS T0831, T0836; scenario S-09 (a dam's valve held fully open for four hours, 2025)",
    kinds=(
        Kind(
            id=HELD.kind,
            title="Several actuators held far from their safe value",
            severity=Severity.MEDIUM,
            weight=0.0,
            technique="T0831",
            todo="ask the person; if it was not meant, undo the holds (`cityward service undo`) and lock the account",
        ),
    ),
    parameters=parameters_of(HELD) | {"far: percent of the declared range": FAR},
)

DETECTOR = counting(CARD, [Counted(HELD, _who, _units, what="actuators held")])
