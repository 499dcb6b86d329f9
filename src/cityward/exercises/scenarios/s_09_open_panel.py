"""S-09: somebody gets at an operator's desk and opens the valve: every actuator to its end, within all bounds."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import CommandIssued, OverrideBegun, OverrideEnded
from cityward.exercises.expecting import held, knocked, noticed, recorded, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Fleet, Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona
from cityward.place.roles import Right

GUESSES = 40
HOURS = 0.2  # of the city, for which they hold it
TARGETS = 6


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Strangers knock at the console; one who is signed in as an operator holds lamps at their end; the role is taken away."""
    fleet = next((one for one in scene.fleets() if one.kind != "signals"), None)
    if fleet is None:
        return NotStaged("no service but signals commands anything that reports to us")
    operator, watcher = (
        scene.role_with(Right.OPERATE, services=(fleet.service,)),
        scene.role_with(Right.LOOK, Right.WATCH),
    )
    if operator is None or watcher is None:
        return NotStaged("nobody of the city operates it, or nobody may see the watch")
    chosen = [fleet.units[int(n)].id for n in sorted(chance.permutation(len(fleet.units))[:TARGETS])]
    us, abroad = scene.place.responsible, scene.nobodys_address()
    desk = scene.address_of(operator) or scene.nobodys_address(1)
    two = Right.OPERATE in scene.place.roles[operator].two_person or fleet.limits.two_person
    return Plan(
        steps=(
            Ask(
                key="knock",
                at_s=0,
                who="",
                method="GET",
                path=f"/api/services/{fleet.service}",
                address=abroad,
                copies=GUESSES,
            ),
            *(
                Ask(key=f"pry-{n}", at_s=60, who="taken", method="GET", path=path, copies=GUESSES)
                for n, path in enumerate(("/api/people", "/api/received/receipts"))
            ),
            _order("beyond", 120, fleet, chosen[0], fleet.limits.high + 10 * (fleet.limits.high - fleet.limits.low)),
            *(_order(f"open-{n}", 180.0 + 12 * n, fleet, unit, fleet.limits.low) for n, unit in enumerate(chosen)),
            Ask(key="seen", at_s=360, who="desk", method="GET", path=f"/api/services/{fleet.service}/overrides"),
            Do(key="role-taken", at_s=480, deed=Deed.TAKE, said={"persona": "taken", "role": operator}),
            _order("once-more", 600, fleet, chosen[0], fleet.limits.low),
        ),
        musts=_musts(fleet, chosen, two, desk),
        services=(fleet.service,),
        subjects=(f"devices.{fleet.group}",),
        personas=(
            Persona(name="taken", party=us, roles=(operator,), address=desk),
            Persona(name="desk", party=us, roles=(watcher,)),
        ),
        settle_s=1200,
        alarms=("failed-entries", "rights", "sign-ins", "held-far"),
        wrong=lambda command: command.cause.get("held_by") == "taken" and command.value == fleet.limits.low,
    )


def _order(key: str, at_s: float, fleet: Fleet, target: str, value: float) -> Ask:
    body = json.dumps({"target": target, "value": value, "reason": "open it", "hours": HOURS}).encode()
    return Ask(
        key=key, at_s=at_s, who="taken", method="POST", path=f"/api/services/{fleet.service}/overrides", body=body
    )


def _musts(fleet: Fleet, chosen: list[str], two: bool, desk: str) -> tuple[Must, ...]:
    ids, limits = {unit.id for unit in fleet.units}, fleet.limits
    out_of_bounds = held(
        "knock", CommandIssued, lambda one: one.device in ids and not limits.low <= one.value <= limits.high
    )
    return (
        Must(
            id="knock-refused",
            kind=Kind.REFUSED,
            since="knock",
            within_s=300,
            when=turned_away("knock", statuses=(401, 403, 429)),
            said="the panel shows nothing to whoever is not signed in",
        ),
        Must(
            id="beyond-work-refused",
            kind=Kind.REFUSED,
            since="pry-1",
            within_s=300,
            when=turned_away("pry-0", "pry-1"),
            said="an operator's account opens what operating needs, and nothing else",
        ),
        Must(
            id="prying-told",
            kind=Kind.DETECTED,
            since="pry-0",
            within_s=600,
            when=knocked("pry-0", desk),
            said="that an account tries what it may not is told",
        ),
        Must(
            id="bounds",
            kind=Kind.REFUSED,
            since="beyond",
            within_s=300,
            when=turned_away("beyond", statuses=(400, 403, 409)),
            said="beyond the declared bounds nothing is set, whoever asks",
        ),
        Must(
            id="in-bounds",
            kind=Kind.KEPT,
            since="knock",
            within_s=900,
            when=out_of_bounds,
            said="and no command lies outside of them",
        ),
        Must(
            id="who-and-what",
            kind=Kind.RECORDED,
            since="open-0",
            within_s=600,
            when=lambda seen: _each(seen, chosen),
            said="who set what, for how long, with which reason is on record for each",
        ),
        Must(
            id="desk-sees",
            kind=Kind.DETECTED,
            since="seen",
            within_s=300,
            when=lambda seen: _told(seen, chosen[0]),
            said="whoever looks at the service sees who holds what, since when, and until when",
        ),
        _alarm(two),
        Must(
            id="role-gone",
            kind=Kind.REFUSED,
            since="once-more",
            within_s=300,
            when=turned_away("once-more"),
            said="with the role taken away the account opens nothing more",
        ),
        Must(
            id="ends-by-itself",
            kind=Kind.RECOVERED,
            since="open-0",
            within_s=HOURS * 3600 + 900,
            when=recorded("open-0", OverrideEnded, lambda one: one.outcome == "expired"),
            said="what was held ends by itself, and the service takes over",
        ),
    )


def _alarm(two: bool) -> Must:
    """Where two persons are asked for, it waits; else somebody has to be told within minutes."""
    if two:
        return Must(
            id="one-alone",
            kind=Kind.KEPT,
            since="open-0",
            within_s=900,
            when=held("open-0", OverrideBegun, lambda one: one.person == "taken" and one.step == "begun"),
            said="one person alone sets nothing",
        )
    return Must(
        id="deviation-told",
        kind=Kind.DETECTED,
        since="open-0",
        within_s=600,
        when=noticed("open-0", "held-far", of=lambda subject: subject == "person:taken"),
        said="that one person holds several actuators far from their fail-safe value is told, within minutes",
    )


def _each(seen: Seen, chosen: list[str]) -> int | None:
    begun = seen.done.get("open-0")
    if begun is None:
        return None
    of = {
        one.target: one.at for one in seen.of(OverrideBegun) if one.person == "taken" and one.at >= begun and one.reason
    }
    return max(of[unit] for unit in chosen) if {*chosen} <= of.keys() else None


def _told(seen: Seen, target: str) -> int | None:
    answer = seen.answers.get("seen")
    return answer.at if answer is not None and answer.status == 200 and f'"{target}"'.encode() in answer.body else None


SCENARIO = Scenario(
    id="S-09",
    title="A valve is opened by a panel on the Internet",
    source=(
        "Bremanger, April 2025: the web panel of a dam had a weak password; a valve stood fully open for four "
        "hours, 497 l/s, until somebody noticed. The police security service named pro-Russian actors, who "
        "meant to frighten"
    ),
    limits=(
        "There are no passwords here to be weak; how an account is taken over is left open. Whether two persons "
        "are asked for is the declaration's, and the control I-04 says where they are not."
    ),
    plan=plan,
)
