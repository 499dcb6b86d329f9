"""Has the services' plans judged, puts them on record, and says what became of each: superseded by a newer one, or expired.

Theory of operation
-------------------
A plan that the gate lets pass is *issued*: on record first, then kept, for people to read. It is over when a newer plan of
its kind is issued to its crew (`superseded`), or at its `expires_at` (`expired`). After a crash the ledger is ahead of what
is kept: a plan that is on record and was never kept was never shown to anybody, counts for the day's plans, and is recorded
as `withdrawn`.

INVARIANT: bounded: `PLANS_PER_TURN` of a service are judged in a turn; each refusal is counted, the same one on record once an
hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import msgspec

from cityward.evidence.records import AnyRecord, PlanEnded, PlanIssued, PlanRefused
from cityward.guard.plans import (
    AllowedPlan,
    PermittedPlan,
    PlanBefore,
    PlanRefusal,
    permit_plan,
    sources_digest,
)
from cityward.runtime.doubt import Doubt
from cityward.runtime.serving.acting.judging import as_text
from cityward.runtime.serving.binding import Bound
from cityward.runtime.serving.kept import PlanRow, StopRow
from cityward.runtime.serving.world import ServiceWorld
from cityward.services.contract import NOT_ON_RECORD
from cityward.time import DAY, HOUR

PLANS_PER_TURN = 50
PLANS_LAST_US = 32 * DAY  # what was issued before that is over
MOST_REFUSALS = 1000

_Refused = tuple[str, str, str, str]


class Plans:
    """See the module. `open`: plan id -> the plans that are not over."""

    def __init__(self, world: ServiceWorld) -> None:
        self._world = world
        self.open: dict[str, PlanRow] = {}
        self._before: dict[str, list[PlanBefore]] = {}
        self._refusals: dict[_Refused, int] = {}
        self._allowed: list[AllowedPlan] = []
        self._records: list[AnyRecord] = []
        self._said_no: dict[str, dict[tuple[str, str], str]] = {}
        self.shed: Counter[str] = Counter()

    def take_up(self, rows: Iterable[PlanRow], tail: Sequence[AnyRecord], now_us: int) -> None:
        """What an earlier run issued within the day, as it is kept and as the ledger has it."""
        kept = {row.plan_id: row for row in rows}
        ended = {record.plan_id for record in tail if isinstance(record, PlanEnded)}
        for row in kept.values():
            self._count(row.service, PlanBefore(row.kind, row.issued_at, row.fixed, row.areas))
        self.open = {plan_id: row for plan_id, row in kept.items() if row.state == "issued"}
        for record in tail:
            if isinstance(record, PlanIssued) and record.plan_id not in kept and now_us - record.at < DAY:
                self._count(record.service, PlanBefore(record.plan, record.at, record.fixed, record.areas))
                if record.plan_id not in ended:
                    self._records.append(self._ended(record.plan_id, "withdrawn", now_us))

    def refused(self, service: str) -> dict[tuple[str, str], str]:
        """What became of nothing in its last turn: (kind, crew) -> why."""
        return self._said_no.get(service, {})

    def judge(self, bound: Bound, plans: Iterable[Any], doubt: Doubt, now_us: int) -> None:
        """The gate's word on the plans of a turn."""
        self._said_no[bound.id] = {}
        some = list(islice(plans, PLANS_PER_TURN + 1))
        if len(some) > PLANS_PER_TURN:
            self.shed[bound.id] += 1
        for plan in some[:PLANS_PER_TURN]:
            before = self._before.get(bound.id, ())
            verdict = permit_plan(plan, bound.plans, before, now_us, doubt.confidence)
            if isinstance(verdict, PlanRefusal):
                self._refuse(bound.id, verdict, now_us)
            elif all(verdict.plan_id != other.plan_id for other in self._allowed):  # the same one twice is one
                self._allowed.append(verdict)
                self._count(bound.id, verdict.before)

    async def carry_out(self, now_us: int) -> list[PlanRow]:
        """Put on record what was judged and what is over; the rows that changed by it.

        Raises:
            LinkError: the ledger did not take it. Nothing was issued; what is over is recorded with the next turn.
        """
        allowed, self._allowed = self._allowed, []
        over = self._over(allowed, now_us)
        ends = [self._ended(plan_id, outcome, now_us) for plan_id, outcome in over.items()]
        records = [*(self._issued(plan, now_us) for plan in allowed), *ends, *self._records]
        if not records:
            return []
        try:
            entries = await self._world.call(self._world.ports.ledger.append, records)
        except BaseException:
            for plan in allowed:
                self._before[plan.service].remove(plan.before)
                self._said_no.setdefault(plan.service, {})[plan.plan.kind, plan.plan.crew] = NOT_ON_RECORD
            raise
        self._records = []
        rows = [_row(plan, plan.seal(entry)) for plan, entry in zip(allowed, entries, strict=False)]
        self._world.progress.plans.update(over.values())
        gone = [msgspec.structs.replace(self.open.pop(plan_id), state=outcome) for plan_id, outcome in over.items()]
        self.open.update({row.plan_id: row for row in rows})
        self._world.progress.plans["issued"] += len(rows)
        return [*gone, *rows]

    def _over(self, allowed: Sequence[AllowedPlan], now_us: int) -> dict[str, str]:
        newer = {(plan.service, plan.plan.kind, plan.plan.crew) for plan in allowed}
        out: dict[str, str] = {}
        for plan_id, row in self.open.items():
            if (row.service, row.kind, row.crew) in newer:
                out[plan_id] = "superseded"
            elif now_us >= row.expires_at:
                out[plan_id] = "expired"
        return out

    def _count(self, service: str, before: PlanBefore) -> None:
        recent = self._before.setdefault(service, [])
        recent[:] = [one for one in recent if abs(before.at - one.at) < DAY]
        recent.append(before)

    def _refuse(self, service: str, refusal: PlanRefusal, now_us: int) -> None:
        reason = refusal.reason.value
        self._world.progress.plans_refused[reason] += 1
        kind, crew = as_text(getattr(refusal.plan, "kind", "")), as_text(getattr(refusal.plan, "crew", ""))
        self._said_no[service][kind, crew] = reason
        key = (service, kind, crew, reason)
        self._refusals = {one: at for one, at in self._refusals.items() if abs(now_us - at) < HOUR}
        if key in self._refusals or len(self._refusals) >= MOST_REFUSALS:
            return
        self._refusals[key] = now_us
        stops = getattr(refusal.plan, "stops", ())
        self._records.append(
            PlanRefused(
                at=now_us,
                by=self._world.by,
                service=service,
                plan=kind,
                crew=crew,
                stops=len(stops) if isinstance(stops, tuple) else 0,
                reason=reason,
            )
        )

    def _issued(self, plan: AllowedPlan, now_us: int) -> PlanIssued:
        sources = plan.plan.sources
        return PlanIssued(
            at=now_us,
            by=self._world.by,
            plan_id=plan.plan_id,
            service=plan.service,
            plan=plan.plan.kind,
            crew=plan.plan.crew,
            stops=len(plan.plan.stops),
            areas=dict(plan.areas),
            digest=plan.digest,
            cause=dict(plan.plan.cause),
            sources=len(sources),
            sources_digest=sources_digest(sources),
            fixed=plan.fixed,
            until=plan.expires_at,
        )

    def _ended(self, plan_id: str, outcome: str, now_us: int) -> PlanEnded:
        return PlanEnded(at=now_us, by=self._world.by, plan_id=plan_id, outcome=outcome, person="", detail={})


def _row(allowed: AllowedPlan, permitted: PermittedPlan) -> PlanRow:
    plan = permitted.plan
    return PlanRow(
        plan_id=permitted.plan_id,
        service=permitted.service,
        kind=plan.kind,
        crew=plan.crew,
        stops=tuple(
            StopRow(subject=stop.subject, position=(stop.position[0], stop.position[1]), due=stop.due, why=stop.why)
            for stop in plan.stops
        ),
        cause=dict(plan.cause),
        sources=plan.sources,
        way=tuple((lon, lat) for lon, lat in plan.way),
        figures={name: float(value) for name, value in plan.figures.items()},
        areas=dict(allowed.areas),
        digest=permitted.digest,
        fixed=allowed.fixed,
        record=permitted.record,
        issued_at=permitted.issued_at,
        expires_at=permitted.expires_at,
    )
