"""S-06: those who run it are elsewhere than anybody said, with more rights than anybody meant."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import CommandIssued, OverrideBegun
from cityward.exercises.expecting import held, knocked, noticed, release_refused, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.steps import Ask, Deed, Do, Persona
from cityward.place.roles import Right

TRIES = 40
NIGHT_DESK = "exercise-night-desk"


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """A supplier's person with a role for a task tries to work from abroad; then the access is declared after all."""
    role, officer = scene.guest_role(Right.OPERATE) or scene.guest_role(Right.LOOK), scene.role_with(Right.WATCH)
    abroad = _abroad(scene)
    if role is None or officer is None:
        return NotStaged("no supplier's people may ever be given a role here, or nobody of the city may see the watch")
    if not abroad:
        return NotStaged("all jurisdictions are home, or no party lives under another one")
    party = abroad[int(chance.integers(len(abroad)))]
    supplier = scene.place.roles[role].party
    source, body = scene.nobodys_address(), _order(scene, role)
    service = next(iter(scene.place.roles[role].services), "")
    where = scene.place.parties[party].incorporated_in
    overlay = {
        "accesses": {
            NIGHT_DESK: {
                "party": party,
                "target": scene.place.platform,
                "modes": ["support", "update"],
                "from_places": [where],
            }
        }
    }
    return Plan(
        steps=(
            Do(key="task", at_s=0, deed=Deed.GRANT, said={"persona": "engineer", "role": role, "minutes": "60"}),
            *(
                Ask(
                    key=f"look-{n}",
                    at_s=60.0 + 12 * n,
                    who="engineer",
                    method="GET",
                    path=path,
                    address=source,
                    copies=TRIES,
                )
                for n, path in enumerate(("/api/services", "/api/place"))
            ),
            Ask(
                key="order",
                at_s=120,
                who="engineer",
                method="POST",
                path=f"/api/services/{service}/overrides",
                body=body,
                address=source,
            ),
            Ask(key="stranger", at_s=180, who="", method="GET", path="/api/services", address=source),
            Do(key="admitted", at_s=600, deed=Deed.DECLARE, said={"overlay": json.dumps(overlay)}),
        ),
        musts=_musts(party, str(where), source),
        services=(service,) if service else (),
        subjects=(f"parties.{supplier}", f"parties.{party}"),
        personas=(
            Persona(name="engineer", party=supplier, address=source),
            Persona(name="officer", party=scene.place.responsible, roles=(officer,)),
        ),
        settle_s=3600,
        alarms=("sign-ins", "rights", "failed-entries", "configuration-drift", "silence"),
        wrong=lambda command: command.cause.get("held_by") == "engineer",
    )


def _abroad(scene: Scene) -> list[str]:
    """Parties that live under a jurisdiction that is not home, and may not enter the platform yet."""
    home = {name for name, one in scene.place.jurisdictions.items() if one.home}
    entering = {access.party for access in scene.place.accesses.values() if access.target == scene.place.platform}
    return [
        name
        for name, party in scene.place.parties.items()
        if party.incorporated_in in scene.place.jurisdictions
        and party.incorporated_in not in home
        and name not in entering
        and party.kind == "company"
    ]


def _order(scene: Scene, role: str) -> bytes:
    service = next(iter(scene.place.roles[role].services), "")
    target = next(iter(scene.place.services[service].actuators), "x") if service else "x"
    return json.dumps({"target": target, "value": 50, "reason": "night work", "hours": 1}).encode()


def _musts(party: str, where: str, source: str) -> tuple[Must, ...]:
    return (
        Must(
            id="nothing-from-there",
            kind=Kind.REFUSED,
            since="look-1",
            within_s=300,
            when=turned_away("look-0", "look-1", "stranger"),
            said="from where nobody said, an account of a supplier sees nothing",
        ),
        Must(
            id="no-order-from-there",
            kind=Kind.REFUSED,
            since="order",
            within_s=300,
            when=turned_away("order", statuses=(403, 404, 409)),
            said="and orders nothing",
        ),
        Must(
            id="tries-told",
            kind=Kind.DETECTED,
            since="look-0",
            within_s=600,
            when=knocked("look-0", source),
            said="that somebody tries from there is told",
        ),
        Must(
            id="elsewhere-on-record",
            kind=Kind.RECORDED,
            since="look-0",
            within_s=600,
            when=release_refused("look-0", "person:engineer", "elsewhere"),
            said="who, from which address, and why not is on record",
        ),
        Must(
            id="nothing-held",
            kind=Kind.KEPT,
            since="task",
            within_s=900,
            when=held("task", OverrideBegun, lambda one: one.person == "engineer"),
            said="nothing is held by their word",
        ),
        Must(
            id="no-command",
            kind=Kind.KEPT,
            since="task",
            within_s=900,
            when=held("task", CommandIssued, lambda one: one.cause.get("held_by") == "engineer"),
            said="nor commanded",
        ),
        Must(
            id="change-told",
            kind=Kind.DETECTED,
            since="admitted",
            within_s=3600,
            when=noticed("admitted", "configuration-drift"),
            said="that the declaration changed is told, once the access is written down",
        ),
        Must(
            id="more-access-told",
            kind=Kind.DETECTED,
            since="admitted",
            within_s=3600,
            when=noticed("admitted", "rights", of=lambda subject: party in subject),
            said="and that a party may do more than at the last start",
        ),
    )


SCENARIO = Scenario(
    id="S-06",
    title="Administration from a country that nobody named",
    source=(
        "Norway's south-eastern hospitals, 2017: some 110 people of a supplier in three countries could have "
        "reached the records of 2.8 million patients, 36 of them as administrators, while those in charge said "
        "that nobody could"
    ),
    limits=(
        "Who administers a supplier's own systems never comes to our door: what is not declared there is found "
        "only in logs of the network, or in an audit of the supplier."
    ),
    plan=plan,
)
