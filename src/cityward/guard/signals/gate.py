"""The gate of `signal-stage` commands in the centre, before `guard.permit`: what is asked of a stage besides who may say it.

Theory of operation
-------------------
A command names the stage that a junction should show, or `PLAN`: follow your own plan. `PLAN` is the command's fail-safe value
and never waits for anything. Any other value passes when the junction was seen lately, knows the stage, has served the minimum
greens that would end, would starve nobody, was not told to change too often, did not keep green for nobody while others stood
(`waste`), and is not one of too many that are told the same at once: to leave their plans, or to stop all traffic (a stage that
lets no vehicle, bus or cycle go).

This gate is the first of two. It judges by what the junction said last, over a bus; the junction's own sequencer judges by what
is shown, and has the last word. What passes here wrongly is slow or pointless there, and never a crash.

`objection` is asked first, `permit` then: what passes both is `Allowed`. After a refusal for one of `TO_PLAN` the junction
belongs on its own plan: the runtime tells it so. After any other it stays as it is, and goes by itself when it hears nothing
more.

INVARIANTS
- Total: any proposal and any street give an answer, never an exception.
- `PLAN` is never objected to.
- Monotone: narrower limits, more that was told before, an older look and longer waits never turn an objection into none.
- Within `within_s` no more than the limits' junctions leave their plans, and no more are told to stop all traffic.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cityward.guard.confidence import FULL, Confidence
from cityward.guard.permit import UNSEEN, Allowed, Issued, PermitReason, PermitRules, Proposal, Refusal, Street, permit
from cityward.guard.signals.before import Before
from cityward.guard.signals.rules import LONGEST_STEP_S, PLAN, JunctionRules
from cityward.guard.signals.waste import WasteWatch
from cityward.guard.wellformed import is_number, is_text

COMMAND = "signal-stage"
TO_PLAN = frozenset(
    {
        PermitReason.NOT_A_STAGE,
        PermitReason.JUNCTION_UNSEEN,
        PermitReason.MASS_CHANGE,
        PermitReason.WOULD_STARVE,
        PermitReason.UNTRUSTED_SOURCE,
        PermitReason.TOO_FEW_SOURCES,
        PermitReason.INTERLOCKED,
    }
)
"""Refused for one of these, a junction is told to follow its own plan. Not so where the centre wastes its green: it is told
nothing, and then goes by its own detectors (`local`)."""

MOST_CHANGES_KEPT = 128


@dataclass(frozen=True, slots=True)
class SignalLimits:
    """How much may change at once.

    oldest_s: how old the last look at a junction may be. early_s: a wish may come so much before the minimum green is over: it
    travels, and the junction waits. within_s: the time in which changes are counted together. leaving, stopping: the share of
    the junctions that may leave their plans, or be told to stop all traffic, in it; at_least: but so many in any case.
    """

    oldest_s: float = 5.0
    early_s: float = 2.0
    changes_per_minute: int = 12
    within_s: float = 30.0
    leaving: float = 0.25
    stopping: float = 0.25
    at_least: int = 2


@dataclass(frozen=True, slots=True)
class GateRules:
    """What is asked of all junctions that are controlled together: device (a unit) -> its rules."""

    junctions: Mapping[str, JunctionRules]
    limits: SignalLimits = SignalLimits()

    def most(self, share: float) -> int:
        """How many junctions a share of them is."""
        return max(self.limits.at_least, int(share * len(self.junctions) + 1e-9))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a junction said last: at_s is the second of the street it said it for; the rest as `JunctionSeen` has it."""

    at_s: float
    stage: int
    green_s: Mapping[str, float]
    red_s: Mapping[str, float]
    before: Before = field(default_factory=Before)


@dataclass(frozen=True, slots=True)
class SignalStreet:
    """The junctions as the gate must know them, by device; times in seconds of the street.

    told: the stage it was told last, and when. changes: when it was told to change, within the last minute. left: when it was
    last told away from its plan. stopped: when it was last told to stop all traffic. wasteful: those whose green the centre
    wasted, and which hear nothing of it now.
    """

    now_s: float
    shown: Mapping[str, Shown] = field(default_factory=dict[str, Shown])
    told: Mapping[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])
    changes: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])
    left: Mapping[str, float] = field(default_factory=dict[str, float])
    stopped: Mapping[str, float] = field(default_factory=dict[str, float])
    wasteful: Container[str] = frozenset()


def permit_stage(
    proposal: Proposal,
    rules: PermitRules,
    gate: GateRules,
    signals: SignalStreet,
    recent: Sequence[Issued],
    now_us: int,
    confidence: Confidence = FULL,
    street: Street = UNSEEN,
) -> Allowed | Refusal:
    """`guard.permit.permit` for a proposal that may be a `signal-stage`: objected to here first. Other commands pass on to it."""
    reason = objection(proposal, gate, signals)
    if reason is not None:
        return Refusal(proposal, reason)
    return permit(proposal, rules, recent, now_us, confidence, street)


def objection(proposal: Any, gate: GateRules, street: SignalStreet) -> PermitReason | None:
    """What is against a stage; None: nothing, or it is no `signal-stage` command at all."""
    if not isinstance(proposal, Proposal) or proposal.command != COMMAND:
        return None
    rules = gate.junctions.get(proposal.device) if is_text(proposal.device) else None
    stage = _stage(proposal.value)
    if rules is None or stage is None or not PLAN <= stage < len(rules.stages):
        return None if stage == PLAN else PermitReason.NOT_A_STAGE
    return None if stage == PLAN else _stage_objection(proposal.device, stage, rules, gate, street)


def _stage_objection(
    device: str, stage: int, rules: JunctionRules, gate: GateRules, street: SignalStreet
) -> PermitReason | None:
    shown = street.shown.get(device)
    age_s = math.inf if shown is None else abs(street.now_s - shown.at_s)
    # SECURITY: asked so that what is no number is too old
    if shown is None or not age_s <= gate.limits.oldest_s or not 0 <= shown.stage < len(rules.stages):
        return PermitReason.JUNCTION_UNSEEN
    if device in street.wasteful:
        return PermitReason.WASTES_GREEN
    if _too_soon(stage, shown, rules, gate.limits.early_s):
        return PermitReason.TOO_SOON
    if _too_often(device, stage, gate.limits, street):
        return PermitReason.RATE_EXCEEDED
    if _starves(stage, shown, age_s, rules):
        return PermitReason.WOULD_STARVE
    return PermitReason.MASS_CHANGE if _too_many(device, stage, rules, gate, street) else None


def _stage(value: Any) -> int | None:
    return int(value) if is_number(value) and value == math.floor(value) else None


def _too_soon(stage: int, shown: Shown, rules: JunctionRules, early_s: float) -> bool:
    ending = rules.members[shown.stage] - rules.members[stage]
    return any(not shown.green_s.get(rules.groups[g], 0.0) + early_s >= rules.min_green[g] for g in ending)


def _too_often(device: str, stage: int, limits: SignalLimits, street: SignalStreet) -> bool:
    told = street.told.get(device)
    if told is not None and told[0] == stage:
        return False  # said again, so that it goes on obeying
    lately = sum(1 for at in street.changes.get(device, ()) if abs(street.now_s - at) < 60.0)
    return lately >= limits.changes_per_minute


def _starves(stage: int, shown: Shown, age_s: float, rules: JunctionRules) -> bool:
    """Whether somebody could no longer be served in time. A group of which nothing is said has waited for ever."""
    waited = np.array([0.0 if g in shown.green_s else shown.red_s.get(g, math.inf) for g in rules.groups])
    if not (waited >= 0).all():  # what is no number
        return True
    ended = np.where(waited > 0, -(waited + age_s), 0.0)
    # what cannot be promised does not count; minus and plus infinity would be no number
    ended = np.where(np.isinf(rules.longest), 0.0, np.maximum(ended, -1e9))
    if stage == shown.stage:
        return rules.latest(stage, ended) < LONGEST_STEP_S
    return not rules.in_time(shown.stage, stage, ended, 0.0)


def _too_many(device: str, stage: int, rules: JunctionRules, gate: GateRules, street: SignalStreet) -> bool:
    limits = gate.limits
    if leaves_plan(device, rules, street) and _others(device, street.left, gate, street.now_s) >= gate.most(
        limits.leaving
    ):
        return True
    if not stops_traffic(stage, rules):
        return False
    return _others(device, street.stopped, gate, street.now_s) >= gate.most(limits.stopping)


def _others(device: str, when: Mapping[str, float], gate: GateRules, now_s: float) -> int:
    within = gate.limits.within_s
    return sum(
        1 for other, at in when.items() if other != device and other in gate.junctions and abs(now_s - at) < within
    )


def leaves_plan(device: str, rules: JunctionRules, street: SignalStreet) -> bool:
    """Whether the junction is on its plan, as far as it was told: any stage takes it away from there."""
    told = street.told.get(device)
    return told is None or told[0] == PLAN or not abs(street.now_s - told[1]) <= rules.lost_after_s


def stops_traffic(stage: int, rules: JunctionRules) -> bool:
    """Whether a stage lets no vehicle, bus or cycle go: all red, or pedestrians only."""
    made = rules.junction.groups
    return all(made[rules.groups[group]].kind == "pedestrian" for group in rules.members[stage])


@dataclass(frozen=True, slots=True)
class _Wasteful:
    """Those who hear nothing now. A street is made for each wish: so nobody is asked about before a wish concerns them."""

    watch: WasteWatch
    now_s: float

    def __contains__(self, device: object) -> bool:
        return isinstance(device, str) and self.watch.on_plan(device, self.now_s)


class SignalMemory:
    """Keeps what `SignalStreet` needs of the commands that went out. Bounded by the junctions of its rules."""

    def __init__(self, gate: GateRules) -> None:
        self._gate = gate
        self._told: dict[str, tuple[int, float]] = {}
        self._changes: dict[str, deque[float]] = {}
        self._left: dict[str, float] = {}
        self._stopped: dict[str, float] = {}
        self._waste = WasteWatch(gate.junctions)

    def see(self, shown: Mapping[str, Shown], now_s: float) -> None:
        """What the junctions show this second, and who is before them."""
        for device, one in shown.items():
            told = self._told.get(device, (PLAN, now_s))
            rules = self._gate.junctions.get(device)
            # who has heard nothing for that long goes by itself: what it wastes then is not the centre's doing
            obeys = rules is not None and told[0] != PLAN and abs(now_s - told[1]) <= rules.lost_after_s
            self._waste.see(device, one.stage, one.green_s, one.before, obeys, now_s)

    def street(self, now_s: float, shown: Mapping[str, Shown]) -> SignalStreet:
        """The street now; a view that the next `told` changes."""
        wasteful = _Wasteful(self._waste, now_s)
        return SignalStreet(now_s, shown, self._told, self._changes, self._left, self._stopped, wasteful)

    def told(self, device: str, stage: int, now_s: float) -> None:
        """A command went out."""
        rules = self._gate.junctions.get(device)
        if rules is None or not PLAN <= stage < len(rules.stages):
            return
        if stage != PLAN and leaves_plan(device, rules, self.street(now_s, {})):
            self._left[device] = now_s
        if stage != PLAN and stops_traffic(stage, rules):
            self._stopped[device] = now_s
        before = self._told.get(device)
        if stage != PLAN and (before is None or before[0] != stage):
            self._changes.setdefault(device, deque(maxlen=MOST_CHANGES_KEPT)).append(now_s)
        self._told[device] = (stage, now_s)
