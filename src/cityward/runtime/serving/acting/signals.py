"""Junctions as the permit gate must know them: what they showed last, and what they were told. The gate: `guard.signals.gate`.

Seconds here are the street's: the city's clock divided by its speed. Junctions that are controlled together are those of all the
services of one runner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite

from cityward.guard.permit import PermitReason, Proposal, Refusal
from cityward.guard.signals.before import Before
from cityward.guard.signals.gate import COMMAND, TO_PLAN, GateRules, Shown, SignalMemory, objection
from cityward.guard.signals.rules import JunctionRules
from cityward.runtime.ports import Latest
from cityward.runtime.serving.binding import Bound
from cityward.services.signals.settings import SignalSettings
from cityward.services.signals.view import GROUP, QUEUE, STAGE, VEHICLES
from cityward.time import SECOND


def is_left_to_its_plan(refusal: Refusal) -> bool:
    """Whether a refused junction is to be told to follow its own plan."""
    return refusal.proposal.command == COMMAND and refusal.reason in TO_PLAN


class SignalDesk:
    """See the module. Bounded by the junctions of its services."""

    def __init__(self, bounds: Iterable[Bound], speed: float) -> None:
        self._rules: dict[str, JunctionRules] = {
            rules.junction.device: rules
            for bound in bounds
            if isinstance(bound.settings, SignalSettings)
            for rules in bound.settings.rules.values()
        }
        self._speed = speed
        self._gate = GateRules(self._rules)
        self._memory = SignalMemory(self._gate)
        self._shown: dict[str, Shown] = {}

    def see(self, latest: Mapping[tuple[str, str], Latest], now_us: int) -> None:
        """What the junctions said last."""
        shown = {device: self._read(device, rules, latest) for device, rules in self._rules.items()}
        self._shown = {device: one for device, one in shown.items() if one is not None}
        self._memory.see(self._shown, self._street_s(now_us))

    def objection(self, proposal: Proposal, now_us: int) -> PermitReason | None:
        """What is against a `signal-stage`; None: nothing, or it is no such command."""
        return objection(proposal, self._gate, self._memory.street(self._street_s(now_us), self._shown))

    def told(self, device: str, command: str, value: float, at_us: int) -> None:
        """A command was allowed, or was found in the book of an earlier life."""
        if command == COMMAND and isfinite(value) and value == int(value):
            self._memory.told(device, int(value), self._street_s(at_us))

    def _street_s(self, at_us: int) -> float:
        return at_us / SECOND / self._speed

    def _read(self, device: str, rules: JunctionRules, latest: Mapping[tuple[str, str], Latest]) -> Shown | None:
        stage = latest.get((device, STAGE))
        if stage is None or not isfinite(stage.value) or stage.value != int(stage.value):
            return None
        said = {group: latest.get((device, f"{GROUP}{n}")) for n, group in enumerate(rules.groups, start=1)}
        known = {group: row.value for group, row in said.items() if row is not None and isfinite(row.value)}
        return Shown(
            at_s=self._street_s(stage.observed_at),
            stage=int(stage.value),
            green_s={group: value for group, value in known.items() if value > 0},
            red_s={group: -value for group, value in known.items() if value <= 0},
            before=_before(rules, latest),
        )


def _before(rules: JunctionRules, latest: Mapping[tuple[str, str], Latest]) -> Before:
    """Who is before each lane: what a detector counts is shared by the lanes that it sees."""
    said = {
        name: {
            lane: row.value / len(lanes)
            for unit, lanes in rules.junction.detectors.items()
            if (row := latest.get((unit, name))) is not None
            for lane in lanes
        }
        for name in (VEHICLES, QUEUE)
    }
    return Before(present=said[VEHICLES], waiting=said[QUEUE])
