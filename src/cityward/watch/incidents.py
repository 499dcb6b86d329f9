"""What is one thing to a person: findings gathered into incidents, so that a thousand rows are one alert.

Theory of operation
-------------------
Findings are one incident where they are likely to have one cause, and two where nothing but the time and the kind of trouble is
alike. A new finding goes to the open incident, the first of these that there is,

1. that is about its *subject* already (the device, account, party), whatever it found there;
2. in which something came from the same *address*, with news within `window_us`; an address of the machine itself tells nothing;
3. that a detector ties to it by *naming* further devices (a coordinated change, a copied past): it names the finding's device, or
   the finding names devices of it; the incident with most of them, with news within `window_us`;
4. that began *together* with it, of the same detector, all of whose subjects share with it a group, flow, site, maker,
   owner or operator (`JOINING`); the narrowest that is shared decides. A site, owner or operator that more than half of
   all devices have tells nothing: the city owns nearly everything. Strangers (addresses) at the same door share being strangers;
5. that is the newest of more than `most_alike` of the same detector that began together with it: a wave.

Else it opens one, whose id follows from the finding's. *Together*: the spans from when a thing began to when it was noticed lie
less than `window_us` apart; how long a detector takes to notice is also how well it knows when the thing began.

What an incident's subjects share only shrinks as it grows, and is told as `shared`. The zone and the ATT&CK technique are told,
and join nothing: a forged sensor and a frozen one stand in one zone, and nearly every false value is T0856.

An incident whose findings have all ended is quiet; after `closes_after_us` of that it closes by itself. A finding that nobody
said anything of for `stale_us` counts as ended.

A person takes an incident in hand (`acknowledged`) or closes it. What is in hand opens again where it grows worse than the person
saw it. To a closed one nothing is added: what begins then is new.

INVARIANTS
- A finding is in one incident, and stays there. An incident's severity never falls while it is not closed.
- Bounded: `most_open` incidents are worked on; the one longest without news closes first. `MOST_SUBJECTS` are known of each,
  and `MOST_SOURCES` addresses.
- The same findings in the same order give the same incidents.

Fails when: two causes strike alike devices at one time (they are one incident), or one cause is first seen at several devices by
several detectors and none of them names the others (they are as many incidents as detectors saw it first).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from cityward.time import DAY, HOUR, MINUTE
from cityward.watch.findings import Finding, Incident, IncidentState
from cityward.watch.links import links_of, narrowest, sources_of, tells, width
from cityward.watch.world import World

MOST_SUBJECTS = 4096
MOST_SOURCES = 64
FIRST_SUBJECTS = 8
KINDS_TOLD = 8


@dataclass(frozen=True, slots=True)
class IncidentRules:
    """When findings are one thing (city us)."""

    window_us: int = 30 * MINUTE
    closes_after_us: int = 2 * HOUR
    stale_us: int = DAY
    most_alike: int = 8
    most_open: int = 1000

    @classmethod
    def at_speed(cls, speed: float) -> IncidentRules:
        """For a city clock `speed` times as fast: who is to see an incident lives by real time, and has half an hour of it."""
        return cls(closes_after_us=max(2 * HOUR, round(SEEN_WITHIN_US * speed)))


SEEN_WITHIN_US = 30 * MINUTE  # of real time


@dataclass(slots=True)
class Case:
    """An incident that is worked on. common: what all its subjects share; detectors: that found it; subjects, named: what it
    is about, and the devices that detectors named with those; sources: addresses; going_on: finding ids."""

    incident: Incident
    common: frozenset[str]
    detectors: set[str]
    subjects: set[str]
    named: set[str]
    sources: set[str]
    going_on: set[str]


@dataclass(slots=True)
class Docket:
    """id -> case, of those not closed; subject -> id of the newest case about it; device -> the newest that names it."""

    cases: dict[str, Case] = field(default_factory=dict[str, Case])
    about: dict[str, str] = field(default_factory=dict[str, str])
    named: dict[str, str] = field(default_factory=dict[str, str])


def incident_of(
    docket: Docket, finding: Finding, world: World, rules: IncidentRules, known: str = ""
) -> tuple[Incident | None, Incident]:
    """The incident that a new finding is in, before (None: it opens one) and with the finding. `known`: what evidence names.

    Its id goes into the finding; a later word of the same finding is `renewed`.
    """
    links = links_of(finding, world)
    case = docket.cases.get(known) if known else _home(docket, finding, links, world, rules)
    before = case.incident if case is not None else None
    if case is None:
        case = _opened(finding, links, known)
        docket.cases[case.incident.id] = case
    else:
        _join(case, finding, links)
    _index(docket, case.incident.id, finding)
    return before, case.incident


def renewed(docket: Docket, finding: Finding) -> tuple[Incident, Incident] | None:
    """The incident before and after a later word of one of its findings; None where it is closed."""
    case = docket.cases.get(finding.incident)
    if case is None:
        return None
    before = case.incident
    _count(case, finding)
    case.named.update(finding.others[: MOST_SUBJECTS - len(case.named)])
    docket.named.update(dict.fromkeys(finding.others, case.incident.id))
    return before, case.incident


def closed(docket: Docket, now: int, rules: IncidentRules) -> list[Incident]:
    """Those that are long quiet, and the oldest where there are too many: closed, and worked on no more."""
    quiet = [c for c in docket.cases.values() if c.incident.quiet_since is not None]
    over = {c.incident.id for c in quiet if now - (c.incident.quiet_since or now) >= rules.closes_after_us}
    left = sorted((c for c in docket.cases.values() if c.incident.id not in over), key=lambda c: c.incident.last_at)
    over |= {c.incident.id for c in left[: max(0, len(left) - rules.most_open)]}
    out = [msgspec.structs.replace(docket.cases[id_].incident, state=IncidentState.CLOSED) for id_ in sorted(over)]
    for incident in out:
        forget(docket, incident.id)
    return out


def said(docket: Docket, incidents: Mapping[str, tuple[IncidentState, str, str]]) -> list[str]:
    """What people said (state, person, note) is taken over; the ids of those they closed, which are worked on no more."""
    gone: list[str] = []
    for id_, (state, person, note) in incidents.items():
        case = docket.cases.get(id_)
        if case is None:
            continue
        case.incident = msgspec.structs.replace(case.incident, state=state, person=person, note=note)
        if state is IncidentState.CLOSED:
            forget(docket, id_)
            gone.append(id_)
    return gone


def forget(docket: Docket, id_: str) -> None:
    """An incident is worked on no more."""
    case = docket.cases.pop(id_, None)
    if case is None:
        return
    for index, names in ((docket.about, case.subjects), (docket.named, case.named)):
        for name in names:
            if index.get(name) == id_:
                del index[name]


def recalled(incidents: Sequence[Incident], findings: Sequence[Finding], world: World) -> Docket:
    """The docket as it stood, from the incidents that are not closed and their findings, oldest first."""
    docket = Docket()
    of: dict[str, list[Finding]] = {}
    for finding in findings:
        of.setdefault(finding.incident, []).append(finding)
    for incident in sorted(incidents, key=lambda i: (i.began_at, i.id)):
        mine = of.get(incident.id, [])
        links = [links_of(finding, world) for finding in mine]
        case = Case(
            incident=incident,
            common=frozenset.intersection(*links) if links else frozenset([incident.shared]),
            detectors={kind.partition("/")[0] for kind in incident.kinds} | {finding.detector for finding in mine},
            subjects=set(incident.first_subjects) | {finding.subject for finding in mine},
            named={other for finding in mine for other in finding.others},
            sources={source for finding in mine for source in sources_of(finding)},
            going_on={finding.id for finding in mine if finding.ended_at is None},
        )
        case.subjects -= case.named - {finding.subject for finding in mine}
        docket.cases[incident.id] = case
        docket.about.update(dict.fromkeys(case.subjects, incident.id))
    for finding in findings:
        if finding.incident in docket.cases:
            _index(docket, finding.incident, finding)
    return docket


def incident_id(finding: str) -> str:
    """The id of the incident that a finding opens: 12 hexadecimal characters."""
    return sha256(f"incident\n{finding}".encode()).hexdigest()[:12]


def _home(docket: Docket, finding: Finding, links: frozenset[str], world: World, rules: IncidentRules) -> Case | None:
    if (case := docket.cases.get(docket.about.get(finding.subject, ""))) is not None:
        return case
    lately = {id_: c for id_, c in docket.cases.items() if c.incident.last_at >= finding.began_at - rules.window_us}
    return (
        _from_one_address(lately, finding)
        or _tied_by_name(lately, docket, finding)
        or _alike(lately, finding, links, world, rules)
    )


def _from_one_address(lately: Mapping[str, Case], finding: Finding) -> Case | None:
    sources = set(sources_of(finding))
    alike = [case for case in lately.values() if case.sources & sources]
    return max(alike, key=_newest) if alike else None


def _tied_by_name(lately: Mapping[str, Case], docket: Docket, finding: Finding) -> Case | None:
    """The incident that names this device, or most of whose devices this finding names."""
    votes = Counter([docket.named.get(finding.subject, "")])
    for other in finding.others:
        votes.update({docket.about.get(other, ""), docket.named.get(other, "")})
    tied = [case for id_, case in lately.items() if votes[id_]]
    return max(tied, key=lambda case: (votes[case.incident.id], *_newest(case))) if tied else None


def _alike(
    lately: Mapping[str, Case], finding: Finding, links: frozenset[str], world: World, rules: IncidentRules
) -> Case | None:
    """The incident of the same detector that began together with this finding and shares something that tells."""
    together = [c for c in lately.values() if finding.detector in c.detectors and _together(c.incident, finding, rules)]
    telling = frozenset(link for link in links if tells(link, world))
    akin = [case for case in together if case.common & telling]
    if akin:
        return min(akin, key=lambda c: (width(c.common & telling), -c.incident.severity.rank, c.incident.id))
    return max(together, key=_newest) if len(together) > rules.most_alike else None


def _together(incident: Incident, finding: Finding, rules: IncidentRules) -> bool:
    """Whether the spans from beginning to first notice overlap, or nearly."""
    return (
        finding.began_at <= incident.noticed_at + rules.window_us and incident.began_at <= finding.at + rules.window_us
    )


def _newest(case: Case) -> tuple[int, str]:
    return case.incident.last_at, case.incident.id


def _index(docket: Docket, incident: str, finding: Finding) -> None:
    docket.about[finding.subject] = incident
    docket.named.update(dict.fromkeys(finding.others, incident))


def _opened(finding: Finding, links: frozenset[str], known: str) -> Case:
    going_on = finding.ended_at is None
    subjects = (finding.subject, *finding.others)
    incident = Incident(
        id=known or incident_id(finding.id),
        title=_title(finding, 1, 1),
        shared=narrowest(links),
        severity=finding.severity,
        began_at=finding.began_at,
        last_at=finding.at,
        noticed_at=finding.at,
        findings=1,
        subjects=len(subjects),
        first_subjects=subjects[:FIRST_SUBJECTS],
        kinds=(f"{finding.detector}/{finding.kind}",),
        quiet_since=None if going_on else finding.ended_at,
    )
    return Case(
        incident=incident,
        common=links,
        detectors={finding.detector},
        subjects={finding.subject},
        named=set(finding.others),
        sources=set(sources_of(finding)),
        going_on={finding.id} if going_on else set(),
    )


def _join(case: Case, finding: Finding, links: frozenset[str]) -> None:
    there = case.subjects | case.named
    subjects = [s for s in (finding.subject, *finding.others) if s not in there]
    if finding.subject not in case.subjects:  # a subject that is there already shares what it shared
        case.common &= links
    if len(case.subjects) < MOST_SUBJECTS:
        case.subjects.add(finding.subject)
    case.named.update(finding.others[: MOST_SUBJECTS - len(case.named)])
    case.sources.update(list(sources_of(finding))[: MOST_SOURCES - len(case.sources)])
    case.detectors.add(finding.detector)
    before = case.incident
    kinds = tuple(dict.fromkeys((*before.kinds, f"{finding.detector}/{finding.kind}")))[:KINDS_TOLD]
    count = before.subjects + len(subjects)
    case.incident = msgspec.structs.replace(
        before,
        shared=narrowest(case.common),
        began_at=min(before.began_at, finding.began_at),
        noticed_at=max(before.noticed_at, finding.at),
        findings=before.findings + 1,
        subjects=count,
        first_subjects=(*before.first_subjects, *subjects)[:FIRST_SUBJECTS],
        kinds=kinds,
    )
    _count(case, finding)
    if finding.severity.rank > before.severity.rank or (count > 1 and before.subjects == 1):
        case.incident = msgspec.structs.replace(case.incident, title=_title(finding, count, len(kinds)))


def _count(case: Case, finding: Finding) -> None:
    """A word of a finding: whether it goes on, when, how bad."""
    before = case.incident
    if finding.ended_at is None:
        case.going_on.add(finding.id)
    else:
        case.going_on.discard(finding.id)
    last = max(before.last_at, finding.at)
    worse = finding.severity.rank > before.severity.rank
    reopened = worse and before.state is IncidentState.ACKNOWLEDGED
    case.incident = msgspec.structs.replace(
        before,
        last_at=last,
        quiet_since=None if case.going_on else max(before.quiet_since or 0, finding.ended_at or last),
        severity=finding.severity if worse else before.severity,
        state=IncidentState.OPEN if reopened else before.state,
    )


def _title(finding: Finding, subjects: int, kinds: int) -> str:
    if subjects == 1:
        return finding.title
    return f"{finding.title}, and more alike" if kinds == 1 else f"{finding.title}, and more"
