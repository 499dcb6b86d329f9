"""What holding actuators at a value would do: the gate's word on each unit before it is done, and what stands there now. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from cityward.guard.permit import MENDS, Issued, PermitReason, PermitRules, Refusal, hindered_by, permit
from cityward.place.things import CommandLimits
from cityward.runtime.causes import cause_line
from cityward.runtime.doubt import Doubt
from cityward.runtime.overriding import OverrideRow, proposal_of
from cityward.runtime.ports import CommandRow, Latest
from cityward.runtime.serving.acting.street import StreetMemory

PASSES = frozenset({"allowed", PermitReason.SECOND_PERSON.value})
LATER = PASSES | {PermitReason.FAN_OUT.value, PermitReason.RATE_EXCEEDED.value, PermitReason.INTERLOCKED.value}
"""What passes now, or may by itself later: an override waits for that."""


class UnitPreview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gate would say of one unit now, and what it was told last. verdict: `allowed`, or the word of the refusal."""

    device: str
    verdict: str
    mend: str = ""
    last_value: float | None = None
    last_state: str = ""
    because: str = ""


class OverridePreview(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an override would do. counts: verdict -> units. two_person: it would wait for another one. Hours of city time."""

    service: str
    target: str
    command: str
    value: float
    unit: str
    low: float
    high: float
    fail_safe: float
    two_person: bool
    longest_hours: float
    counts: dict[str, int]
    units: tuple[UnitPreview, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be held: a device or group at a value. command: may be left out where there is one only."""

    service: str
    target: str
    value: float
    command: str = ""


def judged(
    row: OverrideRow,
    rules: PermitRules,
    past: Sequence[CommandRow],
    latest: Mapping[tuple[str, str], Latest],
    doubt: Doubt,
    now_us: int,
    told: Callable[[CommandRow], CommandRow] = lambda row: row,
) -> tuple[UnitPreview, ...]:
    """The gate's word on each unit, in order: what goes before uses up a fan-out. A second person is taken to agree.

    Args:
        row: what would be held.
        rules: what its service may do.
        past: the newest commands, to any device.
        latest: the newest readings of what the interlocks look at.
        doubt: who is believed.
        now_us: city time.
        told: a command as whoever asks may be told it.
    """
    memory, recent, last = StreetMemory([rules]), dict[str, list[Issued]](), dict[str, CommandRow]()
    for command in sorted(past, key=lambda command: command.sent_at):
        memory.remember(command)
        recent.setdefault(command.device, []).append(Issued(command.device, command.command, command.sent_at))
        last[command.device] = command
    memory.see(latest, doubt, {}, now_us)
    stopped = hindered_by(row.command, rules, memory.now, now_us, doubt.confidence)
    units: list[UnitPreview] = []
    for device in row.devices:
        proposal = proposal_of(row, device, now_us)
        verdict = permit(proposal, rules, recent.get(device, ()), now_us, doubt.confidence, memory.now)
        refused = verdict.reason if isinstance(verdict, Refusal) else None
        if refused is None or refused is PermitReason.SECOND_PERSON:
            memory.told(device, row.command, row.value, now_us)
        before = told(last[device]) if device in last else None
        units.append(_unit(device, refused, stopped.why if stopped is not None else "", before))
    return tuple(units)


def _unit(device: str, refused: PermitReason | None, why: str, last: CommandRow | None) -> UnitPreview:
    mend = "" if refused is None else MENDS[refused]
    return UnitPreview(
        device=device,
        verdict="allowed" if refused is None else refused.value,
        mend=f"{why}: {mend}" if why and refused is PermitReason.INTERLOCKED else mend,
        last_value=None if last is None else last.value,
        last_state="" if last is None else last.state,
        because="" if last is None else cause_line(last),
    )


def sentence(wanted: Wanted, limits: CommandLimits, counts: Counter[str], whole: int) -> str:
    """What a person is told first."""
    now = sum(counts[verdict] for verdict in PASSES)
    said = (
        f"`{wanted.target}` at {limits.sets} {wanted.value:g}: {now} of {whole} {'unit' if whole == 1 else 'units'} now"
    )
    others = [f"{count} {verdict}" for verdict, count in sorted(counts.items()) if verdict not in PASSES]
    return f"{said}; {', '.join(others)}" if others else said
