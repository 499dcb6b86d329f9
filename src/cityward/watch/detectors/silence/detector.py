"""Silence: a device that says nothing for longer than it ever does at that hour.

Theory of operation
-------------------
Each unit has a gap: the time since any of its channels spoke. How long gaps are by themselves is kept for every hour of the
day, of working days and weekends apart: a car park that reports from eight to five may be silent at three in the morning, and
not at ten. A gap that is a margin longer than any of its hour is a silence. Where many of one flow fall silent together, it
is said once, of the flow: the cause is then on the way, not in the devices. A channel that stays away while its unit speaks
is told apart, and later.

A device that falls silent again within a day after a silence of its is not back: it comes and goes, for one cause. The second
silence goes on until it has spoken for a day, through each hour of which it has a measure, without such a gap.

Whom the city keeps out (`World.barred`: a credential that is revoked, lost, stolen or retired, containment, a penalty) is silent
because of that: it is not called, a silence that was called ends, it is counted in no flow, and teaches nothing. When it is
let in again it has `returns_steps` to come back before its gap begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR, MINUTE
from cityward.watch.contract import STEP_US, Card, Kind, Phase, Severity, Sign, Step
from cityward.watch.extremes import Extremes, age, largest, new_extremes, note
from cityward.watch.spells import Spells, Turn, new_spells, runs, turns
from cityward.watch.stepping import Stepping
from cityward.watch.world import World

LEAST_STEPS = 6
MARGIN = 3.0
CHANNEL_MARGIN = 3.0
CHANNEL_LEAST_STEPS = 72
MANY_UNITS = 3
MANY_SHARE = 0.5
RETURNS_STEPS = 12
RELAPSE_US = DAY
WARM_DAYS = 3
LASTS_DAYS = 28
SLOTS = 48  # hour of the day, of working days and of weekends
NEVER = np.iinfo(np.int64).max

CARD = Card(
    id="silence",
    title="Unexpected silence",
    reads="steps",
    sees="a device (or one of its channels, or most of a flow) that says nothing for longer than it ever does at that hour",
    fails_when=(
        "the device is silent by nature now and then: its longest gap, times the margin, must pass first",
        "somebody speaks in its name: that is not silence; see `freeze` and `replayed-history`",
        "the device is known for less than three days, or never spoke at all (the console shows it as unseen)",
        "the city keeps it out, and somebody silences it meanwhile: that is seen only once it is let in again",
        "public holidays look like silence to devices that rest on them: it is told, once",
    ),
    source="own method: gaps against the device's own by hour of the day. Exercise S-15 (recorders silenced before an event)",
    kinds=(
        Kind(
            id="unit-silent",
            title="Device is silent",
            severity=Severity.MEDIUM,
            weight=0.2,
            todo="Check its power and network. Nothing the city did keeps it out. Look whether its cabinet was opened.",
            delay_us=3 * HOUR,
            technique="T0815",
        ),
        Kind(
            id="channel-silent",
            title="One reading stays away",
            severity=Severity.LOW,
            weight=0.1,
            todo="The device speaks but leaves one reading out: check that sensor, and whether its messages changed.",
            delay_us=24 * HOUR,
            technique="T0803",
        ),
        Kind(
            id="many-silent",
            title="Most of a flow is silent",
            severity=Severity.HIGH,
            weight=0.0,  # the devices are the victims here: what they say afterwards is no less true
            todo="Look at what they share: network, gateway, supplier's cloud. Start with the way, not with the devices.",
            delay_us=3 * HOUR,
            technique="T0815",
        ),
    ),
    parameters={
        "least_steps": LEAST_STEPS,
        "margin": MARGIN,
        "channel_margin": CHANNEL_MARGIN,
        "channel_least_steps": CHANNEL_LEAST_STEPS,
        "many_units": MANY_UNITS,
        "many_share": MANY_SHARE,
        "returns_steps": RETURNS_STEPS,
        "relapse_days": RELAPSE_US // DAY,
        "warm_days": WARM_DAYS,
        "lasts_days": LASTS_DAYS,
    },
)


@dataclass(slots=True)
class State:
    """Of units: gap (U,) in steps, below 0 for who was kept out and may come back; first (U,) when it first spoke; usual
    (SLOTS, U) its longest gaps; anywhen (U,) the longest of all slots, as of the hour's beginning; due_at, back_at (U,) when a
    gap that was too long was last seen, and when its last silence ended, city us, 0 never. Of channels the same, with one
    slot. flow: (U,) the flow of each unit, flows: (F,) episodes of whole flows.
    """

    gap: NDArray[np.int32]
    first: NDArray[np.int64]
    usual: Extremes
    anywhen: NDArray[np.float32]
    units: Spells
    due_at: NDArray[np.int64]
    back_at: NDArray[np.int64]
    channel_gap: NDArray[np.int32]
    channel_first: NDArray[np.int64]
    channel_usual: Extremes
    channels: Spells
    flows: Spells


def new_state(world: World) -> State:
    """Nobody spoke yet."""
    u, c = world.units, world.channels
    return State(
        gap=np.zeros(u, dtype=np.int32),
        first=np.full(u, NEVER, dtype=np.int64),
        usual=new_extremes(SLOTS, u),
        anywhen=np.zeros(u, dtype=np.float32),
        units=new_spells(u),
        due_at=np.zeros(u, dtype=np.int64),
        back_at=np.zeros(u, dtype=np.int64),
        channel_gap=np.zeros(c, dtype=np.int32),
        channel_first=np.full(c, NEVER, dtype=np.int64),
        channel_usual=new_extremes(c),
        channels=new_spells(c),
        flows=new_spells(len(world.registry.flows) + 1),
    )


def slot_of(at: int) -> int:
    """The slot of a time: hour of the day (UTC), plus 24 on Saturdays and Sundays."""
    weekend = (at // DAY + 3) % 7 >= 5  # 1 January 1970 was a Thursday
    return int(at // HOUR % 24) + 24 * int(weekend)


def advance(state: State, step: Step, world: World) -> Sequence[Sign]:
    """Signs of this step: see the module."""
    began_at = step.at - STEP_US
    slot = slot_of(began_at)
    age(state.usual, step.at, HOUR, LASTS_DAYS * DAY)
    if began_at % HOUR == 0:
        state.anywhen = largest(state.usual, slice(None)).max(axis=0)
    age(state.channel_usual, step.at, HOUR, LASTS_DAYS * DAY)
    spoke = step.count > 0
    unit = world.registry.channel_unit
    said = np.zeros(world.units, dtype=np.bool_)
    said[unit[spoke]] = True
    barred = world.barred(began_at, step.at)
    state.first[said & (state.first == NEVER)] = step.at
    state.channel_first[spoke & (state.channel_first == NEVER)] = step.at
    state.gap += 1
    state.channel_gap += 1
    signs = [*_units(state, said, barred, slot, step, world), *_channels(state, spoke, said[unit], barred, step, world)]
    state.gap[said] = 0
    state.channel_gap[spoke] = 0
    if barred.any():
        state.gap[barred] = -RETURNS_STEPS
        state.channel_gap[barred[unit]] = 0
    return signs


def _units(
    state: State, said: NDArray[np.bool_], barred: NDArray[np.bool_], slot: int, step: Step, world: World
) -> list[Sign]:
    called = runs(state.units)
    needed = _needed(state, slot)
    _learn(state, np.flatnonzero(said & (state.first < step.at)), step.at)
    warm = (state.first < NEVER) & (step.at - np.where(state.first < NEVER, state.first, 0) >= WARM_DAYS * DAY)
    due = warm & ~said & ~barred & (state.gap > needed)
    if not (due.any() or called.any() or runs(state.flows).any()):
        return []
    signs = _flows(state, due, said | barred, (state.first < NEVER) & ~barred, needed, step, world)
    covered = _in_silent_flow(state, world) & ~called
    since = step.at - state.gap.astype(np.int64) * STEP_US
    goes_on = ~said & (state.due_at > since)  # the same gap, in an hour that would allow it
    state.due_at[due | goes_on] = step.at
    changed = turns(state.units, step.at, due & ~covered, barred | (said & ~_comes_and_goes(state, step.at)), since)
    ended = [turn.channel for turn in changed if turn.phase is Phase.ENDED]
    state.back_at[ended] = np.where(barred[ended], 0, step.at)
    return signs + [_unit_sign(state, turn, needed, step) for turn in changed]


def _comes_and_goes(state: State, at: int) -> NDArray[np.bool_]:
    """(U,) whose silence began within a day after another, and who has not spoken for a day since."""
    again = (state.back_at > 0) & (state.units.began - state.back_at < RELAPSE_US)
    return again & (at - state.due_at < RELAPSE_US)


def _needed(state: State, slot: int) -> NDArray[np.float32]:
    """(U,) steps that a gap may last in this slot. In an hour that nobody knows yet: as at any hour."""
    usual = largest(state.usual, slot)
    if (usual == 0).any():
        usual = np.where(usual == 0, state.anywhen, usual)
    return np.maximum(np.float32(LEAST_STEPS), MARGIN * usual + 1)


def _learn(state: State, over: NDArray[np.intp], at: int) -> None:
    """Gaps that are over: every hour they reached into knows how long they were then. What was called is learned cut: a device
    that changed its rhythm is told of a few times, and then known."""
    gap, called = state.gap[over], runs(state.units)[over]
    into_hour = int((at - STEP_US) % HOUR // STEP_US)
    for back in range(min(SLOTS, (int(gap.max(initial=0)) + 11 - into_hour) // 12 + 1)):
        length = gap - max(0, into_hour + 12 * (back - 1) + 1) if back else gap
        reached = length > 0
        where, slot = over[reached], slot_of(at - STEP_US - back * HOUR)
        length = length[reached]
        if called.any():
            length = np.where(called[reached], np.minimum(length, 2 * _needed(state, slot)[where]), length)
        note(state.usual, (slot, where), length)


def _in_silent_flow(state: State, world: World) -> NDArray[np.bool_]:
    return runs(state.flows)[world.registry.unit_flow]


def _flows(
    state: State,
    due: NDArray[np.bool_],
    excused: NDArray[np.bool_],
    known: NDArray[np.bool_],
    needed: NDArray[np.float32],
    step: Step,
    world: World,
) -> list[Sign]:
    """Flows most of which are silent. Members that are near their own bound count: they fell silent with the first."""
    flow, size = world.registry.unit_flow, len(state.flows.began)
    late = known & ~excused & (state.gap > 0.5 * needed) & (state.gap >= LEAST_STEPS // 2)
    of = np.bincount(flow[known] % size, minlength=size)
    quiet = np.bincount(flow[late] % size, minlength=size)
    first = np.bincount(flow[due] % size, minlength=size)
    many = (quiet >= MANY_UNITS) & (quiet >= MANY_SHARE * of)
    on, off = many & (first > 0), (quiet < 0.25 * of) | (of == 0)
    on[-1] = False  # units without a flow share nothing
    gaps = np.zeros(size, dtype=np.int64)
    np.maximum.at(gaps, flow[late] % size, state.gap[late].astype(np.int64))
    changed = turns(state.flows, step.at, on, off, step.at - gaps * STEP_US)
    return [_flow_sign(turn, flow, late, of, step, world) for turn in changed]


def _flow_sign(
    turn: Turn, flow: NDArray[np.int32], late: NDArray[np.bool_], of: NDArray[np.intp], step: Step, world: World
) -> Sign:
    members = np.flatnonzero(late & (flow == turn.channel))
    ended = turn.phase is Phase.ENDED
    facts = {"silent": f"{len(members)} of {int(of[turn.channel])} devices"}
    return Sign(
        kind="many-silent",
        unit=-1,
        channel=-1,
        began_at=turn.began_at,
        at=step.at,
        score=0.0 if ended else max(1.0, len(members) / max(MANY_UNITS, MANY_SHARE * float(of[turn.channel]))),
        phase=turn.phase,
        about=f"flow:{world.registry.flows[turn.channel]}",
        others=() if ended else tuple(members.tolist()),
        facts={} if ended else facts,
    )


def _unit_sign(state: State, turn: Turn, needed: NDArray[np.float32], step: Step) -> Sign:
    gap = int(state.gap[turn.channel])
    ended = turn.phase is Phase.ENDED
    facts = {"silent for": f"{gap * STEP_US // MINUTE} min", "tolerated": _minutes(needed[turn.channel])}
    return Sign(
        kind="unit-silent",
        unit=turn.channel,
        channel=-1,
        began_at=turn.began_at,
        at=step.at,
        score=0.0 if ended else max(1.0, gap / float(needed[turn.channel])),
        phase=turn.phase,
        facts={} if ended else facts,
    )


def _minutes(steps: float) -> str:
    return f"{float(steps) * STEP_US / MINUTE:.0f} min"


def _channels(
    state: State,
    spoke: NDArray[np.bool_],
    unit_said: NDArray[np.bool_],
    barred: NDArray[np.bool_],
    step: Step,
    world: World,
) -> list[Sign]:
    """Channels whose unit speaks without them. Their gaps are judged only when it does."""
    called = runs(state.channels)
    kept_out = barred[world.registry.channel_unit]
    if not (unit_said.any() or (called & kept_out).any()):
        return []
    ended = np.flatnonzero(spoke & (state.channel_gap > 1))
    if not (len(ended) or called.any() or (unit_said & ~spoke).any()):
        return []
    usual = largest(state.channel_usual, slice(None))
    needed = np.maximum(np.float32(CHANNEL_LEAST_STEPS), CHANNEL_MARGIN * usual + 1)
    most = np.where(called[ended], 2 * needed[ended], np.inf)
    note(state.channel_usual, ended, np.minimum(state.channel_gap[ended] - 1, most))
    known = state.channel_first < NEVER
    warm = known & (step.at - np.where(known, state.channel_first, 0) >= WARM_DAYS * DAY)
    due = warm & unit_said & ~spoke & ~kept_out & (state.channel_gap > needed)
    if not (due.any() or called.any()):
        return []
    since = step.at - state.channel_gap.astype(np.int64) * STEP_US
    changed = turns(state.channels, step.at, due, spoke | kept_out, since)
    return [_channel_sign(state, turn, needed, step, world) for turn in changed]


def _channel_sign(state: State, turn: Turn, needed: NDArray[np.float32], step: Step, world: World) -> Sign:
    gap = int(state.channel_gap[turn.channel])
    ended = turn.phase is Phase.ENDED
    return Sign(
        kind="channel-silent",
        unit=int(world.registry.channel_unit[turn.channel]),
        channel=turn.channel,
        began_at=turn.began_at,
        at=step.at,
        score=0.0 if ended else max(1.0, gap / float(needed[turn.channel])),
        phase=turn.phase,
        facts={}
        if ended
        else {"left out for": f"{gap * STEP_US // MINUTE} min", "tolerated": _minutes(needed[turn.channel])},
    )


DETECTOR = Stepping(CARD, new_state, advance)
