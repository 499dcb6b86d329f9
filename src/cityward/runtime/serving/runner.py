"""Runs the services: shows each the city, has its proposals judged, carries out what the permit gate lets pass.

Theory of operation
-------------------
One loop, one hand: nothing below runs beside anything else, but for jobs, and the reading of pasts and expected ranges.

    acks -> settle -> (each tick) read -> view -> step -> permit -> evidence -> book -> actuator -> what is remembered and told

Before a service's own proposals come what takes back its commands that failed and what persons hold or agreed to
(`acting.persons`): judged by the same gate, also where the service itself fails. What it proposes for a unit that a person holds
is not asked for.

What is not believed is not shown: a view leaves out the newest value of a device that is quarantined, or trusted less than the
service's commands ask for, and one that a mark covers. The gate is asked all the same, with the same standings.

Each part of a turn has its module: `acting.judging` (proposals), `acting.commands` (what becomes of them), `acting.plans`,
`turns` (memory), `notices`, `told` (estimates, documents, boards), `jobs`; `windows`
reads pasts; `keeping` writes what is kept. Between ticks the loop waits on the acknowledgements of the actuators.

INVARIANTS
- Evidence is written before a command is in the book, and it is in the book before it is sent; memory comes after.
- Nothing waits without a deadline: a store, a bus or an actuator that is silent costs a turn, never the loop.
- Bounded: proposals per turn, open commands (one per actuator and command at most per `answer_us`), the past hour's commands.
- Where standings or marks cannot be read, nothing is proposed: unknown trust is no trust.

Several runners may serve one place, each its own services (`elsewhere` names the others'): signals have one that turns each real
second (ADR 16). Fails when: two of them serve one service; their rates are then counted apart. A step that never returns stops
the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cityward.errors import LinkError
from cityward.guard.permit import Allowed, Proposal, Refusal
from cityward.place.things import Position
from cityward.runtime.causes import with_readings
from cityward.runtime.doubt import NO_PAIR, NOBODY, Doubt, doubt_of
from cityward.runtime.ports import Latest, SourceSpan
from cityward.runtime.serving.acting.commands import LEDGER_TAIL, CommandsUnderWay
from cityward.runtime.serving.acting.judging import PROPOSALS_PER_TURN, Judging
from cityward.runtime.serving.acting.persons import Persons
from cityward.runtime.serving.acting.plans import PLANS_LAST_US, Plans
from cityward.runtime.serving.acting.signals import SignalDesk
from cityward.runtime.serving.acting.street import StreetMemory
from cityward.runtime.serving.binding import Bound
from cityward.runtime.serving.jobs import Jobs
from cityward.runtime.serving.keeping import Keeping
from cityward.runtime.serving.kept import ServiceStatus
from cityward.runtime.serving.notices import AGAIN_US
from cityward.runtime.serving.ports import Pace, RunnerPorts, RunnerProgress
from cityward.runtime.serving.showing import Showing
from cityward.runtime.serving.turns import Turns
from cityward.runtime.serving.view import Beyond, build_view, spans_of
from cityward.runtime.serving.windows import Windows
from cityward.runtime.serving.world import NOWHERE, Elsewhere, ServiceWorld, log
from cityward.services.contract import Document, Turn, View
from cityward.time import SECOND

DEVICES_PER_READ = 500  # names in one question to the state database
SHORTEST_WAIT_S, ANSWER_WAIT_S = 0.01, 0.25


@dataclass(frozen=True, slots=True)
class _City:
    """The city as it is in one tick. `held`: units that a person holds at a value."""

    latest: Mapping[tuple[str, str], Latest]
    doubt: Doubt
    held: frozenset[str]
    documents: Mapping[str, Document]


@dataclass(slots=True)
class _Judged:
    """What the gates said in one tick. `spans`: command id -> when what it rests on was observed."""

    allowed: list[Allowed] = field(default_factory=list[Allowed])
    refused: list[tuple[str, Refusal]] = field(default_factory=list[tuple[str, Refusal]])
    spans: dict[str, Sequence[SourceSpan]] = field(default_factory=dict[str, Sequence[SourceSpan]])


class ServiceRunner:
    """See the module. `by` is the role under which evidence is written."""

    def __init__(
        self,
        bounds: Sequence[Bound],
        position: Position,
        ports: RunnerPorts,
        pace: Pace | None = None,
        by: str = "service",
        elsewhere: Elsewhere = NOWHERE,
    ) -> None:
        self.bounds, self.position, self.ports, self.by = tuple(bounds), position, ports, by
        self.pace = pace or Pace()
        self._world = ServiceWorld(ports, self.pace, by, elsewhere)
        street = StreetMemory(bound.rules for bound in self.bounds)
        self._signals = SignalDesk(self.bounds, self.pace.speed)
        self._judging = Judging(self.progress, by, street, self._signals)
        self._persons = Persons(self._world, street)
        self._commands = CommandsUnderWay(self._world, self._judging)
        self._turns = Turns(self._world, self.bounds)
        self._plans = Plans(self._world)
        self._jobs = Jobs(ports.works)
        self._windows = Windows(self._world, self.bounds, ports.pasts)
        self._keeping = Keeping(self._world, [bound.id for bound in self.bounds], self._jobs)
        self._showing = Showing(self._world, self.bounds)
        self._next_tick: int | None = None
        self._next_refresh: int | None = None
        self._refreshing: asyncio.Task[None] | None = None

    @property
    def progress(self) -> RunnerProgress:
        """What was done since the start."""
        return self._world.progress

    @property
    def open_commands(self) -> int:
        """Commands under way."""
        return len(self._commands.open)

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped.

        Raises:
            EvidenceError: the ledger does not hold what it should. Nothing is sent any more.
        """
        try:
            await self._start_until_done(stop)
            while not stop.is_set():
                await self.turn()
        finally:
            await self.close()

    async def close(self) -> None:
        """Give back what is held. Open commands stay open in the book: the next start picks them up."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._refreshing
        await self._jobs.close()
        await self._windows.close()
        self._world.close()
        with contextlib.suppress(LinkError, TimeoutError):
            async with asyncio.timeout(self.pace.call_s):
                await self.ports.acks.close()

    async def start(self) -> None:
        """Take up what an earlier run left: commands under way, and what is kept of the services.

        Raises:
            LinkError: a store did not answer.
        """
        await self._turns.take_up(self.bounds)
        keeper, now = self.ports.keeper, self.ports.now_us()
        if keeper is not None:
            tail = await self._world.call(self.ports.ledger.tail, LEDGER_TAIL)
            kept = await self._world.call(keeper.plans_since, now - PLANS_LAST_US)
            others = self._world.elsewhere.services
            mine = [row for row in kept if row.service not in others]
            self._plans.take_up(mine, [record for _, record in tail], now)
            stood = await self._world.call(keeper.standing_notices, now - AGAIN_US)
            self._keeping.notices.take_up(row for row in stood if row.service not in others)
        await self._commands.take_up()

    async def _start_until_done(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.start()
            except LinkError as error:
                self._world.is_silent(error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 1.0)
            else:
                return

    async def turn(self) -> None:
        """Wait for answers until the next tick is due, settle, and tick if it is."""
        now = self.ports.now_us()
        await self._commands.hear(self._wait_s(now))
        now = self.ports.now_us()
        self._commands.give_up_overdue(now)
        await self._commands.settle(now)
        if self._next_tick is None or now >= self._next_tick or now < self._next_tick - 2 * self.pace.tick_us:
            self._next_tick = now + self.pace.tick_us
            await self.tick(now)
        self._windows.refresh(now)
        self._refresh_expected(now)

    async def tick(self, now_us: int) -> None:
        """One turn of every service: from reading the city to sending what passed, and keeping what was told."""
        self.progress.turns += 1
        try:
            city = await self._look(now_us)
        except LinkError as error:
            self._world.is_silent(error)
            return
        judged = _Judged()
        left_out: Counter[str] = Counter()
        for bound in self.bounds:
            view = self._view(bound, city, now_us)
            left_out.update(view.left_out.values())
            first = self._persons.first(bound, self._commands, city.doubt, now_us)
            verdicts = self._judge(bound, view, first, city.doubt, judged)
            turn = self._turns.ask(bound, view)
            if turn is not None:
                own = self._persons.own(self._proposals(bound, turn), first, now_us)
                said = self._judge(bound, view, own, city.doubt, judged)
                self._judging.tell(bound.id, [verdict for _, verdict in said])
                verdicts += said
                self._take(bound, turn, city.doubt, now_us)
            self._showing.judged(bound, verdicts, now_us)
            self._keeping.stands(self._status(bound, view))
        self.progress.left_out = left_out
        await self._carry_out(judged, now_us)
        self._count()

    async def _carry_out(self, judged: _Judged, now_us: int) -> None:
        """Evidence, then commands on their way; what is remembered and told comes last."""
        refused = self._judging.worth_recording(judged.refused, now_us)
        try:
            issued = await self._commands.put_on_record(judged.allowed, refused, judged.spans, now_us)
            await self._persons.keep(now_us)
            self._keeping.planned(await self._plans.carry_out(now_us))
        except LinkError as error:
            self._world.is_silent(error)
            return
        try:
            await self._commands.send(issued)
        except LinkError as error:
            self._world.is_silent(error)
        memories = self._turns.due()
        if await self._keeping.keep(memories, now_us):
            self._turns.kept(memories)

    # -- the city as it is --------------------------------------------------------------------------------------------

    async def _look(self, now_us: int) -> _City:
        held = await self._persons.look(now_us)
        city = _City(await self._read(), await self._doubt(), held, await self._documents(now_us))
        self._persons.see(city.latest, city.doubt, now_us)
        self._signals.see(city.latest, now_us)
        return city

    async def _read(self) -> dict[tuple[str, str], Latest]:
        watched = (unit for bound in self.bounds for unit in bound.watched)
        units = list(dict.fromkeys((*watched, *sorted(self._judging.street.looked_at))))
        latest: dict[tuple[str, str], Latest] = {}
        for start in range(0, len(units), DEVICES_PER_READ):
            rows = await self._world.call(self.ports.reader.latest_of, units[start : start + DEVICES_PER_READ])
            latest.update({(row.device, row.property): row for row in rows})
        return latest

    async def _doubt(self) -> Doubt:
        ports, call = self.ports, self._world.call
        standings = await call(ports.standings) if ports.standings is not None else ()
        marks = await call(ports.marks) if ports.marks is not None else ()
        barred = await call(ports.barred) if ports.barred is not None else NOBODY
        pairs = await call(ports.one_source) if ports.one_source is not None else NO_PAIR
        return doubt_of(standings, marks, barred, pairs)

    async def _documents(self, now_us: int) -> dict[str, Document]:
        flows = list(dict.fromkeys(flow for bound in self.bounds for flow in bound.documents))
        if self.ports.documents is None or not flows:
            return {}
        try:
            found = await self._world.call(self.ports.documents, flows)
        except LinkError as error:  # a service without its documents is still shown its readings
            self._world.is_silent(error)
            return {}
        return {
            flow: Document(held.body, held.received_at, max(0, now_us - held.received_at))
            for flow, held in found.items()
        }

    def _view(self, bound: Bound, city: _City, now_us: int) -> View[Any]:
        beyond = Beyond(
            self._windows.shown(bound, city.doubt),
            {flow: city.documents[flow] for flow in bound.documents if flow in city.documents},
            city.held,
            self._jobs.done(bound.id),
            self._plans.refused(bound.id),
            self._judging.refused(bound.id),
        )
        last, speed = self._commands.last, self.pace.speed
        return build_view(bound, self.position, city.latest, last, now_us, city.doubt, beyond, speed)

    # -- what they would like -----------------------------------------------------------------------------------------

    def _take(self, bound: Bound, turn: Turn[Any], doubt: Doubt, now_us: int) -> None:
        try:
            self._plans.judge(bound, turn.plans, doubt, now_us)
        except Exception:  # whatever a plug-in put there
            self._world.fault(bound.id, "a service plans what is no plan")
        self._keeping.take(bound.id, bound.kind, turn, now_us)

    def _judge(
        self, bound: Bound, view: View[Any], proposals: Sequence[Proposal], doubt: Doubt, judged: _Judged
    ) -> list[tuple[Proposal, Allowed | Refusal]]:
        verdicts: list[tuple[Proposal, Allowed | Refusal]] = []
        for proposed in proposals:
            proposal = with_readings(proposed, view)
            verdict: Allowed | Refusal | None = self._judging.judge(bound, proposal, doubt, view.now_us)
            verdicts.append((proposal, verdict))
            self._persons.judged(bound, proposal, verdict, view.now_us)
            if isinstance(verdict, Refusal):
                judged.refused.append((bound.id, verdict))
                verdict = self._judging.safe_instead(bound, verdict, self._commands.last, doubt, view.now_us)
            if isinstance(verdict, Allowed):
                self._judging.count(verdict)
                judged.allowed.append(verdict)
                judged.spans[verdict.command_id] = spans_of(view, verdict.sources)
        return verdicts

    def _proposals(self, bound: Bound, turn: Turn[Any]) -> Sequence[Proposal]:
        """What the service proposes, the most urgent first, as many as a turn bears."""
        try:
            proposed: Sequence[Any] = turn.proposals
            proposals: list[Any] = sorted(proposed, key=lambda proposal: -proposal.urgency)
            # SECURITY: what is no proposal has nothing that could be put on record: one service's must not end all services' turn
            if not all(isinstance(proposal, Proposal) for proposal in proposals):
                raise TypeError("not a proposal")
        except Exception:  # whatever a plug-in put there
            self._world.fault(bound.id, "a service proposes what is no proposal")
            return []
        self.progress.proposed += len(proposals)
        self.progress.shed += max(0, len(proposals) - PROPOSALS_PER_TURN)
        return proposals[:PROPOSALS_PER_TURN]

    # -- how they stand -----------------------------------------------------------------------------------------------

    def _status(self, bound: Bound, view: View[Any]) -> ServiceStatus:
        name = bound.id
        shed = self._keeping.shed(name)
        for part, count in (("windows", self._windows.shed[name]), ("plans", self._plans.shed[name])):
            if count:
                shed[part] = count
        jobs, windows_at = self._jobs.under_way(name), self._windows.read_at(name)
        return self._showing.status(bound, view, self._turns.size(name), shed, jobs, windows_at)

    def _count(self) -> None:
        progress, services = self.progress, [bound.id for bound in self.bounds]
        progress.jobs = self._jobs.counts
        progress.memory_bytes = {name: self._turns.size(name) for name in services}
        progress.notices = {name: self._keeping.notices.standing(name) for name in services}
        shed = Counter[str]()
        for name in services:
            shed.update(self._keeping.shed(name))
        progress.turn_shed = shed

    # -- time ---------------------------------------------------------------------------------------------------------

    def _wait_s(self, now_us: int) -> float:
        """Real seconds until the next tick, at most `longest_wait_s`; less while an answer is awaited."""
        left_us = 0 if self._next_tick is None else self._next_tick - now_us
        longest = min(self.pace.longest_wait_s, ANSWER_WAIT_S) if self._commands.open else self.pace.longest_wait_s
        return max(SHORTEST_WAIT_S, min(longest, left_us / SECOND / self.pace.speed))

    def _refresh_expected(self, now_us: int) -> None:
        refresh = self.ports.refresh_expected
        busy = self._refreshing is not None and not self._refreshing.done()
        if refresh is None or busy or (self._next_refresh is not None and now_us < self._next_refresh):
            return
        self._next_refresh = now_us + self.pace.expected_us
        self._refreshing = asyncio.create_task(self._refresh(refresh, now_us))

    async def _refresh(self, refresh: Callable[[int], None], now_us: int) -> None:
        try:
            async with asyncio.timeout(self.pace.refresh_s):
                await asyncio.to_thread(refresh, now_us)
            self.progress.refreshes += 1
        except (LinkError, TimeoutError) as error:
            self._world.is_silent(error)
        except Exception:  # lamps must not wait for a range that cannot be computed
            log.exception("the expected ranges could not be refreshed")
            self.progress.service_errors += 1
