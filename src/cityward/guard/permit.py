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

INVARIANTS
- Total: any proposal, however malformed, gives `Allowed` or a `Refusal`, never an exception.
- Nothing outside the declared bounds passes; of one command to one device at most `per_hour` + 1 pass within any hour,
  and the one above `per_hour` has the fail-safe value.
- Monotone: narrower rules, more recent commands, less trust or a larger quorum never turn a refusal into a permission.
- The fail-safe value never waits for trust: no standing of any source stops it.
- Only this module makes `Allowed` and `Permitted`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from cityward.guard.confidence import FULL, Confidence
from cityward.guard.wellformed import are_causes, are_names, is_number, is_text, is_whole
from cityward.place.independence import Traits, independent_of
from cityward.place.registry import Registry
from cityward.place.services import Service
from cityward.place.things import CommandLimits, DeviceStatus
from cityward.time import HOUR, MINUTE

MOST_SOURCES = 128

_SEAL = object()


class Urgency(IntEnum):
    """What goes first when not everything can go."""

    ROUTINE = 0
    SAFETY = 1


class PermitReason(StrEnum):
    """Why the gate refused: one word, the same in counters, evidence and the console."""

    MALFORMED = "malformed"
    NOT_AN_ACTUATOR = "not-an-actuator"
    INACTIVE_DEVICE = "inactive-device"
    UNDECLARED_COMMAND = "undeclared-command"
    OUT_OF_BOUNDS = "out-of-bounds"
    TOO_OLD = "too-old"
    IN_THE_FUTURE = "in-the-future"
    UNTRUSTED_SOURCE = "untrusted-source"
    TOO_FEW_SOURCES = "too-few-sources"
    RATE_EXCEEDED = "rate-exceeded"


MENDS: dict[PermitReason, str] = {
    PermitReason.MALFORMED: "mend the service: text for names, a finite number for the value, 1 to 16 causes, declared sources",
    PermitReason.NOT_AN_ACTUATOR: "add the device to the service's actuators, or find out why the service wants it",
    PermitReason.INACTIVE_DEVICE: "set the device's status to active, or leave it alone",
    PermitReason.UNDECLARED_COMMAND: "declare the command on the device model",
    PermitReason.OUT_OF_BOUNDS: "propose a value within the command's low and high",
    PermitReason.TOO_OLD: "propose again from a fresh view",
    PermitReason.IN_THE_FUTURE: "find out why the clock went back",
    PermitReason.UNTRUSTED_SOURCE: "see what the watch found about its sources, and mend, replace or clear them",
    PermitReason.TOO_FEW_SOURCES: "add a source of another owner, maker and network zone, or lower the command's quorum",
    PermitReason.RATE_EXCEEDED: "propose less often, or raise per_hour of the command",
}
"""What can be done about each refusal."""


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
class ActuatorRule:
    """What may be done to one unit."""

    active: bool
    commands: Mapping[str, CommandLimits]


@dataclass(frozen=True, slots=True)
class PermitRules:
    """What one service may do. `oldest_us`: how old a proposal may be; `valid_us`: how long the actuator may still obey.

    sources: the units a proposal may rest on, and whom they belong to.
    """

    service: str
    actuators: Mapping[str, ActuatorRule]
    sources: Mapping[str, Traits] = field(default_factory=dict[str, Traits])
    oldest_us: int = 2 * MINUTE
    valid_us: int = 2 * MINUTE


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


def rules_for(
    service_id: str, service: Service, registry: Registry, sources: Mapping[str, Traits] | None = None, **limits: int
) -> PermitRules:
    """Compile what a declared service may do: its actuators, groups spelled out as their members.

    Args:
        service_id: the declared service's id.
        service: its declaration.
        registry: the numbered declaration.
        sources: whom units belong to (`sources.traits_of`); without it no proposal may rest on a reading.
        limits: `oldest_us`, `valid_us`, where they differ from the default (a faster clock).
    """
    named = frozenset(service.actuators)
    actuators = {
        unit.id: ActuatorRule(unit.status is DeviceStatus.ACTIVE, registry.models[unit.model].commands)
        for unit in registry.units
        if unit.id in named or unit.group in named
    }
    return PermitRules(service_id, actuators, sources or {}, **limits)


def permit(
    proposal: Proposal, rules: PermitRules, recent: Sequence[Issued], now_us: int, confidence: Confidence = FULL
) -> Allowed | Refusal:
    """Judge one proposal.

    Args:
        proposal: what a service would like to do.
        rules: what that service may do.
        recent: commands issued before, by any service; those of other devices or longer than an hour ago do not count.
        now_us: city time.
        confidence: how far devices are trusted now.
    """
    reason = _objection(proposal, rules, recent, now_us, confidence)
    if reason is not None:
        return Refusal(proposal, reason)
    return Allowed(
        command_id=f"{rules.service}.{proposal.device}.{now_us:x}",
        service=rules.service,
        device=proposal.device,
        command=proposal.command,
        sets=rules.actuators[proposal.device].commands[proposal.command].sets,
        value=float(proposal.value),
        cause=dict(proposal.cause),
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
