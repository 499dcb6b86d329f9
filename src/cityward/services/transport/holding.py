"""Advice to hold a vehicle that follows too close behind another: to its terminal, within what that may be told.

Theory of operation
-------------------
Only a vehicle that stands at a stop is held, never one that moves: half of what it is short of the planned gap, in whole steps,
at most `hold_most_s` and the declared limits. While it stands, the same advice is not sent again; when it is no longer wanted,
the fail-safe value (no hold) is. A hold needs a reading of both vehicles that is fresh and believed: they are its sources.

INVARIANTS
- Every value lies within the declared limits of the command; where the fail-safe lies elsewhere than at their low end, nothing is
  proposed but the fail-safe.
- Uncertain means no hold: no feed, no reading, no plan, an end of the feed's service.

Source: C. Daganzo, A headway-based approach to eliminate bus bunching (2009): holding in part, by the forward headway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cityward.place.things import CommandLimits
from cityward.services.contract import Proposal, Urgency, View
from cityward.services.transport.headways import Headway, Spacing
from cityward.services.transport.runs import Stage
from cityward.services.transport.settings import TransportSettings
from cityward.time import SECOND

SETS = "hold-time"
AGAIN_US = 60 * SECOND


def holds(view: View[TransportSettings], found: Sequence[Headway]) -> Iterator[Proposal]:
    """What should be said to the vehicles now; at most one word to each."""
    wanted: dict[str, Headway] = {}
    for one in found:
        if _is_to_hold(view, one):
            wanted.setdefault(one.follower.vehicle, one)
    for unit, actuator in view.actuators.items():
        limits = actuator.commands.get(view.settings.command)
        if limits is None or limits.sets != SETS or unit in view.held:
            continue
        proposal = _proposal(view, unit, limits, wanted.get(unit))
        if proposal is not None and _is_news(view, proposal):
            yield proposal


def _is_to_hold(view: View[TransportSettings], one: Headway) -> bool:
    vehicles = one.follower.vehicle, one.leader.vehicle
    return (
        one.spacing is Spacing.BUNCHED
        and one.follower.stage is Stage.STANDING
        and one.follower.standing == 0
        and len(one.follower.calls) > 1
        and vehicles[0] != vehicles[1]
        and all(_is_believed(view, vehicle) for vehicle in vehicles)
    )


def _is_believed(view: View[TransportSettings], unit: str) -> bool:
    longest = view.settings.stale_s * SECOND
    return any(name == unit and reading.age_us <= longest for (name, _), reading in view.readings.items())


def _proposal(view: View[TransportSettings], unit: str, limits: CommandLimits, one: Headway | None) -> Proposal | None:
    if one is None or limits.fail_safe != limits.low:
        return Proposal(
            device=unit,
            command=view.settings.command,
            value=limits.fail_safe,
            cause={"hold": "none is wanted"},
            made_at=view.now_us,
            urgency=Urgency.SAFETY,
        )
    step = view.settings.hold_step_s
    seconds = (one.planned_s - one.actual_s) / 2 // step * step
    value = min(max(seconds, limits.low), limits.high, float(view.settings.hold_most_s))
    if value <= limits.low:
        return None
    return Proposal(
        device=unit,
        command=view.settings.command,
        value=value,
        cause={
            "hold": "it follows too close",
            "line": f"{one.route} {one.direction}"[:80] or "?",
            "stop": one.follower.at[:80] or "?",
            "gap_s": f"{one.actual_s:.0f}",
            "planned_gap_s": f"{one.planned_s:.0f}",
            "before_it": one.leader.vehicle,
        },
        made_at=view.now_us,
        sources=(unit, one.leader.vehicle),
    )


def _is_news(view: View[TransportSettings], proposal: Proposal) -> bool:
    """Whether the vehicle does not have that word already. One that was never told anything holds by nobody's word."""
    last = view.last_commands.get(proposal.device)
    if last is None:
        return bool(proposal.sources)
    since = view.now_us - last.sent_at
    if last.state == "sent" and 0 <= since < AGAIN_US:
        return False
    if proposal.value != last.value:
        return True
    return last.state not in ("acknowledged", "sent") and not 0 <= since < AGAIN_US
