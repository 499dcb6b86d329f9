"""Unasked answer: an actuator acknowledges a command that the city never gave.

Theory of operation
-------------------
The ids of commands are remembered as they leave the permit gate, the newest `MOST_COMMANDS` of them. An answer to an id among
them is late or repeated: no matter. An answer to any other id says that somebody else commands the device, or that it makes
things up.

After the watch was away the memory is what it was: answers are judged only from the first command heard on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cityward.time import HOUR
from cityward.watch.contract import Card, Kind, Severity, Sign
from cityward.watch.episodes import Buckets, Rule, drain, pour
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Listening, parameters_of, sign_of
from cityward.watch.world import World

UNASKED = Rule("answers-unasked", threshold=1, drains_us=6 * HOUR)
MOST_COMMANDS = 50_000


@dataclass(slots=True)
class State:
    """asked: the ids of commands, oldest first, each with its device."""

    asked: dict[str, str] = field(default_factory=dict[str, str])
    buckets: Buckets = field(default_factory=Buckets)


def listen(state: State, events: Sequence[Event], now: int, world: World) -> list[Sign]:
    """Signs of the answers among these events that nobody asked for."""
    out: list[Sign] = []
    for event in events:
        command = event.detail.get("command_id", "")
        if event.kind is EventKind.COMMAND:
            _remember(state, command, event.subject)
        elif event.kind is EventKind.ANSWER and state.asked and state.asked.get(command) != event.subject:
            facts = {"answers": command or "a command without a name", "asked": "nothing of that name"}
            records = (event.record,) if event.record else ()
            turns = pour(state.buckets, UNASKED, event.subject, 1, event.at)
            out += [sign_of(UNASKED.kind, turn, world, facts, records) for turn in turns]
    out += [sign_of(UNASKED.kind, turn, world, {}) for turn in drain(state.buckets, UNASKED, now)]
    return out


def _remember(state: State, command: str, device: str) -> None:
    state.asked[command] = device
    if len(state.asked) > MOST_COMMANDS:
        del state.asked[next(iter(state.asked))]


CARD = Card(
    id="unasked-answer",
    title="Unasked answer",
    reads="events",
    sees="an actuator that acknowledges a command which never left the permit gate",
    fails_when=(
        "another master commands the device and it answers only that master",
        f"a device answers a command that is more than {MOST_COMMANDS:,} commands old",
    ),
    source="MITRE ATT&CK for ICS T0848 (rogue master); scenario S-08 (a second way into equipment)",
    kinds=(
        Kind(
            id=UNASKED.kind,
            title="Answers what nobody asked",
            severity=Severity.HIGH,
            weight=0.5,
            technique="T0848",
            todo="find out who else can command the device (`cityward reach --thing`); cut that way, or take the device out",
        ),
    ),
    parameters=parameters_of(UNASKED) | {"commands remembered": MOST_COMMANDS},
)

DETECTOR = Listening(CARD, lambda _: State(), listen)
