"""What the city did to its street: commands, plans, what persons hold, and second persons' agreement."""

from __future__ import annotations

from cityward.evidence.records.record import Record


class CommandIssued(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="command"):
    """A command left the permit gate, with its cause. Written before it is sent. `sources`: the devices it rests on."""

    command_id: str
    service: str
    device: str
    command: str
    value: float
    cause: dict[str, str]
    sources: tuple[str, ...] = ()


class CommandOutcome(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="command-outcome"):
    """What became of a command: `acknowledged`, `timed-out`, `rejected`."""

    command_id: str
    device: str
    outcome: str
    level: float | None


class CommandRefused(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="command-refused"):
    """The permit gate refused a proposal."""

    service: str
    device: str
    command: str
    value: float
    reason: str


class PlanIssued(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="plan"):
    """A plan left the permit gate: an order of work for people. Written before they are given it. Digests SHA-256, hexadecimal.

    digest: over the crew and the stops. areas: stops in each. sources: how many devices it rests on, `sources_digest` which
    (their ids, sorted, one a line). fixed: the declared plan that needs no reading. until: when it is over, city us.
    """

    plan_id: str
    service: str
    plan: str
    crew: str
    stops: int
    areas: dict[str, int]
    digest: str
    cause: dict[str, str]
    sources: int
    sources_digest: str
    fixed: bool
    until: int


class PlanRefused(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="plan-refused"):
    """The permit gate refused a plan."""

    service: str
    plan: str
    crew: str
    stops: int
    reason: str


class PlanEnded(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="plan-ended"):
    """A plan is over: `done`, `superseded`, `expired`, or `withdrawn`. `person`: who said so, where somebody did."""

    plan_id: str
    outcome: str
    person: str
    detail: dict[str, str]


class OverrideBegun(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="override"):
    """A person holds actuators at a value, or asked to. `step`: asked | approved | begun.

    target: the device or group that was named; devices: how many units it is, `digest` which (SHA-256 over their ids, sorted,
    one a line). until: when it ends by itself, city us. preview: what the gate said of it before, in words.
    """

    override: str
    step: str
    service: str
    target: str
    devices: int
    digest: str
    command: str
    value: float
    person: str
    reason: str
    until: int
    preview: dict[str, str]


class OverrideEnded(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="override-ended"):
    """A person's hold is over, and the service takes over: `undone`, `expired`, or `refused` before it began."""

    override: str
    outcome: str
    person: str


class Consent(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="consent"):
    """A command waits for a second person, or what became of that: `asked`, `approved`, `refused`, `expired`."""

    request: str
    step: str
    service: str
    device: str
    command: str
    value: float
    person: str
    until: int


class HoldRefused(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="override-refused"):
    """A person's order to hold actuators at a value was refused, and changed nothing. why: in words."""

    service: str
    target: str
    command: str
    value: float
    person: str
    why: str
