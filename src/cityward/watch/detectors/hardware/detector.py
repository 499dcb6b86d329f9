"""Hardware: a device that speaks by another radio, modem or SIM card than it had.

Theory of operation
-------------------
A device's network says whose radio a message came by: the EUI of a LoRaWAN device, the IMEI of a modem, the ICCID of a SIM card.
Where the declaration names one (`hardware`), any other is a sign. Where it does not, the first one heard is taken for the
device's own, and any other is a sign; the new one is then its own, so a change is told once, and back again once more. What was
told before (a worker that starts anew reads the end of its log again) has an earlier time than the last, and is passed over.

INVARIANT: at most `MOST_DEVICES` devices are remembered, the oldest go first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cityward.time import DAY
from cityward.watch.contract import Card, Kind, Severity, Sign
from cityward.watch.episodes import Buckets, Rule, drain, pour
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Listening, parameters_of, sign_of
from cityward.watch.world import World

DEVICE = Rule("device-swapped", threshold=1, drains_us=DAY)
SIM = Rule("sim-swapped", threshold=1, drains_us=DAY)
RULES = {"eui": DEVICE, "imei": DEVICE, "iccid": SIM}
MOST_DEVICES = 100_000


@dataclass(slots=True)
class State:
    """own: device -> {eui, imei, iccid} as last heard, and `at`: when."""

    own: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    buckets: Buckets = field(default_factory=Buckets)


def listen(state: State, events: Sequence[Event], now: int, world: World) -> list[Sign]:
    """Signs of the frames among these events."""
    out: list[Sign] = []
    for event in events:
        if event.kind is EventKind.FRAME and event.subject:
            out += _heard(state, event, world)
    for rule in (DEVICE, SIM):
        out += [sign_of(rule.kind, turn, world, {}) for turn in drain(state.buckets, rule, now)]
    return out


def _heard(state: State, event: Event, world: World) -> Iterator[Sign]:
    declared = _declared(event.subject, world)
    own = state.own.get(event.subject, {})
    if event.at < int(own.get("at", "0")):
        return
    state.own.pop(event.subject, None)
    for name, rule in RULES.items():
        said = event.detail.get(name, "")
        expected = declared.get(name) or own.get(name, "")
        if said and expected and said != expected:
            whence = "declared" if declared.get(name) else "before"
            facts = {"what": name, "said": said, whence: expected}
            records = (event.record,) if event.record else ()
            for turn in pour(state.buckets, rule, event.subject, 1, event.at):
                yield sign_of(rule.kind, turn, world, facts, records)
        if said:
            own[name] = said
    if own:
        state.own[event.subject] = own | {"at": str(event.at)}
    if len(state.own) > MOST_DEVICES:
        del state.own[next(iter(state.own))]


def _declared(device: str, world: World) -> dict[str, str]:
    unit = world.registry.unit_index.get(device, -1)
    hardware = world.registry.units[unit].hardware if unit >= 0 else None
    if hardware is None:
        return {}
    return {"eui": hardware.eui or "", "imei": hardware.imei or "", "iccid": hardware.iccid or ""}


CARD = Card(
    id="hardware",
    title="Hardware",
    reads="events",
    sees="a device that speaks by another radio, modem or SIM card than is declared, or than it had before",
    fails_when=(
        "the device says what its modem is itself, and whoever took it over lies",
        "nothing is declared, and the first one heard was the wrong one",
        "a repair: the new modem is a sign until the declaration names it",
    ),
    source="3GPP TS 22.016 (IMEI), LoRaWAN 1.0.4 section 6.1.1.2 (DevEUI); MITRE ATT&CK for ICS T0848; scenarios S-16, S-17",
    kinds=(
        Kind(
            id=DEVICE.kind,
            title="Another radio or modem",
            severity=Severity.HIGH,
            weight=0.6,
            technique="T0848",
            todo="if it was repaired, declare its new `hardware`; else look at the device, and rotate its credential",
        ),
        Kind(
            id=SIM.kind,
            title="Another SIM card",
            severity=Severity.HIGH,
            weight=0.4,
            technique="T0848",
            todo="ask the operator of the network where the old card is used now; have it barred, and declare the new one",
        ),
    ),
    parameters=parameters_of(DEVICE, SIM),
)

DETECTOR = Listening(CARD, lambda _: State(), listen)
