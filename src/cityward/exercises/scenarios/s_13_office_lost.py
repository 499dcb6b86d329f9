"""S-13: the office's computers are lost, and the street has to go on without them.

What the office has is its console, its names and its desks: the process `web` stands for them. The street's gates do not need
it.
"""

from __future__ import annotations

import msgspec
import numpy as np

from cityward.evidence.records import CommandIssued, Heartbeat
from cityward.exercises.expecting import When, broker_said_no, goes_on, held, noticed, recorded
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona, Send
from cityward.place.model import Place
from cityward.place.registry import Unit
from cityward.place.roles import Right
from cityward.reach.blast import wiring
from cityward.reach.blast.subjects import Subject, SubjectKind
from cityward.reach.containment import containment_of

FORGED = 4  # messages in another's name: three are a sign


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """The office is gone for a quarter of an hour; meanwhile somebody lies, and the service that drives the street is killed."""
    lamps = [(service, group) for service, group in scene.actuators("lighting") if _lit(scene, group)]
    role, speakers = scene.role_with(Right.WATCH), scene.speakers()
    if not lamps:
        return NotStaged("no lighting service commands a lamp that reports to us")
    if role is None or len(speakers) < 2:
        return NotStaged("nobody of the city may see the watch, or fewer than two devices speak to us")
    service, group = lamps[0]
    liar, other = (speakers[int(n)] for n in chance.choice(len(speakers), 2, replace=False))
    office = _office(scene.place)
    steps = [
        *_hushed(scene, Deed.SILENCE, "no-way-in", 0),
        Do(key="office-gone", at_s=60, deed=Deed.HOLD, said={"process": "web"}),
        Send(key="lie", at_s=240, unit=liar.id, topic=f"in/{other.id}", body=b"[]", copies=FORGED, spread_s=60),
        Do(key="street-killed", at_s=480, deed=Deed.END, said={"process": "service"}),
        Do(key="office-back", at_s=960, deed=Deed.LET_GO, said={"process": "web"}),
        *_hushed(scene, Deed.SPEAK, "way-in", 980),
        Ask(key="look", at_s=1020, who="officer", method="GET", path="/api/services"),
    ]
    asks = [
        Ask(
            key="foresee",
            at_s=0,
            who="officer",
            method="GET",
            path="/api/containments/preview",
            query={"target": office},
        )
    ]
    return Plan(
        steps=(*(asks if office else []), *steps),
        musts=(*(_foreseen(scene.place, office) if office else []), *_musts(scene, group, liar, other)),
        services=(service,),
        subjects=(f"devices.{group}",),
        personas=(Persona(name="officer", party=scene.place.responsible, roles=(role,)),),
        settle_s=900,
        alarms=("refused-topics", "configuration-drift"),
        wrong=lambda command: command.device.startswith(group) and command.value < _low(scene, group),
    )


def _hushed(scene: Scene, deed: Deed, key: str, at_s: float) -> list[Do]:
    """Those who come by the web door have no way in while it is gone: they keep what they have to say."""
    units = (unit for unit in scene.registry.units if unit.flow >= 0)
    groups = dict.fromkeys(
        u.group for u in units if scene.place.flows[scene.flow_of(u)].protocol in ("http", "ngsi-ld")
    )
    return [Do(key=key, at_s=at_s, deed=deed, said={"of": ",".join(groups)})] if groups else []


def _lit(scene: Scene, group: str) -> bool:
    return any(unit.flow >= 0 for unit in scene.units(group))


def _low(scene: Scene, group: str) -> float:
    """The least value that any command may set the group to."""
    return min(limits.low for limits in scene.place.device_models[scene.place.devices[group].model].commands.values())


def _office(place: Place) -> str:
    """`zone:...` or `site:...` where the city's directory of people is; "" where none is declared."""
    for system in place.systems.values():
        if system.kind == "directory" and system.operator == place.responsible:
            return f"zone:{system.zone}" if system.zone else f"site:{system.site}"
    return ""


def _foreseen(place: Place, office: str) -> list[Must]:
    said = "what falls with the office could be asked before, and the answer is what follows from the declaration"
    return [
        Must(id="foreseen", kind=Kind.DETECTED, said=said, when=_told(place, office), since="foresee", within_s=120)
    ]


def _told(place: Place, office: str) -> When:
    """The preview names exactly the services that `reach` says are hit."""
    kind, _, name = office.partition(":")
    found = containment_of(place, wiring.compile_cascade(place), Subject(kind=SubjectKind(kind), id=name))
    wanted = {hit.service for hit in found.services}

    def when(seen: Seen) -> int | None:
        answer = seen.answers.get("foresee")
        if answer is None or answer.status != 200:
            return None
        told = msgspec.json.decode(answer.body)
        return answer.at if {hit["service"] for hit in told["services"]} == wanted else None

    return when


def _musts(scene: Scene, group: str, liar: Unit, other: Unit) -> list[Must]:
    low = _low(scene, group)
    flows = {scene.flow_of(unit) for unit in scene.units(group)}
    again = recorded("street-killed", Heartbeat, lambda one: one.gate == "permit" and one.state == "begun")
    dark = held("office-gone", CommandIssued, lambda one: one.device.startswith(group) and one.value < low)
    return [
        Must(
            id="faults-still-counted",
            kind=Kind.CONTAINED,
            since="office-gone",
            within_s=900,
            when=goes_on("office-gone", flows, 120),
            said="what the lamps report comes in while the office is gone",
        ),
        Must(
            id="lie-refused",
            kind=Kind.REFUSED,
            since="lie",
            within_s=300,
            when=broker_said_no("lie", other.id),
            said="who speaks in another's name is refused while the office is gone",
        ),
        Must(
            id="lie-seen",
            kind=Kind.DETECTED,
            since="lie",
            within_s=600,
            when=noticed("lie", "refused-topics", of=lambda subject: subject == liar.id),
            said="and the watch tells of it, without the office",
        ),
        Must(
            id="street-drives-again",
            kind=Kind.RECOVERED,
            since="street-killed",
            within_s=900,
            when=again,
            said="what drives the street is back by itself, and goes on counting where it was",
        ),
        Must(
            id="office-answers",
            kind=Kind.RECOVERED,
            since="look",
            within_s=600,
            when=lambda seen: _answered(seen, "look"),
            said="the console answers again",
        ),
        Must(
            id="never-dark",
            kind=Kind.KEPT,
            since="office-gone",
            within_s=900,
            when=dark,
            said="no lamp is told to be darker than its least",
        ),
        Must(
            id="loss-told",
            kind=Kind.DETECTED,
            since="office-gone",
            within_s=600,
            when=noticed("office-gone", "configuration-drift", of=lambda subject: subject == "role:web"),
            said="that the office's process stands still is told",
        ),
    ]


def _answered(seen: Seen, step: str) -> int | None:
    answer = seen.answers.get(step)
    return answer.at if answer is not None and answer.status == 200 else None


SCENARIO = Scenario(
    id="S-13",
    title="The office's computers are encrypted, and the street goes on",
    source=(
        "Leicester, March 2024: after an intrusion the city shut its office systems down; the control of its street "
        "lights was among them, and lights burned day and night for weeks, as that was what they did when nobody told "
        "them otherwise"
    ),
    limits=(
        "The office is the web door of the twin, and gone for a quarter of an hour, not for weeks. What other systems "
        "of the office the street really leans on is known as far as it is declared."
    ),
    plan=plan,
)
