"""S-20: a supplier is sold, asks for more than was agreed, and has to be switched off, without the lights going out."""

from __future__ import annotations

import json

import msgspec
import numpy as np

from cityward.evidence.records import Admission, CommandIssued, RecipientLife, Release
from cityward.exercises.expecting import When, contained, held, noticed, recorded, release_refused, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona
from cityward.place.release import Recipient
from cityward.place.roles import Right
from cityward.time import SECOND

NOT_AGREED = "an-end-that-nobody-agreed-to"
PAGE = "/api/release/rows"
STARTED_S = 2400.0  # by then the twin has started again with its changed declaration


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """Another purpose, another dataset, another owner, no key any more; then its devices are told to stop."""
    asking = [(name, one) for name, one in scene.place.recipients.items() if one.by == "query" and one.sign_in == "key"]
    asking = [(name, one) for name, one in asking if "127.0.0.1" in one.addresses] or asking
    if not asking:
        return NotStaged("no recipient asks with a key of its own")
    name, recipient = asking[int(chance.integers(len(asking)))]
    buyer = _buyer(scene, recipient.party)
    flow = scene.place.flows[recipient.flows[0]]
    more = _not_theirs(scene, recipient)
    if buyer is None or more is None:
        return NotStaged("no other party could buy the supplier, or it has every dataset already")
    who, purpose, dataset = f"recipient:{name}", flow.purpose, flow.datasets[0]
    agreed = {"dataset": dataset, "purpose": purpose}
    stopped = _stoppable(scene)
    return Plan(
        steps=(
            Ask(key="as-agreed", at_s=0, who=who, method="GET", path=PAGE, query=agreed),
            Ask(
                key="other-purpose", at_s=30, who=who, method="GET", path=PAGE, query={**agreed, "purpose": NOT_AGREED}
            ),
            Ask(key="other-data", at_s=60, who=who, method="GET", path=PAGE, query={**agreed, "dataset": more}),
            *_stop(stopped),
            Do(key="sold", at_s=840, deed=Deed.DECLARE, said={"overlay": _sold(scene, recipient.party, buyer)}),
            Ask(key="after-sale", at_s=STARTED_S, who=who, method="GET", path=PAGE, query=agreed),
            Do(
                key="key-taken",
                at_s=STARTED_S + 60,
                deed=Deed.RECIPIENT,
                by="owner",
                said={"recipient": name, "to": "revoked"},
            ),
            Ask(key="without-key", at_s=STARTED_S + 120, who=who, method="GET", path=PAGE, query=agreed),
        ),
        musts=(*_musts(name, recipient), *_stop_musts(scene, stopped)),
        subjects=(f"recipients.{name}", f"parties.{recipient.party}"),
        personas=(
            Persona(name="owner", party=scene.place.responsible, roles=_role(scene.role_with(Right.RECIPIENTS))),
            Persona(name="officer", party=scene.place.responsible, roles=_role(scene.role_with(Right.CONTAIN))),
        ),
        services=tuple(service for service, _ in scene.actuators("lighting")),
        roles=("release",),
        settle_s=900,
        alarms=("failed-entries", "configuration-drift", "rights", "silence", "late-use", "second-presence"),
    )


def _role(role: str | None) -> tuple[str, ...]:
    return () if role is None else (role,)


def _buyer(scene: Scene, party: str) -> str | None:
    """A party incorporated elsewhere that holds nothing of the supplier yet."""
    parties = scene.place.parties
    abroad = [n for n, one in parties.items() if n != party and one.incorporated_in != parties[party].incorporated_in]
    return next((n for n in abroad if parties[n].kind in ("group", "company")), None)


def _sold(scene: Scene, party: str, buyer: str) -> str:
    """The party's record with another owner."""
    record = {**msgspec.to_builtins(scene.place.parties[party]), "owners": [{"party": buyer, "share": 100}]}
    return json.dumps({"parties": {party: record}})


def _not_theirs(scene: Scene, recipient: Recipient) -> str | None:
    """A dataset about people, or else any, that none of its flows carries."""
    theirs = {dataset for flow in recipient.flows for dataset in scene.place.flows[flow].datasets}
    others = [name for name in scene.place.datasets if name not in theirs]
    return next((name for name in others if scene.place.datasets[name].personal), others[0] if others else None)


def _stoppable(scene: Scene) -> str | None:
    """A group of devices that only says things: its collecting can be ended."""
    return next((unit.group for unit in scene.speakers("senml", "json")), None)


def _stop(group: str | None) -> tuple[Do, ...]:
    if group is None:
        return ()
    said = {"target": group, "minutes": "20"}
    return (
        Do(key="stop", at_s=120, deed=Deed.CONTAIN, by="officer", said=said),
        Do(key="go-on", at_s=780, deed=Deed.LIFT, by="officer", said={"of": "stop"}),
    )


def _musts(name: str, recipient: Recipient) -> tuple[Must, ...]:
    after_sale = held("sold", Release, lambda one: one.party == recipient.party)
    return (
        Must(
            id="purpose-refused",
            kind=Kind.REFUSED,
            since="other-purpose",
            within_s=300,
            when=turned_away("other-purpose"),
            said="for another purpose than the agreed one nothing is given",
        ),
        Must(
            id="data-refused",
            kind=Kind.REFUSED,
            since="other-data",
            within_s=300,
            when=turned_away("other-data"),
            said="nor other data, least of all about people",
        ),
        Must(
            id="purpose-on-record",
            kind=Kind.RECORDED,
            since="other-purpose",
            within_s=600,
            when=release_refused("other-purpose", name, "undeclared", "not-agreed", "no-agreement"),
            said="that it was asked for, and why it was refused, is on record",
        ),
        Must(
            id="key-refused",
            kind=Kind.REFUSED,
            since="key-taken",
            within_s=300,
            when=turned_away("without-key"),
            said="a key that was taken away opens nothing",
        ),
        Must(
            id="key-on-record",
            kind=Kind.RECORDED,
            since="key-taken",
            within_s=300,
            when=recorded("key-taken", RecipientLife, lambda one: one.recipient == name and one.to == "revoked"),
            said="who took it away is on record",
        ),
        Must(
            id="sale-refused",
            kind=Kind.REFUSED,
            since="after-sale",
            within_s=300,
            when=turned_away("after-sale"),
            said="what was agreed with the old owner waits for a new decision",
        ),
        Must(
            id="pending-on-record",
            kind=Kind.RECORDED,
            since="after-sale",
            within_s=600,
            when=release_refused("after-sale", name, "pending"),
            said="and that this is why is on record",
        ),
        Must(
            id="change-told",
            kind=Kind.DETECTED,
            since="sold",
            within_s=2400,
            when=noticed("sold", "configuration-drift"),
            said="that the declaration names another owner now is told",
        ),
        Must(
            id="nothing-after-sale",
            kind=Kind.KEPT,
            since="sold",
            within_s=900,
            when=after_sale,
            said="nothing leaves to the party from then on",
        ),
    )


def _stop_musts(scene: Scene, group: str | None) -> tuple[Must, ...]:
    if group is None:
        return ()
    flow = scene.flow_of(scene.units(group)[0])
    dark = held("stop", CommandIssued, lambda one: one.value <= 0)
    return (
        Must(
            id="stopped",
            kind=Kind.CONTAINED,
            since="stop",
            within_s=300,
            when=contained("stop", "begun", group),
            said="one order ends what a group of devices collects",
        ),
        Must(
            id="nothing-stored",
            kind=Kind.CONTAINED,
            since="stop",
            within_s=900,
            when=_dry(flow, 300, 600),
            said="from five minutes after the order on nothing new of it is stored",
        ),
        Must(
            id="lights-on",
            kind=Kind.KEPT,
            since="stop",
            within_s=600,
            when=dark,
            said="no lamp goes dark because of it",
        ),
        Must(
            id="lifted",
            kind=Kind.RECOVERED,
            since="go-on",
            within_s=300,
            when=contained("go-on", "lifted", group),
            said="it is lifted again, on record",
        ),
    )


def _dry(flow: str, from_s: int, until_s: int) -> When:
    """When a span after the step was over, in which no row of the flow was admitted and the gate worked."""

    def when(seen: Seen) -> int | None:
        begun = seen.done.get("stop")
        if begun is None or seen.now < begun + until_s * SECOND:
            return None
        span = [one for one in seen.of(Admission) if begun + from_s * SECOND <= one.at < begun + until_s * SECOND]
        taken = sum(one.by_flow[flow][1] for one in span if flow in one.by_flow)
        return begun + until_s * SECOND if span and not taken else None

    return when


SCENARIO = Scenario(
    id="S-20",
    title="A supplier changes hands, its purpose creeps, and there is an off switch",
    source=(
        "San Diego, 2020: the firm behind the city's sensor lamps was sold; data about mobility was given up, cameras "
        "served the police only, and went on recording because they shared their power with the lamps; the seller "
        "had taken the city's own credentials away"
    ),
    limits=(
        "The off switch is the city's gate: it stores nothing more. Whether a camera still records inside itself no "
        "gate can see."
    ),
    plan=plan,
)
