"""S-19: one who works here locks the others out, and one whose contract is over still has what was lent."""

from __future__ import annotations

import json

import numpy as np

from cityward.evidence.records import CommandIssued, Granted, OverrideBegun
from cityward.exercises.expecting import (
    entries_refused,
    held,
    knocked,
    noticed,
    recorded,
    release_refused,
    turned_away,
    was_read,
)
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.steps import Ask, Credential, Deed, Do, Persona, Send
from cityward.place.roles import Right

MAST = "127.0.0.79"  # from where it speaks
KNOCKS = 30  # of a station that nobody declared
ELSEWHERE = "203.0.113.77"  # of a block for documentation (RFC 5737)


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """The insider tries what is another's to do; the leaver comes back, first from elsewhere, then with nothing left."""
    lamps = next(scene.actuators("lighting"), None)
    insider = scene.role_with(Right.LOOK, without=(Right.OPERATE, Right.PEOPLE))
    guest = scene.guest_role(Right.OPERATE)
    if lamps is None or insider is None or guest is None:
        return NotStaged("no lamps that persons may hold, no role without that right, or no supplier's role for a task")
    service, group = lamps
    station = f"station-{int(chance.integers(100, 1000))}"
    home = scene.address_of(guest)
    dark = json.dumps({"target": group, "value": 0, "reason": "works", "hours": 2}).encode()
    least = json.dumps({"target": group, "value": _least(scene, group), "reason": "works", "hours": 2}).encode()
    give = json.dumps({"person": "insider", "role": insider, "reason": "I need it", "hours": 1}).encode()
    hold, people = f"/api/services/{service}/overrides", "/api/grants"
    return Plan(
        steps=(
            Ask(key="insider-holds", at_s=0, who="insider", method="POST", path=hold, body=least),
            Ask(key="insider-gives", at_s=20, who="insider", method="POST", path=people, body=give),
            Ask(key="insider-locks", at_s=40, who="insider", method="POST", path="/api/people/leaver/lock"),
            Do(
                key="lent",
                at_s=60,
                deed=Deed.GRANT,
                by="registrar",
                said={"persona": "leaver", "role": guest, "minutes": "120"},
            ),
            Ask(key="leaver-works", at_s=120, who="leaver", method="GET", path="/api/services", address=home),
            Ask(key="leaver-holds", at_s=140, who="leaver", method="POST", path=hold, body=dark, address=home),
            Ask(key="leaver-away", at_s=180, who="leaver", method="POST", path=hold, body=least, address=ELSEWHERE),
            Do(key="taken", at_s=300, deed=Deed.TAKE, by="registrar", said={"persona": "leaver", "role": guest}),
            Ask(key="leaver-back", at_s=330, who="leaver", method="POST", path=hold, body=least, address=home),
            Ask(key="audit", at_s=345, who="auditor", method="GET", path="/api/reads"),
            Ask(key="leaver-looks", at_s=340, who="leaver", method="GET", path="/api/services", address=home),
            Send(
                key="station",
                at_s=360,
                unit=station,
                body=b"[]",
                credential=Credential.GUESSED,
                address=MAST,
                copies=KNOCKS,
                spread_s=120,
            ),
        ),
        musts=_musts(group),
        services=(service,),
        subjects=(f"devices.{group}", f"roles.{guest}"),
        personas=(
            Persona(name="insider", party=scene.place.responsible, roles=(insider,)),
            Persona(name="leaver", party=scene.place.roles[guest].party, address=home),
            Persona(name="auditor", party=scene.place.responsible, roles=_roles(scene.role_with(Right.AUDIT))),
            Persona(name="registrar", party=scene.place.responsible, roles=_roles(scene.role_with(Right.PEOPLE))),
        ),
        settle_s=600,
        alarms=("failed-entries", "sign-ins", "rights", "unusual-reads"),
        wrong=lambda command: command.cause.get("person", "") in ("insider", "leaver"),
    )


def _roles(role: str | None) -> tuple[str, ...]:
    return () if role is None else (role,)


def _least(scene: Scene, group: str) -> float:
    limits = scene.place.device_models[scene.place.devices[group].model].commands
    return min(one.low for one in limits.values())


def _musts(group: str) -> tuple[Must, ...]:
    mine = ("insider", "leaver")
    return (
        Must(
            id="insider-refused",
            kind=Kind.REFUSED,
            since="insider-holds",
            within_s=300,
            when=turned_away("insider-holds", "insider-gives", "insider-locks"),
            said="who has no right to it holds no lamp, gives no role and locks nobody out",
        ),
        Must(
            id="lent-told",
            kind=Kind.DETECTED,
            since="lent",
            within_s=600,
            when=noticed("lent", "rights", of=lambda subject: subject == "person:leaver"),
            said="that a supplier's role was opened is told, and to whom",
        ),
        Must(
            id="work-on-record",
            kind=Kind.RECORDED,
            since="leaver-works",
            within_s=1200,
            when=was_read("leaver-works", "leaver"),
            said="what is asked in a role that was lent is on record",
        ),
        Must(
            id="dark-refused",
            kind=Kind.REFUSED,
            since="leaver-holds",
            within_s=300,
            when=turned_away("leaver-holds", statuses=(400, 403, 409)),
            said="nobody holds the lamps below their least, whatever role was lent",
        ),
        Must(
            id="elsewhere-refused",
            kind=Kind.REFUSED,
            since="leaver-away",
            within_s=300,
            when=turned_away("leaver-away"),
            said="from another address than the declared one the role counts for nothing",
        ),
        Must(
            id="elsewhere-on-record",
            kind=Kind.RECORDED,
            since="leaver-away",
            within_s=900,
            when=release_refused("leaver-away", "person:leaver", "elsewhere"),
            said="and that it was tried is on record",
        ),
        Must(
            id="gone-at-once",
            kind=Kind.CONTAINED,
            since="taken",
            within_s=120,
            when=turned_away("leaver-back", "leaver-looks"),
            said="what was lent is gone as soon as it is taken back",
        ),
        Must(
            id="taken-on-record",
            kind=Kind.RECORDED,
            since="taken",
            within_s=300,
            when=recorded("taken", Granted, lambda one: one.person == "leaver" and one.step == "taken"),
            said="who took it back is on record",
        ),
        Must(
            id="station-refused",
            kind=Kind.REFUSED,
            since="station",
            within_s=600,
            when=turned_away("station"),
            said="a station that nobody declared is let in nowhere",
        ),
        Must(
            id="station-on-record",
            kind=Kind.RECORDED,
            since="station",
            within_s=600,
            when=entries_refused("station"),
            said="that it knocked is on record",
        ),
        Must(
            id="station-told",
            kind=Kind.DETECTED,
            since="station",
            within_s=600,
            when=knocked("station", MAST),
            said="and is told, once it knocks often",
        ),
        Must(
            id="nothing-held",
            kind=Kind.KEPT,
            since="insider-holds",
            within_s=900,
            when=held("insider-holds", OverrideBegun, lambda one: one.person in mine and one.step == "begun"),
            said="neither of them holds a lamp at any time",
        ),
        Must(
            id="never-dark",
            kind=Kind.KEPT,
            since="insider-holds",
            within_s=900,
            when=held("insider-holds", CommandIssued, lambda one: one.device.startswith(group) and one.value <= 0),
            said="no lamp is told to go dark",
        ),
    )


SCENARIO = Scenario(
    id="S-19",
    title="An insider locks the others out, and a contractor who left comes back",
    source=(
        "Los Angeles, August 2006: two engineers used a superior's rights to lock the others out of four junctions, "
        "which took four days to undo. Maroochy, 2000: a contractor who was turned down used a radio and software "
        "that he had kept, and posed as a station, some 46 times; 800,000 litres of sewage ran out"
    ),
    limits="Whoever has the machine itself may do anything there. That a person shares their passkey is not seen.",
    plan=plan,
)
