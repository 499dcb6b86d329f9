"""S-08: there is a second way into a device, and by it its state changes while nobody here commands it."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import CommandIssued
from cityward.exercises.bodies import answer, flow_line, message
from cityward.exercises.expecting import contained, doubted, goes_on, noticed, recorded, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Fleet, Scene
from cityward.exercises.steps import Ask, Deed, Do, Persona, Send
from cityward.place.registry import Unit
from cityward.place.roles import Right

SETTLED_S = 15 * 60  # until then a command may still be on its way (docs/detectors/unasked-state.md)
TOLD, SHOWN = 0.55, 0.25  # shares of the command's range: what we told it, and what it then shows
ANSWERS = ("never-given-1", "never-given-2")


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """An operator holds one actuator; it then shows another state, answers what nobody asked, and talks to somewhere else."""
    fleet = next((one for one in scene.fleets() if one.kind == "lighting" and len(one.units) > 1), None)
    if fleet is None:
        return NotStaged("no lighting service commands two or more actuators that report to us")
    operator = scene.role_with(Right.OPERATE, services=(fleet.service,))
    officer = scene.role_with(Right.CONTAIN)
    if operator is None or officer is None:
        return NotStaged("nobody of the city operates them, or may cut one off")
    unit = fleet.units[int(chance.integers(len(fleet.units)))]
    told, shown = _at(fleet, TOLD), _at(fleet, SHOWN)
    us, address = scene.place.responsible, scene.addresses_of(unit.id, fleet.group)
    return Plan(
        steps=(
            Ask(
                key="held",
                at_s=0,
                who="shift",
                method="POST",
                path=f"/api/services/{fleet.service}/overrides",
                body=json.dumps({"target": unit.id, "value": told, "reason": "an exercise", "hours": 2}).encode(),
            ),
            *(
                Send(
                    key=f"answer-{n}",
                    at_s=240.0 + 30 * n,
                    topic=f"ack/{unit.id}",
                    body=answer(word, shown),
                    unit=unit.id,
                    client="hidden",
                )
                for n, word in enumerate(ANSWERS)
            ),
            *(
                (
                    Do(
                        key="radio",
                        at_s=360,
                        deed=Deed.FLOW_LOG,
                        said={"line": flow_line(address, scene.nobodys_address(), 443)},
                    ),
                )
                if address
                else ()
            ),
            Send(
                key="shows",
                at_s=120.0 + SETTLED_S,
                body=message(scene, unit, {fleet.limits.sets: shown}),
                copies=4,
                spread_s=60,
                unit=unit.id,
                client="hidden",
            ),
            Do(key="cut", at_s=1500, deed=Deed.CONTAIN, by="officer", said={"target": f"device:{fleet.group}"}),
            Send(key="after", at_s=1620, body=b"[]", client="after", unit=unit.id),
            Do(key="lift", at_s=1740, deed=Deed.LIFT, by="officer", said={"of": "cut"}),
        ),
        musts=_musts(scene, fleet, unit, told, address),
        services=(fleet.service,),
        subjects=(f"devices.{fleet.group}",),
        personas=(
            Persona(name="shift", party=us, roles=(operator,)),
            Persona(name="officer", party=us, roles=(officer,)),
        ),
        roles=("network",),
        settle_s=900,
        alarms=(
            "unasked-state",
            "unasked-answer",
            "new-destination",
            "second-presence",
            "silence",
            "coordinated",
            "failed-entries",
        ),
        wrong=lambda command: False,
    )


def _at(fleet: Fleet, share: float) -> float:
    return round(fleet.limits.low + share * (fleet.limits.high - fleet.limits.low))


def _musts(scene: Scene, fleet: Fleet, unit: Unit, told: float, address: str) -> tuple[Must, ...]:
    def it(subject: str) -> bool:
        return subject == unit.id

    radio = Must(
        id="radio-told",
        kind=Kind.DETECTED,
        since="radio",
        within_s=600,
        when=noticed("radio", "new-destination", of=lambda subject: unit.id in subject or fleet.group in subject),
        said="that it talks to where no flow leads is told",
    )
    return (
        Must(
            id="was-told",
            kind=Kind.RECORDED,
            since="held",
            within_s=600,
            when=recorded("held", CommandIssued, lambda one: one.device == unit.id and one.value == told),
            said="what the city told it is on record",
        ),
        Must(
            id="answer-told",
            kind=Kind.DETECTED,
            since="answer-0",
            within_s=600,
            when=noticed("answer-0", "unasked-answer", of=it),
            said="that it answers what nobody asked is told",
        ),
        *((radio,) if address else ()),
        Must(
            id="state-told",
            kind=Kind.DETECTED,
            since="shows",
            within_s=600,
            when=noticed("shows", "unasked-state", of=it),
            said="that its state changed without a command is told",
        ),
        Must(
            id="not-believed",
            kind=Kind.CONTAINED,
            since="held",
            within_s=2400,
            when=doubted("held", [unit.id]),
            said="it is not trusted any more",
        ),
        Must(
            id="class-out",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=120,
            when=contained("cut", "begun", fleet.group),
            said="the whole kind is cut off with one act",
        ),
        Must(
            id="stays-out",
            kind=Kind.REFUSED,
            since="after",
            within_s=120,
            when=turned_away("after"),
            said="none of it gets in meanwhile",
        ),
        Must(
            id="back",
            kind=Kind.RECOVERED,
            since="lift",
            within_s=900,
            when=goes_on("lift", [scene.flow_of(unit)]),
            said="let back in, the kind reports again",
        ),
    )


SCENARIO = Scenario(
    id="S-08",
    title="A radio that no paper mentions",
    source=(
        "Reports of 2025 on cellular radios in inverters and batteries that no paper mentioned, and a note of "
        "the US road authority on roadside equipment with such parts: told by unnamed officials, and no intent "
        "was proven"
    ),
    limits=(
        "A radio that is silent until it is used is found by opening the device. One whose user also has the "
        "device lie about its state is seen by nothing here."
    ),
    plan=plan,
)
