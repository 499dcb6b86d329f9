"""The permit gate: what may act on the street.

Theory of operation
-------------------
A service proposes; `permit` holds the proposal against the rules compiled from the declaration and against the commands
the device was sent within the last hour. What passes is `Allowed`; once its evidence entry exists, `Allowed.seal` makes
`Permitted`, and the way to the actuators takes nothing else. What does not pass is a `Refusal` with its reason.

Refusing must never leave a street in a worse state than acting would. Therefore the declared fail-safe value has one command an
hour of its own: whoever makes a service flap can use up the hour's commands, but not the one that turns the light on.

A proposal names its *sources*: the devices whose readings its value rests on. The gate does not take the service's word that
they are sound: any value but the fail-safe is refused when one of them is quarantined, not trusted enough (`least_trust`) or
not declared, and when fewer than `quorum` are independent (`independence`). A proposal may rest on no reading at all: what
follows from the clock and the declaration alone cannot be falsified through a sensor, and passes both. Whether a service names
all that it read is tested (`tests/services/test_conformance.py`: a value must follow from its sources' readings alone), and not
known here.

What the street says is in a proposal's way as well (`guard.street`): a declared *interlock* holds up every value but the
fail-safe one while its condition holds, and while its reading is missing, old or not believed. A declared *fan-out* bounds how
many actuators move away from their fail-safe value within a time: a mass off is stretched, and seen. Where a command needs *two
persons*, a value waits (`second-person`) until somebody agreed to it; asking them is the runtime's business.

A person's proposal is judged as a service's is: being a person opens no bound. It rests on no reading.

INVARIANTS
- Total: any proposal, however malformed, gives `Allowed` or a `Refusal`, never an exception.
- Nothing outside the declared bounds passes; of one command to one device at most `per_hour` + 1 pass within any hour,
  and the one above `per_hour` has the fail-safe value.
- Within a fan-out's minutes no more than its `most` actuators are moved away from their fail-safe value.
- Monotone: narrower rules, more interlocks, more recent commands or moves, fewer readings, less trust, a larger quorum or fewer
  agreements never turn a refusal into a permission.
- The fail-safe value never waits: no standing of any source, no interlock, no fan-out and no second person stops it.
- Only this module makes `Allowed` and `Permitted`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from cityward.guard.confidence import FULL, Confidence
from cityward.guard.permit_rules import MENDS, ActuatorRule, PermitReason, PermitRules, rules_for
from cityward.guard.street import UNSEEN, Agreement, FanRule, InterlockRule, Street, is_move, too_many_moved
from cityward.guard.wellformed import are_causes, are_names, is_number, is_text, is_whole
from cityward.place.independence import independent_of
from cityward.place.things import CommandLimits
from cityward.time import HOUR

__all__ = [
    "FULL",
    "MENDS",
    "MOST_SOURCES",
    "UNSEEN",
    "ActuatorRule",
    "Agreement",
    "Allowed",
    "FanRule",
    "InterlockRule",
    "Issued",
    "PermitReason",
    "PermitRules",
    "Permitted",
    "Proposal",
    "Refusal",
    "Street",
    "Urgency",
    "hindered_by",
    "is_move",
    "permit",
    "rules_for",
]

MOST_SOURCES = 128

_SEAL = object()


class Urgency(IntEnum):
    """What goes first when not everything can go."""

    ROUTINE = 0
    SAFETY = 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a service would like to do. `value` in the unit of the property that the command sets; `made_at` city us.

    sources: the units whose readings the value rests on, each once, at most `MOST_SOURCES`; none where it rests on no reading.
    """

    device: str
    command: str
    value: float
    cause: Mapping[str, str]
    made_at: int
    urgency: Urgency = Urgency.ROUTINE
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Issued:
    """A command that left this gate before, at city time `at` in us."""

    device: str
    command: str
    at: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The gate's no."""

    proposal: Proposal
    reason: PermitReason

    @property
    def mend(self) -> str:
        """What can be done about it."""
        return MENDS[self.reason]


@dataclass(frozen=True, slots=True)
class Allowed:
    """The gate's yes, not yet on record. Made by `permit` only; times in city us."""

    command_id: str
    service: str
    device: str
    command: str
    sets: str
    value: float
    cause: Mapping[str, str]
    issued_at: int
    expires_at: int
    sources: tuple[str, ...]
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("only the permit gate makes Allowed: propose, and ask `permit`")

    def seal(self, record: str) -> Permitted:
        """The command, once the evidence entry `record` says so."""
        return Permitted(
            command_id=self.command_id,
            service=self.service,
            device=self.device,
            command=self.command,
            sets=self.sets,
            value=self.value,
            cause=self.cause,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
            sources=self.sources,
            record=record,
            _seal=_SEAL,
        )


@dataclass(frozen=True, slots=True)
class Permitted:
    """A command that passed the gate, and whose issue is on record: the only thing an actuator's link takes.

    `sets` is the observed property that becomes `value`. After `expires_at` (city us) the actuator must not obey.
    """

    command_id: str
    service: str
    device: str
    command: str
    sets: str
    value: float
    cause: Mapping[str, str]
    issued_at: int
    expires_at: int
    sources: tuple[str, ...]
    record: str
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL or not self.record:
            raise TypeError("only the permit gate makes Permitted: seal what it allowed with its evidence record")


def permit(
    proposal: Proposal,
    rules: PermitRules,
    recent: Sequence[Issued],
    now_us: int,
    confidence: Confidence = FULL,
    street: Street = UNSEEN,
) -> Allowed | Refusal:
    """Judge one proposal.

    Args:
        proposal: what a service would like to do.
        rules: what that service may do.
        recent: commands issued before, by any service; those of other devices or longer than an hour ago do not count.
        now_us: city time.
        confidence: how far devices are trusted now.
        street: as it stands: what interlocks, fan-out and second persons are asked of.
    """
    reason = _objection(proposal, rules, recent, now_us, confidence) or _hindrance(
        proposal, rules, street, now_us, confidence
    )
    if reason is not None:
        return Refusal(proposal, reason)
    agreed = street.agreed.get((rules.service, proposal.device, proposal.command, proposal.value))
    return Allowed(
        command_id=f"{rules.service}.{proposal.device}.{now_us:x}",
        service=rules.service,
        device=proposal.device,
        command=proposal.command,
        sets=rules.actuators[proposal.device].commands[proposal.command].sets,
        value=float(proposal.value),
        cause=dict(proposal.cause) if agreed is None else {**proposal.cause, "approved_by": agreed.by},
        issued_at=now_us,
        expires_at=now_us + rules.valid_us,
        sources=proposal.sources,
        _seal=_SEAL,
    )


def _objection(
    proposal: Proposal, rules: PermitRules, recent: Sequence[Issued], now_us: int, confidence: Confidence
) -> PermitReason | None:
    limits = _limits_for(proposal, rules, confidence)
    if isinstance(limits, PermitReason):
        return limits
    if not limits.low <= proposal.value <= limits.high:
        return PermitReason.OUT_OF_BOUNDS
    if proposal.made_at > now_us:
        return PermitReason.IN_THE_FUTURE
    if now_us - proposal.made_at > rules.oldest_us:
        return PermitReason.TOO_OLD
    doubt = _doubt(proposal, limits, rules, confidence)
    if doubt is not None:
        return doubt
    return PermitReason.RATE_EXCEEDED if _rate_used_up(proposal, limits, recent, now_us) else None


def hindered_by(
    command: str, rules: PermitRules, street: Street, now_us: int, confidence: Confidence = FULL
) -> InterlockRule | None:
    """The interlock that holds up every value of a command but the fail-safe one now; None: none does."""
    return next((rule for rule in rules.interlocks if rule.hinders(command, street, confidence, now_us)), None)


def _hindrance(
    proposal: Proposal, rules: PermitRules, street: Street, now_us: int, confidence: Confidence
) -> PermitReason | None:
    """What of the street is in the way of a value that the rest has nothing against."""
    device, command, value = proposal.device, proposal.command, proposal.value
    limits = rules.actuators[device].commands[command]
    if value == limits.fail_safe:
        return None
    if hindered_by(command, rules, street, now_us, confidence) is not None:
        return PermitReason.INTERLOCKED
    fan = rules.fan_out
    moves = fan is not None and is_move(device, command, value, limits, street)
    if fan is not None and moves and too_many_moved(device, fan, rules.actuators, street, now_us):
        return PermitReason.FAN_OUT
    agreed = street.agreed.get((rules.service, device, command, value))
    waits = limits.two_person and (agreed is None or agreed.until <= now_us)
    return PermitReason.SECOND_PERSON if waits else None


def _limits_for(proposal: Proposal, rules: PermitRules, confidence: Confidence) -> CommandLimits | PermitReason:
    """The limits of the proposed command on the proposed device, or why there are none."""
    if not _well_formed(proposal):
        return PermitReason.MALFORMED
    actuator = rules.actuators.get(proposal.device)
    if actuator is None:
        return PermitReason.NOT_AN_ACTUATOR
    if not actuator.active or proposal.device in confidence.barred:
        return PermitReason.INACTIVE_DEVICE
    return actuator.commands.get(proposal.command, PermitReason.UNDECLARED_COMMAND)


def _doubt(
    proposal: Proposal, limits: CommandLimits, rules: PermitRules, confidence: Confidence
) -> PermitReason | None:
    """What is wrong with what the value rests on. The fail-safe value needs no reason, and so no sources."""
    if proposal.value == limits.fail_safe or not proposal.sources:
        return None
    known = {source: rules.sources[source] for source in proposal.sources if source in rules.sources}
    believed = all(confidence.believes(source, limits.least_trust) for source in proposal.sources)
    if len(known) < len(proposal.sources) or not believed:
        return PermitReason.UNTRUSTED_SOURCE
    voices = independent_of(known, confidence.one_source, limits.quorum)
    return PermitReason.TOO_FEW_SOURCES if voices < limits.quorum else None


def _rate_used_up(proposal: Proposal, limits: CommandLimits, recent: Sequence[Issued], now_us: int) -> bool:
    # a clock that jumped back leaves commands in the future: within an hour they count, beyond they would block for ever
    used = sum(
        1
        for past in recent
        if past.device == proposal.device and past.command == proposal.command and abs(now_us - past.at) < HOUR
    )
    reserve = 1 if proposal.value == limits.fail_safe else 0
    return used >= limits.per_hour + reserve


def _well_formed(proposal: Any) -> bool:
    # SECURITY: constructors do not check types, and a service is a plug-in: what it made is looked at, not believed
    return (
        isinstance(proposal, Proposal)
        and is_text(proposal.device)
        and is_text(proposal.command)
        and is_number(proposal.value)
        and is_whole(proposal.made_at)
        and are_causes(proposal.cause)
        and are_names(proposal.sources, MOST_SOURCES)
    )
