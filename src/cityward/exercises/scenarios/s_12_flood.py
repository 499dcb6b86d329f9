"""S-12: a flood at the doors, so that what is controlled loses its control again and again."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import CommandOutcome
from cityward.exercises.bodies import message
from cityward.exercises.expecting import (
    contained,
    entries_refused,
    goes_on,
    knocked,
    noticed,
    recorded,
    refused_rows,
    turned_away,
)
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Fleet, Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Credential, Deed, Do, Persona, Send
from cityward.place.registry import Unit
from cityward.place.roles import Right

BOTS = "127.0.0.72"
MOST, TIMES = 12_000, 6  # messages; so many minutes' worth of what the device may send, within one
SHED = 600  # as many are told as a flood (docs/detectors/overload.md)
KNOCKS, POLLS = 120, 300
LOUD = 120.0  # seconds that it takes


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """One device sends many times what it may; strangers knock and poll; meanwhile an operator still works; it is cut off."""
    fleet = next((one for one in scene.fleets() if one.kind != "signals"), None)
    officer = scene.role_with(Right.CONTAIN)
    flooder = _flooder(scene, chance, fleet)
    if fleet is None or flooder is None or officer is None:
        return NotStaged("no fleet is commanded, no device by MQTT beside it could flood, or nobody may cut one off")
    operator = scene.role_with(Right.OPERATE, services=(fleet.service,))
    if operator is None:
        return NotStaged("nobody of the city operates the fleet")
    unit, us = fleet.units[int(chance.integers(len(fleet.units)))], scene.place.responsible
    value = round(fleet.limits.low + 0.7 * (fleet.limits.high - fleet.limits.low))
    body = json.dumps({"target": unit.id, "value": value, "reason": "an exercise", "hours": 0.5}).encode()
    known = scene.registry
    copies = min(MOST, TIMES * int(known.unit_limits[known.unit_index[flooder.id], 0]) + SHED)
    said = message(scene, flooder, {known.channel_property[flooder.channels[0]]: _sound(scene, flooder)})
    return Plan(
        steps=(
            Send(key="flood", at_s=30, unit=flooder.id, body=said, copies=copies, spread_s=LOUD, client="flood"),
            Send(
                key="knocks",
                at_s=30,
                unit=unit.id,
                body=b"[]",
                credential=Credential.GUESSED,
                copies=KNOCKS,
                spread_s=LOUD,
                address=BOTS,
            ),
            Ask(
                key="polls",
                at_s=30,
                who="",
                method="GET",
                path="/api/place",
                copies=POLLS,
                spread_s=LOUD,
                address=scene.nobodys_address(),
            ),
            Ask(
                key="work",
                at_s=90,
                who="shift",
                method="POST",
                path=f"/api/services/{fleet.service}/overrides",
                body=body,
            ),
            Do(key="cut", at_s=600, deed=Deed.CONTAIN, by="officer", said={"target": f"device:{flooder.id}"}),
            Send(key="after", at_s=720, unit=flooder.id, body=said, client="after"),
            Do(key="lift", at_s=840, deed=Deed.LIFT, by="officer", said={"of": "cut"}),
        ),
        musts=_musts(scene, fleet, flooder, unit),
        services=(fleet.service,),
        subjects=(f"devices.{flooder.group}", f"devices.{fleet.group}"),
        personas=(
            Persona(name="officer", party=us, roles=(officer,)),
            Persona(name="shift", party=us, roles=(operator,)),
        ),
        settle_s=900,
        alarms=("overload", "failed-entries", "second-presence", "silence", "freeze", "late-use"),
        wrong=lambda command: command.device == unit.id and command.value < fleet.limits.low,
    )


def _flooder(scene: Scene, chance: np.random.Generator, fleet: Fleet | None) -> Unit | None:
    """A device by MQTT that few depend on and that may send little: a flood of it is soon one."""
    known = scene.registry
    able = [unit for unit in scene.speakers() if scene.place.flows[scene.flow_of(unit)].protocol == "mqtt"]
    able = [unit for unit in able if fleet is None or unit.group != fleet.group]
    if not able:
        return None
    ranks = {
        unit.id: (-int(known.unit_priority[i := known.unit_index[unit.id]]), int(known.unit_limits[i, 0]))
        for unit in able
    }
    best = min(ranks.values(), key=lambda rank: (rank[1], rank[0]))
    found = [unit for unit in able if ranks[unit.id] == best]
    return found[int(chance.integers(len(found)))]


def _sound(scene: Scene, unit: Unit) -> float:
    low, high = (float(bound[unit.channels[0]]) for bound in (scene.registry.channel_low, scene.registry.channel_high))
    return low + (high - low) / 4


def _musts(scene: Scene, fleet: Fleet, flooder: Unit, unit: Unit) -> tuple[Must, ...]:
    flow = scene.flow_of(flooder)
    mine = {scene.flow_of(one) for one in fleet.units} | {scene.flow_of(one) for one in scene.read_by(fleet.service)}
    return (
        Must(
            id="shed",
            kind=Kind.REFUSED,
            since="flood",
            within_s=900,
            when=refused_rows(
                "flood",
                flow,
                "rate-exceeded",
                "bytes-exceeded",
                "group-budget",
                "flow-budget",
                "not-acknowledged",
                least=SHED,
            ),
            said="what one device sends beyond what is declared is not taken",
        ),
        Must(
            id="flood-told",
            kind=Kind.DETECTED,
            since="flood",
            within_s=900,
            when=noticed("flood", "overload", of=lambda subject: subject == flooder.id),
            said="which device floods is told",
        ),
        Must(
            id="knocks-refused",
            kind=Kind.REFUSED,
            since="knocks",
            within_s=600,
            when=turned_away("knocks"),
            said="strangers do not get in, however many",
        ),
        Must(
            id="knocks-told",
            kind=Kind.DETECTED,
            since="knocks",
            within_s=600,
            when=knocked("knocks", BOTS),
            said="and are told of",
        ),
        Must(
            id="knocks-on-record",
            kind=Kind.RECORDED,
            since="knocks",
            within_s=300,
            when=entries_refused("knocks"),
            said="and counted on record",
        ),
        Must(
            id="polls-refused",
            kind=Kind.REFUSED,
            since="polls",
            within_s=600,
            when=turned_away("polls", statuses=(401, 403, 429, 503)),
            said="nor does polling without an account bring anything",
        ),
        Must(
            id="still-heard",
            kind=Kind.CONTAINED,
            since="flood",
            within_s=900,
            when=goes_on("flood", mine - {flow} or mine, LOUD),
            said="what the service needs is heard all the same",
        ),
        Must(
            id="still-obeys",
            kind=Kind.CONTAINED,
            since="work",
            within_s=900,
            when=recorded("work", CommandOutcome, lambda one: one.device == unit.id and one.outcome == "acknowledged"),
            said="an operator still commands the street during the flood",
        ),
        Must(
            id="nobody-dark",
            kind=Kind.KEPT,
            since="flood",
            within_s=900,
            when=lambda seen: _none_off(seen, fleet),
            said="nothing is off: no actuator shows less than its least",
        ),
        Must(
            id="cut-off",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=120,
            when=contained("cut", "begun", flooder.id),
            said="the device is cut off at the door",
        ),
        Must(
            id="stays-out",
            kind=Kind.REFUSED,
            since="after",
            within_s=120,
            when=turned_away("after"),
            said="and stays out",
        ),
        Must(
            id="calm",
            kind=Kind.RECOVERED,
            since="cut",
            within_s=900,
            when=goes_on("cut", mine, 120),
            said="afterwards all is heard as before",
        ),
    )


def _none_off(seen: Seen, fleet: Fleet) -> int | None:
    mine = {unit.id for unit in fleet.units}
    shown = [value for (unit, prop), (_, value) in seen.values.items() if unit in mine and prop == fleet.limits.sets]
    return None if any(value < fleet.limits.low for value in shown) else seen.now


SCENARIO = Scenario(
    id="S-12",
    title="A flood sends controllers into a reboot loop",
    source=(
        "Lappeenranta, late 2016: a flood of requests made the controllers of two houses' heating start again "
        "every five minutes, so that nothing was heated; it ended when they were unplugged from the Internet"
    ),
    limits=(
        "A flood that fills the line in front of the city is the network's matter; here it is as large as one "
        "machine can make. What a controller does that hears nothing for two hours (its own fail-safe) is "
        "tested at the lamp, as it takes two hours."
    ),
    plan=plan,
)
