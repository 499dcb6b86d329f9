"""What is kept of the services: `runtime.serving.kept.ServiceKeeper` on the state database, and what is read of it for people.

INVARIANTS
- What one tick changes is there whole or not at all. The same again changes nothing.
- Bounded for each service: `NOTICES_KEPT` that ended, `ESTIMATES_KEPT`, `DOCUMENTS_KEPT`, `PLANS_KEPT`; the oldest go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, func, select

from cityward.adapters.stores.commands import COMMAND_COLUMNS, command_row, with_sources
from cityward.adapters.stores.database import Database, many
from cityward.adapters.stores.schema import COMMAND
from cityward.adapters.stores.service_schema import (
    SERVICE_BOARD,
    SERVICE_DOCUMENT,
    SERVICE_ESTIMATE,
    SERVICE_MEMORY,
    SERVICE_NOTICE,
    SERVICE_PLAN,
    SERVICE_STATUS,
)
from cityward.adapters.stores.watch_schema import ALERT
from cityward.runtime.ports import CommandRow
from cityward.runtime.serving.kept import NoticeRow, PlanRow, PublishedRow, ServiceEffects, ServiceStatus
from cityward.runtime.watching.ports import AlertRow
from cityward.services.board import Board
from cityward.services.contract import Estimate

NOTICES_KEPT = 2000
ESTIMATES_KEPT = 20_000
DOCUMENTS_KEPT = 2000
PLANS_KEPT = 2000
MOST = 2000  # rows of an answer

_STATUS, _BOARD = msgspec.json.Decoder(ServiceStatus), msgspec.json.Decoder(Board)
_NOTICE, _PLAN = msgspec.json.Decoder(NoticeRow), msgspec.json.Decoder(PlanRow)
_NAMES = msgspec.json.Decoder(tuple[str, ...])


class ServiceRecords:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # -- the runner's own ---------------------------------------------------------------------------------------------

    def memories(self) -> Mapping[str, bytes]:
        """Service -> its memory as it was kept last, as JSON."""
        with self._db.reading("give what the services remember") as link:
            return {row.service: row.body for row in link.execute(select(SERVICE_MEMORY))}

    def memory(self, service: str) -> bytes | None:
        """What one remembers; None where nothing is kept."""
        wanted = select(SERVICE_MEMORY.c.body).where(SERVICE_MEMORY.c.service == service)
        return next(iter(self._bodies(wanted)), None)

    def standing_notices(self, ended_since: int) -> Sequence[NoticeRow]:
        """Those that stand, and those that ended at or after a time."""
        ended = SERVICE_NOTICE.c.ended_at
        wanted = select(SERVICE_NOTICE.c.body).where(ended.is_(None) | (ended >= ended_since))
        return [_NOTICE.decode(body) for body in self._bodies(wanted)]

    def plans_since(self, issued_since: int) -> Sequence[PlanRow]:
        """Plans of all services, oldest first."""
        at = SERVICE_PLAN.c.issued_at
        wanted = select(SERVICE_PLAN.c.body).where(at >= issued_since).order_by(at, SERVICE_PLAN.c.plan_id)
        return [_PLAN.decode(body) for body in self._bodies(wanted)]

    def keep(self, effects: ServiceEffects) -> None:
        """Carry out all that a tick changes, in one transaction.

        Raises:
            LinkError: the database does not answer; nothing was changed.
        """
        with self._db.writing("take a turn of the services") as link:
            memories = [{"service": s, "body": b, "at": effects.at} for s, b in effects.memories.items()]
            many(link, self._db.put(SERVICE_MEMORY), memories)
            boards = [{"service": s, "body": b} for s, b in effects.boards.items()]
            many(link, self._db.put(SERVICE_BOARD), boards)
            statuses = [{"service": s.service, "body": msgspec.json.encode(s)} for s in effects.statuses]
            many(link, self._db.put(SERVICE_STATUS), statuses)
            many(link, self._db.put(SERVICE_NOTICE), [_notice_row(notice) for notice in effects.notices])
            many(link, self._db.insert(ALERT).on_conflict_do_nothing(), [_alert_row(a) for a in effects.alerts])
            many(link, self._db.put(SERVICE_ESTIMATE), [_estimate_row(s, e) for s, e in effects.estimates])
            many(link, self._db.put(SERVICE_DOCUMENT), [msgspec.structs.asdict(row) for row in effects.published])
            many(link, self._db.put(SERVICE_PLAN), [_plan_row(plan) for plan in effects.plans])
            self._prune(link, effects)

    def _prune(self, link: Connection, effects: ServiceEffects) -> None:
        for service in sorted({notice.service for notice in effects.notices}):
            ended = SERVICE_NOTICE.c.ended_at.is_not(None)
            _cut(link, SERVICE_NOTICE, service, NOTICES_KEPT, SERVICE_NOTICE.c.first_at, ended)
        for service in sorted({service for service, _ in effects.estimates}):
            _cut(link, SERVICE_ESTIMATE, service, ESTIMATES_KEPT, SERVICE_ESTIMATE.c.at)
        for service in sorted({row.service for row in effects.published}):
            _cut(link, SERVICE_DOCUMENT, service, DOCUMENTS_KEPT, SERVICE_DOCUMENT.c.at)
        for service in sorted({plan.service for plan in effects.plans}):
            _cut(link, SERVICE_PLAN, service, PLANS_KEPT, SERVICE_PLAN.c.issued_at)

    # -- for people ---------------------------------------------------------------------------------------------------

    def statuses(self) -> Mapping[str, ServiceStatus]:
        """Service -> how it stood after its last turn."""
        found = [_STATUS.decode(body) for body in self._bodies(select(SERVICE_STATUS.c.body))]
        return {status.service: status for status in found}

    def board(self, service: str) -> Board | None:
        """What it showed last; None where it showed nothing."""
        wanted = select(SERVICE_BOARD.c.body).where(SERVICE_BOARD.c.service == service)
        return next((_BOARD.decode(body) for body in self._bodies(wanted)), None)

    def notices_of(self, service: str, most: int) -> Sequence[NoticeRow]:
        """Those that stand before those that ended; of each the newest first."""
        table = SERVICE_NOTICE.c
        order = (table.ended_at.is_not(None), table.first_at.desc(), table.notice)
        wanted = select(table.body).where(table.service == service).order_by(*order).limit(min(most, MOST))
        return [_NOTICE.decode(body) for body in self._bodies(wanted)]

    def notices_standing(self) -> Mapping[str, int]:
        """Service -> how many stand."""
        table = SERVICE_NOTICE.c
        wanted = select(table.service, func.count()).where(table.ended_at.is_(None)).group_by(table.service)
        with self._db.reading("count the notices") as link:
            return {row[0]: row[1] for row in link.execute(wanted)}

    def estimates_of(self, service: str, since_us: int, most: int, subject: str | None = None) -> Sequence[Estimate]:
        """Of moments from then on, the earliest first; of one subject where it is named."""
        table = SERVICE_ESTIMATE.c
        wanted = select(SERVICE_ESTIMATE).where(table.service == service, table.at >= since_us)
        if subject is not None:
            wanted = wanted.where(table.subject == subject)
        order = (table.at, table.subject, table.property)
        with self._db.reading("give the estimates") as link:
            return [_estimate(row) for row in link.execute(wanted.order_by(*order).limit(min(most, MOST)))]

    def published(self, service: str, name: str) -> PublishedRow | None:
        """A document as it was published last. Who gives it to others asks the release gate first."""
        table = SERVICE_DOCUMENT.c
        wanted = select(SERVICE_DOCUMENT).where(table.service == service, table.name == name)
        with self._db.reading("give a document") as link:
            row = link.execute(wanted).first()
        if row is None:
            return None
        return PublishedRow(service=row.service, name=row.name, body=row.body, at=row.at)

    def published_names(self, service: str) -> Mapping[str, int]:
        """Name -> when it was published."""
        table = SERVICE_DOCUMENT.c
        wanted = select(table.name, table.at).where(table.service == service).order_by(table.name)
        with self._db.reading("name the documents") as link:
            return {row[0]: row[1] for row in link.execute(wanted.limit(DOCUMENTS_KEPT))}

    def plans_of(self, service: str, most: int) -> Sequence[PlanRow]:
        """Newest first."""
        table = SERVICE_PLAN.c
        order = (table.issued_at.desc(), table.plan_id)
        wanted = select(table.body).where(table.service == service).order_by(*order).limit(min(most, MOST))
        return [_PLAN.decode(body) for body in self._bodies(wanted)]

    def plan(self, plan_id: str) -> PlanRow | None:
        """One plan that is still kept."""
        wanted = select(SERVICE_PLAN.c.body).where(SERVICE_PLAN.c.plan_id == plan_id)
        return next((_PLAN.decode(body) for body in self._bodies(wanted)), None)

    def commands_of(self, service: str, most: int) -> Sequence[CommandRow]:
        """The service's commands, newest first."""
        wanted = select(*COMMAND_COLUMNS).where(COMMAND.c.service == service).order_by(COMMAND.c.ordinal.desc())
        with self._db.reading("give a service's commands") as link:
            return with_sources(link, [command_row(row) for row in link.execute(wanted.limit(min(most, MOST)))])

    def commands_open(self) -> Mapping[str, int]:
        """Service -> commands that nobody has answered."""
        wanted = select(COMMAND.c.service, func.count()).where(COMMAND.c.state == "sent").group_by(COMMAND.c.service)
        with self._db.reading("count the open commands") as link:
            return {row[0]: row[1] for row in link.execute(wanted)}

    def _bodies(self, wanted: Any) -> Sequence[bytes]:
        with self._db.reading("give what is kept of the services") as link:
            return list(link.execute(wanted).scalars())


def _cut(link: Connection, table: Table, service: str, kept: int, by: Any, *which: Any) -> None:
    """Forget the rows of a service that are older than its `kept` newest ones."""
    mine = (table.c.service == service, *which)
    oldest = link.execute(select(by).where(*mine).order_by(by.desc()).offset(kept).limit(1)).scalar()
    if oldest is not None:
        link.execute(delete(table).where(*mine, by <= oldest))


def _notice_row(notice: NoticeRow) -> dict[str, object]:
    return {
        "service": notice.service,
        "notice": notice.id,
        "first_at": notice.first_at,
        "ended_at": notice.ended_at,
        "body": msgspec.json.encode(notice),
    }


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


def _estimate_row(service: str, estimate: Estimate) -> dict[str, object]:
    return {
        "service": service,
        "subject": estimate.subject,
        "property": estimate.property,
        "at": estimate.at,
        "made_at": estimate.made_at,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "coverage": estimate.coverage,
        "model": estimate.model,
        "sources": msgspec.json.encode(estimate.sources).decode(),
        "missing": estimate.missing,
    }


def _estimate(row: Any) -> Estimate:
    fields: dict[str, Any] = dict(row._mapping)
    del fields["service"]
    fields["sources"] = _NAMES.decode(row.sources)
    return Estimate(**fields)


def _plan_row(plan: PlanRow) -> dict[str, object]:
    return {
        "plan_id": plan.plan_id,
        "service": plan.service,
        "issued_at": plan.issued_at,
        "state": plan.state,
        "body": msgspec.json.encode(plan),
    }
