"""S-02: users who are not there ask the signals for green, in many places at once."""

from __future__ import annotations

import numpy as np

from cityward.evidence.records import CommandIssued
from cityward.exercises.bodies import message
from cityward.exercises.expecting import entries_refused, held, knocked, noticed, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Credential, Persona, Send
from cityward.place.junctions import Junction
from cityward.place.registry import Unit
from cityward.place.roles import Right

ORIGIN = "127.0.0.62"  # one network, from which all of them come
STRANGERS = 60  # of an application that nobody declared
ASKS = ("priority-junction", "priority-group", "priority-time")


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Strangers knock; then a declared unit's credential asks, beside the unit itself, for what nobody lets it ask for."""
    found = _asker(scene, chance)
    role = scene.role_with(Right.LOOK)
    if found is None or role is None:
        return NotStaged("no junction lets anybody ask for green, or nobody of the city may look at the services")
    service, junctions, asker = found
    wishes = [
        Send(
            key=f"wish-{n}",
            at_s=240.0 + 120 * n,
            unit=asker.id,
            body=_wish(scene, asker, n + 1, junction),
            client="ghost",
            address=ORIGIN,
        )
        for n, junction in enumerate(junctions)
    ]
    return Plan(
        steps=(
            Send(
                key="strangers",
                at_s=0,
                unit="ghost-cyclist",
                body=b"[]",
                credential=Credential.GUESSED,
                copies=STRANGERS,
                spread_s=120,
                address=ORIGIN,
            ),
            *wishes,
            *(
                Ask(key=f"board-{n}", at_s=wish.at_s + 90, who="watcher", method="GET", path=f"/api/services/{service}")
                for n, wish in enumerate(wishes)
            ),
        ),
        musts=_musts(asker, [wish.key for wish in wishes], {junction.device for junction in junctions}),
        services=(service,),
        subjects=(f"devices.{asker.group}",),
        personas=(Persona(name="watcher", party=scene.place.responsible, roles=(role,)),),
        roles=("signals",),
        settle_s=900,
        alarms=("failed-entries", "second-presence", "overload", "crowd-of-one"),
    )


def _asker(scene: Scene, chance: np.random.Generator) -> tuple[str, list[Junction], Unit] | None:
    """A service of signals with its junctions, and a unit of ours that asks there, or is watched for asking."""
    for name, service in scene.place.services.items():
        if service.kind != "signals":
            continue
        settings = service.settings
        junctions = [
            scene.place.junctions[one] for one in settings.get("junctions", ()) if one in scene.place.junctions
        ]
        named = {device for junction in junctions for call in junction.calls for device in call.devices}
        named |= set(settings.get("watched", ()))
        mine = [unit for unit in scene.speakers("senml") if {unit.id, unit.group} & named and _can_ask(scene, unit)]
        if junctions and mine:
            return name, junctions, mine[int(chance.integers(len(mine)))]
    return None


def _can_ask(scene: Scene, unit: Unit) -> bool:
    return {*ASKS} <= {scene.registry.channel_property[channel] for channel in unit.channels}


def _wish(scene: Scene, unit: Unit, nth: int, junction: Junction) -> bytes:
    """For a group of the junction that no call lets the unit ask for; for one beyond all groups where it may ask for each."""
    groups = list(junction.groups)
    let = {g for call in junction.calls if {unit.id, unit.group} & {*call.devices} for g in call.groups}
    number = next((n for n, group in enumerate(groups, start=1) if group not in let), len(groups) + 1)
    return message(scene, unit, {"priority-junction": nth, "priority-group": number, "priority-time": 8.0})


def _musts(asker: Unit, wishes: list[str], controllers: set[str]) -> tuple[Must, ...]:
    first = wishes[0]
    boards = [f"board-{n}" for n in range(len(wishes))]
    return (
        Must(
            id="strangers-refused",
            kind=Kind.REFUSED,
            since="strangers",
            within_s=600,
            when=turned_away("strangers"),
            said="who is not declared does not get in, however often it tries",
        ),
        Must(
            id="strangers-told",
            kind=Kind.DETECTED,
            since="strangers",
            within_s=600,
            when=knocked("strangers", ORIGIN),
            said="that many fail from one place is told",
        ),
        Must(
            id="strangers-on-record",
            kind=Kind.RECORDED,
            since="strangers",
            within_s=300,
            when=entries_refused("strangers"),
            said="and on record",
        ),
        Must(
            id="twice",
            kind=Kind.DETECTED,
            since=first,
            within_s=600,
            when=noticed(first, "second-presence", of=lambda subject: subject == asker.id),
            said="that one who asks is in two places at once is told",
        ),
        Must(
            id="wishes-named",
            kind=Kind.DETECTED,
            since=first,
            within_s=900,
            when=lambda seen: _named(seen, boards, asker.id),
            said="the board of the service names the wish that changes nothing",
        ),
        Must(
            id="nothing-follows",
            kind=Kind.KEPT,
            since=first,
            within_s=900,
            when=held(first, CommandIssued, lambda one: one.device in controllers and asker.id in one.sources),
            said="no command to a junction rests on it",
        ),
    )


def _named(seen: Seen, boards: list[str], asker: str) -> int | None:
    """The first board on which the asker's wish is told as one that changes nothing."""
    for board in boards:
        answer = seen.answers.get(board)
        if answer is not None and answer.status == 200 and _tells(answer.body, asker):
            return answer.at
    return None


def _tells(body: bytes, asker: str) -> bool:
    return f"{asker} asks for green".encode() in body and b"it changes nothing" in body


SCENARIO = Scenario(
    id="S-02",
    title="Ghost users ask for green",
    source=(
        "Netherlands, 2020: two researchers took apart applications that tell signals of cyclists, and sent "
        "positions of cyclists who did not exist, in ten cities; nobody checked who or where they were. "
        "Conflicting greens were not possible"
    ),
    limits=(
        "Ghosts who have a declared asker's credential and ask for what it may ask for are believed up to what "
        "its call allows an hour; that bound, too even times and impossible travel are tested at the gate "
        "(`tests/guard/signals`), as they take an hour of the street."
    ),
    plan=plan,
)
