"""S-16: somebody takes a device out of its cabinet and uses what is in it elsewhere, for something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cityward.evidence.records import DeviceLife
from cityward.exercises.bodies import reading
from cityward.exercises.expecting import broker_said_no, doubted, goes_on, noticed, recorded, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.steps import Credential, Deed, Do, Persona, Send
from cityward.place.registry import Unit
from cityward.place.roles import Right

ELSEWHERE = "127.0.0.66"  # the thief's address, as far as one machine can show one
OWN_CARD, OTHER_CARD = "8900000000000000001", "8900000000000000002"
TOPICS = 5  # of others, tried one after another


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """It speaks from another address with another SIM card, tries other devices' topics, is declared stolen, and tries again."""
    units = scene.speakers("senml")
    role = scene.role_with(Right.DEVICES)
    if len(units) < TOPICS + 2 or role is None:
        return NotStaged("too few devices speak SenML, or nobody of the city may declare one stolen")
    stolen, *others = (units[int(n)] for n in chance.permutation(len(units))[: TOPICS + 1])
    witness = next((unit for unit in units if scene.flow_of(unit) != scene.flow_of(stolen)), others[0])
    good = reading(scene, stolen)
    return Plan(
        steps=(
            Send(key="own-card", at_s=0, unit=stolen.id, body=_with_card(good, OWN_CARD)),
            *(replace(step, client="thief", address=ELSEWHERE) for step in _told(stolen, others, good)),
            Do(key="stolen", at_s=480, deed=Deed.DEVICE, by="registrar", said={"unit": stolen.id, "to": "stolen"}),
        ),
        musts=_musts(scene, stolen, others[0], witness),
        subjects=(f"devices.{stolen.group}",),
        personas=(Persona(name="registrar", party=scene.place.responsible, roles=(role,)),),
        settle_s=900,
        alarms=("second-presence", "hardware", "refused-topics", "late-use", "failed-entries", "silence", "rights"),
    )


def _with_card(pack: bytes, number: str) -> bytes:
    """A SenML pack in which its sender says the number of its SIM card, too."""
    return b'[{"n":"iccid","vs":"%s"},' % number.encode() + pack[1:]


def _told(stolen: Unit, others: Sequence[Unit], good: bytes) -> Iterator[Send]:
    """What the thief says, before it is declared stolen and after."""
    name, taken = stolen.id, Credential.REVOKED
    yield Send(key="elsewhere", at_s=30, unit=name, body=good, copies=3, spread_s=60)
    yield Send(key="other-card", at_s=120, unit=name, body=_with_card(good, OTHER_CARD))
    for n, other in enumerate(others):
        yield Send(key=f"topic-{n}", at_s=180 + 10 * n, unit=name, topic=f"in/{other.id}", body=good)
    yield Send(key="again", at_s=600, unit=name, body=good, credential=taken, copies=3, spread_s=60)


def _musts(scene: Scene, stolen: Unit, other: Unit, witness: Unit) -> tuple[Must, ...]:
    def it(subject: str) -> bool:
        return subject == stolen.id

    return (
        Must(
            id="two-places",
            kind=Kind.DETECTED,
            since="elsewhere",
            within_s=600,
            when=noticed("elsewhere", "second-presence", of=it),
            said="one identity in two places is told",
        ),
        Must(
            id="other-card",
            kind=Kind.DETECTED,
            since="other-card",
            within_s=600,
            when=noticed("other-card", "hardware", of=it),
            said="another SIM card than its own is told",
        ),
        Must(
            id="others-names",
            kind=Kind.DETECTED,
            since="topic-0",
            within_s=600,
            when=noticed("topic-0", "refused-topics", of=it),
            said="that it tries others' names is told",
        ),
        Must(
            id="not-as-others",
            kind=Kind.REFUSED,
            since="topic-0",
            within_s=600,
            when=broker_said_no("topic-0", other.id),
            said="nothing that it says in another's name comes in, and that is on record",
        ),
        Must(
            id="not-believed",
            kind=Kind.CONTAINED,
            since="elsewhere",
            within_s=900,
            when=doubted("elsewhere", [stolen.id]),
            said="it is not trusted any more, before anybody was told that it is stolen",
        ),
        Must(
            id="shut-out",
            kind=Kind.REFUSED,
            since="again",
            within_s=300,
            when=turned_away("again"),
            said="once it is stolen its credential opens no door",
        ),
        Must(
            id="late-use",
            kind=Kind.DETECTED,
            since="stolen",
            within_s=600,
            when=noticed("stolen", "late-use", of=it),
            said="that somebody tries it all the same is told",
        ),
        Must(
            id="on-record",
            kind=Kind.RECORDED,
            since="stolen",
            within_s=300,
            when=recorded("stolen", DeviceLife, lambda one: one.device == stolen.id and one.to == "stolen"),
            said="who declared it stolen, and when, is on record",
        ),
        Must(
            id="others-heard",
            kind=Kind.RECOVERED,
            since="again",
            within_s=900,
            when=goes_on("again", [scene.flow_of(witness)]),
            said="the other devices are heard as before",
        ),
    )


SCENARIO = Scenario(
    id="S-16",
    title="A stolen device is used elsewhere",
    source=(
        "Johannesburg, 2010-11: the SIM cards of some 400 of 600 traffic signals were taken and used for calls; "
        "whoever did it seemed to know where they were, and repairs cost some nine million rand"
    ),
    limits="The other place is another address of the same machine. Where else the SIM card works is its operator's to bar.",
    plan=plan,
)
