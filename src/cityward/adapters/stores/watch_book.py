"""The watch's book: what it found, what of that is one incident, how far each device is trusted, and how far it has read.

INVARIANTS
- What one turn changes is there whole, with the position, or not at all. The same turn again changes nothing.
- A finding never goes back: an older word of it changes nothing, and what ended stays ended.
- What a person said of an incident (state, name, note) is theirs: the watch opens it again only where it grew worse than the
  person saw it, and closes it when it is long quiet.
- Bounded: at most `FINDINGS_KEPT` findings that ended, `INCIDENTS_KEPT` closed incidents, `ALERTS_KEPT` settled alerts;
  `not_kept` counts the others. Evidence has them all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, case, delete, func, or_, select, tuple_, update

from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.schema import TALLY
from cityward.adapters.stores.watch_schema import ALERT, FINDING, INCIDENT, STANDING, WATCH_POSITION, WATCH_VERSION
from cityward.runtime.watching.ports import AlertRow, HistoryAt, Position, WatchEffects
from cityward.watch.contract import Severity
from cityward.watch.findings import (
    ONE_SOURCE,
    DeviceStanding,
    Finding,
    Incident,
    IncidentState,
    Trust,
    pairs_that_are_one,
)

FINDINGS_KEPT = 50_000
INCIDENTS_KEPT = 10_000
ALERTS_KEPT = 10_000
PAIRS_READ = 1_000  # findings that go on; each names up to 64 others
SETTLED_ALERTS = ("sent", "failed", "shed", "refused")

_STANDINGS_VERSION = "standings-version"
_FINDINGS = msgspec.json.Decoder(Finding)
_INCIDENTS = msgspec.json.Decoder(Incident)
_NAMES = msgspec.json.Decoder(tuple[str, ...])


class WatchRecords:
    """`runtime.watching.ports.WatchBook`, and what people and later parts of the watch read and write beside it."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._standings: tuple[int, Mapping[str, DeviceStanding]] = (-1, {})

    # -- the watch's own turn -----------------------------------------------------------------------------------------

    def watch_position(self) -> Position | None:
        """How far the effects are here; None before the first turn."""
        with self._db.reading("say how far the watch has come") as link:
            rows = {row.name: row.at for row in link.execute(select(WATCH_POSITION.c.name, WATCH_POSITION.c.at))}
        if not rows:
            return None
        upto = {int(n.removeprefix("partition-")): at for n, at in rows.items() if n.startswith("partition-")}
        return Position(history=HistoryAt(version=rows.get("history", -1), upto=upto), events=rows.get("events", 0))

    def hold(self, effects: WatchEffects) -> None:
        """Carry out all that a turn changes, in one transaction.

        Raises:
            LinkError: the database does not answer; nothing was changed.
        """
        with self._db.writing("take a turn of the watch") as link:
            moved = self._move(link, effects.position)
            for finding in effects.findings:
                self._put_finding(link, finding)
            for incident in effects.incidents:
                self._put_incident(link, incident)
            self._put_standings(link, effects)
            if effects.incidents or effects.standings or effects.trusted:
                self._count(link, {WATCH_VERSION: 1})
            many(link, self._db.insert(ALERT).on_conflict_do_nothing(), [_alert_row(a) for a in effects.alerts])
            self._count(link, (dict(effects.counts) if moved else {}) | self._prune(link, effects))

    def _move(self, link: Connection, position: Position) -> bool:
        """Whether it moved: what is counted by what was read is counted once."""
        there = {row.name: row.at for row in link.execute(select(WATCH_POSITION.c.name, WATCH_POSITION.c.at))}
        rows = [row for row in _position_rows(position) if there.get(row["name"]) != row["at"]]
        many(link, self._db.put(WATCH_POSITION), rows)
        return bool(rows)

    def _put_finding(self, link: Connection, finding: Finding) -> None:
        there = link.execute(select(FINDING.c.at, FINDING.c.ended_at).where(FINDING.c.id == finding.id)).first()
        row = _finding_row(finding)
        if there is None:
            link.execute(self._db.insert(FINDING), row)
        elif there.ended_at is None and (finding.at > there.at or finding.ended_at is not None):
            link.execute(update(FINDING).where(FINDING.c.id == finding.id).values(row))

    def _put_incident(self, link: Connection, incident: Incident) -> None:
        columns = (INCIDENT.c.state, INCIDENT.c.acknowledged_rank, INCIDENT.c.person, INCIDENT.c.note)
        there = link.execute(select(*columns).where(INCIDENT.c.id == incident.id)).first()
        if there is None:
            link.execute(self._db.insert(INCIDENT), _incident_row(incident, acknowledged_rank=-1))
            return
        merged = msgspec.structs.replace(
            incident, state=_state_of(incident, there), person=there.person, note=there.note
        )
        row = _incident_row(merged, acknowledged_rank=there.acknowledged_rank)
        link.execute(update(INCIDENT).where(INCIDENT.c.id == incident.id).values(row))

    def _put_standings(self, link: Connection, effects: WatchEffects) -> None:
        if not effects.standings and not effects.trusted:
            return
        many(link, self._db.put(STANDING), [_standing_row(standing) for standing in effects.standings])
        for device in effects.trusted:
            link.execute(delete(STANDING).where(STANDING.c.device == device))
        self._count(link, {_STANDINGS_VERSION: 1})

    def _prune(self, link: Connection, effects: WatchEffects) -> dict[str, int]:
        pruned: dict[str, int] = {}
        if effects.findings:
            pruned["findings-pruned"] = _cut(link, FINDING, FINDING.c.ended_at.is_not(None), FINDINGS_KEPT)
        if effects.incidents:
            closed = INCIDENT.c.state == IncidentState.CLOSED.value
            pruned["incidents-pruned"] = _cut(link, INCIDENT, closed, INCIDENTS_KEPT)
        if effects.alerts:
            pruned["alerts-pruned"] = _cut(link, ALERT, ALERT.c.state.in_(SETTLED_ALERTS), ALERTS_KEPT)
        return pruned

    def _count(self, link: Connection, counts: Mapping[str, int]) -> None:
        many(link, self._db.add(TALLY), [{"name": n, "count": c} for n, c in sorted(counts.items()) if c])

    # -- reading ------------------------------------------------------------------------------------------------------

    def version(self) -> int:
        """Grows with every change of incidents, of standings, and of what people said of them."""
        with self._db.reading("say whether the watch's book changed") as link:
            return link.execute(select(TALLY.c.count).where(TALLY.c.name == WATCH_VERSION)).scalar() or 0

    def standings_version(self) -> int:
        """Grows whenever a standing changes, so that others notice."""
        with self._db.reading("say whether a standing changed") as link:
            return link.execute(select(TALLY.c.count).where(TALLY.c.name == _STANDINGS_VERSION)).scalar() or 0

    def standings(self) -> Mapping[str, DeviceStanding]:
        """Every device that is not fully trusted. Costs one short question where nothing changed since the last call."""
        version, known = self._standings
        if self.standings_version() == version:
            return known
        with self._db.reading("give the standings") as link:
            version = link.execute(select(TALLY.c.count).where(TALLY.c.name == _STANDINGS_VERSION)).scalar() or 0
            found = {row.device: _standing(row) for row in link.execute(select(STANDING))}
        self._standings = (version, found)
        return found

    def findings(
        self, *, incident: str | None = None, device: str | None = None, going_on: bool = False, most: int = 100
    ) -> Sequence[Finding]:
        """Newest first; of one incident or device (or other subject) where named."""
        wanted = select(FINDING.c.body, FINDING.c.incident).order_by(FINDING.c.ordinal.desc()).limit(most)
        if incident is not None:
            wanted = wanted.where(FINDING.c.incident == incident)
        if device is not None:
            wanted = wanted.where(FINDING.c.subject == device)
        if going_on:
            wanted = wanted.where(FINDING.c.ended_at.is_(None))
        with self._db.reading("give the findings") as link:
            return [_FINDINGS.decode(row.body) for row in link.execute(wanted)]

    def one_source(self) -> frozenset[frozenset[str]]:
        """Pairs of devices of which one says what the other says, by what goes on now: see `watch.findings`."""
        going_on = FINDING.c.ended_at.is_(None) & FINDING.c.body.contains(f'"{ONE_SOURCE[1]}"', autoescape=True)
        wanted = select(FINDING.c.body).where(going_on).order_by(FINDING.c.ordinal.desc()).limit(PAIRS_READ)
        with self._db.reading("say which devices are one source") as link:
            return pairs_that_are_one(_FINDINGS.decode(row.body) for row in link.execute(wanted))

    def findings_since(self, ended_since: int, most: int) -> Sequence[Finding]:
        """Those that go on and those that ended at or after a time, newest first: what trust rests on."""
        recent = or_(FINDING.c.ended_at.is_(None), FINDING.c.ended_at >= ended_since)
        wanted = select(FINDING.c.body).where(recent).order_by(FINDING.c.ordinal.desc()).limit(most)
        with self._db.reading("give the recent findings") as link:
            return [_FINDINGS.decode(row.body) for row in link.execute(wanted)]

    def finding(self, id_: str) -> Finding | None:
        """One finding."""
        with self._db.reading("give a finding") as link:
            body = link.execute(select(FINDING.c.body).where(FINDING.c.id == id_)).scalar()
        return None if body is None else _FINDINGS.decode(body)

    def incidents(
        self, state: IncidentState | None = None, most: int = 100, after: str | None = None
    ) -> Sequence[Incident]:
        """The worst first, then the newest. None: of every state, those in hand and open before the closed.

        `after`: those that come behind the incident of this id, wherever it stands by now; none where there is none.
        """
        closed = case((INCIDENT.c.state == IncidentState.CLOSED.value, 1), else_=0)
        place = (closed, -INCIDENT.c.rank, -INCIDENT.c.last_at, INCIDENT.c.id)
        wanted = select(INCIDENT.c.body, INCIDENT.c.state, INCIDENT.c.person, INCIDENT.c.note).order_by(*place)
        if state is not None:
            wanted = wanted.where(INCIDENT.c.state == state.value)
        with self._db.reading("give the incidents") as link:
            if after is not None:
                last = link.execute(select(*place).where(INCIDENT.c.id == after)).first()
                if last is None:
                    return []
                wanted = wanted.where(tuple_(*place) > tuple_(*last))
            return [_incident(row) for row in link.execute(wanted.limit(most))]

    def incident_counts(self) -> Mapping[IncidentState, Mapping[Severity, int]]:
        """How many incidents there are of each severity, in each state."""
        each = select(INCIDENT.c.state, INCIDENT.c.rank, func.count().label("count")).group_by(
            INCIDENT.c.state, INCIDENT.c.rank
        )
        by_rank = {severity.rank: severity for severity in Severity}
        found: dict[IncidentState, dict[Severity, int]] = {}
        with self._db.reading("count the incidents") as link:
            for state, rank, count in link.execute(each):
                found.setdefault(IncidentState(state), {})[by_rank[rank]] = count
        return found

    def incident(self, id_: str) -> Incident | None:
        """One incident."""
        columns = (INCIDENT.c.body, INCIDENT.c.state, INCIDENT.c.person, INCIDENT.c.note)
        with self._db.reading("give an incident") as link:
            row = link.execute(select(*columns).where(INCIDENT.c.id == id_)).first()
        return None if row is None else _incident(row)

    def words_on(self, incidents: Collection[str]) -> Mapping[str, tuple[IncidentState, str, str]]:
        """What people said of these incidents: (state, person, note)."""
        if not incidents:
            return {}
        columns = (INCIDENT.c.id, INCIDENT.c.state, INCIDENT.c.person, INCIDENT.c.note)
        with self._db.reading("say who has incidents in hand") as link:
            rows = link.execute(select(*columns).where(INCIDENT.c.id.in_(incidents)))
            return {row.id: (IncidentState(row.state), row.person, row.note) for row in rows}

    def open_incidents(self) -> int:
        """How many nobody has taken in hand."""
        with self._db.reading("count the open incidents") as link:
            is_open = INCIDENT.c.state == IncidentState.OPEN.value
            return link.execute(select(func.count()).select_from(INCIDENT).where(is_open)).scalar_one()

    def acknowledge(self, incident: str, person: str, note: str, state: IncidentState) -> bool:
        """A person takes an incident in hand, closes it, or opens it again; False where there is none.

        The caller puts it on record first (`evidence.records.Acknowledged`).
        """
        seen = -1 if state is IncidentState.OPEN else INCIDENT.c.rank
        values = {"state": state.value, "person": person, "note": note, "acknowledged_rank": seen}
        with self._db.writing("note who has an incident in hand") as link:
            self._count(link, {WATCH_VERSION: 1})
            return link.execute(update(INCIDENT).where(INCIDENT.c.id == incident).values(values)).rowcount > 0

    def not_kept(self) -> Mapping[str, int]:
        """Tally -> how many rows were forgotten to make room."""
        names = ("findings-pruned", "incidents-pruned", "alerts-pruned")
        with self._db.reading("count what it forgot") as link:
            rows = link.execute(select(TALLY.c.name, TALLY.c.count).where(TALLY.c.name.in_(names)))
            return dict.fromkeys(names, 0) | {row.name: row[1] for row in rows}

    # -- alerts -------------------------------------------------------------------------------------------------------

    def alerts_due(self, now_us: int, most: int) -> Sequence[AlertRow]:
        """Alerts to be sent now: of every channel the oldest, then of every channel the next, so that none waits for another."""
        rank = func.row_number().over(partition_by=ALERT.c.channel, order_by=ALERT.c.ordinal).label("rank")
        ranked = select(ALERT, rank).where((ALERT.c.state == "waiting") & (ALERT.c.next_at <= now_us)).subquery()
        due = select(*(ranked.c[c.name] for c in ALERT.c)).order_by(ranked.c["rank"], ranked.c.ordinal).limit(most)
        with self._db.reading("give the alerts") as link:
            return [AlertRow(**row) for row in link.execute(due).mappings()]

    def alerts_beyond(self, waiting: int, most: int) -> Sequence[AlertRow]:
        """Of each channel with more than so many alerts waiting, the newest of those beyond, `most` in all."""
        rank = func.row_number().over(partition_by=ALERT.c.channel, order_by=ALERT.c.ordinal).label("rank")
        ranked = select(ALERT, rank).where(ALERT.c.state == "waiting").subquery()
        over = select(*(ranked.c[c.name] for c in ALERT.c)).where(ranked.c["rank"] > waiting)
        with self._db.reading("give the alerts that are too many") as link:
            rows = link.execute(over.order_by(ranked.c.ordinal.desc()).limit(most)).mappings()
            return [AlertRow(**row) for row in rows]

    def alert_settled(self, ordinal: int, state: str, tries: int, next_at: int) -> None:
        """What became of an alert: `waiting` again until `next_at`, or one of `SETTLED_ALERTS`."""
        values = {"state": state, "tries": tries, "next_at": next_at}
        with self._db.writing("settle an alert") as link:
            link.execute(update(ALERT).where(ALERT.c.ordinal == ordinal).values(values))


def _state_of(incident: Incident, there: Any) -> IncidentState:
    """What the watch says, held against what a person said."""
    said = IncidentState(there.state)
    if incident.state is IncidentState.CLOSED or said is IncidentState.CLOSED:
        return IncidentState.CLOSED
    worse = incident.severity.rank > there.acknowledged_rank
    return IncidentState.OPEN if said is IncidentState.ACKNOWLEDGED and worse else said


def _cut(link: Connection, table: Table, may_go: Any, kept: int) -> int:
    """Forget the oldest rows that may go, beyond so many; how many went. Ordinals have gaps: a bound, not a count."""
    newest = link.execute(select(func.max(table.c.ordinal))).scalar() or 0
    return link.execute(delete(table).where(table.c.ordinal <= newest - kept, may_go)).rowcount


def _position_rows(position: Position) -> list[dict[str, Any]]:
    rows = {"history": position.history.version, "events": position.events}
    rows |= {f"partition-{p}": seq for p, seq in position.history.upto.items()}
    return [{"name": name, "at": at} for name, at in sorted(rows.items())]


def _finding_row(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.id,
        "incident": finding.incident,
        "subject": finding.subject,
        "at": finding.at,
        "ended_at": finding.ended_at,
        "body": msgspec.json.encode(finding).decode(),
    }


def _incident_row(incident: Incident, acknowledged_rank: int) -> dict[str, object]:
    return {
        "id": incident.id,
        "state": incident.state.value,
        "rank": incident.severity.rank,
        "acknowledged_rank": acknowledged_rank,
        "last_at": incident.last_at,
        "person": incident.person,
        "note": incident.note,
        "body": msgspec.json.encode(incident).decode(),
    }


def _incident(row: Any) -> Incident:
    """The incident, with what people said of it last: that stands in columns of its own."""
    told = _INCIDENTS.decode(row.body)
    return msgspec.structs.replace(told, state=IncidentState(row.state), person=row.person, note=row.note)


def _standing_row(standing: DeviceStanding) -> dict[str, object]:
    return {
        "device": standing.device,
        "trust": standing.trust,
        "state": standing.state.value,
        "since": standing.since,
        "because": msgspec.json.encode(standing.because).decode(),
    }


def _standing(row: Any) -> DeviceStanding:
    because = _NAMES.decode(row.because)
    return DeviceStanding(device=row.device, trust=row.trust, state=Trust(row.state), since=row.since, because=because)


def _alert_row(alert: AlertRow) -> dict[str, object]:
    return {
        "channel": alert.channel,
        "incident": alert.incident,
        "stage": alert.stage,
        "body": alert.body,
        "state": alert.state,
        "tries": alert.tries,
        "next_at": alert.next_at,
    }
