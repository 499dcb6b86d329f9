"""Carries commands out and follows each until it is settled: evidence, book, actuator, answer, outcome.

Theory of operation
-------------------
A command is *open* from the moment it is on record until it is settled: `acknowledged` or `rejected` by its device's answer
(which stands in the durable log), `timed-out` after `answer_us`. Settling writes evidence first, then the book; what the world
did not take is settled again at the next turn.

After a crash the ledger is ahead of the book: what it says was issued and not settled is either still open in the book (then it
is picked up, and an answer that came meanwhile is found in the log) or never got there (then it was never sent, and is
recorded as timed-out).

A command that failed is *reverted*, once: the next turn begins by proposing the device's fail-safe value, or the value that it
took last, as its command declares (`CommandLimits.revert`). Nobody knows where an actuator stands that did not answer.

INVARIANTS
- A revert is not reverted, and neither is a command that a newer one has overtaken.
- Evidence is written before a command is in the book, and it is in the book before it is sent.
- Bounded: one open command per actuator and command at most per `answer_us`.
- A device settles only its own commands: the log's subject says who answered, and the broker guards that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cityward.errors import DecodeError, LinkError
from cityward.evidence.records import AnyRecord, CommandIssued, CommandOutcome, CommandRefused
from cityward.guard.permit import Allowed, Permitted, Proposal, Urgency
from cityward.runtime.commands import ACK_PREFIX, Acknowledgement, decode_acknowledgement
from cityward.runtime.ports import CommandRow, LogMessage, SourceSpan
from cityward.runtime.serving.acting.judging import Judging
from cityward.runtime.serving.world import ServiceWorld
from cityward.services.contract import Commanded
from cityward.watch.events import EventKind

ACKS_PER_TURN = 1000
CATCH_UP_ACKS = 200_000  # at the start: answers given while we were away
PAST_COMMANDS = 20_000  # read at the start: the last hour's, for the rates, and the last of each unit
LEDGER_TAIL = 5000
SHORTEST_PAUSE_S = 0.25
REVERT = "revert"
"""The cause of a command that takes another one back."""


@dataclass(slots=True)
class Open:
    """A command under way; `outcome` once it is known and not yet on record."""

    service: str
    device: str
    command: str
    value: float
    sent_at: int
    is_revert: bool = False
    outcome: str = ""
    level: float | None = None
    recorded: bool = False

    @classmethod
    def of(cls, command: CommandRow | CommandIssued | Permitted, sent_at: int, outcome: str = "") -> Open:
        """As it is sent, or found again."""
        named = (command.service, command.device, command.command)
        return cls(*named, command.value, sent_at, REVERT in command.cause, outcome)


class CommandsUnderWay:
    """See the module. `last`: unit -> the last command to it."""

    def __init__(self, world: ServiceWorld, judging: Judging) -> None:
        self._world, self._judging = world, judging
        self.open: dict[str, Open] = {}
        self.last: dict[str, Commanded] = {}
        self._failed: dict[str, Open] = {}
        self._catching_up = False

    # -- start --------------------------------------------------------------------------------------------------------

    async def take_up(self) -> None:
        """What an earlier run left: the rates, the last command of each unit, the open commands.

        Raises:
            LinkError: a store did not answer.
        """
        world, ports = self._world, self._world.ports
        past = await world.call(ports.reader.commands, PAST_COMMANDS)
        left_open = [row for row in await world.call(ports.book.open_commands) if self._is_ours(row.service)]
        tail = await world.call(ports.ledger.tail, LEDGER_TAIL)
        for row in sorted((*past, *left_open), key=lambda row: row.sent_at):
            self._remember(row)
        self.open = {row.command_id: Open.of(row, row.sent_at) for row in left_open}
        self._reconcile([record for _, record in tail])
        await self._catch_up()

    def _is_ours(self, service: str) -> bool:
        return service not in self._world.elsewhere.services

    def _remember(self, row: CommandRow) -> None:
        self.last[row.device] = Commanded(
            row.command, row.value, row.cause, row.state, row.sent_at, tuple(span.device for span in row.sources)
        )
        self._judging.remember(row)

    def _reconcile(self, tail: Sequence[AnyRecord]) -> None:
        """Hold the book's open commands against the ledger, which is never behind it."""
        outcomes = {record.command_id: record for record in tail if isinstance(record, CommandOutcome)}
        for record in tail:
            if isinstance(record, CommandIssued) and record.command_id not in outcomes:
                # on record and not in the book: it was never sent
                self.open.setdefault(record.command_id, Open.of(record, record.at, "timed-out"))
        for command_id, command in self.open.items():
            known = outcomes.get(command_id)
            if known is not None:
                command.outcome, command.level, command.recorded = known.outcome, known.level, True

    async def _catch_up(self) -> None:
        """Take in the answers that came while nobody listened, before anything is given up."""
        heard = 0
        self._catching_up = True
        while heard < CATCH_UP_ACKS:
            messages = await self.hear(self._world.pace.longest_wait_s)
            heard += messages
            if not messages:
                break
        self._catching_up = False

    # -- answers ------------------------------------------------------------------------------------------------------

    async def hear(self, wait_s: float) -> int:
        """Take in the answers that come within `wait_s`; how many messages there were."""
        try:
            async with asyncio.timeout(wait_s + self._world.pace.call_s):
                messages = await self._world.ports.acks.fetch(ACKS_PER_TURN, wait_s)
        except (LinkError, TimeoutError) as error:
            self._world.is_silent(error)
            await asyncio.sleep(min(wait_s, SHORTEST_PAUSE_S))
            return 0
        for message in messages:
            self._take_answer(message)
        return len(messages)

    def _take_answer(self, message: LogMessage) -> None:
        if message.subject.removeprefix(ACK_PREFIX) in self._world.elsewhere.units:
            return  # asked by another runner, who hears it too
        try:
            answer = decode_acknowledgement(message.payload)
        except DecodeError:
            self._world.progress.acks_unreadable += 1
            return
        command = self.open.get(answer.id)
        # SECURITY: the payload says which command, only the subject says who speaks
        if command is None or command.outcome or message.subject != ACK_PREFIX + command.device:
            self._world.progress.acks_stray += 1
            if not self._catching_up:  # what was answered while we were away was asked by an earlier life
                device = message.subject.removeprefix(ACK_PREFIX)
                self._world.tell(EventKind.ANSWER, device, {"command_id": answer.id})
            return
        command.outcome, command.level = _outcome(answer), answer.level

    # -- settling -----------------------------------------------------------------------------------------------------

    def give_up_overdue(self, now_us: int) -> None:
        """What nobody answered within `answer_us` has timed out."""
        for command in self.open.values():
            if not command.outcome and abs(now_us - command.sent_at) >= self._world.pace.answer_us:
                command.outcome = "timed-out"

    async def settle(self, now_us: int) -> None:
        """Evidence, then the book, for every open command whose outcome is known."""
        world = self._world
        due = {command_id: command for command_id, command in self.open.items() if command.outcome}
        fresh = {command_id: command for command_id, command in due.items() if not command.recorded}
        try:
            if fresh:
                outcomes = [self._outcome_record(command_id, command, now_us) for command_id, command in fresh.items()]
                await world.call(world.ports.ledger.append, outcomes)
                for command in fresh.values():
                    command.recorded = True
            for command_id, command in due.items():
                await world.call(world.ports.book.command_settled, command_id, command.outcome, now_us)
                level = {} if command.level is None else {"level": f"{command.level:.6g}"}
                detail = {"command_id": command_id, "outcome": command.outcome}
                world.tell(EventKind.OUTCOME, command.device, detail | level)
                self._close(command_id, command)
        except LinkError as error:
            world.is_silent(error)

    def _outcome_record(self, command_id: str, command: Open, now_us: int) -> CommandOutcome:
        return CommandOutcome(
            at=now_us,
            by=self._world.by,
            command_id=command_id,
            device=command.device,
            outcome=command.outcome,
            level=command.level,
        )

    def _close(self, command_id: str, command: Open) -> None:
        del self.open[command_id]
        last = self.last.get(command.device)
        if last is not None and last.sent_at == command.sent_at:
            self.last[command.device] = replace(last, state=command.outcome)
            if command.outcome != "acknowledged" and not command.is_revert:
                self._failed[command_id] = command
        if command.outcome == "acknowledged":
            self._judging.street.took(command.device, command.command, command.value)
        progress = self._world.progress
        match command.outcome:
            case "acknowledged":
                progress.acknowledged += 1
            case "rejected":
                progress.rejected += 1
            case _:
                progress.timed_out += 1

    def reverts(self, service: str, now_us: int) -> list[Proposal]:
        """What takes back a service's commands that failed since the last turn; each is given once."""
        mine = {command_id: command for command_id, command in self._failed.items() if command.service == service}
        out: list[Proposal] = []
        for command_id, command in mine.items():
            del self._failed[command_id]
            value, last = self._judging.street.back_to(command.device, command.command), self.last.get(command.device)
            overtaken = last is None or last.sent_at != command.sent_at
            if value is not None and value != command.value and not overtaken:
                cause = {REVERT: f"{command_id}: {command.outcome}", "service": service}
                out.append(Proposal(command.device, command.command, value, cause, now_us, Urgency.SAFETY))
        return out

    # -- sending ------------------------------------------------------------------------------------------------------

    async def put_on_record(
        self,
        allowed: Sequence[Allowed],
        refused: Sequence[CommandRefused],
        spans: Mapping[str, Sequence[SourceSpan]],
        now_us: int,
    ) -> list[tuple[Permitted, CommandRow]]:
        """Evidence first, in one entry after the other; what is open from now on, to be sent.

        Args:
            allowed: what the gate let pass.
            refused: the records of what it did not.
            spans: command id -> when the readings it rests on were observed.
            now_us: city time.

        Raises:
            LinkError: the ledger did not take it. Nothing was issued.
        """
        issued = [self._issued_record(command, now_us) for command in allowed]
        if not issued and not refused:
            return []
        try:
            entries = await self._world.call(self._world.ports.ledger.append, [*issued, *refused])
        except LinkError:
            self._judging.uncount(allowed)
            raise
        permitted = [command.seal(entry) for command, entry in zip(allowed, entries, strict=False)]
        out = [(command, _row(command, spans.get(command.command_id, ()))) for command in permitted]
        for command, row in out:
            self.open[command.command_id] = Open.of(command, command.issued_at)
            self._remember(row)
        return out

    async def send(self, issued: Sequence[tuple[Permitted, CommandRow]]) -> None:
        """Each into the book and out.

        A link that fails ends it: what was recorded and not sent stays open, and times out.

        Raises:
            LinkError: the world did not take all of it.
        """
        for command, row in issued:
            await self._send(command, row)

    async def _send(self, command: Permitted, row: CommandRow) -> None:
        world = self._world
        await world.call(world.ports.book.command_sent, row)
        try:
            async with asyncio.timeout(world.pace.call_s):
                await world.ports.link.send(command)
        except TimeoutError as error:
            raise LinkError(f"the command to {command.device} was not taken within {world.pace.call_s} s") from error
        world.progress.sent += 1
        detail = {"command_id": command.command_id, "command": command.command, "value": f"{command.value:.6g}"}
        world.tell(EventKind.COMMAND, command.device, detail | {"service": command.service}, command.record)

    def _issued_record(self, command: Allowed, now_us: int) -> CommandIssued:
        return CommandIssued(
            at=now_us,
            by=self._world.by,
            command_id=command.command_id,
            service=command.service,
            device=command.device,
            command=command.command,
            value=command.value,
            cause=dict(command.cause),
            sources=command.sources,
        )


def _outcome(answer: Acknowledgement) -> str:
    return "acknowledged" if answer.outcome == "done" else "rejected"


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
