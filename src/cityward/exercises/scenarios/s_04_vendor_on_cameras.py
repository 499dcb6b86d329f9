"""S-04: a maker's support account that may do everything is taken, and looks through every camera it can."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import ViewGranted, ViewRefused
from cityward.exercises.expecting import When, contained, goes_on, held, knocked, recorded, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona
from cityward.place.roles import Right

LIFTED_S = 780  # until a lifted bar is over at every door, at the speed of a twin
PRYING = 40  # requests for what is no business of a maker's
SHELLS = ("/api/people", "/api/watch", "/api/commands")


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """The maker's account looks around from abroad, is given its role, asks for all pictures; then one of ours looks too far."""
    cameras = list(scene.shown_cameras())
    role = scene.guest_role(Right.VIEW)
    if len(cameras) < 2 or role is None:
        return NotStaged("nobody looks through two cameras here, or no maker's people may ever ask to")
    ours, cutter = scene.role_seeing(cameras[0]), scene.role_with(Right.CONTAIN)
    if ours is None or cutter is None:
        return NotStaged("none of the city's own people looks through cameras, or none may cut a maker off")
    order = [cameras[int(n)] for n in chance.permutation(len(cameras))]
    vendor, us = scene.place.roles[role].party, scene.place.responsible
    abroad, office = scene.nobodys_address(), scene.address_of(role)
    steps = (
        *_prying(abroad),
        *(_look(f"abroad-{n}", 90 + 12 * n, "vendor", camera, scene, abroad) for n, camera in enumerate(order)),
        Do(key="let-in", at_s=180, deed=Deed.GRANT, said={"persona": "vendor", "role": role, "minutes": "60"}),
        *(_look(f"role-{n}", 300 + 12 * n, "vendor", camera, scene, office) for n, camera in enumerate(order)),
        *(_look(f"own-{n}", 420 + 12 * n, "guard", camera, scene, "") for n, camera in enumerate(order)),
        Do(
            key="cut", at_s=600, deed=Deed.CONTAIN, by="officer", said={"target": f"party:{vendor}", "second": "second"}
        ),
        _look("cut-look", 720, "guard", order[0], scene, ""),
        Do(key="lift", at_s=780, deed=Deed.LIFT, by="officer", said={"of": "cut"}),
        _look("again", 780 + LIFTED_S, "guard", order[0], scene, ""),
    )
    return Plan(
        steps=steps,
        musts=_musts(scene, order, vendor),
        services=tuple(name for name, one in scene.place.services.items() if one.kind == "cctv"),
        subjects=tuple(f"cameras.{name}" for name in order),
        personas=(
            Persona(name="vendor", party=vendor, address=abroad),
            Persona(name="guard", party=us, roles=(ours,)),
            Persona(name="officer", party=us, roles=(cutter,)),
            Persona(name="second", party=us, roles=(cutter,)),
        ),
        settle_s=600,
        alarms=("failed-entries", "sign-ins", "rights", "unusual-reads", "cameras", "silence"),
    )


def _prying(abroad: str) -> list[Ask]:
    return [
        Ask(
            key=f"pry-{n}",
            at_s=12.0 * n,
            who="vendor",
            method="GET",
            path=path,
            address=abroad,
            copies=PRYING // len(SHELLS) + 1,
        )
        for n, path in enumerate(SHELLS)
    ]


def _look(key: str, at_s: float, who: str, camera: str, scene: Scene, address: str) -> Ask:
    viewing = scene.place.cameras[camera].viewing
    asked = {"purpose": viewing.purposes[0] if viewing else "", "reason": "to see whether it works", "minutes": 2}
    body = json.dumps(asked).encode()
    return Ask(
        key=key, at_s=at_s, who=who, method="POST", path=f"/api/cameras/{camera}/views", body=body, address=address
    )


def _musts(scene: Scene, order: list[str], vendor: str) -> tuple[Must, ...]:
    bound = min(viewing.cameras_most for name in order if (viewing := scene.place.cameras[name].viewing) is not None)
    tries = [f"abroad-{n}" for n in range(len(order))]
    roles = [f"role-{n}" for n in range(len(order))]
    others = {scene.flow_of(unit) for unit in scene.speakers() if not _is_of(scene, unit.group, vendor)}
    fan_out = recorded("own-0", ViewRefused, lambda one: one.person == "guard" and "fan-out" in one.reasons)
    beyond = Must(
        id="no-more-than-agreed",
        kind=Kind.REFUSED,
        since="own-0",
        within_s=600,
        when=fan_out,
        said="nor does one of ours open more cameras within an hour than is declared",
    )
    return (
        Must(
            id="nothing-standing",
            kind=Kind.REFUSED,
            since=tries[-1],
            within_s=300,
            when=turned_away(*tries),
            said="no maker's account looks through a camera by itself",
        ),
        Must(
            id="nothing-else",
            kind=Kind.REFUSED,
            since="pry-2",
            within_s=300,
            when=turned_away("pry-0", "pry-1", "pry-2"),
            said="and what is no business of it answers nothing",
        ),
        Must(
            id="tries-told",
            kind=Kind.DETECTED,
            since="pry-0",
            within_s=600,
            when=knocked("pry-0", scene.nobodys_address()),
            said="that it tries so much is told",
        ),
        Must(
            id="tries-on-record",
            kind=Kind.RECORDED,
            since=tries[0],
            within_s=300,
            when=_each(tries[0], order, "vendor"),
            said="each camera it asked for is on record, with why it was refused",
        ),
        Must(
            id="not-with-a-role",
            kind=Kind.REFUSED,
            since=roles[-1],
            within_s=300,
            when=_each(roles[0], order, "vendor"),
            said="with a role for a task it gets no picture that the declaration keeps from it",
        ),
        *((beyond,) if bound < len(order) else ()),
        Must(
            id="never-shown",
            kind=Kind.KEPT,
            since="pry-0",
            within_s=900,
            when=held("pry-0", ViewGranted, lambda one: one.party == vendor),
            said="the maker's people are shown nothing all through",
        ),
        Must(
            id="cut-off",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=120,
            when=contained("cut", "begun", vendor),
            said="one act of two persons cuts off all that the maker may reach",
        ),
        Must(
            id="pictures-stop",
            kind=Kind.CONTAINED,
            since="cut-look",
            within_s=300,
            when=recorded("cut-look", ViewRefused, lambda one: "out-of-use" in one.reasons),
            said="nobody is shown what may not be what it says",
        ),
        Must(
            id="others-heard",
            kind=Kind.CONTAINED,
            since="cut",
            within_s=900,
            when=goes_on("cut", others, 60),
            said="what others made goes on",
        ),
        Must(
            id="shown-again",
            kind=Kind.RECOVERED,
            since="again",
            within_s=300,
            when=recorded("again", ViewGranted, lambda one: one.person == "guard"),
            said="afterwards the city's own people look again",
        ),
    )


def _is_of(scene: Scene, group: str, party: str) -> bool:
    device = scene.place.devices[group]
    return party in (scene.place.device_models[device.model].maker, device.owner, device.operator)


def _each(since: str, cameras: list[str], person: str) -> When:
    """When the last of the cameras was refused to a person, on record."""

    def when(seen: Seen) -> int | None:
        found = [
            recorded(since, ViewRefused, lambda one, c=camera: one.camera == c and one.person == person)(seen)
            for camera in cameras
        ]
        known = [at for at in found if at is not None]
        return max(known) if known and len(known) == len(cameras) else None

    return when


SCENARIO = Scenario(
    id="S-04",
    title="A maker's super-user looks through the cameras",
    source=(
        "Verkada, March 2021: a server of the maker's support held rights over all customers; whoever found it "
        "could look through some 150,000 cameras and open a shell on them, past every customer's own sign-in"
    ),
    limits=(
        "No camera is connected to the twin, so whether recording goes on inside a camera is not seen. What a "
        "maker reaches by its own cloud never passes our door: `cityward reach` says where that is so."
    ),
    plan=plan,
)
