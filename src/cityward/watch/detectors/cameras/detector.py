"""Cameras: what the role `cameras` saw to be wrong with one, told as findings; and a stream that goes to a second place.

Theory of operation
-------------------
The role looks at pictures and tells when a trouble begins and ends. Troubles of one kind make one episode: it begins with the
first and ends with the last. When the role starts it says that whatever it told before is over: it will tell again what is still
so.

A second stream is a connection, seen in a log of the network, of a device that is a camera here to where no flow leads. Where the
camera's own settings were seen to change within `WITHIN` before, the finding says to what.

INVARIANT: at most `MOST_CAMERAS` devices are remembered, the one longest unheard goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cityward.time import DAY
from cityward.watch.contract import Card, Kind, Phase, Severity, Sign
from cityward.watch.episodes import Buckets, Rule, drain, pour
from cityward.watch.events import Event, EventKind
from cityward.watch.listening import Listening, named, parameters_of, sign_of
from cityward.watch.world import World

MOST_CAMERAS = 50_000
WITHIN = DAY

KIND_OF = {
    "black": "camera-sees-nothing",
    "covered": "camera-sees-nothing",
    "defocused": "camera-sees-nothing",
    "re-aimed": "camera-re-aimed",
    "frozen": "camera-replayed",
    "looped": "camera-replayed",
    "silent": "camera-silent",
    "broken": "camera-broken",
    "drifting": "camera-clock",
}
SETTINGS = Rule("camera-settings", threshold=1, drains_us=DAY)
SECOND_STREAM = Rule("second-stream", threshold=1, drains_us=DAY)
EVERYTHING = "everything"
"""What the role says has ended when it starts."""


@dataclass(slots=True)
class State:
    """open: device -> its troubles now. began: `device kind` -> when. noticed: device -> [when, what its settings became]."""

    open: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    began: dict[str, int] = field(default_factory=dict[str, int])
    noticed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    buckets: Buckets = field(default_factory=Buckets)


def listen(state: State, events: Sequence[Event], now: int, world: World) -> list[Sign]:
    """Signs of what cameras are told to have."""
    out: list[Sign] = []
    for event in events:
        if event.kind is EventKind.CAMERA and event.subject:
            out += _told(state, event, world)
        elif event.kind is EventKind.DESTINATION and event.detail.get("declared") == "no":
            out += _destination(state, event, world)
    for rule in (SETTINGS, SECOND_STREAM):
        out += [sign_of(rule.kind, turn, world, {}) for turn in drain(state.buckets, rule, now)]
    return out


def _told(state: State, event: Event, world: World) -> list[Sign]:
    what, ended = event.detail.get("what", ""), event.detail.get("phase") == "ended"
    there = state.open.pop(event.subject, [])
    out: list[Sign] = []
    if what == "settings":
        out = _noticed(state, event, world)
    elif ended:
        gone = list(there) if what == EVERYTHING else [one for one in there if one == what]
        there = [one for one in there if one not in gone]
        kinds = {KIND_OF[one] for one in gone} - {KIND_OF[one] for one in there}
        out = [_sign(state, kind, event, world, Phase.ENDED) for kind in sorted(kinds)]
    elif what in KIND_OF and what not in there:
        begins = KIND_OF[what] not in {KIND_OF[one] for one in there}
        there = [*there, what]
        out = [_sign(state, KIND_OF[what], event, world, Phase.BEGAN)] if begins else []
    state.open[event.subject] = there
    return out + _bounded(state, event, world)


def _sign(state: State, kind: str, event: Event, world: World, phase: Phase) -> Sign:
    key = f"{event.subject} {kind}"
    began = state.began.setdefault(key, event.at)
    if phase is Phase.ENDED:
        del state.began[key]
    unit = world.registry.unit_index.get(event.subject, -1)
    facts = {name: text for name, text in event.detail.items() if name in {"what", "camera", "why"} and text}
    return Sign(
        kind=kind,
        unit=unit,
        channel=-1,
        began_at=min(began, event.at),
        at=event.at,
        score=0.0 if phase is Phase.ENDED else 1.0,
        phase=phase,
        about="" if unit >= 0 else named(event.subject),
        facts={} if phase is Phase.ENDED else {**facts, "expected": "a picture as it was learned"},
        records=(event.record,) if event.record else (),
    )


def _bounded(state: State, event: Event, world: World) -> list[Sign]:
    if len(state.open) <= MOST_CAMERAS:
        return []
    oldest = next(iter(state.open))
    gone = {KIND_OF[one] for one in state.open.pop(oldest)}
    state.noticed.pop(oldest, None)
    left = Event(at=event.at, kind=EventKind.CAMERA, by=event.by, subject=oldest)
    return [_sign(state, kind, left, world, Phase.ENDED) for kind in sorted(gone)]


def _noticed(state: State, event: Event, world: World) -> list[Sign]:
    why = event.detail.get("why", "")
    state.noticed[event.subject] = [str(event.at), why]
    facts = {"what": why or "its settings", "expected": "as they were when it was first asked"}
    turns = pour(state.buckets, SETTINGS, event.subject, 1, event.at)
    return [sign_of(SETTINGS.kind, turn, world, facts) for turn in turns]


def _destination(state: State, event: Event, world: World) -> list[Sign]:
    if not _is_camera(state, event.subject, world):
        return []
    facts = {name: text for name, text in event.detail.items() if name in {"to", "port", "protocol"}}
    at, why = state.noticed.get(event.subject, ["", ""])
    if at and 0 <= event.at - int(at) <= WITHIN:
        facts["its settings before"] = why
    facts["expected"] = "no connection but those that declared flows explain"
    turns = pour(state.buckets, SECOND_STREAM, event.subject, 1, event.at)
    return [sign_of(SECOND_STREAM.kind, turn, world, facts) for turn in turns]


def _is_camera(state: State, subject: str, world: World) -> bool:
    """A camera, or a group of them: where the group has the addresses, a log of the network knows no more than the group."""
    registry = world.registry
    unit = registry.unit_index.get(subject, -1)
    if unit >= 0 or subject in state.open:
        return subject in state.open or (unit, "camera-trouble") in registry.channel_by_property
    members = (n for n, one in enumerate(registry.units) if one.group == subject)
    return any((n, "camera-trouble") in registry.channel_by_property for n in members)


def _kind(id_: str, title: str, severity: Severity, weight: float, technique: str, todo: str) -> Kind:
    return Kind(id=id_, title=title, severity=severity, weight=weight, technique=technique, todo=todo)


CARD = Card(
    id="cameras",
    title="Cameras",
    reads="events",
    sees=(
        "a camera that is silent, broken, black, covered, out of focus, aimed elsewhere, frozen, looped, or whose clock or "
        "settings changed; and one that sends to where no declared flow leads"
    ),
    fails_when=(
        "a loop is longer than the role remembers, or the replayed picture is changed a little each time",
        "the camera is a little re-aimed again and again, each time less than is noticed",
        "its stream to a second place goes by a network that no log covers",
        "nobody runs the role `cameras`, or the camera is not declared as one",
    ),
    source="MITRE ATT&CK for ICS T0815, T0856, T0869; scenarios S-04 and S-05; docs/cameras.md",
    kinds=(
        _kind("camera-sees-nothing", "A camera sees nothing", Severity.MEDIUM, 0.4, "T0815", "send somebody to look at it"),
        _kind("camera-re-aimed", "A camera looks elsewhere", Severity.HIGH, 0.5, "T0815",
              "find out who moved it; aim it again, and let it learn its background anew"),
        _kind("camera-replayed", "A camera shows the past", Severity.HIGH, 0.8, "T0856",
              "do not go by its picture or its counts; find out who stands between it and the city"),
        _kind("camera-silent", "A camera gives no picture", Severity.MEDIUM, 0.0, "T0815",
              "see whether it has power and network"),
        _kind("camera-broken", "A camera's stream cannot be decoded", Severity.HIGH, 0.3, "T0866",
              "see its reason: a stream that ends decoders may be meant to; "
              "have the camera taken off the network if it goes on"),
        _kind("camera-clock", "A camera's clock went off", Severity.LOW, 0.0, "", "give it a time server of the city's"),
        _kind(SETTINGS.kind, "A camera's settings changed", Severity.MEDIUM, 0.2, "T0836",
              "ask whoever operates it; set them back if nobody knows"),
        _kind(SECOND_STREAM.kind, "A camera sends to a second place", Severity.HIGH, 0.4, "T0869",
              "have the connection blocked, and find out what the camera sends there"),
    ),
    parameters=parameters_of(SETTINGS, SECOND_STREAM),
)  # fmt: skip

DETECTOR = Listening(CARD, lambda _: State(), listen)
