"""What one service may do to the street, compiled from the declaration, and the words by which the gate says no. See `permit`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cityward.guard.street import FanRule, InterlockRule, fan_rule, interlock_rule
from cityward.place.independence import Traits
from cityward.place.registry import Registry
from cityward.place.services import Service
from cityward.place.things import CommandLimits, DeviceStatus
from cityward.time import MINUTE


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
    INTERLOCKED = "interlocked"
    FAN_OUT = "fan-out"
    SECOND_PERSON = "second-person"
    NOT_A_STAGE = "not-a-stage"
    JUNCTION_UNSEEN = "junction-unseen"
    TOO_SOON = "too-soon"
    MASS_CHANGE = "mass-change"
    WOULD_STARVE = "would-starve"
    WASTES_GREEN = "wastes-green"


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
    PermitReason.INTERLOCKED: "wait until the interlock's condition is over; mend its device where it is silent or not believed",
    PermitReason.FAN_OUT: "wait: more may follow within fan_out's minutes; or raise the service's fan_out",
    PermitReason.SECOND_PERSON: "let a second person approve it: cityward service approve",
    PermitReason.NOT_A_STAGE: "propose the whole number of a stage of the junction, or -1 for its own plan",
    PermitReason.JUNCTION_UNSEEN: "find out why the junction does not say what it shows; until then it follows its own plan",
    PermitReason.TOO_SOON: "wait until the greens that would end have had their minimum",
    PermitReason.MASS_CHANGE: "wait: more junctions may follow; find out why so many should change at once",
    PermitReason.WOULD_STARVE: "propose a stage that serves the groups that have waited longest",
    PermitReason.WASTES_GREEN: "find out why green was kept where nobody came while others stood; it goes by itself until then",
}
"""What can be done about each refusal."""


@dataclass(frozen=True, slots=True)
class ActuatorRule:
    """What may be done to one unit."""

    active: bool
    commands: Mapping[str, CommandLimits]


@dataclass(frozen=True, slots=True)
class PermitRules:
    """What one service may do. `oldest_us`: how old a proposal may be; `valid_us`: how long the actuator may still obey.

    sources: the units a proposal may rest on, and whom they belong to. interlocks, fan_out: what must not be, whoever asks.
    """

    service: str
    actuators: Mapping[str, ActuatorRule]
    sources: Mapping[str, Traits] = field(default_factory=dict[str, Traits])
    oldest_us: int = 2 * MINUTE
    valid_us: int = 2 * MINUTE
    interlocks: tuple[InterlockRule, ...] = ()
    fan_out: FanRule | None = None

    @property
    def looked_at(self) -> frozenset[str]:
        """The units whose readings the interlocks need."""
        return frozenset(unit for interlock in self.interlocks for unit in interlock.units)


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
    active = sum(rule.active for rule in actuators.values())
    return PermitRules(
        service_id,
        actuators,
        sources or {},
        interlocks=tuple(interlock_rule(declared, registry) for declared in service.interlocks),
        fan_out=None if service.fan_out is None else fan_rule(service.fan_out, active),
        **limits,
    )
