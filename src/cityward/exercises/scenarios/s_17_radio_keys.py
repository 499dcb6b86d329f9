"""S-17: the keys of radio devices are out. Somebody joins as one, repeats what it said, and makes up what it never said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from cityward.exercises.expecting import doubted, goes_on, noticed, refused_rows
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.steps import Send
from cityward.place.registry import Unit

FAR = {"lon": 10.75, "lat": 59.91}  # a gateway that no device of the place can be heard by, as long as it is elsewhere
NEAR = 0.01  # degrees from where the device stands
STRANGER = "ffffffffffffffff"
FLOOD = 3_000


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Frames that go on, then one that was heard before, another session, another place, another radio, and a flood."""
    units = [unit for unit in scene.speakers("lorawan") if not scene.registry.models[unit.model].decoder]
    if len(units) < 2:
        return NotStaged("fewer than two devices speak by LoRaWAN without a script of their maker's")
    cloned, honest = (units[int(n)] for n in chance.choice(len(units), 2, replace=False))
    first = int(chance.integers(1000, 5000))

    def frame(key: str, at_s: float, counter: int, session: str = "01189440") -> Send:
        return Send(key=key, at_s=at_s, unit=cloned.id, body=_uplink(scene, cloned, counter, session))

    return Plan(
        steps=(
            *(frame(f"own-{n}", 60 * n, first + n) for n in range(4)),
            frame("repeated", 300, first + 1),
            *(
                frame(f"clone-{n}", 360 + 40 * n, 1 + n if n % 2 else first + 4 + n, ("01189441", "01189440")[n % 2])
                for n in range(8)
            ),
            Send(
                key="elsewhere",
                at_s=720,
                unit=cloned.id,
                body=_uplink(scene, cloned, first + 20, "01189440", gateway=FAR),
            ),
            Send(
                key="stranger",
                at_s=780,
                unit=cloned.id,
                body=_uplink(scene, cloned, first + 21, "01189440", eui=STRANGER),
            ),
            Send(
                key="flood",
                at_s=840,
                unit=cloned.id,
                copies=FLOOD,
                spread_s=120,
                body=_uplink(scene, cloned, first + 22, "01189440"),
            ),
            Send(
                key="honest",
                at_s=900,
                unit=honest.id,
                body=_uplink(scene, honest, 7, "01189442"),
            ),
        ),
        musts=_musts(scene, cloned, honest),
        subjects=tuple(dict.fromkeys(f"devices.{unit.group}" for unit in (cloned, honest))),
        settle_s=900,
        alarms=("frame-counter", "impossible-travel", "hardware", "overload", "second-presence", "radio-log"),
    )


def _uplink(
    scene: Scene, unit: Unit, counter: int, session: str, *, gateway: Mapping[str, float] | None = None, eui: str = ""
) -> bytes:
    """As ChirpStack passes one on: whose radio, its counter, the gateway that heard it, and what it says."""
    own = unit.hardware.eui if unit.hardware is not None and unit.hardware.eui else ""
    lon, lat = unit.position or scene.place.position
    where = gateway or {"lon": lon + NEAR, "lat": lat + NEAR}
    heard = {
        "gatewayId": "a" * 16 if gateway is None else "b" * 16,
        "location": {"latitude": where["lat"], "longitude": where["lon"]},
    }
    said: dict[str, Any] = {
        "deviceInfo": {"devEui": eui or own or f"{unit.id.encode().hex()[-16:]:0>16}"},
        "devAddr": session,
        "fCnt": counter,
        "fPort": 2,
        "time": "{iso}",
        "rxInfo": [heard],
    }
    for prop, value in scene.ordinary(unit).items():
        path = scene.registry.models[unit.model].properties[prop].path or f"/object/{prop}"
        _put(said, path, value)
    return json.dumps(said).encode()


def _put(body: dict[str, Any], pointer: str, value: float) -> None:
    *way, last = pointer.removeprefix("/").split("/")
    for part in way:
        body = body.setdefault(part, {})
    body[last] = value


def _musts(scene: Scene, cloned: Unit, honest: Unit) -> tuple[Must, ...]:
    def it(subject: str) -> bool:
        return subject == cloned.id

    far = Must(
        id="two-places",
        kind=Kind.DETECTED,
        since="elsewhere",
        within_s=600,
        when=noticed("elsewhere", "impossible-travel", of=it),
        said="that it is heard where it cannot be is told",
    )
    stranger = Must(
        id="stranger-refused",
        kind=Kind.REFUSED,
        since="stranger",
        within_s=600,
        when=refused_rows("stranger", scene.flow_of(cloned), "wrong-device"),
        said="what another radio says in its name is refused",
    )
    return (
        Must(
            id="repeated",
            kind=Kind.DETECTED,
            since="repeated",
            within_s=600,
            when=noticed("repeated", "frame-counter", of=it),
            said="that a frame comes again is told",
        ),
        Must(
            id="not-believed",
            kind=Kind.CONTAINED,
            since="own-0",
            within_s=1200,
            when=doubted("own-0", [cloned.id]),
            said="and from then on it is trusted less than in full",
        ),
        *((far,) if cloned.position is not None else ()),
        *((stranger,) if cloned.hardware is not None and cloned.hardware.eui else ()),
        Must(
            id="flood-shed",
            kind=Kind.REFUSED,
            since="flood",
            within_s=900,
            when=refused_rows("flood", scene.flow_of(cloned), least=100),
            said="what it sends beyond its budget, or under a time it has used, is not taken",
        ),
        Must(
            id="others-heard",
            kind=Kind.RECOVERED,
            since="honest",
            within_s=900,
            when=goes_on("honest", [scene.flow_of(honest)]),
            said="another radio device is heard while it floods",
        ),
    )


SCENARIO = Scenario(
    id="S-17",
    title="Leaked radio keys: a clone speaks and floods",
    source=(
        "A security firm's study of 2020: keys of LoRaWAN devices were the same for many, stood on stickers and in "
        "public code, or could be read out; with them anybody joins as the device, says what they like or keeps it "
        "silent, and its owner cannot tell"
    ),
    limits=(
        "Frames as a network server passes them on; there is no radio. Whether it refuses a join that was used before "
        "is the server's to show (`radio-log`)."
    ),
    plan=plan,
)
