"""S-14: a good part of the transit operator's computers is lost, and what is left of the service goes on."""

from __future__ import annotations

import numpy as np

from cityward.evidence.records import FeedJudged
from cityward.exercises.bodies import flow_line
from cityward.exercises.expecting import answered, contained, noticed, recorded, turned_away
from cityward.exercises.scenario import Kind, Must, NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.steps import Ask, Deed, Do, Persona, Send
from cityward.place.registry import Unit
from cityward.place.roles import Right
from cityward.place.things import System

MOST_TRIED = 6
PORT = 445  # file shares: by what such software spreads


def plan(scene: Scene, chance: np.random.Generator) -> Plan | NotStaged:
    """The feed stops, the control room knocks at its neighbours, its devices are cut off for a while, the feed comes back."""
    service = next((name for name, one in scene.place.services.items() if one.kind == "transport"), None)
    feed = next(
        (name for name, one in scene.place.flows.items() if one.feed is not None and one.protocol == "gtfs-realtime"),
        None,
    )
    role, second = scene.role_with(Right.CONTAIN), scene.role_with(Right.APPROVE, without=(Right.CONTAIN,))
    if service is None or feed is None:
        return NotStaged("no transport service, or no feed that tells where the vehicles are")
    if role is None or second is None:
        return NotStaged("nobody may contain, or nobody may agree to it")
    lost = scene.place.systems.get(scene.place.flows[feed].from_)
    neighbours = _neighbours(scene, scene.place.flows[feed].from_)
    operator = scene.place.services[service].operator
    cut_off = _of(scene, operator)
    if lost is None or not _plain(lost) or not neighbours:
        return NotStaged("the system behind the feed, or those beside it, have no declared addresses")
    tried = [neighbours[int(n)] for n in chance.permutation(len(neighbours))[:MOST_TRIED]]
    knocks = tuple(
        Do(key=f"knock-{n}", at_s=120 + 20 * n, deed=Deed.FLOW_LOG, said={"line": flow_line(_plain(lost), to, PORT)})
        for n, to in enumerate(tried)
    )
    people = (
        Persona(name="officer", party=scene.place.responsible, roles=(role,)),
        Persona(name="second", party=scene.place.responsible, roles=(second,)),
    )
    return Plan(
        steps=(
            Do(key="feed-lost", at_s=0, deed=Deed.HOLD, said={"process": "feeds"}),
            *knocks,
            Ask(key="who-waits", at_s=300, who="", method="GET", path="/stops/"),
            Ask(key="machine-asks", at_s=300, who="", method="GET", path="/api/transport/siri/estimated-timetable"),
            *_cut(operator, cut_off),
            Do(key="feed-back", at_s=960, deed=Deed.LET_GO, said={"process": "feeds"}),
        ),
        musts=(*_musts(scene.place.flows[feed].from_), *_cut_musts(cut_off), _back(feed)),
        services=(service,),
        subjects=(f"systems.{scene.place.flows[feed].from_}",),
        personas=people,
        roles=("feeds", "network"),
        settle_s=900,
        alarms=("new-destination", "second-presence", "late-use", "failed-entries", "configuration-drift"),
    )


def _neighbours(scene: Scene, lost: str) -> list[str]:
    """One address of each system to which no flow leads from the lost one."""
    place = scene.place
    known = {flow.to for flow in place.flows.values() if flow.from_ == lost} | {lost, place.platform}
    known |= {flow.from_ for flow in place.flows.values() if flow.to == lost}
    return [_plain(one) for name, one in place.systems.items() if name not in known and _plain(one)]


def _plain(system: System) -> str:
    """The first address that is one, and no name or block."""
    return next((told for told in system.addresses if "/" not in told and told.replace(".", "").isdigit()), "")


def _of(scene: Scene, party: str) -> Unit | None:
    """A device that the party owns or operates, and that speaks to us."""
    devices = scene.place.devices
    return next((u for u in scene.speakers() if party in (devices[u.group].owner, devices[u.group].operator)), None)


def _cut(party: str, unit: Unit | None) -> tuple[Do | Send, ...]:
    if unit is None:
        return ()
    said = {"target": f"party:{party}", "minutes": "60", "second": "second"}
    return (
        Do(key="cut-off", at_s=420, deed=Deed.CONTAIN, by="officer", said=said),
        Send(key="knock-on", at_s=540, unit=unit.id, body=b"[]", client="lost"),
        Do(key="let-in", at_s=840, deed=Deed.LIFT, by="officer", said={"of": "cut-off"}),
    )


def _musts(lost: str) -> tuple[Must, ...]:
    return (
        Must(
            id="spread-seen",
            kind=Kind.DETECTED,
            since="knock-0",
            within_s=600,
            when=noticed("knock-0", "new-destination", of=lambda subject: subject.endswith(lost)),
            said="that its control room knocks where no flow leads is told",
        ),
        Must(
            id="stops-answer",
            kind=Kind.CONTAINED,
            since="who-waits",
            within_s=300,
            when=answered("who-waits", 200),
            said="who waits at a stop is told when the next one comes, by the timetable",
        ),
        Must(
            id="machines-answered",
            kind=Kind.CONTAINED,
            since="machine-asks",
            within_s=300,
            when=answered("machine-asks", 200),
            said="other operators' machines get an answer, too",
        ),
    )


def _cut_musts(unit: Unit | None) -> tuple[Must, ...]:
    if unit is None:
        return ()
    return (
        Must(
            id="cut-off",
            kind=Kind.CONTAINED,
            since="cut-off",
            within_s=300,
            when=contained("cut-off", "begun"),
            said="the operator's devices are cut off, by two persons",
        ),
        Must(
            id="shut-out",
            kind=Kind.REFUSED,
            since="knock-on",
            within_s=300,
            when=turned_away("knock-on"),
            said="a device that is cut off is let in nowhere",
        ),
        Must(
            id="let-in",
            kind=Kind.RECOVERED,
            since="let-in",
            within_s=300,
            when=contained("let-in", "lifted"),
            said="it is lifted, on record",
        ),
    )


def _back(feed: str) -> Must:
    again = recorded("feed-back", FeedJudged, lambda one: one.flow == feed and one.standing != "refused")
    return Must(
        id="feed-again",
        kind=Kind.RECOVERED,
        since="feed-back",
        within_s=900,
        when=again,
        said="where the vehicles are is known again, judged as before",
    )


SCENARIO = Scenario(
    id="S-14",
    title="A quarter of the transit operator's computers is encrypted",
    source=(
        "San Francisco, November 2016: about 2,100 of the transit agency's 8,700 computers were encrypted by software "
        "that spread by itself; fares were not taken, duty sheets written by hand, and the vehicles ran"
    ),
    limits=(
        "The feed is held, not its source; the spreading is lines of a firewall's log. Fares and duty sheets are the "
        "operator's, and no part of the twin."
    ),
    plan=plan,
)
