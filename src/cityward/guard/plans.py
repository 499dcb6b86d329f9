"""The permit gate for plans: an order of work for people (a collection round, a maintenance tour), not a value for an actuator.

A plan is judged as a command is: declared, bounded, fresh, of believed and independent sources. See `guard.permit`.

INVARIANTS
- Total: any plan, however malformed, gives `AllowedPlan` or a `PlanRefusal`.
- Monotone: narrower limits, less trust, more plans before never turn a refusal into a permission.
- What is needed for safety is not lost: whatever was refused, the declared fixed plan stays permitted (`fixed`).
- Only this module makes `AllowedPlan` and `PermittedPlan`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cityward.place.things import Position

MOST_STOPS = 1000


@dataclass(frozen=True, slots=True)
class Stop:
    """One thing to be done: at which unit, where, when (city us), and why."""

    subject: str
    position: Position
    due: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class PlanProposal:
    """What a service would like people to do.

    kind: a word declared under the service's `plans`. crew: who does it, a word of the service's settings. sources: the units
    whose readings the choice of stops rests on; none of a fixed plan. way: the line on the map that leads from stop to stop.
    """

    kind: str
    crew: str
    stops: tuple[Stop, ...]
    cause: Mapping[str, str]
    made_at: int
    sources: tuple[str, ...] = ()
    way: tuple[Position, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict[str, float])  # kilometres, minutes, load
