"""Second presence: one identity in two places at once, or two that push each other out.

Theory of operation
-------------------
For each device the open connections are kept as they come and go. A connection from another source while one is open is a second
presence: a clone, or a device that changed its network before the broker noticed. The second is common with mobile devices, so
a single one is told quietly; a tug-of-war (`THRESHOLD` changes of source within an hour) is not.

INVARIANT: at most `MOST_OPEN` connections of `MOST_DEVICES` devices are remembered, the oldest go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cityward.time import HOUR, MINUTE
from cityward.watch.contract import Card, Kind, Severity, Sign
from cityward.watch.episodes import Buckets, Rule, drain, pour
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Listening, parameters_of, sign_of
from cityward.watch.world import World

TWICE = Rule("twice-at-once", threshold=1, drains_us=10 * MINUTE)
TUG = Rule("tug-of-war", threshold=6, drains_us=HOUR)
MOST_DEVICES = 50_000
MOST_OPEN = 8


@dataclass(slots=True)
class State:
    """open: device -> [connection, source, ...] of what is open. last: device -> the source it last came from."""

    open: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    last: dict[str, str] = field(default_factory=dict[str, str])
    buckets: Buckets = field(default_factory=Buckets)


def listen(state: State, events: Sequence[Event], now: int, world: World) -> list[Sign]:
    """Signs of devices that come while they are there."""
    out: list[Sign] = []
    for event in events:
        if event.kind is EventKind.DISCONNECTED:
            _gone(state, event)
        elif event.kind is EventKind.CONNECTED and event.subject:
            out += _come(state, event, world)
    for rule in (TWICE, TUG):
        out += [sign_of(rule.kind, turn, world, {}) for turn in drain(state.buckets, rule, now)]
    return out


def _come(state: State, event: Event, world: World) -> list[Sign]:
    there = state.open.pop(event.subject, [])
    elsewhere = [source for source in there[1::2] if source != event.source]
    state.open[event.subject] = [*there, event.detail.get("connection", ""), event.source][-2 * MOST_OPEN :]
    before = state.last.pop(event.subject, event.source)
    state.last[event.subject] = event.source
    _bound(state)
    facts = {"comes from": event.source, "was at": elsewhere[-1] if elsewhere else before}
    out: list[Sign] = []
    if elsewhere:
        out += _signs(state, TWICE, event, world, facts)
    if before != event.source:
        out += _signs(state, TUG, event, world, facts)
    return out


def _signs(state: State, rule: Rule, event: Event, world: World, facts: dict[str, str]) -> list[Sign]:
    records = (event.record,) if event.record else ()
    turns = pour(state.buckets, rule, event.subject, 1, event.at)
    return [sign_of(rule.kind, turn, world, facts | {"times": f"{turn.poured:.0f}"}, records) for turn in turns]


def _gone(state: State, event: Event) -> None:
    there = state.open.get(event.subject, [])
    connection = event.detail.get("connection", "")
    kept = [pair for pair in zip(there[::2], there[1::2], strict=True) if pair[0] != connection]
    if kept:
        state.open[event.subject] = [text for pair in kept for text in pair]
    else:
        state.open.pop(event.subject, None)


def _bound(state: State) -> None:
    for held in (state.open, state.last):
        if len(held) > MOST_DEVICES:
            del held[next(iter(held))]


CARD = Card(
    id="second-presence",
    title="Second presence",
    reads="events",
    sees="one identity that is connected from two places at once, or that changes its place again and again",
    fails_when=(
        "the clone stands behind the same address as the device",
        "the device is switched off while its clone speaks: then it is one presence, in another place",
        "a device on a mobile network changes its address often: the tug-of-war is then its own",
    ),
    source="MITRE ATT&CK for ICS T0849; scenarios S-16 and S-17 (stolen SIM cards, leaked keys)",
    kinds=(
        Kind(
            id=TWICE.kind,
            title="Twice at once",
            severity=Severity.LOW,
            weight=0.25,
            technique="T0849",
            todo="compare both addresses with where the device stands",
        ),
        Kind(
            id=TUG.kind,
            title="Two that push each other out",
            severity=Severity.HIGH,
            weight=0.8,
            technique="T0849",
            todo="give the device a new secret (`cityward device rotate`); who is then left outside has the old one",
        ),
    ),
    parameters=parameters_of(TWICE, TUG),
)

DETECTOR = Listening(CARD, lambda _: State(), listen)
