"""S-22: a supplier has to go, late. What hangs on it must be known before, and be so when it is tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from cityward.evidence.records import CommandIssued, Contained
from cityward.exercises.expecting import When, contained, goes_on, held, recorded, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona, Send
from cityward.place.model import Place
from cityward.place.registry import Unit
from cityward.place.roles import Right
from cityward.reach.blast.subjects import Subject, SubjectKind
from cityward.reach.blast.wiring import compile_cascade
from cityward.reach.containment import Containment, containment_of

CUT_OFF_S = 600.0


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Ask what it reaches and what it costs to cut it off, cut it off for ten minutes by two persons, and let it back in."""
    contain, second = (
        scene.role_with(Right.CONTAIN, Right.LOOK),
        scene.role_with(Right.APPROVE, without=(Right.CONTAIN,)),
    )
    party = _heaviest(scene.place)
    if contain is None or second is None:
        return NotStaged("nobody may contain, or nobody may agree to it")
    if party is None:
        return NotStaged("no company makes, owns or operates a device of the place")
    found = _containment(scene.place, party)
    gone, left = _one_of(scene, found), _one_not_of(scene, found)
    rooms = {"about": "party", "id": party}
    return Plan(
        steps=(
            Ask(key="reaches", at_s=0, who="officer", method="GET", path="/api/reach", query=rooms),
            Ask(
                key="costs",
                at_s=20,
                who="officer",
                method="GET",
                path="/api/containments/preview",
                query={"target": f"party:{party}"},
            ),
            Do(
                key="out",
                at_s=60,
                deed=Deed.CONTAIN,
                by="officer",
                said={"target": f"party:{party}", "minutes": "60", "second": "second"},
            ),
            *((Send(key="knock", at_s=180, unit=gone.id, body=b"[]", client="late"),) if gone is not None else ()),
            Do(key="back", at_s=60 + CUT_OFF_S, deed=Deed.LIFT, by="officer", said={"of": "out"}),
        ),
        musts=(*_musts(party, found), *_street_musts(scene, gone, left)),
        services=tuple(hit.service for hit in found.services),
        subjects=(f"parties.{party}",),
        personas=(
            Persona(name="officer", party=scene.place.responsible, roles=(contain,)),
            Persona(name="second", party=scene.place.responsible, roles=(second,)),
        ),
        settle_s=600,
        alarms=("late-use", "failed-entries", "silence", "second-presence"),
        wrong=lambda command: command.value <= 0,
    )


def _heaviest(place: Place) -> str | None:
    """The company whose exclusion takes the most devices, of those that take one at all and are not the city's own."""
    own = (place.responsible, "")
    companies = [name for name, one in place.parties.items() if one.kind == "company" and name not in own]
    cascade = compile_cascade(place)
    sizes = {
        name: len(containment_of(place, cascade, Subject(kind=SubjectKind.PARTY, id=name)).units) for name in companies
    }
    best = max(sizes, key=lambda name: (sizes[name], name), default=None)
    return best if best is not None and sizes[best] else None


def _containment(place: Place, party: str) -> Containment:
    return containment_of(place, compile_cascade(place), Subject(kind=SubjectKind.PARTY, id=party))


def _one_of(scene: Scene, found: Containment) -> Unit | None:
    return next((unit for unit in scene.speakers() if unit.id in found.units), None)


def _one_not_of(scene: Scene, found: Containment) -> Unit | None:
    return next((unit for unit in scene.speakers("senml", "json", "ngsi-ld") if unit.id not in found.units), None)


def _musts(party: str, found: Containment) -> tuple[Must, ...]:
    as_foreseen = recorded("out", Contained, lambda one: one.step == "begun" and one.units == len(found.units))
    return (
        Must(
            id="reach-known",
            kind=Kind.DETECTED,
            since="reaches",
            within_s=300,
            when=_answer("reaches", _names_rows),
            said="what the supplier reaches is known before",
        ),
        Must(
            id="cost-known",
            kind=Kind.DETECTED,
            since="costs",
            within_s=300,
            when=_answer("costs", lambda body: _as_computed(body, found)),
            said="which devices and services go with it, and what fails, is known before, as it follows from the declaration",
        ),
        Must(
            id="cut-off",
            kind=Kind.CONTAINED,
            since="out",
            within_s=300,
            when=contained("out", "begun", party),
            said="two persons cut it off",
        ),
        Must(
            id="as-foreseen",
            kind=Kind.RECORDED,
            since="out",
            within_s=300,
            when=as_foreseen,
            said="as many devices as were foreseen, on record with the cost that was shown",
        ),
        Must(
            id="back",
            kind=Kind.RECOVERED,
            since="back",
            within_s=300,
            when=contained("back", "lifted", party),
            said="it is let back in, on record",
        ),
        Must(
            id="never-dark",
            kind=Kind.KEPT,
            since="out",
            within_s=CUT_OFF_S,
            when=held("out", CommandIssued, lambda one: one.value <= 0 and one.command == "dim"),
            said="no lamp is told to go dark because of it",
        ),
    )


def _street_musts(scene: Scene, gone: Unit | None, left: Unit | None) -> tuple[Must, ...]:
    musts: list[Must] = []
    if gone is not None:
        musts.append(
            Must(
                id="shut-out",
                kind=Kind.REFUSED,
                since="knock",
                within_s=300,
                when=turned_away("knock"),
                said="its devices are let in nowhere while it is out",
            )
        )
    if left is not None:
        musts.append(
            Must(
                id="others-go-on",
                kind=Kind.CONTAINED,
                since="out",
                within_s=900,
                when=goes_on("out", [scene.flow_of(left)], 120),
                said="what does not hang on it goes on",
            )
        )
    return tuple(musts)


def _answer(step: str, right: Callable[[bytes], bool]) -> When:
    def when(seen: Seen) -> int | None:
        answer = seen.answers.get(step)
        return answer.at if answer is not None and answer.status == 200 and right(answer.body) else None

    return when


def _names_rows(body: bytes) -> bool:
    """At least one row. The body may be cut: what a supplier reaches can be long."""
    return b'"rows":[{"who":' in body


def _as_computed(body: bytes, found: Containment) -> bool:
    """The answer is what `reach` computes here."""
    try:
        told: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return False
    wanted: Any = msgspec.json.decode(msgspec.json.encode(found))
    return all(told.get(name) == wanted[name] for name in ("devices", "units", "services", "cost"))


SCENARIO = Scenario(
    id="S-22",
    title="A supplier is excluded late",
    source=(
        "Bournemouth, 2021: a contract with a foreign cloud and data firm for the town's connected place was dropped "
        "after national advice, late, when much was planned around it"
    ),
    limits=(
        "What ends with the contract, by when, and which keys and data must be got back, is `cityward whatif`'s to "
        "tell; here the supplier's devices are cut off for ten minutes. No price is known."
    ),
    plan=plan,
)
