"""Gathers what a tick changes of what is kept, and writes it in one transaction after the tick's evidence.

What the store does not take stays due and goes with the next turn; of each thing the newest word stands.

INVARIANT: bounded: what waits is one memory, board and status of each service, and no more rows than its parts know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cityward.errors import LinkError
from cityward.runtime.serving.jobs import Jobs
from cityward.runtime.serving.kept import (
    NoticeRow,
    PlanRow,
    PublishedRow,
    ServiceEffects,
    ServiceStatus,
)
from cityward.runtime.serving.notices import Notices
from cityward.runtime.serving.told import Told
from cityward.runtime.serving.world import ServiceWorld
from cityward.runtime.watching.ports import AlertRow
from cityward.services.contract import Estimate, Turn

ESTIMATES_WAITING = 50_000


class Keeping:
    """See the module."""

    def __init__(self, world: ServiceWorld, services: Iterable[str], jobs: Jobs) -> None:
        self._world, self._jobs = world, jobs
        self._told = {service: Told(service) for service in services}
        self.notices = Notices(world.ports.alert_rows)
        self._boards: dict[str, bytes] = {}
        self._statuses: dict[str, ServiceStatus] = {}
        self._notices: dict[tuple[str, str], NoticeRow] = {}
        self._alerts: dict[tuple[str, str, str], AlertRow] = {}
        self._estimates: dict[tuple[str, str, str, int], tuple[str, Estimate]] = {}
        self._published: dict[tuple[str, str], PublishedRow] = {}
        self._plans: dict[str, PlanRow] = {}

    def take(self, service: str, kind: str, turn: Turn[Any], now_us: int) -> None:
        """What a turn tells. A part that is nothing of its kind costs that part."""
        told = self._told[service]
        self._part(service, lambda: self._jobs.submit(service, kind, turn.jobs))
        self._part(service, lambda: self._take_notices(service, turn, now_us))
        self._part(service, lambda: self._take_estimates(told, turn))
        self._part(service, lambda: self._take_documents(told, turn, now_us))
        board = told.board(turn.board)
        if board is not None:
            self._boards[service] = board

    def _part(self, service: str, take: Any) -> None:
        try:
            take()
        except Exception:  # a service is a plug-in: whatever it put there
            self._world.fault(service, "a part of a service's turn is not what it should be")

    def _take_notices(self, service: str, turn: Turn[Any], now_us: int) -> None:
        changed, alerts = self.notices.take(service, turn.notices, now_us)
        self._notices.update({(row.service, row.id): row for row in changed})
        self._alerts.update({(row.channel, row.incident, row.stage): row for row in alerts})

    def _take_estimates(self, told: Told, turn: Turn[Any]) -> None:
        if len(self._estimates) > ESTIMATES_WAITING:
            self._estimates.clear()
        new = told.estimates(turn)
        self._estimates.update({(service, e.subject, e.property, e.at): (service, e) for service, e in new})

    def _take_documents(self, told: Told, turn: Turn[Any], now_us: int) -> None:
        self._published.update({(row.service, row.name): row for row in told.documents(turn, now_us)})

    def shed(self, service: str) -> dict[str, int]:
        """Part of a turn -> how much of it was not taken since the start."""
        notices = {"notices": count} if (count := self.notices.shed[service]) else {}
        return dict(self._told[service].shed) | notices

    def stands(self, status: ServiceStatus) -> None:
        """How a service stands after its turn."""
        self._statuses[status.service] = status

    def planned(self, plans: Iterable[PlanRow]) -> None:
        """Plans that were issued, or are over."""
        self._plans.update({plan.plan_id: plan for plan in plans})

    async def keep(self, memories: Mapping[str, bytes], now_us: int) -> bool:
        """Write what is due; whether the store took it."""
        keeper = self._world.ports.keeper
        if keeper is None:
            self._clear()
            return False
        effects = ServiceEffects(
            at=now_us,
            memories=memories,
            boards=dict(self._boards),
            statuses=tuple(self._statuses.values()),
            notices=tuple(self._notices.values()),
            alerts=tuple(self._alerts.values()),
            estimates=tuple(self._estimates.values()),
            published=tuple(self._published.values()),
            plans=tuple(self._plans.values()),
        )
        try:
            await self._world.call(keeper.keep, effects)
        except LinkError as error:
            self._world.is_silent(error)
            return False
        self._clear()
        return True

    def _clear(self) -> None:
        for waiting in (
            self._boards,
            self._statuses,
            self._notices,
            self._alerts,
            self._estimates,
            self._published,
            self._plans,
        ):
            waiting.clear()
