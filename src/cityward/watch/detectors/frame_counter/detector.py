"""Frame counter: a radio device whose counter runs back, or that speaks in two sessions: a clone, or a replay.

Theory of operation
-------------------
A LoRaWAN device counts its frames within a session. The same frame may arrive over several gateways within seconds: no matter. A
lower counter in the same session is a frame recorded earlier, or a second device with the same keys. A new session is normal
after a join; two sessions that alternate are two devices.

A frame that was told before (a worker that starts anew reads the end of its log again) has an earlier time than the last, and is
passed over: what is replayed on the air comes later.

INVARIANT: at most `MOST_DEVICES` devices are remembered, the oldest go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cityward.time import HOUR, SECOND
from cityward.watch.contract import Card, Kind, Severity, Sign
from cityward.watch.episodes import Buckets, Rule, drain, pour
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Listening, number_in, parameters_of, sign_of
from cityward.watch.world import World

BACK = Rule("counter-runs-back", threshold=1, drains_us=6 * HOUR)
SESSIONS = Rule("two-sessions", threshold=3, drains_us=24 * HOUR)
SAME_FRAME = 10 * SECOND
WRAPS = 1 << 16
MOST_DEVICES = 100_000


@dataclass(slots=True)
class State:
    """last: device -> [session, counter, when, the session before]."""

    last: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    buckets: Buckets = field(default_factory=Buckets)


def listen(state: State, events: Sequence[Event], now: int, world: World) -> list[Sign]:
    """Signs of the frames among these events."""
    out: list[Sign] = []
    for event in events:
        if event.kind is EventKind.FRAME and event.subject and "counter" in event.detail:
            out += _frame(state, event, world)
    for rule in (BACK, SESSIONS):
        out += [sign_of(rule.kind, turn, world, {}) for turn in drain(state.buckets, rule, now)]
    return out


def _frame(state: State, event: Event, world: World) -> list[Sign]:
    session, counter = event.detail.get("session", ""), number_in(event, "counter", most=(1 << 32) - 1)
    known, last, at, before = state.last.get(event.subject, [session, "-1", "0", session])
    if event.at < int(at):
        return []
    state.last.pop(event.subject, None)
    newest = max(counter, int(last)) if session == known else counter
    state.last[event.subject] = [session, str(newest), str(event.at), known if session != known else before]
    if len(state.last) > MOST_DEVICES:
        del state.last[next(iter(state.last))]
    if session != known:
        facts = {"session": session, "before": known}
        return _signs(state, SESSIONS, event, world, facts) if session == before else []
    same = counter == int(last) and event.at - int(at) <= SAME_FRAME
    wrapped = int(last) < WRAPS and int(last) - counter > WRAPS // 2  # a 16-bit counter began again
    if counter > int(last) or same or wrapped:
        if wrapped:
            state.last[event.subject][1] = str(counter)
        return []
    return _signs(state, BACK, event, world, {"counter": str(counter), "seen before": last})


def _signs(state: State, rule: Rule, event: Event, world: World, facts: dict[str, str]) -> list[Sign]:
    records = (event.record,) if event.record else ()
    turns = pour(state.buckets, rule, event.subject, 1, event.at)
    return [sign_of(rule.kind, turn, world, facts, records) for turn in turns]


_TODO = "give the device new keys; who is then left outside has the old ones"

CARD = Card(
    id="frame-counter",
    title="Frame counter",
    reads="events",
    sees="a radio device whose frame counter runs back within a session, or that alternates between two sessions",
    fails_when=(
        "the network server drops replayed frames itself and tells nobody",
        "a device without storage restarts its counter at every loss of power",
        "a 16-bit counter is replayed from more than half a circle ago: that looks like its own return to zero",
        "a gateway's or a network server's word is false: who has a device's credential can make up its frames",
    ),
    source="LoRaWAN 1.0.4 section 4.3.1.5; MITRE ATT&CK for ICS T0856; scenario S-17 (leaked keys)",
    kinds=(
        Kind(
            id=BACK.kind,
            title="The frame counter runs back",
            severity=Severity.HIGH,
            weight=0.7,
            technique="T0856",
            todo=_TODO,
        ),
        Kind(
            id=SESSIONS.kind,
            title="Two sessions alternate",
            severity=Severity.HIGH,
            weight=0.7,
            technique="T0849",
            todo=_TODO,
        ),
    ),
    parameters=parameters_of(BACK, SESSIONS) | {"same frame within seconds": SAME_FRAME // SECOND},
)

DETECTOR = Listening(CARD, lambda _: State(), listen)
