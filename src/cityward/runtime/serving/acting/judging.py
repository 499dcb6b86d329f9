"""Has the services' proposals judged: asks the permit gate, keeps the past hour's commands for it, and says what of its refusals
is put on record.

Where the gate refuses a proposal for its sources, or because an interlock holds, the device is told its fail-safe value instead,
once in `SAFE_EVERY_US`: a street must not stay as it was because nobody may say what it should be.

INVARIANT: each refusal is counted; the same one is on record once an hour, and never more than `PROPOSALS_PER_TURN` kinds of it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from cityward.evidence.records import CommandRefused
from cityward.guard.permit import Allowed, Issued, PermitReason, Proposal, Refusal, Urgency, permit
from cityward.runtime.doubt import Doubt
from cityward.runtime.ports import CommandRow
from cityward.runtime.serving.acting.signals import SignalDesk, is_left_to_its_plan
from cityward.runtime.serving.acting.street import StreetMemory
from cityward.runtime.serving.binding import Bound
from cityward.runtime.serving.ports import RunnerProgress
from cityward.services.contract import Commanded
from cityward.time import HOUR

PROPOSALS_PER_TURN = 5000
UNSAFE = frozenset({PermitReason.UNTRUSTED_SOURCE, PermitReason.TOO_FEW_SOURCES, PermitReason.INTERLOCKED})
"""What was refused for one of these must not leave the device as it stands."""
SAFE_EVERY_US = HOUR // 2  # PRECEDENT: the lighting service's own reminder


class Judging:
    """See the module."""

    def __init__(
        self, progress: RunnerProgress, by: str, street: StreetMemory, signals: SignalDesk | None = None
    ) -> None:
        self._progress, self._by, self.street, self._signals = progress, by, street, signals
        self._recent: dict[str, deque[Issued]] = {}
        self._refusals: dict[tuple[str, str, str, str], int] = {}
        self._said_no: dict[str, dict[tuple[str, str], str]] = {}

    def judge(self, bound: Bound, proposal: Proposal, doubt: Doubt, now_us: int) -> Allowed | Refusal:
        """The gate's word."""
        # a proposal may be anything at all: what names no text has no past
        recent = self._recent.get(proposal.device, ()) if isinstance(getattr(proposal, "device", None), str) else ()
        objected = None if self._signals is None else self._signals.objection(proposal, now_us)
        if objected is not None:
            return Refusal(proposal, objected)
        return permit(proposal, bound.rules, recent, now_us, doubt.confidence, self.street.now)

    def tell(self, service: str, verdicts: Sequence[Allowed | Refusal]) -> None:
        """What the gate said to a turn of a service, for its next."""
        self._said_no[service] = {
            (as_text(one.proposal.device), as_text(one.proposal.command)): one.reason.value
            for one in verdicts
            if isinstance(one, Refusal)
        }

    def refused(self, service: str) -> Mapping[tuple[str, str], str]:
        """What came of nothing in its last turn: (device, command) -> why."""
        return self._said_no.get(service, {})

    def safe_instead(
        self, bound: Bound, refusal: Refusal, last_commands: Mapping[str, Commanded], doubt: Doubt, now_us: int
    ) -> Allowed | None:
        """The device's fail-safe value, where it was refused another for one of `UNSAFE` and does not have it."""
        refused = refusal.proposal
        if refusal.reason not in UNSAFE and not is_left_to_its_plan(refusal):
            return None
        if refused.device not in bound.rules.actuators:
            return None
        safe = bound.rules.actuators[refused.device].commands[refused.command].fail_safe
        last = last_commands.get(refused.device)
        obeys = last is not None and last.value == safe and last.state in ("sent", "acknowledged")
        if obeys and last is not None and abs(now_us - last.sent_at) < SAFE_EVERY_US:
            return None
        cause = {"fail_safe": f"{refused.value:g} was refused: {refusal.reason}", "service": bound.id}
        proposal = Proposal(refused.device, refused.command, safe, cause, now_us, Urgency.SAFETY)
        verdict = self.judge(bound, proposal, doubt, now_us)
        if isinstance(verdict, Refusal):
            return None
        self._progress.made_safe += 1
        return verdict

    def count(self, command: Allowed) -> None:
        """A command that is to be: it uses up one of the hour's, and may be one more that moves."""
        recent = self._recent.setdefault(command.device, deque())
        while recent and abs(command.issued_at - recent[0].at) >= HOUR:
            recent.popleft()
        recent.append(Issued(command.device, command.command, command.issued_at))
        self.street.told(command.device, command.command, command.value, command.issued_at)
        if self._signals is not None:
            self._signals.told(command.device, command.command, command.value, command.issued_at)

    def uncount(self, commands: Sequence[Allowed]) -> None:
        """Commands that never came to be: they must not use up the hour's."""
        for command in commands:
            self._recent[command.device].remove(Issued(command.device, command.command, command.issued_at))
        self.street.untold(commands)

    def remember(self, row: CommandRow) -> None:
        """A command that was before; the newest last, each once."""
        recent = self._recent.setdefault(row.device, deque())
        if not recent or recent[-1].at != row.sent_at:
            recent.append(Issued(row.device, row.command, row.sent_at))
        self.street.remember(row)
        if self._signals is not None:
            self._signals.told(row.device, row.command, row.value, row.sent_at)

    def worth_recording(self, refused: Sequence[tuple[str, Refusal]], now_us: int) -> list[CommandRefused]:
        """Count each of (service, refusal); the records of those that are not on record within the hour."""
        records: list[CommandRefused] = []
        for service, refusal in refused:
            self._progress.refused[refusal.reason.value] += 1
            record = self._record(service, refusal, now_us)
            key = (service, record.device, record.command, record.reason)
            if abs(now_us - self._refusals.get(key, -HOUR)) >= HOUR and len(self._refusals) < PROPOSALS_PER_TURN:
                self._refusals[key] = now_us
                records.append(record)
        self._refusals = {key: at for key, at in self._refusals.items() if abs(now_us - at) < HOUR}
        return records

    def _record(self, service: str, refusal: Refusal, now_us: int) -> CommandRefused:
        proposal = refusal.proposal
        return CommandRefused(
            at=now_us,
            by=self._by,
            service=service,
            device=as_text(proposal.device),
            command=as_text(proposal.command),
            value=as_number(proposal.value),
            reason=refusal.reason.value,
        )


def as_text(value: Any) -> str:
    """A refused name, however malformed, as evidence can hold it."""
    return str(value)[:64].encode("ascii", "replace").decode()


def as_number(value: Any) -> float:
    """A refused value, however malformed, as evidence can hold it."""
    return float(value) if isinstance(value, int | float) and abs(value) < 1e12 and math.isfinite(value) else 0.0
