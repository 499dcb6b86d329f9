"""Imagines what comes of each next move: the junction as queues, a minute and a half of it, with a simple rule at the wheel.

Theory of operation
-------------------
A *move* is "go on for e seconds, then change to stage a", for each e of `LATER_S` and each other stage; beside them "go on by
the rule". Every move of every junction is one row, and all rows are played at once, `STEP_S` a step: who comes joins the
lane's queue, who may go leaves it at the lane's rate, a change costs its intergreens. After its move a row is led by the
*rule*: of all stages take the one that lets most (weighted) vehicles go within `TAU_S`, the change paid; the present one has
`STAY` in its favour. The cost of a row is the time that (weighted) vehicles wait, `STOP_S` for each that has to stop, and what
the queues left at the end will still cost.

This is a rollout: the first move is as good as the rule or better, move by move, and it is thought over every second.
Source: Bertsekas, Tsitsiklis and Wu 1997 (rollouts for scheduling); Xie, Smith, Lu and Barlow 2012 (schedules from predicted
arrivals). Fails when more comes than the detectors see and the mean rate tells; when a lane lets go much less than its rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.guard.signals.before import SATURATION_VEH_S
from cityward.services.signals.control.layout import Mask, Numbers
from cityward.services.signals.control.queues import STEP_S, STEPS

LATER_S = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 14.0, 18.0, 24.0, 32.0)
TAU_S = 16.0
STAY, KEEPS = 1.1, 0.2
# what a stop costs beside the wait: from 14 m/s braked at 4.5 m/s2 and regained at 2.6 m/s2, half the time of both is lost
STOP_S = 4.0
LEFT_S = 6.0  # what a vehicle still waits that is left at the end, beside those before it

Whole = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """One junction now: its stage, and how long it has been green. queue, weight (L,); arrivals (STEPS, L); else see `Layout`."""

    stage: int
    green_s: float
    queue: Numbers
    arrivals: Numbers
    weight: Numbers
    flow: Numbers
    change: Numbers
    least: Numbers


@dataclass(frozen=True, slots=True)
class Move:
    """The best move: to which stage, after how many seconds (`stage` is the present one: go on). cost, other: vehicle-seconds.

    other: of the best move that does the opposite, going on or changing now; inf where there is none.
    """

    stage: int
    later_s: float
    cost: float
    other: float


@dataclass(slots=True, eq=False)
class _Rows:
    """All rows. of: their junctions; now, before: stages; left_s: of a change; held_s: of green; goal, later_s: see `_rows`.

    goes: what each lane lets go in a step of the present stage; weight: see `Start`.
    """

    of: Whole
    now: Whole
    before: Whole
    left_s: Numbers
    held_s: Numbers
    goal: Whole
    later_s: Numbers
    queue: Numbers
    cost: Numbers
    goes: Numbers
    weight: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """All junctions in one size, J of them with S stages and L lanes at most.

    reach (J, S, S, L): what the rule counts of each stage as long as the row's is shown, the most that goes within `TAU_S`;
    own (J * S, L): flow of each stage itself. arrivals (STEPS, J, L).
    """

    flow: Numbers
    own: Numbers
    reach: Numbers
    change: Numbers
    least: Numbers
    unreal: Mask
    arrivals: Numbers
    weight: Numbers


def best_moves(starts: Sequence[Start]) -> list[Move]:
    """The best next move of each junction."""
    if not starts:
        return []
    field = _field(starts)
    rows = _rows(starts, field)
    goals, laters = rows.goal.copy(), rows.later_s.copy()
    for step in range(STEPS):
        chosen = _choose(field, rows, step)
        _let_pass(field, rows, chosen, step)
    left = rows.queue * rows.weight
    cost = rows.cost + left.sum(axis=1) * LEFT_S + (left * rows.queue).sum(axis=1) / (2 * SATURATION_VEH_S) / 2
    ends = np.searchsorted(rows.of, np.arange(len(starts) + 1)).tolist()  # a junction's rows stand together
    return [
        _best(one.stage, goals[begin:end], laters[begin:end], cost[begin:end])
        for one, begin, end in zip(starts, ends, ends[1:], strict=False)
    ]


def _best(stage: int, goals: Whole, laters: Numbers, cost: Numbers) -> Move:
    changes = (goals >= 0) & (laters <= 0.0)
    best = int(cost.argmin())
    other = cost[changes != changes[best]].min(initial=np.inf)
    goal = int(goals[best])
    return Move(
        stage=stage if goal < 0 else goal,
        later_s=max(float(laters[best]), 0.0),
        cost=float(cost[best]),
        other=float(other),
    )


def _field(starts: Sequence[Start]) -> _Field:
    count, stages = len(starts), max(len(one.least) for one in starts)
    lanes = max(1, *(len(one.queue) for one in starts))
    flow, change = np.zeros((count, stages, stages, lanes)), np.ones((count, stages, stages))
    least, unreal = np.zeros((count, stages)), np.ones((count, stages), dtype=np.bool_)
    arrivals, weight = np.zeros((STEPS, count, lanes)), np.zeros((count, lanes))
    for nth, one in enumerate(starts):
        some, few = len(one.least), len(one.queue)
        flow[nth, :some, :some, :few], change[nth, :some, :some] = one.flow, one.change
        least[nth, :some], unreal[nth, :some] = one.least, False
        arrivals[:, nth, :few], weight[nth, :few] = one.arrivals, one.weight
    every = np.arange(stages)
    own = flow[:, every, every]
    span = np.maximum(TAU_S - change, 0.0)
    span[:, every, every] = TAU_S
    reach = own[:, None] * span[..., None]
    return _Field(flow, own.reshape(count * stages, lanes), reach, change, least, unreal, arrivals, weight)


def _rows(starts: Sequence[Start], field: _Field) -> _Rows:
    """A row for each move: its goal -1 where the rule leads from the beginning, and from when the move is done."""
    of: list[int] = []
    goal: list[int] = []
    later: list[float] = []
    for nth, one in enumerate(starts):
        moves = [(stage, e) for stage in range(len(one.least)) if stage != one.stage for e in LATER_S]
        of += [nth] * (len(moves) + 1)
        goal += [-1, *(stage for stage, _ in moves)]
        later += [0.0, *(e for _, e in moves)]
    rows = np.array(of, dtype=np.intp)
    queue = np.zeros((len(starts), field.weight.shape[1]))
    for nth, one in enumerate(starts):
        queue[nth, : len(one.queue)] = one.queue
    now = np.array([one.stage for one in starts], dtype=np.intp)[rows]
    stages = field.least.shape[1]
    return _Rows(
        of=rows,
        now=now,
        before=now.copy(),
        left_s=np.zeros(len(rows)),
        held_s=np.array([one.green_s for one in starts])[rows],
        goal=np.array(goal, dtype=np.intp),
        later_s=np.array(later),
        queue=queue[rows],
        cost=np.zeros(len(rows)),
        goes=field.own[rows * stages + now] * STEP_S,
        weight=field.weight[rows],
    )


def _choose(field: _Field, rows: _Rows, step: int) -> Whole:
    """The stage that each row wants at a step."""
    chosen = rows.now.copy()
    settled = rows.left_s <= 0
    moves = (rows.goal >= 0) & settled & (rows.later_s <= step * STEP_S)
    led = np.flatnonzero((rows.goal < 0) & settled & (rows.held_s >= field.least[rows.of, rows.now])) if step else []
    if len(led):
        chosen[led] = _rule(field, rows, np.asarray(led))
    chosen[moves] = rows.goal[moves]
    rows.goal[moves] = -1
    return chosen


def _rule(field: _Field, rows: _Rows, led: Whole) -> Whole:
    """The stage that lets most go within `TAU_S`, of the rows that the rule leads."""
    of, now = rows.of[led], rows.now[led]
    nth = np.arange(len(led))
    goes = field.reach[of, now]
    np.minimum(rows.queue[led][:, None, :], goes, out=goes)
    gain = np.einsum("fsl,fl->fs", goes, rows.weight[led])
    gain[field.unreal[of]] = -1.0
    gain[nth, now] = gain[nth, now] * STAY + KEEPS
    return gain.argmax(axis=1)


def _let_pass(field: _Field, rows: _Rows, chosen: Whole, step: int) -> None:
    """One step of all rows."""
    new = np.flatnonzero(chosen != rows.now)
    if len(new):
        was, goal, of = rows.now[new], chosen[new], rows.of[new]
        rows.before[new], rows.now[new], rows.held_s[new] = was, goal, 0.0
        rows.left_s[new] = field.change[of, was, goal]
        rows.goes[new] = field.own[of * field.least.shape[1] + goal] * STEP_S
    changing = np.minimum(rows.left_s, STEP_S) / STEP_S
    goes, some = rows.goes, np.flatnonzero(changing)
    if len(some):  # they show something of both, all others what they show
        goes, part = goes.copy(), changing[some, None]
        of, now = rows.of[some], rows.now[some]
        own = field.own[of * field.least.shape[1] + now]
        goes[some] = (field.flow[of, rows.before[some], now] * part + own * (1.0 - part)) * STEP_S
    came = field.arrivals[step][rows.of]
    rows.queue += came
    went = np.minimum(rows.queue, goes)
    rows.queue -= went
    stopped = np.subtract(came, went, out=went)
    np.maximum(stopped, 0.0, out=stopped)
    stopped *= STOP_S
    waits = np.multiply(rows.queue, STEP_S, out=came)
    waits += stopped
    waits *= rows.weight
    rows.cost += waits.sum(axis=1)
    rows.left_s = np.maximum(rows.left_s - STEP_S, 0.0)
    rows.held_s += STEP_S * (1.0 - changing)
