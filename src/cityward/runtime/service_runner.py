"""Runs the services: shows each the city, has its proposals judged, carries out what the permit gate lets pass.

Theory of operation
-------------------
One loop, one hand: nothing below runs beside anything else, but for the refresh of expected ranges.

    acks -> settle -> (each tick) read -> view -> step -> permit -> evidence -> book -> actuator

What is not believed is not shown: a view leaves out the newest value of a device that is quarantined, or trusted less than the
service's commands ask for, and one that a mark covers. The gate is asked all the same, with the same standings. Where it
refuses a proposal for its sources, the device is told its fail-safe value instead, once in `SAFE_EVERY_US`: a street must not
stay as it was because nobody may say what it should be.

Between ticks the loop waits on the acknowledgements of the actuators, which stand in the durable log. A command is *open*
from the moment it is on record until it is settled: `acknowledged` or `rejected` by its device's answer, `timed-out` after
`answer_us`. Settling writes evidence first, then the book; what the world did not take is settled again at the next turn.

After a crash the ledger is ahead of the book: what it says was issued and not settled is either still open in the book (then it
is picked up, and an answer that came meanwhile is found in the log) or never got there (then it was never sent, and is
recorded as timed-out).

INVARIANTS
- Evidence is written before a command is in the book, and it is in the book before it is sent.
- Nothing waits without a deadline: a store, a bus or an actuator that is silent costs a turn, never the loop.
- Bounded: proposals per turn, open commands (one per actuator and command at most per `answer_us`), the past hour's commands.
- Where standings or marks cannot be read, nothing is proposed: unknown trust is no trust.
- A device settles only its own commands: the log's subject says who answered, and the broker guards that.

Fails when: a second runner serves the same place; their rates are then counted apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar

import structlog

from cityward.errors import DecodeError, LinkError, PlaceError, PlaceErrors
from cityward.evidence.records import AnyRecord, CommandIssued, CommandOutcome, CommandRefused
from cityward.guard.permit import (
    Allowed,
    Issued,
    PermitReason,
    PermitRules,
    Permitted,
    Proposal,
    Refusal,
    Urgency,
    permit,
    rules_for,
)
from cityward.insight.marks import Mark
from cityward.place.independence import traits_of
from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.place.things import Position
from cityward.runtime.commands import ACK_PREFIX, Acknowledgement, decode_acknowledgement
from cityward.runtime.doubt import NO_DOUBT, NO_PAIR, NOBODY, Doubt, doubt_of
from cityward.runtime.ports import (
    CommandLink,
    CommandRow,
    EventSink,
    Latest,
    Ledger,
    LogMessage,
    LogReader,
    ServiceBook,
    SourceSpan,
    StateReader,
)
from cityward.services.contract import Actuator, Commanded, Reading, Service, View
from cityward.time import HOUR, MINUTE, SECOND
from cityward.watch.events import Event, EventKind, cut
from cityward.watch.findings import DeviceStanding

P = ParamSpec("P")
R = TypeVar("R")

ACKS_PER_TURN = 1000
CATCH_UP_ACKS = 200_000  # at the start: answers given while we were away
PROPOSALS_PER_TURN = 5000
DEVICES_PER_READ = 500  # names in one question to the state database
PAST_COMMANDS = 20_000  # read at the start: the last hour's, for the rates, and the last of each unit
LEDGER_TAIL = 5000
SAFE_EVERY_US = HOUR // 2  # PRECEDENT: the lighting service's own reminder
SHORTEST_WAIT_S, ANSWER_WAIT_S = 0.01, 0.25

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long, in city us; deadlines of calls in real seconds.

    speed: city seconds in a real second. tick_us: between two turns of the services. answer_us: how long an actuator may take.
    expected_us: between two refreshes of the expected ranges.
    """

    speed: float = 1.0
    tick_us: int = MINUTE
    answer_us: int = 30 * SECOND
    expected_us: int = 6 * HOUR
    longest_wait_s: float = 1.0
    call_s: float = 5.0
    refresh_s: float = 600.0

    @classmethod
    def at_speed(cls, speed: float) -> Pace:
        """For a city clock `speed` times as fast: never quicker than a turn a real second, and five real seconds to answer."""
        return cls(
            speed=speed,
            tick_us=max(MINUTE, round(speed * SECOND)),
            answer_us=max(30 * SECOND, round(speed * 5 * SECOND)),
        )


@dataclass(frozen=True, slots=True)
class Bound:
    """A declared service with its plug-in, its settings and what it may do. `watched`: the units it is shown.

    least_trust: what is trusted less is not shown to it: the most that any of its actuators' commands asks for.
    """

    id: str
    service: Service[Any, Any]
    settings: Any
    rules: PermitRules
    members: Mapping[str, Sequence[str]]
    actuators: Mapping[str, Actuator]
    watched: Sequence[str]
    least_trust: float = 0.0


@dataclass(frozen=True, slots=True)
class RunnerPorts:
    """What the runner needs of the world. `now_us` is the city's clock; `refresh_expected` renews the expected ranges."""

    reader: StateReader
    book: ServiceBook
    ledger: Ledger
    link: CommandLink
    acks: LogReader
    now_us: Callable[[], int]
    refresh_expected: Callable[[int], None] | None = None
    standings: Callable[[], Sequence[DeviceStanding]] | None = None
    marks: Callable[[], Sequence[Mark]] | None = None
    barred: Callable[[], frozenset[str]] | None = None
    one_source: Callable[[], frozenset[frozenset[str]]] | None = None  # pairs of devices that the watch saw to be one
    events: EventSink | None = None  # the watch is told there what was commanded and what was answered


@dataclass(slots=True)
class RunnerProgress:
    """What was done since the start, for metrics. `refused` by reason word; `left_out` readings of the last turn, by reason."""

    turns: int = 0
    proposed: int = 0
    shed: int = 0
    sent: int = 0
    acknowledged: int = 0
    rejected: int = 0
    timed_out: int = 0
    acks_unreadable: int = 0
    acks_stray: int = 0
    link_errors: int = 0
    service_errors: int = 0
    refreshes: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    left_out: Counter[str] = field(default_factory=Counter[str])
    made_safe: int = 0


@dataclass(slots=True)
class _Open:
    """A command under way; `outcome` once it is known and not yet on record."""

    device: str
    sent_at: int
    outcome: str = ""
    level: float | None = None
    recorded: bool = False


def bind_services(
    place: Place, registry: Registry, plugins: Mapping[str, Service[Any, Any]], pace: Pace | None = None
) -> list[Bound]:
    """Each declared service whose kind has a plug-in, ready to run.

    Raises:
        PlaceErrors: settings are wrong, or name devices that are not declared or not the service's actuators.
    """
    bounds: list[Bound] = []
    wrong: list[PlaceError] = []
    traits = traits_of(place, registry)
    for service_id, declared in place.services.items():
        plugin = plugins.get(declared.kind)
        if plugin is None:
            continue
        where = f"services.{service_id}.settings"
        settings = plugin.read_settings(declared.settings, where)
        if isinstance(settings, PlaceErrors):
            wrong.extend(settings.errors)
        elif isinstance(settings, PlaceError):
            wrong.append(settings)
        else:
            valid_us = max(2 * MINUTE, pace.answer_us if pace is not None else 0)
            rules = rules_for(service_id, declared, registry, traits, oldest_us=valid_us, valid_us=valid_us)
            bound = _bind(service_id, plugin, settings, rules, registry)
            wrong.extend(_dangling(bound, where))
            bounds.append(bound)
    if wrong:
        raise PlaceErrors(wrong)
    return bounds


def _bind(service_id: str, plugin: Service[Any, Any], settings: Any, rules: PermitRules, registry: Registry) -> Bound:
    named = dict.fromkeys([*plugin.reads(settings), *plugin.commands(settings)])
    members = {name: [unit.id for unit in registry.units if name in (unit.id, unit.group)] for name in named}
    actuators = {
        unit: Actuator(rule.commands, registry.units[registry.unit_index[unit]].position)
        for unit, rule in rules.actuators.items()
        if rule.active
    }
    watched = list(dict.fromkeys(unit for units in members.values() for unit in units))
    asked = (limits.least_trust for rule in rules.actuators.values() for limits in rule.commands.values())
    return Bound(service_id, plugin, settings, rules, members, actuators, watched, max(asked, default=0.0))


def _dangling(bound: Bound, where: str) -> list[PlaceError]:
    wrong = [
        PlaceError(f"`{name}` is not a declared device", where=where, mend="declare it, or mend the name")
        for name, units in bound.members.items()
        if not units
    ]
    for name in bound.service.commands(bound.settings):
        if any(unit not in bound.rules.actuators for unit in bound.members[name]):
            what = f"`{name}` is not among the service's actuators"
            wrong.append(PlaceError(what, where=where, mend=f"add it to services.{bound.id}.actuators"))
    return wrong


def build_view(
    bound: Bound,
    position: Position,
    latest: Mapping[tuple[str, str], Latest],
    last_commands: Mapping[str, Commanded],
    now_us: int,
    doubt: Doubt = NO_DOUBT,
) -> View[Any]:
    """The city as one service is shown it: what it names and is believed, nothing else."""
    watched = set(bound.watched)
    readings: dict[tuple[str, str], Reading] = {}
    left_out: dict[tuple[str, str], str] = {}
    for key, row in latest.items():
        if key[0] not in watched:
            continue
        why = doubt.of(row, bound.least_trust)
        if why is None:
            readings[key] = Reading(row.value, row.observed_at, max(0, now_us - row.observed_at))
        else:
            left_out[key] = why
    mine = {
        unit: doubt.remembered(last, bound.least_trust)
        for unit, last in last_commands.items()
        if unit in bound.actuators
    }
    return View(
        now_us,
        position,
        bound.settings,
        bound.members,
        readings,
        bound.actuators,
        last_commands=mine,
        left_out=left_out,
    )


class ServiceRunner:
    """See the module. `by` is the role under which evidence is written."""

    def __init__(
        self,
        bounds: Sequence[Bound],
        position: Position,
        ports: RunnerPorts,
        pace: Pace | None = None,
        by: str = "service",
    ) -> None:
        self.bounds, self.position, self.ports, self.by = tuple(bounds), position, ports, by
        self.pace = pace or Pace()
        self.progress = RunnerProgress()
        self._open: dict[str, _Open] = {}
        self._last: dict[str, Commanded] = {}
        self._recent: dict[str, deque[Issued]] = {}
        self._refusals: dict[tuple[str, str, str, str], int] = {}
        self._spans: dict[str, Sequence[SourceSpan]] = {}  # of this turn's commands
        self._next_tick: int | None = None
        self._catching_up = False
        self._next_refresh: int | None = None
        self._refreshing: asyncio.Task[None] | None = None
        # one thread for all calls on stores: they are never used by two at a time
        self._stores = ThreadPoolExecutor(1, thread_name_prefix="service-stores")

    @property
    def open_commands(self) -> int:
        """Commands under way."""
        return len(self._open)

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
        self._stores.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(LinkError, TimeoutError):
            async with asyncio.timeout(self.pace.call_s):
                await self.ports.acks.close()

    async def turn(self) -> None:
        """Wait for answers until the next tick is due, settle, and tick if it is."""
        now = self.ports.now_us()
        await self._hear(self._wait_s(now))
        now = self.ports.now_us()
        self._give_up_overdue(now)
        await self._settle(now)
        if self._next_tick is None or now >= self._next_tick or now < self._next_tick - 2 * self.pace.tick_us:
            self._next_tick = now + self.pace.tick_us
            await self.tick(now)
        self._refresh_expected(now)

    async def start(self) -> None:
        """Take up what an earlier run left: the rates, the last command of each unit, the open commands.

        Raises:
            LinkError: a store did not answer.
        """
        past = await self._call(self.ports.reader.commands, PAST_COMMANDS)
        left_open = await self._call(self.ports.book.open_commands)
        tail = await self._call(self.ports.ledger.tail, LEDGER_TAIL)
        for row in sorted((*past, *left_open), key=lambda row: row.sent_at):
            self._remember(row)
        self._open = {row.command_id: _Open(row.device, row.sent_at) for row in left_open}
        self._reconcile([record for _, record in tail])
        await self._catch_up()

    async def tick(self, now_us: int) -> None:
        """One turn of every service: from reading the city to sending what passed."""
        self.progress.turns += 1
        try:
            latest, doubt = await self._read(), await self._doubt()
        except LinkError as error:
            self._world_is_silent(error)
            return
        allowed: list[Allowed] = []
        refused: list[tuple[str, Refusal]] = []
        left_out: Counter[str] = Counter()
        for bound in self.bounds:
            view = build_view(bound, self.position, latest, self._last, now_us, doubt)
            left_out.update(view.left_out.values())
            for proposal in self._proposals(view, bound):
                verdict = self._judge(bound, proposal, doubt, now_us)
                if isinstance(verdict, Refusal):
                    refused.append((bound.id, verdict))
                    verdict = self._safe_instead(bound, verdict, doubt, now_us)
                if isinstance(verdict, Allowed):
                    self._count(verdict)
                    allowed.append(verdict)
                    self._spans[verdict.command_id] = _spans(view, verdict.sources)
        self.progress.left_out = left_out
        try:
            await self._carry_out(allowed, self._worth_recording(refused, now_us), now_us)
        except LinkError as error:
            self._world_is_silent(error)
        finally:
            self._spans.clear()

    def _judge(self, bound: Bound, proposal: Proposal, doubt: Doubt, now_us: int) -> Allowed | Refusal:
        # a proposal may be anything at all: what names no text has no past
        recent = self._recent.get(proposal.device, ()) if isinstance(getattr(proposal, "device", None), str) else ()
        return permit(proposal, bound.rules, recent, now_us, doubt.confidence)

    def _safe_instead(self, bound: Bound, refusal: Refusal, doubt: Doubt, now_us: int) -> Allowed | None:
        """The device's fail-safe value, where it was refused another for its sources and does not have it."""
        refused = refusal.proposal
        if refusal.reason not in (PermitReason.UNTRUSTED_SOURCE, PermitReason.TOO_FEW_SOURCES):
            return None
        safe = bound.rules.actuators[refused.device].commands[refused.command].fail_safe
        last = self._last.get(refused.device)
        obeys = last is not None and last.value == safe and last.state in ("sent", "acknowledged")
        if obeys and last is not None and abs(now_us - last.sent_at) < SAFE_EVERY_US:
            return None
        cause = {"fail_safe": f"{refused.value:g} was refused: {refusal.reason}", "service": bound.id}
        proposal = Proposal(refused.device, refused.command, safe, cause, now_us, Urgency.SAFETY)
        verdict = self._judge(bound, proposal, doubt, now_us)
        if isinstance(verdict, Refusal):
            return None
        self.progress.made_safe += 1
        return verdict

    # -- acknowledgements ---------------------------------------------------------------------------------------------

    async def _hear(self, wait_s: float) -> int:
        """Take in the answers that come within `wait_s`; how many messages there were."""
        try:
            async with asyncio.timeout(wait_s + self.pace.call_s):
                messages = await self.ports.acks.fetch(ACKS_PER_TURN, wait_s)
        except (LinkError, TimeoutError) as error:
            self._world_is_silent(error)
            await asyncio.sleep(min(wait_s, 0.25))
            return 0
        for message in messages:
            self._take_answer(message)
        return len(messages)

    def _take_answer(self, message: LogMessage) -> None:
        try:
            answer = decode_acknowledgement(message.payload)
        except DecodeError:
            self.progress.acks_unreadable += 1
            return
        command = self._open.get(answer.id)
        # SECURITY: the payload says which command, only the subject says who speaks
        if command is None or command.outcome or message.subject != ACK_PREFIX + command.device:
            self.progress.acks_stray += 1
            if not self._catching_up:  # what was answered while we were away was asked by an earlier life
                self._tell(EventKind.ANSWER, message.subject.removeprefix(ACK_PREFIX), {"command_id": answer.id})
            return
        command.outcome, command.level = _outcome(answer), answer.level

    def _give_up_overdue(self, now_us: int) -> None:
        for command in self._open.values():
            if not command.outcome and abs(now_us - command.sent_at) >= self.pace.answer_us:
                command.outcome = "timed-out"

    async def _settle(self, now_us: int) -> None:
        """Evidence, then the book, for every open command whose outcome is known."""
        due = {command_id: command for command_id, command in self._open.items() if command.outcome}
        fresh = {command_id: command for command_id, command in due.items() if not command.recorded}
        try:
            if fresh:
                outcomes = [self._outcome_record(command_id, command, now_us) for command_id, command in fresh.items()]
                await self._call(self.ports.ledger.append, outcomes)
                for command in fresh.values():
                    command.recorded = True
            for command_id, command in due.items():
                await self._call(self.ports.book.command_settled, command_id, command.outcome, now_us)
                level = {} if command.level is None else {"level": f"{command.level:.6g}"}
                detail = {"command_id": command_id, "outcome": command.outcome}
                self._tell(EventKind.OUTCOME, command.device, detail | level)
                self._close(command_id, command)
        except LinkError as error:
            self._world_is_silent(error)

    def _outcome_record(self, command_id: str, command: _Open, now_us: int) -> CommandOutcome:
        return CommandOutcome(
            at=now_us,
            by=self.by,
            command_id=command_id,
            device=command.device,
            outcome=command.outcome,
            level=command.level,
        )

    def _close(self, command_id: str, command: _Open) -> None:
        del self._open[command_id]
        last = self._last.get(command.device)
        if last is not None and last.sent_at == command.sent_at:
            self._last[command.device] = replace(last, state=command.outcome)
        progress = self.progress
        match command.outcome:
            case "acknowledged":
                progress.acknowledged += 1
            case "rejected":
                progress.rejected += 1
            case _:
                progress.timed_out += 1

    # -- proposals and commands ---------------------------------------------------------------------------------------

    async def _read(self) -> dict[tuple[str, str], Latest]:
        units = list(dict.fromkeys(unit for bound in self.bounds for unit in bound.watched))
        latest: dict[tuple[str, str], Latest] = {}
        for start in range(0, len(units), DEVICES_PER_READ):
            rows = await self._call(self.ports.reader.latest_of, units[start : start + DEVICES_PER_READ])
            latest.update({(row.device, row.property): row for row in rows})
        return latest

    async def _doubt(self) -> Doubt:
        standings = await self._call(self.ports.standings) if self.ports.standings is not None else ()
        marks = await self._call(self.ports.marks) if self.ports.marks is not None else ()
        barred = await self._call(self.ports.barred) if self.ports.barred is not None else NOBODY
        pairs = await self._call(self.ports.one_source) if self.ports.one_source is not None else NO_PAIR
        return doubt_of(standings, marks, barred, pairs)

    def _proposals(self, view: View[Any], bound: Bound) -> Sequence[Proposal]:
        """What the service proposes, the most urgent first, as many as a turn bears."""
        try:
            proposals = sorted(
                bound.service.step(view, bound.service.memory()).proposals, key=lambda proposal: -proposal.urgency
            )
        except Exception:  # a service is a plug-in: its fault must not stop the others
            log.exception("a service failed", service=bound.id)
            self.progress.service_errors += 1
            return []
        self.progress.proposed += len(proposals)
        self.progress.shed += max(0, len(proposals) - PROPOSALS_PER_TURN)
        return proposals[:PROPOSALS_PER_TURN]

    def _count(self, command: Allowed) -> None:
        recent = self._recent.setdefault(command.device, deque())
        while recent and abs(command.issued_at - recent[0].at) >= HOUR:
            recent.popleft()
        recent.append(Issued(command.device, command.command, command.issued_at))

    def _uncount(self, commands: Sequence[Allowed]) -> None:
        """Commands that never came to be: they must not use up the hour's."""
        for command in commands:
            self._recent[command.device].remove(Issued(command.device, command.command, command.issued_at))

    def _worth_recording(self, refused: Sequence[tuple[str, Refusal]], now_us: int) -> list[CommandRefused]:
        """Each refusal is counted; the same one is put on record once an hour."""
        records: list[CommandRefused] = []
        for service, refusal in refused:
            self.progress.refused[refusal.reason.value] += 1
            record = self._refusal_record(service, refusal, now_us)
            key = (service, record.device, record.command, record.reason)
            if abs(now_us - self._refusals.get(key, -HOUR)) >= HOUR and len(self._refusals) < PROPOSALS_PER_TURN:
                self._refusals[key] = now_us
                records.append(record)
        self._refusals = {key: at for key, at in self._refusals.items() if abs(now_us - at) < HOUR}
        return records

    def _refusal_record(self, service: str, refusal: Refusal, now_us: int) -> CommandRefused:
        proposal = refusal.proposal
        return CommandRefused(
            at=now_us,
            by=self.by,
            service=service,
            device=_as_text(proposal.device),
            command=_as_text(proposal.command),
            value=_as_number(proposal.value),
            reason=refusal.reason.value,
        )

    async def _carry_out(self, allowed: Sequence[Allowed], refused: Sequence[CommandRefused], now_us: int) -> None:
        """Evidence first, in one entry after the other; then each command into the book and out.

        A link that fails ends the turn: what was recorded and not sent stays open, and times out.
        """
        issued = [self._issued_record(command, now_us) for command in allowed]
        if not issued and not refused:
            return
        try:
            entries = await self._call(self.ports.ledger.append, [*issued, *refused])
        except LinkError:
            self._uncount(allowed)
            raise
        permitted = [command.seal(entry) for command, entry in zip(allowed, entries, strict=False)]
        for command in permitted:
            self._open[command.command_id] = _Open(command.device, command.issued_at)
            self._remember(_row(command, self._spans.get(command.command_id, ())))
        for command in permitted:
            await self._send(command)

    async def _send(self, command: Permitted) -> None:
        await self._call(self.ports.book.command_sent, _row(command, self._spans.get(command.command_id, ())))
        try:
            async with asyncio.timeout(self.pace.call_s):
                await self.ports.link.send(command)
        except TimeoutError as error:
            raise LinkError(f"the command to {command.device} was not taken within {self.pace.call_s} s") from error
        self.progress.sent += 1
        detail = {"command_id": command.command_id, "command": command.command, "value": f"{command.value:.6g}"}
        self._tell(EventKind.COMMAND, command.device, detail | {"service": command.service}, command.record)

    def _tell(self, kind: EventKind, device: str, detail: Mapping[str, str], record: str = "") -> None:
        """The watch is told, if there is one; nobody waits for it."""
        if self.ports.events is not None:
            short = {name: cut(text) for name, text in detail.items()}
            at = self.ports.now_us()
            self.ports.events.tell(
                Event(at=at, kind=kind, by=self.by, subject=cut(device), detail=short, record=record)
            )

    def _issued_record(self, command: Allowed, now_us: int) -> CommandIssued:
        return CommandIssued(
            at=now_us,
            by=self.by,
            command_id=command.command_id,
            service=command.service,
            device=command.device,
            command=command.command,
            value=command.value,
            cause=dict(command.cause),
            sources=command.sources,
        )

    # -- start, time, the world ---------------------------------------------------------------------------------------

    async def _start_until_done(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.start()
            except LinkError as error:
                self._world_is_silent(error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), 1.0)
            else:
                return

    def _remember(self, row: CommandRow) -> None:
        self._last[row.device] = Commanded(
            row.command, row.value, row.cause, row.state, row.sent_at, tuple(span.device for span in row.sources)
        )
        recent = self._recent.setdefault(row.device, deque())
        if not recent or recent[-1].at != row.sent_at:
            recent.append(Issued(row.device, row.command, row.sent_at))

    def _reconcile(self, tail: Sequence[AnyRecord]) -> None:
        """Hold the book's open commands against the ledger, which is never behind it."""
        outcomes = {record.command_id: record for record in tail if isinstance(record, CommandOutcome)}
        for record in tail:
            if isinstance(record, CommandIssued) and record.command_id not in outcomes:
                # on record and not in the book: it was never sent
                self._open.setdefault(record.command_id, _Open(record.device, record.at, outcome="timed-out"))
        for command_id, command in self._open.items():
            known = outcomes.get(command_id)
            if known is not None:
                command.outcome, command.level, command.recorded = known.outcome, known.level, True

    async def _catch_up(self) -> None:
        """Take in the answers that came while nobody listened, before anything is given up."""
        heard = 0
        self._catching_up = True
        while heard < CATCH_UP_ACKS:
            messages = await self._hear(self.pace.longest_wait_s)
            heard += messages
            if not messages:
                break
        self._catching_up = False

    def _wait_s(self, now_us: int) -> float:
        """Real seconds until the next tick, at most `longest_wait_s`; less while an answer is awaited."""
        left_us = 0 if self._next_tick is None else self._next_tick - now_us
        longest = min(self.pace.longest_wait_s, ANSWER_WAIT_S) if self._open else self.pace.longest_wait_s
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
            self._world_is_silent(error)
        except Exception:  # lamps must not wait for a range that cannot be computed
            log.exception("the expected ranges could not be refreshed")
            self.progress.service_errors += 1

    async def _call(self, what: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A store's answer, within the deadline.

        Raises:
            LinkError: there was none. The call may still be under way; the next one waits behind it.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.pace.call_s):
                return await loop.run_in_executor(self._stores, lambda: what(*args, **kwargs))
        except TimeoutError as error:
            raise LinkError(f"a store did not answer within {self.pace.call_s} s") from error

    def _world_is_silent(self, error: Exception) -> None:
        self.progress.link_errors += 1
        log.warning("the world did not answer", error=str(error) or type(error).__name__)


def _outcome(answer: Acknowledgement) -> str:
    return "acknowledged" if answer.outcome == "done" else "rejected"


def _as_text(value: Any) -> str:
    """A refused name, however malformed, as evidence can hold it."""
    return str(value)[:64].encode("ascii", "replace").decode()


def _as_number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e12 and math.isfinite(value) else 0.0


def _spans(view: View[Any], sources: Sequence[str]) -> Sequence[SourceSpan]:
    """When what the service was shown of each source was observed."""
    seen: dict[str, list[int]] = {source: [] for source in sources}
    for (unit, _), reading in view.readings.items():
        if unit in seen:
            seen[unit].append(reading.observed_at)
    return [SourceSpan(unit, min(at), max(at)) for unit, at in seen.items() if at]


def _row(command: Permitted, sources: Sequence[SourceSpan]) -> CommandRow:
    return CommandRow(
        command_id=command.command_id,
        service=command.service,
        device=command.device,
        command=command.command,
        value=command.value,
        cause=command.cause,
        record=command.record,
        state="sent",
        sent_at=command.issued_at,
        sources=sources,
    )
