"""S-01: a frame that once made one actuator act is sent to all of them, again and again."""

from __future__ import annotations

import numpy as np

from cityward.exercises.bodies import unsigned_command
from cityward.exercises.expecting import broker_said_no, contained, goes_on, noticed, stopped, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Fleet, Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Deed, Do, Persona, Send
from cityward.place.registry import Unit
from cityward.place.roles import Right

TARGETS = 8  # of the fleet, to which the frame is sent
ASKED = 0.37  # of the command's range: what nobody else asks for
LIFTED_S = 780  # until a lifted bar is over at every door, at the speed of a twin
TIMES = 15  # and as often again to the first of them
AWAY = "127.0.0.61"  # where the radio stands that sends it, as far as one machine can show one


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Somebody has one actuator's credential, and sends what moves it to the others; then it is cut off, and let back in."""
    fleet = next((one for one in scene.fleets() if len(one.units) > 1), None)
    role = scene.role_with(Right.CONTAIN)
    if fleet is None or role is None:
        return NotStaged("no service commands two or more actuators alike, or nobody of the city may cut one off")
    thief, *others = (fleet.units[int(n)] for n in chance.permutation(len(fleet.units)))
    targets = others[:TARGETS]
    officer = Persona(name="officer", party=scene.place.responsible, roles=(role,))
    frames = _frames(fleet, thief, [*targets, *[targets[0]] * TIMES])
    return Plan(
        steps=(
            *frames,
            Do(key="cut", at_s=360, deed=Deed.CONTAIN, by="officer", said={"target": f"device:{thief.id}"}),
            Send(key="after", at_s=480, unit=thief.id, body=b"[]", client="after", address=AWAY),
            Do(key="let-in", at_s=540, deed=Deed.LIFT, by="officer", said={"of": "cut"}),
            Send(key="back", at_s=540 + LIFTED_S, unit=thief.id, topic=f"in/{thief.id}", body=b"[]", client="back"),
        ),
        musts=_musts(scene, fleet, thief, targets, [frame.key for frame in frames]),
        services=(fleet.service,),
        subjects=(f"devices.{fleet.group}",),
        personas=(officer,),
        roles=("signals",) if fleet.kind == "signals" else (),
        settle_s=600,
        alarms=("refused-topics", "second-presence", "overload", "failed-entries"),
        wrong=lambda command: command.device in {unit.id for unit in targets} and command.value == _asked(fleet),
    )


def _asked(fleet: Fleet) -> float:
    """The value that the frame asks for."""
    return round(fleet.limits.low + ASKED * (fleet.limits.high - fleet.limits.low))


def _frames(fleet: Fleet, thief: Unit, targets: list[Unit]) -> list[Send]:
    """Each by a connection of its own: the broker ends one that says what it may not."""
    return [
        Send(
            key=f"frame-{n}",
            at_s=30.0 + 12 * n,
            unit=thief.id,
            topic=f"cmd/{unit.id}",
            client=f"f{n}",
            address=AWAY,
            body=unsigned_command(unit.id, fleet.command, fleet.limits.sets, _asked(fleet)),
        )
        for n, unit in enumerate(targets)
    ]


def _musts(scene: Scene, fleet: Fleet, thief: Unit, targets: list[Unit], frames: list[str]) -> tuple[Must, ...]:
    first = frames[0]
    moved = {unit.id for unit in targets}
    return (
        Must(
            id="frames-refused",
            kind=Kind.REFUSED,
            since=first,
            within_s=900,
            when=stopped(frames, first, moved),
            said="no frame that the city did not send reaches an actuator",
        ),
        Must(
            id="told",
            kind=Kind.DETECTED,
            since=first,
            within_s=600,
            when=noticed(first, "refused-topics", of=lambda subject: subject == thief.id),
            said="whose credential it was sent with is told",
        ),
        Must(
            id="on-record",
            kind=Kind.RECORDED,
            since=first,
            within_s=300,
            when=broker_said_no(first, targets[0].id),
            said="that the broker refused it, and for whom it was meant, is on record",
        ),
        Must(
            id="cut-off",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=120,
            when=contained("cut", "begun", thief.id),
            said="the one whose credential was used is cut off",
        ),
        Must(
            id="stays-out",
            kind=Kind.REFUSED,
            since="after",
            within_s=120,
            when=turned_away("after"),
            said="cut off, its credential opens nothing any more",
        ),
        Must(
            id="others-heard",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=900,
            when=goes_on("cut", {scene.flow_of(unit) for unit in targets}, 120),
            said="the others go on reporting",
        ),
        Must(
            id="nobody-moved",
            kind=Kind.KEPT,
            since=first,
            within_s=900,
            when=lambda seen: _unmoved(seen, fleet, moved),
            said="none of them shows the value that the frame asked for",
        ),
        Must(
            id="let-in",
            kind=Kind.RECOVERED,
            since="back",
            within_s=300,
            when=lambda seen: _taken(seen, "back"),
            said="let back in, its own connection is taken again",
        ),
    )


def _unmoved(seen: Seen, fleet: Fleet, moved: set[str]) -> int | None:
    shown = (value for (unit, prop), (_, value) in seen.values.items() if unit in moved and prop == fleet.limits.sets)
    return None if any(value == _asked(fleet) for value in shown) else seen.now


def _taken(seen: Seen, step: str) -> int | None:
    answer = seen.answers.get(step)
    return answer.at if answer is not None and answer.status == 200 else None


SCENARIO = Scenario(
    id="S-01",
    title="One recorded command is replayed to a whole fleet",
    source=(
        "Dallas, April 2017: one radio frame set off all 156 of the city's sirens, about fifteen times within "
        "an hour and a half; the radio carried no proof of who had sent it, and repeaters had to be unplugged "
        "by hand"
    ),
    limits=(
        "Nobody records radio here: the frame is made up, as somebody would who knows how commands look. That "
        "an actuator refuses a recorded frame with the city's own signature is tested at the actuator "
        "(`tests/adapters/street`), not in the twin."
    ),
    plan=plan,
)
