"""S-03: somebody is on the signals' network, tries the makers' passwords, and wants another plan everywhere."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import CommandIssued, OverrideBegun
from cityward.exercises.bodies import message, unsigned_command
from cityward.exercises.expecting import (
    broker_refused,
    broker_said_no,
    contained,
    entries_refused,
    held,
    knocked,
    noticed,
    turned_away,
)
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Fleet, Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Credential, Deed, Do, Persona, Send
from cityward.place.registry import Unit
from cityward.place.roles import Right

RADIO = "127.0.0.63"  # the roadside radio by which they came in
GUESSES = 40
MOST_SITES = 8


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Default logins at a controller; writes in controllers' names with a street device's credential; a clerk changes plans."""
    fleet = next((one for one in scene.fleets() if one.kind == "signals"), None)
    speakers = [unit for unit in scene.speakers() if scene.place.flows[scene.flow_of(unit)].protocol == "mqtt"]
    watcher, clerk = scene.role_with(Right.WATCH), _other_operator(scene, fleet)
    if fleet is None or not speakers:
        return NotStaged("no service commands signals that report to us, or no device speaks to us beside them")
    if watcher is None or clerk is None:
        return NotStaged("nobody of the city may see the watch, or none of its roles is for other things than signals")
    foothold = speakers[int(chance.integers(len(speakers)))]
    sites = fleet.units[:MOST_SITES]
    us = scene.place.responsible
    return Plan(
        steps=(
            Send(
                key="logins",
                at_s=0,
                unit=sites[0].id,
                body=b"[]",
                credential=Credential.DEFAULT,
                copies=GUESSES,
                spread_s=120,
                address=RADIO,
            ),
            *_writes(scene, fleet, foothold, sites),
            *_plans(fleet, sites),
            Ask(
                key="what-if",
                at_s=480,
                who="watcher",
                method="GET",
                path="/api/containments/preview",
                query={"target": f"device:{fleet.group}"},
            ),
            Do(key="cut", at_s=600, deed=Deed.CONTAIN, by="watcher", said={"target": f"device:{foothold.id}"}),
            Send(key="after", at_s=780, unit=foothold.id, body=b"[]", client="after", address=RADIO),
        ),
        musts=_musts(scene, fleet, foothold, sites),
        services=(fleet.service,),
        subjects=(f"devices.{fleet.group}", f"devices.{foothold.group}"),
        personas=(Persona(name="watcher", party=us, roles=(watcher,)), Persona(name="clerk", party=us, roles=(clerk,))),
        roles=("signals",),
        settle_s=600,
        alarms=("failed-entries", "refused-topics", "second-presence", "overload"),
        wrong=lambda command: "held_by" in command.cause and command.service == fleet.service,
    )


def _other_operator(scene: Scene, fleet: Fleet | None) -> str | None:
    """A role that works here and has no power over these signals."""
    if fleet is None:
        return None
    for name, role in scene.place.roles.items():
        mine = role.standing and role.party == scene.place.responsible and Right.LOOK in role.rights
        if mine and fleet.service not in role.services and Right.OPERATE in role.rights:
            return name
    return scene.role_with(Right.LOOK, without=(Right.OPERATE,))


def _writes(scene: Scene, fleet: Fleet, foothold: Unit, sites: tuple[Unit, ...]) -> list[Send]:
    """What each controller would be told, and what would be said in its name."""
    steps: list[Send] = []
    for n, unit in enumerate(sites):
        frame = unsigned_command(unit.id, fleet.command, fleet.limits.sets, fleet.limits.high)
        said = message(scene, unit, {fleet.limits.sets: fleet.limits.high})
        for topic, body in ((f"cmd/{unit.id}", frame), (f"in/{unit.id}", said)):
            key = f"write-{len(steps)}"
            at_s = 150.0 + 12 * len(steps)
            steps.append(
                Send(
                    key=key,
                    at_s=at_s,
                    unit=foothold.id,
                    topic=topic,
                    body=body,
                    client=f"w{n}{topic[0]}",
                    address=RADIO,
                )
            )
    return steps


def _plans(fleet: Fleet, sites: tuple[Unit, ...]) -> list[Ask]:
    """One value for all of them, asked for by somebody whose work is another."""
    return [
        Ask(
            key=f"plan-{n}",
            at_s=360.0 + 12 * n,
            who="clerk",
            method="POST",
            path=f"/api/services/{fleet.service}/overrides",
            body=json.dumps(
                {"target": unit.id, "value": fleet.limits.low, "reason": "all red, please", "hours": 1}
            ).encode(),
        )
        for n, unit in enumerate(sites)
    ]


def _musts(scene: Scene, fleet: Fleet, foothold: Unit, sites: tuple[Unit, ...]) -> tuple[Must, ...]:
    writes = [f"write-{n}" for n in range(2 * len(sites))]
    plans = [f"plan-{n}" for n in range(len(sites))]
    ids = {unit.id for unit in sites}
    functions = [name for name, one in scene.place.functions.items() if one.service == fleet.service]
    return (
        Must(
            id="logins-refused",
            kind=Kind.REFUSED,
            since="logins",
            within_s=600,
            when=turned_away("logins"),
            said="a maker's password opens no controller's connection",
        ),
        Must(
            id="logins-told",
            kind=Kind.DETECTED,
            since="logins",
            within_s=600,
            when=knocked("logins", RADIO),
            said="that somebody tries is told",
        ),
        Must(
            id="logins-on-record",
            kind=Kind.RECORDED,
            since="logins",
            within_s=300,
            when=entries_refused("logins"),
            said="and on record",
        ),
        Must(
            id="writes-refused",
            kind=Kind.REFUSED,
            since=writes[0],
            within_s=600,
            when=broker_refused(writes[0], ids, len(writes)),
            said="another device's credential neither commands a controller nor speaks for one",
        ),
        Must(
            id="writes-told",
            kind=Kind.DETECTED,
            since=writes[0],
            within_s=600,
            when=noticed(writes[0], "refused-topics", of=lambda subject: subject == foothold.id),
            said="which device it came by is told",
        ),
        Must(
            id="writes-on-record",
            kind=Kind.RECORDED,
            since=writes[0],
            within_s=300,
            when=broker_said_no(writes[0], sites[0].id),
            said="and for whom it was meant is on record",
        ),
        Must(
            id="plans-refused",
            kind=Kind.REFUSED,
            since=plans[-1],
            within_s=300,
            when=turned_away(*plans, statuses=(403, 409)),
            said="whose work is another changes no junction",
        ),
        Must(
            id="nothing-held",
            kind=Kind.KEPT,
            since="logins",
            within_s=900,
            when=held("logins", OverrideBegun, lambda one: one.service == fleet.service),
            said="nobody holds a junction at a value",
        ),
        Must(
            id="in-bounds",
            kind=Kind.KEPT,
            since="logins",
            within_s=900,
            when=held(
                "logins",
                CommandIssued,
                lambda one: one.device in ids and not fleet.limits.low <= one.value <= fleet.limits.high,
            ),
            said="no junction is told what is no stage of it",
        ),
        Must(
            id="fallback-costs",
            kind=Kind.DETECTED,
            since="what-if",
            within_s=300,
            when=lambda seen: _named(seen, functions),
            said="what is lost where all of them fall back is told beforehand: that alone is an outage, ended on the spot",
        ),
        Must(
            id="cut-off",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=120,
            when=contained("cut", "begun", foothold.id),
            said="the device that it came by is cut off",
        ),
        Must(
            id="stays-out",
            kind=Kind.REFUSED,
            since="after",
            within_s=120,
            when=turned_away("after"),
            said="and stays out",
        ),
    )


def _named(seen: Seen, functions: list[str]) -> int | None:
    """The preview was given, and names the service's functions; where it has none, it was given."""
    answer = seen.answers.get("what-if")
    if answer is None or answer.status != 200:
        return None
    return answer.at if not functions or any(name.encode() in answer.body for name in functions) else None


SCENARIO = Scenario(
    id="S-03",
    title="Signal controllers are taken over",
    source=(
        "Michigan, 2014: researchers came in by the open radio between junctions and found default logins and "
        "an open debug port; from one junction they reached the whole network. The hardware monitor let no "
        "conflict through, but drops to flashing red"
    ),
    limits=(
        "No street stands behind the twin's junctions: that a controller's own monitor has the last word is "
        "shown with SUMO (`tests/city/test_signals.py`, docs/signals-safety.md). Who reaches a controller's own "
        "ports never passes a gate of ours."
    ),
    plan=plan,
)
