"""S-25: somebody reads the whole declaration out: a map of the city's weaknesses."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import Found, Read
from cityward.exercises.expecting import When, answered, held, noticed, recorded, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Persona
from cityward.place.roles import Right

MOST_SUBJECTS = 150
MOST_DEVICES = 400
STRANGER = "203.0.113.78"


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """One of the city's own asks about everything; a guest of a supplier tries the same, and somebody with no name at all."""
    looks = scene.role_with(Right.LOOK, without=(Right.DATA, Right.WATCH, Right.PEOPLE)) or scene.role_with(Right.LOOK)
    guest = scene.guest_role(Right.LOOK)
    if looks is None:
        return NotStaged("nobody may look at the place")
    home = scene.address_of(guest) if guest else ""
    subjects = _subjects(scene)
    asked = [subjects[int(n)] for n in chance.permutation(len(subjects))[:MOST_SUBJECTS]]
    devices = [unit.id for unit in scene.registry.units][:MOST_DEVICES]
    return Plan(
        steps=(
            *(_whole(key, at_s, "reader") for key, at_s in (("place", 0), ("chain", 2), ("reach", 4), ("subjects", 6))),
            *(
                Ask(
                    key=f"about-{n}",
                    at_s=10 + n / 4,
                    who="reader",
                    method="GET",
                    path="/api/reach",
                    query={"about": kind, "id": name},
                )
                for n, (kind, name) in enumerate(asked)
            ),
            *(
                Ask(
                    key=f"device-{n}",
                    at_s=60 + n / 4,
                    who="reader",
                    method="GET",
                    path=f"/api/devices/{name}",
                    copies=2,
                )
                for n, name in enumerate(devices)
            ),
            Ask(key="audit", at_s=560, who="auditor", method="GET", path="/api/reads"),
            *(
                _whole(f"guest-{key}", 420 + n, "guest", home)
                for n, key in enumerate(("place", "chain", "reach", "subjects"))
                if guest
            ),
            *(
                _whole(f"nobody-{key}", 440 + n, "", STRANGER)
                for n, key in enumerate(("place", "chain", "reach", "subjects"))
            ),
        ),
        musts=(*_musts(len(devices)), *(_guest_musts(scene, scene.place.roles[guest].party) if guest else ())),
        subjects=(f"roles.{looks}",),
        personas=(
            Persona(name="auditor", party=scene.place.responsible, roles=_roles(scene.role_with(Right.AUDIT))),
            Persona(name="reader", party=scene.place.responsible, roles=(looks,)),
            *(
                (Persona(name="guest", party=scene.place.roles[guest].party, roles=(guest,), address=home),)
                if guest
                else ()
            ),
        ),
        settle_s=600,
        alarms=("unusual-reads", "failed-entries", "sign-ins", "rights"),
        wrong=lambda command: False,
    )


def _roles(role: str | None) -> tuple[str, ...]:
    return () if role is None else (role,)


def _subjects(scene: Scene) -> list[tuple[str, str]]:
    """All that reach can be asked about."""
    place = scene.place
    kinds = (
        ("dataset", place.datasets),
        ("party", place.parties),
        ("jurisdiction", place.jurisdictions),
        ("service", place.services),
        ("thing", place.systems),
        ("thing", place.devices),
    )
    return [(kind, name) for kind, records in kinds for name in records]


_PATHS = {"place": "/api/place", "chain": "/api/chain", "reach": "/api/reach", "subjects": "/api/reach/subjects"}


def _whole(key: str, at_s: float, who: str, address: str = "") -> Ask:
    return Ask(key=key, at_s=at_s, who=who, method="GET", path=_PATHS[key.rpartition("-")[2]], address=address)


def _musts(devices: int) -> tuple[Must, ...]:
    def it(subject: str) -> bool:
        return subject == "person:reader"

    return (
        Must(
            id="bulk-told",
            kind=Kind.DETECTED,
            since="about-0",
            within_s=900,
            when=noticed("about-0", "unusual-reads", of=it),
            said="that one person asks about everything is told",
        ),
        Must(
            id="reads-on-record",
            kind=Kind.RECORDED,
            since="chain",
            within_s=1200,
            when=_told_of("chain", "reach"),
            said="that the whole declaration was read, and by whom, is on record",
        ),
        Must(
            id="devices-on-record",
            kind=Kind.RECORDED,
            since="device-0",
            within_s=1200,
            when=_told_of("device-0", "device"),
            said="and the devices that were opened one after another",
        ),
        Must(
            id="nobody-refused",
            kind=Kind.REFUSED,
            since="nobody-place",
            within_s=300,
            when=turned_away("nobody-place", "nobody-chain", "nobody-reach", "nobody-subjects"),
            said="who has no name is shown nothing",
        ),
        Must(
            id="no-other-alarm",
            kind=Kind.KEPT,
            since="place",
            within_s=600,
            when=held("place", Found, lambda one: one.severity == "critical"),
            said="reading alone moves nothing on the street",
        ),
    )


def _told_of(since: str, what: str) -> When:
    """A record of what the reader read names this."""
    return recorded(since, Read, lambda one: one.person == "reader" and any(what in name for name in one.what))


def _guest_musts(scene: Scene, party: str) -> tuple[Must, ...]:
    theirs = {name for name, one in scene.place.devices.items() if party in (one.owner, one.operator)}
    theirs |= {name for name, one in scene.place.devices.items() if scene.place.device_models[one.model].maker == party}
    others = [unit.id for unit in scene.registry.units if unit.group not in theirs]

    def cut(seen: Seen) -> int | None:
        """What the guest was shown of the place holds no device of others'."""
        answer = seen.answers.get("guest-place")
        if answer is None:
            return None
        if answer.status != 200:
            return answer.at
        return None if any(json.dumps(name).encode() in answer.body for name in others) else answer.at

    return (
        Must(
            id="guest-sees-own",
            kind=Kind.REFUSED,
            since="guest-place",
            within_s=300,
            when=cut,
            said="a supplier's guest is shown the supplier's own devices, and nobody else's",
        ),
        Must(
            id="guest-refused",
            kind=Kind.REFUSED,
            since="guest-reach",
            within_s=300,
            when=turned_away("guest-reach", "guest-subjects"),
            said="who can reach what is not for guests",
        ),
        Must(
            id="guest-answered",
            kind=Kind.CONTAINED,
            since="guest-chain",
            within_s=300,
            when=answered("guest-chain", 200, 403),
            said="nor are the data chains of others",
        ),
    )


SCENARIO = Scenario(
    id="S-25",
    title="The declaration itself is read out",
    source=(
        "Advice on connected places warns that data about a city's own systems is what an attacker needs first; from "
        "a support account that was used to read in bulk (2021) it is known how fast that goes"
    ),
    limits="Who has the files of the declaration need not ask us. There are no planted devices by which a leak would show later.",
    plan=plan,
)
