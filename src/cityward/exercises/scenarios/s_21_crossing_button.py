"""S-21: the box at a crossing that helps people across is taken over by a telephone."""

from __future__ import annotations

import json

import numpy as np

from cityward.exercises.bodies import reading
from cityward.exercises.expecting import entries_refused, goes_on, knocked, noticed, refused_rows, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Credential, Deed, Do, Door, Persona, Send
from cityward.place.registry import Unit
from cityward.place.roles import Right

PROPERTY = "people-waiting"
GUESSES = 30
TELEPHONE = "127.0.0.81"  # of whoever stands at the crossing
PRESSES = 600
ABSURD = 100_000.0


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """The maker's password is tried; then, with the box's own, it presses without end, speaks words and counts absurd crowds."""
    buttons = [
        unit
        for name in scene.observing(PROPERTY)
        for unit in scene.units(name)
        if unit.flow >= 0 and unit.format in ("senml", "json")
    ]
    role = scene.role_with(Right.DEVICES)
    if not buttons or role is None:
        return NotStaged("nobody waits at a crossing that tells us, or nobody may take a device out of service")
    button = buttons[int(chance.integers(len(buttons)))]
    high = float(
        scene.registry.channel_high[scene.registry.channel_by_property[scene.registry.unit_index[button.id], PROPERTY]]
    )
    said = _words(button)
    return Plan(
        steps=(
            Send(
                key="guess",
                at_s=0,
                unit=button.id,
                body=b"[]",
                credential=Credential.DEFAULT,
                client="app",
                address=TELEPHONE,
                copies=GUESSES,
                spread_s=120,
            ),
            Send(key="guess-web", at_s=60, unit=button.id, body=b"[]", door=Door.HTTP, credential=Credential.DEFAULT),
            Send(
                key="press",
                at_s=240,
                unit=button.id,
                body=reading(scene, button, PROPERTY, high),
                copies=PRESSES,
                spread_s=300,
            ),
            Send(key="crowd", at_s=300, unit=button.id, body=reading(scene, button, PROPERTY, ABSURD)),
            Send(key="words", at_s=330, unit=button.id, body=said, client="app"),
            Do(key="out", at_s=720, deed=Deed.DEVICE, by="registrar", said={"unit": button.id, "to": "revoked"}),
            Send(key="again", at_s=780, unit=button.id, body=b"[]", credential=Credential.REVOKED, client="app"),
        ),
        musts=_musts(scene, button),
        services=tuple(name for name, one in scene.place.services.items() if one.kind == "signals"),
        subjects=(f"devices.{button.group}",),
        personas=(Persona(name="registrar", party=scene.place.responsible, roles=(role,)),),
        roles=("signals", "street-signals") if scene.place.junctions else (),
        settle_s=600,
        alarms=(
            "failed-entries",
            "second-presence",
            "overload",
            "late-use",
            "limits",
            "freeze",
            "step-bias",
            "expected-range",
            "rights",
            "silence",
        ),
    )


def _words(button: Unit) -> bytes:
    """What a loudspeaker would say, where a count belongs."""
    words = "Change lanes now"
    return json.dumps([{"n": "message", "vs": words}] if button.format == "senml" else {"message": words}).encode()


def _musts(scene: Scene, button: Unit) -> tuple[Must, ...]:
    flow = scene.flow_of(button)
    near = [flow_ for group in scene.place.devices if (flow_ := _flow_of_controllers(scene, group))]

    def it(subject: str) -> bool:
        return subject == button.id

    return (
        Must(
            id="guess-refused",
            kind=Kind.REFUSED,
            since="guess",
            within_s=300,
            when=turned_away("guess", "guess-web"),
            said="the maker's password opens no door",
        ),
        Must(
            id="guess-on-record",
            kind=Kind.RECORDED,
            since="guess",
            within_s=600,
            when=entries_refused("guess"),
            said="that it was tried is on record",
        ),
        Must(
            id="guess-told",
            kind=Kind.DETECTED,
            since="guess",
            within_s=600,
            when=knocked("guess", TELEPHONE),
            said="and is told",
        ),
        Must(
            id="crowd-refused",
            kind=Kind.REFUSED,
            since="crowd",
            within_s=600,
            when=refused_rows("crowd", flow, "out-of-range"),
            said="more people than can wait there are not believed",
        ),
        Must(
            id="words-refused",
            kind=Kind.REFUSED,
            since="words",
            within_s=600,
            when=refused_rows("words", flow, "wrong-shape", "unknown-property", "not-a-number"),
            said="words where a count belongs come no further than the gate",
        ),
        Must(
            id="shut-out",
            kind=Kind.CONTAINED,
            since="again",
            within_s=300,
            when=turned_away("again"),
            said="once its credential is taken away it is out",
        ),
        Must(
            id="late-use",
            kind=Kind.DETECTED,
            since="out",
            within_s=600,
            when=noticed("out", "late-use", of=it),
            said="that somebody still tries is told",
        ),
        *((_no_breach(scene),) if near else ()),
        *((_signals_go_on(near),) if near else ()),
    )


def _flow_of_controllers(scene: Scene, group: str) -> str:
    """The flow by which a group of signal controllers that junctions name tells how it stands; "": it is none."""
    named = {junction.device for junction in scene.place.junctions.values()}
    return next((scene.flow_of(unit) for unit in scene.units(group) if unit.id in named and unit.flow >= 0), "")


def _no_breach(scene: Scene) -> Must:
    named = {junction.device for junction in scene.place.junctions.values()}

    def when(seen: Seen) -> int | None:
        found = [
            value for (unit, prop), (_, value) in seen.values.items() if unit in named and prop == "signal-breaches"
        ]
        return seen.now if found and not any(found) else None

    return Must(
        id="no-breach",
        kind=Kind.KEPT,
        since="press",
        within_s=600,
        when=when,
        said="however often it is pressed, no junction's own monitor finds a conflict",
    )


def _signals_go_on(flows: list[str]) -> Must:
    return Must(
        id="signals-go-on",
        kind=Kind.RECOVERED,
        since="press",
        within_s=900,
        when=goes_on("press", flows, 300),
        said="the junctions are heard all along",
    )


SCENARIO = Scenario(
    id="S-21",
    title="A crossing's box obeys a telephone",
    source=(
        "Several Californian towns, April 2025: boxes that help people across some twenty junctions said made-up "
        "words; an app of the maker set them by radio, the password was 1234, nobody had a name of their own, and the "
        "contract said nothing of security"
    ),
    limits="The box's own radio is not tried: the city can ask its maker for it, and see what comes of it here.",
    plan=plan,
)
