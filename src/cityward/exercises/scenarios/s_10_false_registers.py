"""S-10: from a foothold in the network somebody writes wrong measurements, and the loop follows them."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import Marked
from cityward.exercises.bodies import flow_line, message
from cityward.exercises.expecting import (
    broker_refused,
    broker_said_no,
    contained,
    doubted,
    goes_on,
    no_command_rests_on,
    noticed,
    recorded,
    refused_rows,
    turned_away,
)
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.steps import Deed, Do, Persona, Send
from cityward.place.registry import Unit
from cityward.place.roles import Right

ROUTER = "127.0.0.60"  # the router between the sensors and us
LIES, BEYOND, OTHERS = 10, 5, 4
LIFTED_S = 780  # until a lifted bar is over at every door, at the speed of a twin
TUNNEL_PORT = 1194


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """One sensor's values are written beside its own; values no sensor has; other sensors' names; a tunnel to abroad."""
    found = _loop(scene)
    role = scene.role_with(Right.CONTAIN)
    if found is None or role is None:
        return NotStaged("no service drives anything by what a sensor by MQTT says, or nobody may cut one off")
    service, sensors = found
    order = [sensors[int(n)] for n in chance.permutation(len(sensors))]
    sensor = next((one for one in order if scene.addresses_of(one.id, one.group)), order[0])
    others = [unit for unit in scene.speakers() if unit.id != sensor.id][:OTHERS]
    address = scene.addresses_of(sensor.id, sensor.group)
    prop, low, high = _channel(scene, sensor)
    tunnel = (
        Do(
            key="tunnel",
            at_s=240,
            deed=Deed.FLOW_LOG,
            said={"line": flow_line(address, scene.nobodys_address(), TUNNEL_PORT, "udp")},
        ),
    )
    return Plan(
        steps=(
            Send(
                key="lies",
                at_s=0,
                body=message(scene, sensor, {prop: low + 0.7 * (high - low)}),
                copies=LIES,
                spread_s=200,
                client="lies",
                unit=sensor.id,
                address=ROUTER,
            ),
            Send(
                key="beyond",
                at_s=60,
                body=message(scene, sensor, {prop: high + 3 * (high - low)}),
                copies=BEYOND,
                spread_s=60,
                client="beyond",
                unit=sensor.id,
                address=ROUTER,
            ),
            *(tunnel if address else ()),
            *(
                Send(
                    key=f"other-{n}",
                    at_s=300.0 + 12 * n,
                    topic=f"in/{unit.id}",
                    body=b"[]",
                    client=f"o{n}",
                    unit=sensor.id,
                    address=ROUTER,
                )
                for n, unit in enumerate(others)
            ),
            Do(key="cut", at_s=600, deed=Deed.CONTAIN, by="officer", said={"target": f"device:{sensor.id}"}),
            Send(key="after", at_s=720, body=b"[]", client="after", unit=sensor.id, address=ROUTER),
            Do(key="lift", at_s=780, deed=Deed.LIFT, by="officer", said={"of": "cut"}),
            Send(
                key="back",
                at_s=780 + LIFTED_S,
                unit=sensor.id,
                body=message(scene, sensor, {prop: low + 0.3 * (high - low)}),
                client="back",
            ),
        ),
        musts=_musts(scene, sensor, others, address),
        services=(service,),
        subjects=(f"devices.{sensor.group}",),
        personas=(Persona(name="officer", party=scene.place.responsible, roles=(role,)),),
        roles=("network",),
        settle_s=900,
        alarms=(
            "second-presence",
            "refused-topics",
            "new-destination",
            "rate-of-change",
            "limits",
            "step-bias",
            "resonance",
            "silence",
            "expected-range",
            "failed-entries",
            "system-consistency",
        ),
    )


def _loop(scene: Scene) -> tuple[str, list[Unit]] | None:
    """A service that commands something, and the sensors that its settings name."""
    for fleet in scene.fleets():
        service = scene.place.services[fleet.service]
        words = json.dumps(service.settings, default=str)
        mine = [
            unit
            for unit in scene.read_by(fleet.service)
            if scene.place.flows[scene.flow_of(unit)].protocol == "mqtt"
            and (f'"{unit.id}"' in words or f'"{unit.group}"' in words)
        ]
        if mine:
            return fleet.service, mine
    return None


def _channel(scene: Scene, unit: Unit) -> tuple[str, float, float]:
    known = scene.registry
    channel = next(c for c in unit.channels if known.channel_flow[c] >= 0)
    return known.channel_property[channel], float(known.channel_low[channel]), float(known.channel_high[channel])


def _musts(scene: Scene, sensor: Unit, others: list[Unit], address: str) -> tuple[Must, ...]:
    def it(subject: str) -> bool:
        return subject == sensor.id

    flow = scene.flow_of(sensor)
    tunnel = Must(
        id="tunnel-told",
        kind=Kind.DETECTED,
        since="tunnel",
        within_s=600,
        when=noticed("tunnel", "new-destination", of=lambda subject: sensor.id in subject or sensor.group in subject),
        said="that it talks to an address that nobody declared is told",
    )
    return (
        Must(
            id="second-writer",
            kind=Kind.DETECTED,
            since="lies",
            within_s=600,
            when=noticed("lies", "second-presence", of=it),
            said="that a second one writes its values is told",
        ),
        Must(
            id="beyond-refused",
            kind=Kind.REFUSED,
            since="beyond",
            within_s=600,
            when=refused_rows("beyond", flow, "out-of-range", least=BEYOND),
            said="values that no such sensor has do not come in",
        ),
        *((tunnel,) if address else ()),
        Must(
            id="others-refused",
            kind=Kind.REFUSED,
            since="other-0",
            within_s=600,
            when=broker_refused("other-0", {unit.id for unit in others}, len(others)),
            said="the foothold writes no other sensor's values",
        ),
        Must(
            id="others-told",
            kind=Kind.DETECTED,
            since="other-0",
            within_s=600,
            when=noticed("other-0", "refused-topics", of=it),
            said="and that it tries is told",
        ),
        Must(
            id="others-on-record",
            kind=Kind.RECORDED,
            since="other-0",
            within_s=300,
            when=broker_said_no("other-0", others[0].id),
            said="on record, with whose name was used",
        ),
        Must(
            id="not-believed",
            kind=Kind.CONTAINED,
            since="lies",
            within_s=1500,
            when=doubted("lies", [sensor.id]),
            said="what it says is not trusted any more",
        ),
        Must(
            id="loop-lets-go",
            kind=Kind.KEPT,
            since="lies",
            within_s=1500,
            when=no_command_rests_on("lies", [sensor.id]),
            said="once it is not, no command rests on it",
        ),
        Must(
            id="marked",
            kind=Kind.RECORDED,
            since="lies",
            within_s=1800,
            when=recorded(
                "lies", Marked, lambda one: one.device == sensor.id and one.state in ("suspect", "retracted")
            ),
            said="what it said meanwhile is marked where it is held",
        ),
        Must(
            id="cut-off",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=120,
            when=contained("cut", "begun", sensor.id),
            said="it is cut off",
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
            id="others-heard",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=900,
            when=goes_on("cut", {scene.flow_of(unit) for unit in others}, 60),
            said="the other sensors are heard",
        ),
        Must(
            id="back",
            kind=Kind.RECOVERED,
            since="back",
            within_s=300,
            when=lambda seen: a.at if (a := seen.answers.get("back")) is not None and a.status == 200 else None,
            said="let back in, its own connection is taken again",
        ),
    )


SCENARIO = Scenario(
    id="S-10",
    title="False measurements drive a control loop",
    source=(
        "Lviv, January 2024: by a router that was broken into months before, somebody wrote wrong registers "
        "into heating controllers of a flat network; the controllers reported what was not so, and more than "
        "600 houses had no heat for two days"
    ),
    limits=(
        "A lie that stays within what the sensor may say, for minutes, by a true credential from its own place, "
        "is seen by neighbours only, after hours; S-18 tries that. Registers that a poller reads are no message "
        "to us."
    ),
    plan=plan,
)
