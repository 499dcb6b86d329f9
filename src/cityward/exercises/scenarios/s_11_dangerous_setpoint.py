"""S-11: by a remote desktop that several people share somebody raises a setpoint a hundredfold."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import CommandIssued, CommandOutcome, OverrideBegun
from cityward.exercises.expecting import held, knocked, recorded, release_refused, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Fleet, Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Persona
from cityward.place.roles import Right

TRIES = 40
FOLD = 100


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """The operator's own session, used from elsewhere; then at the desk a value a hundred times too high; then a sound one."""
    fleet = next((one for one in scene.fleets() if one.kind != "signals"), None)
    if fleet is None:
        return NotStaged("no service but signals commands anything that reports to us")
    role = scene.role_with(Right.OPERATE, Right.LOOK, services=(fleet.service,))
    if role is None or not scene.place.roles[role].from_addresses:
        return NotStaged("nobody of the city operates it from places that are declared")
    unit = fleet.units[int(chance.integers(len(fleet.units)))].id
    abroad, sound = scene.nobodys_address(), round(fleet.limits.low + 0.6 * (fleet.limits.high - fleet.limits.low))
    path = f"/api/services/{fleet.service}/overrides"
    return Plan(
        steps=(
            Ask(
                key="look-away",
                at_s=0,
                who="shift",
                method="GET",
                path=path,
                address=abroad,
                copies=TRIES,
                spread_s=60,
            ),
            _order("order-away", 90, path, unit, sound, abroad),
            _order("hundredfold", 180, path, unit, FOLD * fleet.limits.high, ""),
            _order("preview", 210, f"{path}/preview", unit, FOLD * fleet.limits.high, "", held=False),
            _order("sound", 300, path, unit, sound, ""),
            Ask(key="offer", at_s=420, who="shift", method="GET", path=path),
        ),
        musts=_musts(fleet, unit, sound, abroad),
        services=(fleet.service,),
        subjects=(f"devices.{fleet.group}",),
        personas=(Persona(name="shift", party=scene.place.responsible, roles=(role,)),),
        settle_s=900,
        alarms=("failed-entries", "sign-ins"),
        wrong=lambda command: command.device == unit and not fleet.limits.low <= command.value <= fleet.limits.high,
    )


def _order(key: str, at_s: float, path: str, unit: str, value: float, address: str, *, held: bool = True) -> Ask:
    body: dict[str, object] = {"target": unit, "value": value}
    if held:
        body |= {"reason": "dosing", "hours": 0.3}
    return Ask(
        key=key, at_s=at_s, who="shift", method="POST", path=path, body=json.dumps(body).encode(), address=address
    )


def _musts(fleet: Fleet, unit: str, sound: float, abroad: str) -> tuple[Must, ...]:
    limits, ids = fleet.limits, {one.id for one in fleet.units}
    return (
        Must(
            id="only-from-the-desk",
            kind=Kind.REFUSED,
            since="order-away",
            within_s=300,
            when=turned_away("look-away", "order-away"),
            said="the session works from the declared places, and from no remote desktop",
        ),
        Must(
            id="away-on-record",
            kind=Kind.RECORDED,
            since="look-away",
            within_s=600,
            when=release_refused("look-away", "person:shift", "elsewhere"),
            said="whose session it was, and from where, is on record",
        ),
        Must(
            id="away-told",
            kind=Kind.DETECTED,
            since="look-away",
            within_s=600,
            when=knocked("look-away", abroad),
            said="and told",
        ),
        Must(
            id="hundredfold-refused",
            kind=Kind.REFUSED,
            since="hundredfold",
            within_s=300,
            when=turned_away("hundredfold", statuses=(400, 403, 409)),
            said="a hundred times too much is refused, also at the desk",
        ),
        Must(
            id="preview-says-so",
            kind=Kind.DETECTED,
            since="preview",
            within_s=300,
            when=lambda seen: _says(seen, "preview"),
            said="and was foretold to whoever asked what it would do",
        ),
        Must(
            id="never-out-of-bounds",
            kind=Kind.KEPT,
            since="look-away",
            within_s=900,
            when=held(
                "look-away", CommandIssued, lambda one: one.device in ids and not limits.low <= one.value <= limits.high
            ),
            said="nothing is ever told a value outside of its bounds",
        ),
        Must(
            id="sound-one-works",
            kind=Kind.RECOVERED,
            since="sound",
            within_s=600,
            when=recorded("sound", CommandOutcome, lambda one: one.device == unit and one.outcome == "acknowledged"),
            said="a sound value from the desk is carried out",
        ),
        Must(
            id="on-record",
            kind=Kind.RECORDED,
            since="sound",
            within_s=300,
            when=recorded(
                "sound",
                OverrideBegun,
                lambda one: one.person == "shift" and one.value == sound and one.step == "begun",
            ),
            said="with the name of one person",
        ),
        Must(
            id="reversal-offered",
            kind=Kind.DETECTED,
            since="offer",
            within_s=300,
            when=lambda seen: _offered(seen, unit),
            said="the desk is shown what is held, and may undo it",
        ),
    )


def _says(seen: Seen, step: str) -> int | None:
    """Either the preview counts the refusal, or it is refused to preview what no bound allows."""
    answer = seen.answers.get(step)
    if answer is None:
        return None
    return answer.at if answer.status == 409 or (answer.status == 200 and b"out-of-bounds" in answer.body) else None


def _offered(seen: Seen, unit: str) -> int | None:
    answer = seen.answers.get("offer")
    if answer is None or answer.status != 200:
        return None
    return answer.at if f'"{unit}"'.encode() in answer.body and b'"mine":true' in answer.body else None


SCENARIO = Scenario(
    id="S-11",
    title="A dangerous setpoint by remote desktop",
    source=(
        "Oldsmar, February 2021: by a remote desktop with a shared password the dosing of lye was raised from "
        "100 to 11,100 parts per million; an operator saw the pointer move and set it back. Later accounts "
        "doubt that it came from outside: only the way is used"
    ),
    limits=(
        "Who sits at the operator's own desk, by whatever remote hand, is the operator: bounds, a second person "
        "and the record are what is left then. Sessions are used from two addresses here, not screens."
    ),
    plan=plan,
)
