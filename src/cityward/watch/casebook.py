"""From signs to everything that follows: findings, the incidents they are in, how far devices are trusted, what goes on record.

INVARIANTS
- A sign that was judged before, in this life of the watch or in an earlier one, changes nothing: no finding, no record.
- What began is on record once, and once when it ended; a standing whenever its state changes.
- Bounded: `MOST_HELD` findings are kept in mind, those that go on last to be forgotten. What is forgotten stands in the book.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from cityward.evidence.records import AnyRecord, Found, Standing
from cityward.time import DAY, MINUTE
from cityward.watch.contract import Card, Phase, Sign
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState, Trust
from cityward.watch.incidents import Docket, IncidentRules, closed, incident_of, renewed, said
from cityward.watch.judging import Stakes, identity, judge
from cityward.watch.trust import Trusts, forgive, note, weigh
from cityward.watch.world import World

BY = "watch"
MOST_HELD = 20_000
SWEEPS_US = MINUTE
REMEMBERS_US = DAY
NOBODY: Mapping[str, str] = {}
USUAL = IncidentRules()


@dataclass(frozen=True, slots=True)
class Court:
    """What signs are judged by."""

    world: World
    stakes: Stakes
    cards: Mapping[str, Card]
    rules: IncidentRules = USUAL


@dataclass(slots=True)
class Casebook:
    """What is in hand. findings: those that go on, and those that ended lately. unasked: signs that began nothing known."""

    docket: Docket = field(default_factory=Docket)
    trusts: Trusts = field(default_factory=Trusts)
    findings: dict[str, Finding] = field(default_factory=dict[str, Finding])
    swept_at: int = 0
    unasked: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What changed. stages: (opened | raised | closed, incident): what somebody may want to be told."""

    findings: Sequence[Finding] = ()
    incidents: Sequence[Incident] = ()
    standings: Sequence[DeviceStanding] = ()
    stages: Sequence[tuple[str, Incident]] = ()
    records: Sequence[AnyRecord] = ()


@dataclass(slots=True)
class _Turn:
    """What one turn changes, as it grows. before: each changed incident as it stood."""

    findings: dict[str, Finding] = field(default_factory=dict[str, Finding])
    incidents: dict[str, Incident] = field(default_factory=dict[str, Incident])
    before: dict[str, Incident | None] = field(default_factory=dict[str, "Incident | None"])
    records: list[AnyRecord] = field(default_factory=list[AnyRecord])

    def changed(self, before: Incident | None, after: Incident) -> None:
        """An incident is not what it was."""
        self.before.setdefault(after.id, before)
        self.incidents[after.id] = after


def take(
    book: Casebook,
    signs: Sequence[tuple[str, Sign]],
    now: int,
    court: Court,
    *,
    known: Mapping[str, str] = NOBODY,
    anew: Collection[str] = (),
) -> Verdict:
    """Judge the signs of a turn, as (detector, sign).

    known: finding -> the incident that evidence already names. anew: detectors that began anew and know nothing of what they
    found before: it counts as ended, and what goes on they find again.
    """
    turn = _Turn()
    for finding in [f for f in book.findings.values() if f.ended_at is None and f.detector in anew]:
        _end(book, finding, max(now, finding.at), court, turn)
    for detector, sign in sorted(signs, key=_order):
        _judge(book, detector, sign, court, known, turn)
    if now - book.swept_at >= SWEEPS_US:
        _sweep(book, now, court, turn)
    for incident in closed(book.docket, now, court.rules):
        turn.changed(incident, incident)
    standings, crossed = _weighed(book, now)
    return Verdict(
        findings=list(turn.findings.values()),
        incidents=list(turn.incidents.values()),
        standings=standings,
        stages=list(_stages(turn)),
        records=[*turn.records, *crossed],
    )


def heard(book: Casebook, incidents: Mapping[str, tuple[IncidentState, str, str]]) -> None:
    """What people said of incidents: (state, person, note). Closing one forgives what has ended in it."""
    gone = set(said(book.docket, incidents))
    if gone:
        forgive(book.trusts, [finding.id for finding in book.findings.values() if finding.incident in gone])


def recall(findings: Iterable[Finding], docket: Docket, standings: Iterable[DeviceStanding], court: Court) -> Casebook:
    """The casebook as it stood, from what the stores hold."""
    book = Casebook(docket=docket)
    for finding in findings:
        book.findings[finding.id] = finding
        _note(book, finding, court)
    book.trusts.standings.update({standing.device: standing for standing in standings})
    return book


def _order(one: tuple[str, Sign]) -> tuple[int, str, int, int, str, int]:
    detector, sign = one
    return (sign.at, detector, sign.unit, sign.channel, sign.about, list(Phase).index(sign.phase))


def _judge(book: Casebook, detector: str, sign: Sign, court: Court, known: Mapping[str, str], turn: _Turn) -> None:
    card = court.cards[detector]
    id_ = identity(sign, card, court.world)
    before = book.findings.get(id_)
    if before is None and sign.phase is Phase.ENDED:
        book.unasked += 1  # it began while signs were not wanted: in the past that was learned from
        return
    if before is not None and not _is_news(sign, before):
        return
    finding = judge(sign, card, court.world, court.stakes, before)
    if before is None:
        _begin(book, finding, court, known.get(id_, ""), turn)
    else:
        _go_on(book, finding, court, turn)


def _is_news(sign: Sign, before: Finding) -> bool:
    if sign.phase is Phase.ENDED and before.ended_at is None:
        return sign.at >= before.at
    return sign.at > before.at


def _begin(book: Casebook, finding: Finding, court: Court, known: str, turn: _Turn) -> None:
    before, incident = incident_of(book.docket, finding, court.world, court.rules, known)
    finding = msgspec.structs.replace(finding, incident=incident.id)
    turn.changed(before, incident)
    turn.records.append(_found(finding, Phase.BEGAN))
    if finding.ended_at is not None:
        turn.records.append(_found(finding, Phase.ENDED))
    _keep(book, finding, court, turn)


def _go_on(book: Casebook, finding: Finding, court: Court, turn: _Turn) -> None:
    if (moved := renewed(book.docket, finding)) is not None:
        turn.changed(*moved)
    if finding.ended_at is not None:
        turn.records.append(_found(finding, Phase.ENDED))
    _keep(book, finding, court, turn)


def _end(book: Casebook, finding: Finding, at: int, court: Court, turn: _Turn) -> None:
    """End a finding without a word of its detector."""
    _go_on(book, msgspec.structs.replace(finding, phase=Phase.ENDED, at=at, ended_at=at), court, turn)


def _keep(book: Casebook, finding: Finding, court: Court, turn: _Turn) -> None:
    book.findings[finding.id] = finding
    turn.findings[finding.id] = finding
    _note(book, finding, court)


def _note(book: Casebook, finding: Finding, court: Court) -> None:
    card = court.cards.get(finding.detector)
    kind = next((k for k in card.kinds if k.id == finding.kind), None) if card is not None else None
    units = court.world.registry.unit_index
    devices = [name for name in (finding.subject, *finding.others) if name in units]
    if kind is not None and kind.weight > 0 and devices:
        note(book.trusts, finding, kind.weight, devices)


def _sweep(book: Casebook, now: int, court: Court, turn: _Turn) -> None:
    """End what nobody said anything of for long; forget what ended long ago."""
    book.swept_at = now
    for finding in list(book.findings.values()):
        if finding.ended_at is None and now - finding.at >= court.rules.stale_us:
            _end(book, finding, finding.at, court, turn)
    ended = sorted((f.ended_at, f.id) for f in book.findings.values() if f.ended_at is not None)
    over = max(0, len(book.findings) - MOST_HELD)
    for rank, (ended_at, id_) in enumerate(ended):
        if rank < over or now - ended_at >= REMEMBERS_US:
            del book.findings[id_]


def _weighed(book: Casebook, now: int) -> tuple[list[DeviceStanding], list[AnyRecord]]:
    """(standings that changed, records of those whose state did)."""
    before = dict(book.trusts.standings)
    changed = weigh(book.trusts, now)
    crossed: list[AnyRecord] = []
    for standing in changed:
        was = before[standing.device].state if standing.device in before else Trust.TRUSTED
        if was != standing.state:
            crossed.append(
                Standing(
                    at=standing.since,
                    by=BY,
                    device=standing.device,
                    trust=standing.trust,
                    state=standing.state.value,
                    because=standing.because,
                )
            )
    return changed, crossed


def _stages(turn: _Turn) -> Iterable[tuple[str, Incident]]:
    for id_, incident in turn.incidents.items():
        before = turn.before[id_]
        if incident.state is IncidentState.CLOSED:
            yield "closed", incident
        elif before is None:
            yield "opened", incident
        elif incident.severity.rank > before.severity.rank:
            yield "raised", incident


def _found(finding: Finding, phase: Phase) -> Found:
    return Found(
        at=finding.at,
        by=BY,
        finding=finding.id,
        detector=finding.detector,
        what=finding.kind,
        subject=finding.subject,
        property=finding.property,
        severity=finding.severity.value,
        phase=phase.value,
        began_at=finding.began_at,
        score=round(finding.score, 4),
        incident=finding.incident,
        facts=finding.facts,
    )
