"""S-15: most recorders are wiped days before a public event. Here: two thirds of the cameras lose their stream."""

from __future__ import annotations

import json
from math import ceil

import msgspec
import numpy as np

from cityward.evidence.records import Found, SegmentKept
from cityward.exercises.expecting import answered, held, noticed, recorded
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona
from cityward.place.cameras import Camera
from cityward.place.roles import Right
from cityward.time import SECOND

SHARE = 0.65
NO_STREAM = "file:nothing-is-recorded-here"
TROUBLE_S = 2700.0  # the twin starts again with the changed declaration, which takes half a minute of the machine
KINDS = ("camera-silent", "camera-broken", "camera-sees-nothing")


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Their streams lead nowhere; then those that the event needs come back first, and the others after them."""
    cameras = scene.place.cameras
    role = scene.role_with(Right.LOOK)
    if len(cameras) < 2 or role is None:
        return NotStaged("fewer than two cameras are looked through here")
    order = [sorted(cameras)[int(n)] for n in chance.permutation(len(cameras))]
    wiped = order[: min(len(order) - 1, ceil(SHARE * len(order)))]
    left = order[len(wiped) :]
    first = next((name for name in wiped if cameras[name].keep_hours), wiped[0])  # the one that is needed first
    return Plan(
        steps=(
            Do(key="wipe", at_s=0, deed=Deed.DECLARE, said={"overlay": _overlay(cameras, wiped)}),
            Ask(key="look", at_s=2400, who="desk", method="GET", path="/api/cameras"),
            Do(
                key="needed-first",
                at_s=TROUBLE_S,
                deed=Deed.DECLARE,
                said={"overlay": _overlay(cameras, [w for w in wiped if w != first])},
            ),
        ),
        musts=_musts(cameras, wiped, left, first),
        services=tuple(name for name, one in scene.place.services.items() if one.kind == "cctv"),
        subjects=tuple(f"cameras.{name}" for name in wiped),
        personas=(Persona(name="desk", party=scene.place.responsible, roles=(role,)),),
        roles=("cameras",),
        settle_s=3600,
        alarms=("cameras", "configuration-drift", "silence", "rights"),
    )


def _overlay(cameras: dict[str, Camera], wiped: list[str]) -> str:
    """The cameras' records with streams that lead nowhere."""
    changed = {name: {**msgspec.to_builtins(cameras[name]), "stream": NO_STREAM} for name in wiped}
    return json.dumps({"cameras": changed}) if changed else ""


def _musts(cameras: dict[str, Camera], wiped: list[str], left: list[str], first: str) -> tuple[Must, ...]:
    keeping = {name for name in left if cameras[name].keep_hours}
    kept = (
        Must(
            id="others-recorded",
            kind=Kind.CONTAINED,
            since="wipe",
            within_s=1800,
            when=lambda seen: _kept_after(seen, "wipe", keeping),
            said="cameras that were not wiped go on being recorded",
        ),
    )
    return (
        Must(
            id="silence-told",
            kind=Kind.DETECTED,
            since="wipe",
            within_s=TROUBLE_S,
            when=lambda seen: _all_in_trouble(seen, {cameras[name].device for name in wiped}),
            said="of every one of them it is told that it gives no picture",
        ),
        Must(
            id="change-told",
            kind=Kind.DETECTED,
            since="wipe",
            within_s=TROUBLE_S,
            when=noticed("wipe", "configuration-drift"),
            said="that what is declared was changed is told",
        ),
        Must(
            id="desk-sees",
            kind=Kind.DETECTED,
            since="look",
            within_s=600,
            when=answered("look", 200),
            said="the desk sees how the cameras stand",
        ),
        Must(
            id="others-quiet",
            kind=Kind.KEPT,
            since="wipe",
            within_s=1200,
            when=held(
                "wipe",
                Found,
                lambda one: one.detector == "cameras" and one.subject in {cameras[name].device for name in left},
            ),
            said="nothing is told of cameras that nothing happened to",
        ),
        *(kept if keeping else ()),
        *((_first_back(first),) if cameras[first].keep_hours else ()),
    )


def _first_back(first: str) -> Must:
    return Must(
        id="needed-first",
        kind=Kind.RECOVERED,
        since="needed-first",
        within_s=3600,
        when=recorded("needed-first", SegmentKept, lambda one: one.camera == first),
        said="the camera that is needed first is recorded again, on record",
    )


def _kept_after(seen: Seen, since: str, cameras: set[str]) -> int | None:
    """When a piece of recording that ends a minute or more after the step was first held."""
    begun = seen.done.get(since)
    if begun is None:
        return None
    return seen.first(SegmentKept, lambda one: one.camera in cameras and one.until > begun + 60 * SECOND, begun)


def _all_in_trouble(seen: Seen, devices: set[str]) -> int | None:
    begun = seen.done.get("wipe")
    if begun is None:
        return None
    told = [seen.found("cameras", of=lambda subject, d=device: subject == d, since=begun) for device in devices]
    known = [at for at in told if at is not None]
    return max(known) if len(known) == len(told) else None


SCENARIO = Scenario(
    id="S-15",
    title="Most cameras' recorders are wiped before a public event",
    source=(
        "Washington, January 2017: 123 of 187 recorders of the police's cameras were encrypted eight days before the "
        "inauguration; it was noticed because a few sites looked odd"
    ),
    limits="A stream that leads nowhere stands for a recorder that was wiped. No copy is taken for an inquiry.",
    plan=plan,
)
