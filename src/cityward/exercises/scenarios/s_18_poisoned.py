"""S-18: nobody breaks in. Sensors say lawful, plausible, false things, and a service acts on them."""

from __future__ import annotations

import numpy as np

from cityward.evidence.records import CommandIssued, Marked, Standing
from cityward.exercises.bodies import reading
from cityward.exercises.expecting import DOUBTED, When, doubted, goes_on, no_command_rests_on, noticed, recorded
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Deed, Do, Send
from cityward.place.registry import Unit

LIARS = 2
LASTS_S = 3600.0  # by then it has to be seen, doubted, marked and let go of
EVERY_S = 60.0
TURNS_S = 300.0
JAM, FREE, WAVERS = 0.08, 0.82, 0.04  # of the declared range: a leap that costs more than half of the trust
NOTICED_S = LASTS_S
PLAUSIBLE = (
    "step-bias",
    "freeze",
    "noise-loss",
    "expected-range",
    "rate-of-change",
    "system-consistency",
    "coordinated",
    "scaling",
    "crowd-of-one",
    "limits",
    "replayed-history",
    "resonance",
    "drift",
)


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Two of the sensors that a driving service reads say one and the same made-up thing for an hour: now a jam, now none."""
    found = _what_is_acted_on(scene)
    if found is None:
        return NotStaged("no service drives anything by what three alike sensors or more say of the street")
    service, units, channel = found
    liars = [units[int(n)] for n in sorted(chance.choice(len(units), LIARS, replace=False))]
    honest = next(unit for unit in units if unit not in liars)
    property_ = scene.registry.channel_property[channel]
    said = _false(scene, channel, chance)
    steps = tuple(
        Send(
            key=f"lie-{n}" if k == 0 else f"lie-{n}-{k}",
            at_s=k * TURNS_S,
            unit=unit.id,
            body=reading(scene, unit, property_, value),
            copies=round(TURNS_S / EVERY_S),
            spread_s=TURNS_S - EVERY_S,
        )
        for n, unit in enumerate(liars)
        for k, value in enumerate(said)
    )
    names = [unit.id for unit in liars]
    silent = Do(
        key="own-word", at_s=0, deed=Deed.SILENCE, said={"of": ",".join(names)}
    )  # it is they who lie, nobody beside
    return Plan(
        steps=(silent, *steps),
        musts=_musts(scene, service, names, honest),
        services=(service,),
        subjects=tuple(dict.fromkeys(f"devices.{unit.group}" for unit in liars)),
        settle_s=600,
        alarms=(*PLAUSIBLE, "overload", "unasked-state"),
    )


def _what_is_acted_on(scene: Scene) -> tuple[str, tuple[Unit, ...], int] | None:
    """A service with actuators, the sensors of one kind that it reads (three or more), and a channel of them."""
    known = scene.registry.channel_property
    for name, service in scene.place.services.items():
        if not service.actuators or service.kind != "lighting":
            continue
        chosen = _named_in(service.settings)
        by_property: dict[str, list[Unit]] = {}
        for unit in scene.read_by(name):
            if unit.id in chosen or unit.group in chosen:
                for channel in unit.channels:
                    by_property.setdefault(known[channel], []).append(unit)
        for property_, units in by_property.items():
            if len(units) > LIARS:
                return (
                    name,
                    tuple(units),
                    scene.registry.channel_by_property[scene.registry.unit_index[units[0].id], property_],
                )
    return None


def _named_in(settings: object) -> set[str]:
    """Every text in a service's settings: devices are named there."""
    if isinstance(settings, str):
        return {settings}
    inner = settings.values() if isinstance(settings, dict) else settings if isinstance(settings, list | tuple) else ()  # pyright: ignore
    return {text for one in inner for text in _named_in(one)}  # pyright: ignore


def _false(scene: Scene, channel: int, chance: np.random.Generator) -> list[float]:
    """Well within what is let through, and like nothing on the street: now a jam, now none; both liars say the same."""
    low, high = float(scene.registry.channel_low[channel]), float(scene.registry.channel_high[channel])
    turns = range(round(LASTS_S / TURNS_S))
    shares = [(JAM, FREE)[n % 2] + float(chance.uniform(-WAVERS, WAVERS)) for n in turns]
    return [round(low + (high - low) * share, 3) for share in shares]


def _musts(scene: Scene, service: str, liars: list[str], honest: Unit) -> tuple[Must, ...]:
    def one(subject: str) -> bool:
        return subject in liars

    made_safe = recorded("lie-0", CommandIssued, lambda c: c.service == service and _is_safe(scene, c))
    return (
        Must(
            id="noticed",
            kind=Kind.DETECTED,
            since="lie-0",
            within_s=NOTICED_S,
            when=noticed("lie-0", *PLAUSIBLE, of=one),
            said="that what they say is unlike them, or unlike their neighbours, is told",
        ),
        Must(
            id="doubted",
            kind=Kind.CONTAINED,
            since="lie-0",
            within_s=NOTICED_S,
            when=_first_doubted(liars),
            said="what lies is trusted less, and then not at all",
        ),
        Must(
            id="both-doubted",
            kind=Kind.CONTAINED,
            since="lie-0",
            within_s=LASTS_S,
            when=doubted("lie-0", liars),
            said="and so is every other one that lies with it",
        ),
        Must(
            id="marked",
            kind=Kind.RECORDED,
            since="lie-0",
            within_s=LASTS_S,
            when=recorded("lie-0", Marked, lambda mark: mark.device in liars and mark.state == "suspect"),
            said="what was held of it meanwhile is marked, not deleted",
        ),
        Must(
            id="rests-on-none",
            kind=Kind.KEPT,
            since="lie-0",
            within_s=LASTS_S,
            when=no_command_rests_on("lie-0", liars),
            said="once it is doubted, no command rests on it",
        ),
        Must(
            id="safe-again",
            kind=Kind.RECOVERED,
            since="lie-0",
            within_s=LASTS_S + 600,
            when=made_safe,
            said="with too little left to believe, the street goes to its fail-safe",
        ),
        Must(
            id="honest-heard",
            kind=Kind.RECOVERED,
            since="lie-0",
            within_s=LASTS_S,
            when=goes_on("lie-0", [scene.flow_of(honest)], LASTS_S / 2),
            said="who does not lie is heard as before",
        ),
    )


def _is_safe(scene: Scene, command: CommandIssued) -> bool:
    unit = scene.registry.units[scene.registry.unit_index[command.device]]
    limits = scene.registry.models[unit.model].commands.get(command.command)
    return limits is not None and limits.fail_safe == command.value


def _first_doubted(units: list[str]) -> When:
    def when(seen: Seen) -> int | None:
        return recorded("lie-0", Standing, lambda one: one.device in units and one.state in DOUBTED)(seen)

    return when


SCENARIO = Scenario(
    id="S-18",
    title="Sensors lie within their limits",
    source=(
        "Berlin, February 2020: 99 telephones in a handcart made a map show a jam that was not there. Xi'an, 2016: "
        "those who kept an air station muffled its inlets"
    ),
    limits=(
        "Values that leap within their range. A false level that stays was tried for three hours: only its first leap was seen, "
        "as a twin's past is too short for the detectors of levels. They, and what drifts by less than a usual deviation, are "
        "for the watch bench (`cityward bench watch`)."
    ),
    plan=plan,
    hour=23.0,  # lamps are driven in the dark: by day there is nothing to make safe
)
