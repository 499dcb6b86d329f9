"""S-07: the maker of a fleet can stop it from afar, by the way that its updates take."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import CommandIssued, Contained, OverrideBegun
from cityward.exercises.bodies import flow_line
from cityward.exercises.expecting import goes_on, held, noticed, recorded, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Fleet, Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona
from cityward.place.roles import Right


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """The maker's cloud reaches for the fleet; its engineer orders a stop; the maker is cut off, and let back."""
    found = next((one for fleet in scene.fleets() if (one := _of_a_maker(scene, fleet)) is not None), None)
    cutter = scene.role_with(Right.CONTAIN)
    if found is None or cutter is None:
        return NotStaged(
            "no fleet with an address is updated from a declared system of its maker's, or nobody may cut one off"
        )
    fleet, maker, cloud = found
    role = _task_role(scene, fleet, maker)
    if role is None:
        return NotStaged("the maker's people are never given a role over the fleet")
    units, us = len(fleet.units), scene.place.responsible
    unit = fleet.units[int(chance.integers(units))]
    source, office = scene.addresses_of(cloud), scene.address_of(role)
    mine = scene.addresses_of(unit.id, fleet.group)
    return Plan(
        steps=(
            Do(key="reach", at_s=0, deed=Deed.FLOW_LOG, said={"line": flow_line(mine, scene.nobodys_address(), 8883)}),
            Do(key="update", at_s=30, deed=Deed.FLOW_LOG, said={"line": flow_line(source, mine, 8443)}),
            Do(key="task", at_s=60, deed=Deed.GRANT, said={"persona": "engineer", "role": role, "minutes": "120"}),
            _order("stop-all", 180, fleet, fleet.group, fleet.limits.low, office),
            _order("below", 240, fleet, unit.id, fleet.limits.low - (fleet.limits.high - fleet.limits.low), office),
            Do(
                key="cut",
                at_s=480,
                deed=Deed.CONTAIN,
                by="officer",
                said={"target": f"party:{maker}", "second": "second"},
            ),
            _order("while-cut", 600, fleet, unit.id, fleet.limits.low, office),
            Do(key="lift", at_s=780, deed=Deed.LIFT, by="officer", said={"of": "cut"}),
        ),
        musts=_musts(scene, fleet, maker),
        services=(fleet.service,),
        subjects=(f"devices.{fleet.group}", f"parties.{maker}", f"systems.{cloud}"),
        personas=(
            Persona(name="engineer", party=maker, address=office),
            Persona(name="officer", party=us, roles=(cutter,)),
            Persona(name="second", party=us, roles=(cutter,)),
        ),
        roles=("network", "signals") if fleet.kind == "signals" else ("network",),
        settle_s=900,
        alarms=("new-destination", "rights", "silence", "sign-ins", "failed-entries"),
        wrong=lambda command: command.cause.get("held_by") == "engineer",
    )


def _of_a_maker(scene: Scene, fleet: Fleet) -> tuple[Fleet, str, str] | None:
    """The fleet, its maker, and the declared system that its updates come from."""
    model = scene.place.device_models[fleet.units[0].model]
    cloud = model.updates_from
    if cloud not in scene.place.systems or not scene.addresses_of(cloud) or not scene.addresses_of(fleet.group):
        return None
    return fleet, model.maker, cloud


def _task_role(scene: Scene, fleet: Fleet, maker: str) -> str | None:
    for name, role in scene.place.roles.items():
        if (
            role.party == maker
            and not role.standing
            and Right.OPERATE in role.rights
            and fleet.service in role.services
        ):
            return name
    return None


def _order(key: str, at_s: float, fleet: Fleet, target: str, value: float, address: str) -> Ask:
    body = json.dumps({"target": target, "value": value, "reason": "stop for an update", "hours": 1}).encode()
    path = f"/api/services/{fleet.service}/overrides"
    return Ask(key=key, at_s=at_s, who="engineer", method="POST", path=path, body=body, address=address)


def _musts(scene: Scene, fleet: Fleet, maker: str) -> tuple[Must, ...]:
    ids, us = {unit.id for unit in fleet.units}, scene.place.responsible
    flows = {scene.flow_of(unit) for unit in fleet.units}
    others = {
        scene.flow_of(unit)
        for unit in scene.speakers()
        if scene.place.device_models[unit.model].maker not in (maker, us)
    }
    begun = held("task", OverrideBegun, lambda one: one.person == "engineer" and one.step in ("approved", "begun"))
    return (
        Must(
            id="way-told",
            kind=Kind.DETECTED,
            since="reach",
            within_s=600,
            when=noticed("reach", "new-destination", of=lambda subject: subject in ids or fleet.group in subject),
            said="that the fleet talks to where no flow leads is told",
        ),
        Must(
            id="update-told",
            kind=Kind.DETECTED,
            since="update",
            within_s=600,
            when=noticed("update", "new-destination", of=lambda subject: subject.startswith("system:")),
            said="that the maker's update server reaches for it past the declared way is told",
        ),
        Must(
            id="stop-waits",
            kind=Kind.CONTAINED,
            since="stop-all",
            within_s=300,
            when=recorded("stop-all", OverrideBegun, lambda one: one.person == "engineer" and one.step == "asked"),
            said="what the maker's engineer orders waits for a second person, on record",
        ),
        Must(
            id="bounds",
            kind=Kind.REFUSED,
            since="below",
            within_s=300,
            when=turned_away("below", statuses=(400, 403, 409)),
            said="and beyond the declared bounds there is nothing to wait for",
        ),
        Must(
            id="never-held",
            kind=Kind.KEPT,
            since="task",
            within_s=900,
            when=begun,
            said="the fleet is never held by the maker's word",
        ),
        Must(
            id="never-stopped",
            kind=Kind.KEPT,
            since="task",
            within_s=900,
            when=held("task", CommandIssued, lambda one: one.device in ids and one.cause.get("held_by") == "engineer"),
            said="no unit is commanded by it",
        ),
        Must(
            id="share-told",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=120,
            when=lambda seen: _cut(seen, maker, len(fleet.units)),
            said="cutting the maker off says on record how many units hang on it, and what that costs",
        ),
        Must(
            id="others-go-on",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=900,
            when=goes_on("cut", others, 60),
            said="what others made goes on",
        ),
        Must(
            id="back",
            kind=Kind.RECOVERED,
            since="lift",
            within_s=900,
            when=goes_on("lift", flows),
            said="let back in, the fleet reports again",
        ),
    )


def _cut(seen: Seen, maker: str, units: int) -> int | None:
    begun = seen.done.get("cut")
    if begun is None:
        return None
    return seen.first(
        Contained,
        lambda one: (
            one.step in ("approved", "begun") and maker in one.target and one.units >= units and "functions" in one.cost
        ),
        begun,
    )


SCENARIO = Scenario(
    id="S-07",
    title="A maker can stop its vehicles from afar",
    source=(
        "Oslo, 2025: the operator of the buses drove one into a mine, out of all reach, and found that the "
        "maker's updates lead to its battery and power control by a foreign SIM card: it could be stopped. "
        "Where the data lay said nothing of that"
    ),
    limits=(
        "Vehicles that hang on their maker's own radio never pass a gate of ours: here a fleet that we command "
        "stands for them. That an update is delayed and looked at is the firewall's and the workshop's to do."
    ),
    plan=plan,
)
