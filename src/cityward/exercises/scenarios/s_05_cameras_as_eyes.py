"""S-05: in a crisis the city's cameras become somebody else's eyes, until a posture closes them."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import Postured, ViewEnded, ViewGranted, ViewRefused
from cityward.exercises.bodies import flow_line
from cityward.exercises.expecting import contained, held, noticed, recorded, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona
from cityward.place.release import Posture
from cityward.place.roles import Right

POLLS = 60  # of whoever has no account
RTSP = 554
LIFTED_S = 780  # until a lifted bar is over at every door, at the speed of a twin


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """A camera sends to a second place, strangers poll; the posture goes on, and off again; who looked when can be told."""
    found = _camera(scene, chance)
    posture = _posture(scene)
    if found is None:
        return NotStaged("no camera that the city's own people look through has a declared address")
    if posture is None:
        return NotStaged("no posture of this city closes its cameras")
    camera, address = found
    name, duty = posture
    guard, audit, second = scene.role_seeing(camera), scene.role_with(Right.AUDIT), scene.role_with(Right.APPROVE)
    if guard is None or audit is None or second is None:
        return NotStaged("nobody of the city looks through cameras, may be the second person, or may see who looked")
    us, device = scene.place.responsible, scene.place.cameras[camera].device
    abroad = scene.nobodys_address()
    switch = {"posture": name, "second": "second", "minutes": "240"}
    return Plan(
        steps=(
            _look("calm", 0, camera, scene),
            Do(key="leak", at_s=30, deed=Deed.FLOW_LOG, said={"line": flow_line(address, abroad, RTSP)}),
            Ask(
                key="polls",
                at_s=120,
                who="",
                method="GET",
                path="/api/cameras",
                address=abroad,
                copies=POLLS,
                spread_s=120,
            ),
            Do(key="on", at_s=150, deed=Deed.POSTURE, by="duty", said={**switch, "state": "on"}),
            _look("crisis", 270, camera, scene),
            Do(key="cut", at_s=330, deed=Deed.CONTAIN, by="duty", said={"target": f"device:{device}"}),
            Do(key="lift", at_s=390, deed=Deed.LIFT, by="duty", said={"of": "cut"}),
            Do(key="off", at_s=450, deed=Deed.POSTURE, by="duty", said={**switch, "state": "off"}),
            _look("calm-again", 390 + LIFTED_S, camera, scene),
            Ask(
                key="who-looked",
                at_s=450 + LIFTED_S,
                who="auditor",
                method="GET",
                path="/api/viewed",
                query={"camera": camera},
            ),
        ),
        musts=_musts(camera, device, scene.registry.units[scene.registry.unit_index[device]].group, name),
        services=tuple(one for one, service in scene.place.services.items() if service.kind == "cctv"),
        subjects=(f"cameras.{camera}", f"postures.{name}"),
        personas=(
            Persona(name="guard", party=us, roles=(guard,)),
            Persona(name="duty", party=us, roles=(duty,)),
            Persona(name="second", party=us, roles=tuple(dict.fromkeys((duty, second)))),
            Persona(name="auditor", party=us, roles=(audit,)),
        ),
        roles=("network",),
        settle_s=600,
        alarms=("cameras", "new-destination", "failed-entries", "configuration-drift", "sign-ins"),
    )


def _camera(scene: Scene, chance: np.random.Generator) -> tuple[str, str] | None:
    """A shown camera, and the address that it has on the network."""
    found: list[tuple[str, str]] = []
    for name in scene.shown_cameras():
        unit = scene.place.cameras[name].device
        group = scene.registry.units[scene.registry.unit_index[unit]].group
        address = scene.addresses_of(unit, group)
        if address and scene.role_seeing(name) is not None:
            found.append((name, address))
    return found[int(chance.integers(len(found)))] if found else None


def _posture(scene: Scene) -> tuple[str, str] | None:
    """A posture that stops what cameras show, and a standing role of ours that switches it."""
    sensitive = {scene.place.datasets[scene.place.cameras[name].dataset].sensitivity for name in scene.shown_cameras()}
    kept = {scene.place.cameras[name].dataset for name in scene.shown_cameras()}
    for name, posture in scene.place.postures.items():
        roles = [r for r in posture.by if r in scene.place.roles and scene.place.roles[r].standing]
        if roles and not posture.areas and _stops(posture, sensitive, kept):
            return name, roles[0]
    return None


def _stops(posture: Posture, sensitive: set[str], datasets: set[str]) -> bool:
    return sensitive <= {*posture.stop_sensitivity} or datasets <= {*posture.stop_datasets}


def _look(key: str, at_s: float, camera: str, scene: Scene) -> Ask:
    viewing = scene.place.cameras[camera].viewing
    asked = {"purpose": viewing.purposes[0] if viewing else "", "reason": "how many wait on the quay", "minutes": 2}
    body = json.dumps(asked).encode()
    return Ask(key=key, at_s=at_s, who="guard", method="POST", path=f"/api/cameras/{camera}/views", body=body)


def _musts(camera: str, device: str, group: str, posture: str) -> tuple[Must, ...]:
    def it(subject: str) -> bool:
        return subject in (device, f"device:{group}")

    over = recorded("on", ViewEnded, lambda one: one.camera == camera and one.outcome.startswith("stopped"))
    closed = recorded("crisis", ViewRefused, lambda one: one.camera == camera and "posture" in one.reasons)
    return (
        Must(
            id="second-place",
            kind=Kind.DETECTED,
            since="leak",
            within_s=600,
            when=noticed("leak", "cameras", of=it),
            said="that a camera sends to a second place is told, and that it is a camera",
        ),
        Must(
            id="destination",
            kind=Kind.DETECTED,
            since="leak",
            within_s=600,
            when=noticed("leak", "new-destination"),
            said="and that nobody declared where to",
        ),
        Must(
            id="strangers",
            kind=Kind.REFUSED,
            since="polls",
            within_s=600,
            when=turned_away("polls", statuses=(401, 403, 429)),
            said="who has no account gets nothing of a camera, however often",
        ),
        Must(
            id="posture-on",
            kind=Kind.CONTAINED,
            since="on",
            within_s=120,
            when=recorded("on", Postured, lambda one: one.posture == posture and one.step == "on"),
            said="two persons close the cameras with one act, for a time that is declared",
        ),
        Must(
            id="closed",
            kind=Kind.REFUSED,
            since="crisis",
            within_s=300,
            when=closed,
            said="nobody is shown a picture any more",
        ),
        Must(
            id="open-view-ends",
            kind=Kind.CONTAINED,
            since="on",
            within_s=600,
            when=over,
            said="and who looked already is stopped",
        ),
        Must(
            id="not-meanwhile",
            kind=Kind.KEPT,
            since="crisis",
            within_s=300,
            when=lambda seen: _none_between(seen, camera),
            said="from the posture's beginning to its end nobody was shown a picture",
        ),
        Must(
            id="cut-off",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=120,
            when=contained("cut", "begun", device),
            said="the camera that sends elsewhere is cut off",
        ),
        Must(
            id="calm-again",
            kind=Kind.RECOVERED,
            since="calm-again",
            within_s=300,
            when=recorded("calm-again", ViewGranted, lambda one: one.camera == camera),
            said="after it, the city's people look again",
        ),
        Must(
            id="who-looked",
            kind=Kind.RECORDED,
            since="who-looked",
            within_s=300,
            when=lambda seen: _told(seen, "who-looked"),
            said="who looked through it, and who was refused, can be told",
        ),
    )


def _none_between(seen: Seen, camera: str) -> int | None:
    begun, ended = seen.done.get("crisis"), seen.done.get("off")
    if begun is None or ended is None:
        return None
    shown = held("crisis", ViewGranted, lambda one: one.camera == camera and one.at < ended)
    return shown(seen)


def _told(seen: Seen, step: str) -> int | None:
    answer = seen.answers.get(step)
    if answer is None or answer.status != 200:
        return None
    return answer.at if b'"guard"' in answer.body and b"posture" in answer.body else None


SCENARIO = Scenario(
    id="S-05",
    title="Cameras become eyes for somebody else",
    source=(
        "Kyiv, January 2024: two cameras of flats were turned to the air defence and shown to everybody before "
        "a strike; the security service had some 10,000 cameras switched off. A joint advisory of May 2025 "
        "tells of 10,000 more along borders and railways, public traffic cameras among them"
    ),
    limits=(
        "No camera moves here: that one is re-aimed is seen by the role `cameras` and tested with real pictures "
        "(`tests/insight`, docs/cctv-bench.md). A second stream over a network that no log covers is seen by "
        "nobody."
    ),
    plan=plan,
)
