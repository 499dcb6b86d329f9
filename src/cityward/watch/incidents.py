"""What is one thing to a person: findings gathered into incidents, so that a thousand rows are one alert.

Theory of operation
-------------------
A new finding goes to the open incident
1. that is about its subject already, whatever it found there;
2. else, within `window_us`, one of the same kind or ATT&CK technique whose subjects all share something with it: an address it
   came from, a group, a site, a maker, a zone, an owner; the narrowest that is shared decides;
3. else, where more than `most_alike` incidents of its kind had news within the window, the newest of those: what they share is
   their kind, whatever else;
4. else it opens one, whose id follows from the finding's.

What an incident's subjects share only shrinks as it grows, and is told as `shared`. An incident whose findings have all ended is
quiet; after `closes_after_us` of that it closes by itself. A finding that nobody said anything of for `stale_us` counts as ended.

A person takes an incident in hand (`acknowledged`) or closes it. What is in hand opens again where it grows worse than the person
saw it. To a closed one nothing is added: what begins then is new.

INVARIANTS
- A finding is in one incident, and stays there. An incident's severity never falls while it is not closed.
- Bounded: `most_open` incidents are worked on; the one longest without news closes first. `MOST_SUBJECTS` are known of each.
- The same findings in the same order give the same incidents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from cityward.time import DAY, HOUR, MINUTE
from cityward.watch.findings import Finding, Incident, IncidentState
from cityward.watch.world import World

NARROWEST_FIRST = ("device", "subject", "source", "group", "site", "maker", "zone", "owner", "party", "place")
"""What findings may share. A model's maker stands before the zone: who made it reaches every zone."""

MOST_SUBJECTS = 4096
FIRST_SUBJECTS = 8
KINDS_TOLD = 8


@dataclass(frozen=True, slots=True)
class IncidentRules:
    """When findings are one thing (city us)."""

    window_us: int = 30 * MINUTE
    closes_after_us: int = 2 * HOUR
    stale_us: int = DAY
    most_alike: int = 20
    most_open: int = 1000


@dataclass(slots=True)
class Case:
    """An incident that is worked on. common: what all its subjects share; tags: kinds and techniques; going_on: finding ids."""

    incident: Incident
    common: frozenset[str]
    tags: set[str]
    subjects: set[str]
    going_on: set[str]


@dataclass(slots=True)
class Docket:
    """id -> case, of those not closed; subject -> id of the newest case about it."""

    cases: dict[str, Case] = field(default_factory=dict[str, Case])
    about: dict[str, str] = field(default_factory=dict[str, str])


def incident_of(
    docket: Docket, finding: Finding, world: World, rules: IncidentRules, known: str = ""
) -> tuple[Incident | None, Incident]:
    """The incident that a new finding is in, before (None: it opens one) and with the finding. `known`: what evidence names.

    Its id goes into the finding; a later word of the same finding is `renewed`.
    """
    links = links_of(finding, world)
    case = docket.cases.get(known) if known else _home(docket, finding, links, rules)
    before = case.incident if case is not None else None
    if case is None:
        case = _opened(finding, links, known)
        docket.cases[case.incident.id] = case
    else:
        _join(case, finding, links)
    for subject in (finding.subject, *finding.others):
        docket.about[subject] = case.incident.id
    return before, case.incident


def renewed(docket: Docket, finding: Finding) -> tuple[Incident, Incident] | None:
    """The incident before and after a later word of one of its findings; None where it is closed."""
    case = docket.cases.get(finding.incident)
    if case is None:
        return None
    before = case.incident
    _count(case, finding)
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
    for subject in case.subjects if case is not None else ():
        if docket.about.get(subject) == id_:
            del docket.about[subject]


def recalled(incidents: Sequence[Incident], findings: Sequence[Finding], world: World) -> Docket:
    """The docket as it stood, from the incidents that are not closed and their findings, oldest first."""
    docket = Docket()
    of: dict[str, list[Finding]] = {}
    for finding in findings:
        of.setdefault(finding.incident, []).append(finding)
    for incident in incidents:
        mine = of.get(incident.id, [])
        links = [links_of(finding, world) for finding in mine]
        case = Case(
            incident=incident,
            common=frozenset.intersection(*links) if links else frozenset([incident.shared]),
            tags={tag for finding in mine for tag in _tags(finding)} | set(incident.kinds),
            subjects=set(incident.first_subjects) | {s for f in mine for s in (f.subject, *f.others)},
            going_on={finding.id for finding in mine if finding.ended_at is None},
        )
        docket.cases[incident.id] = case
        docket.about.update(dict.fromkeys(case.subjects, incident.id))
    return docket


def incident_id(finding: str) -> str:
    """The id of the incident that a finding opens: 12 hexadecimal characters."""
    return sha256(f"incident\n{finding}".encode()).hexdigest()[:12]


def links_of(finding: Finding, world: World) -> frozenset[str]:
    """What a finding's subjects have in common with others: `maker:northlight`, `source:192.0.2.7`, ..."""
    units = [world.registry.unit_index.get(name, -1) for name in (finding.subject, *finding.others)]
    known = [frozenset(_links_of_unit(unit, world)) for unit in units if unit >= 0]
    shared = frozenset.intersection(*known) if known else frozenset(_links_of_other(finding.subject))
    sources = {f"source:{finding.facts[name]}" for name in ("from", "source") if finding.facts.get(name)}
    return shared | sources


def _links_of_unit(unit: int, world: World) -> Iterator[str]:
    yield f"device:{world.registry.units[unit].id}"
    yield f"group:{world.registry.units[unit].group}"
    for name in ("site", "maker", "zone", "owner"):
        number = int(getattr(world, name)[unit])
        if number >= 0:
            yield f"{name}:{world.names[name][number]}"


def _links_of_other(subject: str) -> Iterator[str]:
    """Of an address, a person, a party: itself, and the place, in which such things come in crowds."""
    kind, _, name = subject.partition(":")
    yield f"subject:{subject}"
    yield "place:"
    if kind == "address":
        yield f"source:{name}"
    if kind == "party":
        yield from (f"owner:{name}", f"maker:{name}", f"party:{name}")


def _home(docket: Docket, finding: Finding, links: frozenset[str], rules: IncidentRules) -> Case | None:
    for subject in (finding.subject, *finding.others):
        case = docket.cases.get(docket.about.get(subject, ""))
        if case is not None:
            return case
    tags = _tags(finding)
    recent = [
        case
        for case in docket.cases.values()
        if case.tags & tags and case.incident.last_at >= finding.began_at - rules.window_us
    ]
    akin = [case for case in recent if case.common & links]
    if akin:
        return min(akin, key=lambda c: (_width(c.common & links), -c.incident.severity.rank, c.incident.id))
    if len(recent) > rules.most_alike:
        return max(recent, key=lambda c: (c.incident.last_at, c.incident.id))
    return None


def _tags(finding: Finding) -> frozenset[str]:
    return frozenset(t for t in (f"{finding.detector}/{finding.kind}", finding.technique) if t)


def _width(shared: frozenset[str]) -> int:
    return min((NARROWEST_FIRST.index(one.partition(":")[0]) for one in shared), default=len(NARROWEST_FIRST))


def _opened(finding: Finding, links: frozenset[str], known: str) -> Case:
    going_on = finding.ended_at is None
    subjects = (finding.subject, *finding.others)
    incident = Incident(
        id=known or incident_id(finding.id),
        title=_title(finding, 1, 1),
        shared=_narrowest(links),
        severity=finding.severity,
        began_at=finding.began_at,
        last_at=finding.at,
        findings=1,
        subjects=len(subjects),
        first_subjects=subjects[:FIRST_SUBJECTS],
        kinds=(f"{finding.detector}/{finding.kind}",),
        quiet_since=None if going_on else finding.ended_at,
    )
    return Case(incident, links, set(_tags(finding)), set(subjects), {finding.id} if going_on else set())


def _join(case: Case, finding: Finding, links: frozenset[str]) -> None:
    subjects = [s for s in (finding.subject, *finding.others) if s not in case.subjects]
    if finding.subject in subjects:  # a subject that is there already shares what it shared
        case.common &= links
    case.subjects.update(subjects[: MOST_SUBJECTS - len(case.subjects)])
    case.tags |= _tags(finding)
    before = case.incident
    kinds = tuple(dict.fromkeys((*before.kinds, f"{finding.detector}/{finding.kind}")))[:KINDS_TOLD]
    count = before.subjects + len(subjects)
    case.incident = msgspec.structs.replace(
        before,
        shared=_narrowest(case.common),
        began_at=min(before.began_at, finding.began_at),
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


def _narrowest(shared: frozenset[str]) -> str:
    ranked = sorted(shared, key=lambda one: (NARROWEST_FIRST.index(one.partition(":")[0]), one))
    return ranked[0] if ranked else "place:"


def _title(finding: Finding, subjects: int, kinds: int) -> str:
    if subjects == 1:
        return finding.title
    return f"{finding.title}, and more alike" if kinds == 1 else f"{finding.title}, and more"
