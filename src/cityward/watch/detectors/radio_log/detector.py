"""Radio log: what a LoRaWAN network server says that it turned away in a device's name.

Theory of operation
-------------------
A network server checks what we cannot: the integrity code of each frame, whether its counter went on, whether a join was seen
before. What fails there never becomes a reading; the server tells it (`RADIO` events), and here it is counted by device.

- *bad integrity*: frames in the device's name without its keys. A few happen by themselves, since addresses are shared between
  networks; many are somebody who forges.
- *counter reset*: the counter began anew without a join. A device that was restarted does it, and so does whoever took its keys.
- *join refused*: a join with a number that was used before: recorded, and played again.
- *many joins*: a device joins when it is switched on; one that joins again and again is failing, or is two.

INVARIANT: at most `MOST_KEYS` devices are remembered for each rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cityward.time import DAY, HOUR
from cityward.watch.contract import Card, Kind, Severity, Sign
from cityward.watch.episodes import Buckets, Rule, drain, pour
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Listening, parameters_of, sign_of
from cityward.watch.world import World

INTEGRITY = Rule("bad-integrity", threshold=5, drains_us=HOUR)
RESET = Rule("counter-reset", threshold=1, drains_us=DAY)
REPLAYED = Rule("join-refused", threshold=2, drains_us=HOUR)
JOINS = Rule("many-joins", threshold=6, drains_us=DAY)
RULES = {"bad-integrity": INTEGRITY, "counter-reset": RESET, "join-refused": REPLAYED, "join": JOINS}


@dataclass(slots=True)
class State:
    """What was counted."""

    buckets: Buckets = field(default_factory=Buckets)


def listen(state: State, events: Sequence[Event], now: int, world: World) -> list[Sign]:
    """Signs of what network servers say."""
    out: list[Sign] = []
    for event in events:
        rule = RULES.get(event.detail.get("what", "")) if event.kind is EventKind.RADIO else None
        if rule is not None and event.subject:
            facts = {name: event.detail[name] for name in ("network", "text") if event.detail.get(name)}
            records = (event.record,) if event.record else ()
            turns = pour(state.buckets, rule, event.subject, 1, event.at)
            out += [sign_of(rule.kind, turn, world, facts, records) for turn in turns]
    for rule in RULES.values():
        out += [sign_of(rule.kind, turn, world, {}) for turn in drain(state.buckets, rule, now)]
    return out


CARD = Card(
    id="radio-log",
    title="Radio log",
    reads="events",
    sees="frames and joins in a device's name that its network server turned away, and counters that began anew",
    fails_when=(
        "the network server is the one that was taken over: it says what it likes",
        "whoever has the device's keys: their frames are good",
        "another network uses the same addresses nearby: its frames fail the check here, and mean nothing",
    ),
    source="LoRaWAN 1.0.4 sections 4.4 and 6.2; ChirpStack v4 log events; MITRE ATT&CK for ICS T0856, T0848; scenario S-17",
    kinds=(
        Kind(
            id=INTEGRITY.kind,
            title="Frames without the device's keys",
            severity=Severity.MEDIUM,
            weight=0.1,
            technique="T0856",
            todo="see whether the device is heard at its usual gateways; if not, look for another sender near them",
        ),
        Kind(
            id=RESET.kind,
            title="The frame counter began anew",
            severity=Severity.MEDIUM,
            weight=0.3,
            technique="T0856",
            todo="ask whether the device was restarted; let it join over the air, so that its keys are new",
        ),
        Kind(
            id=REPLAYED.kind,
            title="A join that was used before",
            severity=Severity.HIGH,
            weight=0.3,
            technique="T0848",
            todo="look who sends near its gateways; if the device itself counts wrongly, have its maker mend it",
        ),
        Kind(
            id=JOINS.kind,
            title="Joins again and again",
            severity=Severity.LOW,
            weight=0.1,
            technique="T0848",
            todo="see to its battery and its place; if two devices have its keys, give it new ones",
        ),
    ),
    parameters=parameters_of(INTEGRITY, RESET, REPLAYED, JOINS),
)

DETECTOR = Listening(CARD, lambda _: State(), listen)
