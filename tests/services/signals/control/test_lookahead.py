"""Small cases whose best move is plain."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.guard.signals.before import SATURATION_VEH_S
from cityward.services.signals.control.layout import Layout, Numbers
from cityward.services.signals.control.lookahead import (
    KEEPS,
    LATER_S,
    LEFT_S,
    STAY,
    STOP_S,
    TAU_S,
    Start,
    best_moves,
)
from cityward.services.signals.control.queues import STEP_S, STEPS
from crossings import EAST, NORTH, crossing

LAYOUT = Layout.of(crossing())
NOBODY = np.zeros((STEPS, 3))


def start(
    queue: tuple[float, float, float], arrivals: Numbers = NOBODY, stage: int = NORTH, room: float = 1.0
) -> Start:
    """`n1`, `s1`, `e1` standing."""
    return Start(
        stage=stage,
        green_s=20.0,
        queue=np.array(queue),
        arrivals=arrivals,
        weight=np.ones(3),
        flow=LAYOUT.flow * room,
        change=LAYOUT.change,
        least=LAYOUT.least,
    )


def test_green_goes_where_somebody_waits_and_nobody_else_does() -> None:
    move = best_moves([start((0, 0, 3))])[0]
    assert (move.stage, move.later_s) == (EAST, 0.0)
    assert move.cost < move.other


def test_a_queue_is_let_go_before_few_others_are() -> None:
    move = best_moves([start((10, 0, 1))])[0]
    assert move.stage == NORTH or move.later_s > 0


def test_a_platoon_that_is_nearly_there_is_waited_for() -> None:
    arrivals = NOBODY.copy()
    arrivals[1:8, 0] = 1.0  # seven vehicles from 2 to 16 s from now, as many as a lane lets go
    waits = best_moves([start((0, 0, 1), arrivals)])[0]
    assert waits.stage == NORTH or waits.later_s > 0
    # and is not when more wait than come: seven served first cost twelve others 20 s each
    goes = best_moves([start((0, 0, 12), arrivals / 4)])[0]
    assert (goes.stage, goes.later_s) == (EAST, 0.0)


def test_nobody_anywhere_costs_nothing_and_changes_nothing() -> None:
    move = best_moves([start((0, 0, 0))])[0]
    assert (move.stage, move.cost) == (NORTH, 0.0)


def test_each_junction_gets_the_same_move_alone_and_among_others() -> None:
    ones = [start((0, 0, 3)), start((10, 0, 1)), start((2, 4, 3), stage=EAST)]
    assert best_moves(ones) == [best_moves([one])[0] for one in ones]
    assert best_moves([]) == []


def rule(one: Start, queue: Numbers, now: int) -> int:
    """The stage that lets most go soon, reckoned stage by stage."""
    gains: list[float] = []
    for stage in range(len(one.least)):
        span = TAU_S if stage == now else max(TAU_S - one.change[now, stage], 0.0)
        goes = float((np.minimum(queue, one.flow[stage, stage] * span) * one.weight).sum())
        gains.append(goes * STAY + KEEPS if stage == now else goes)
    return int(np.argmax(gains))


def cost_of(one: Start, goal: int, later_s: float) -> float:
    """One move played alone, step by step and in plain words: what the whole table must say of it."""
    now, before, left_s, held_s, queue, cost = one.stage, one.stage, 0.0, one.green_s, one.queue.copy(), 0.0
    for step in range(STEPS):
        chosen = now
        if left_s <= 0 and goal >= 0 and later_s <= step * STEP_S:
            chosen, goal = goal, -1
        elif left_s <= 0 and goal < 0 and step and held_s >= one.least[now]:
            chosen = rule(one, queue, now)
        if chosen != now:
            before, now, left_s, held_s = now, chosen, float(one.change[now, chosen]), 0.0
        part = min(left_s, STEP_S) / STEP_S
        rate = one.flow[before, now] * part + one.flow[now, now] * (1 - part)
        queue = queue + one.arrivals[step]
        went = np.minimum(queue, rate * STEP_S)
        queue = queue - went
        stopped = np.maximum(one.arrivals[step] - went, 0.0)
        cost += float(((queue * STEP_S + stopped * STOP_S) * one.weight).sum())
        left_s, held_s = max(left_s - STEP_S, 0.0), held_s + STEP_S * (1 - part)
    left = queue * one.weight
    return cost + float(left.sum()) * LEFT_S + float((left * queue).sum()) / (2 * SATURATION_VEH_S) / 2


@pytest.mark.parametrize("seed", range(5))
def test_the_table_of_all_moves_says_what_each_costs_when_played_alone(seed: int) -> None:
    chance = np.random.default_rng(seed)
    ones = [
        start(
            tuple(chance.integers(0, 12, 3)),
            chance.random((STEPS, 3)) * chance.choice((0.2, 0.9)),
            stage=int(chance.integers(0, len(LAYOUT.least))),
            room=float(chance.uniform(0.3, 1.0)),
        )
        for _ in range(4)
    ]
    for one, move in zip(ones, best_moves(ones), strict=True):
        moves = [(stage, e) for stage in range(len(one.least)) if stage != one.stage for e in LATER_S]
        costs = {(stage, e): cost_of(one, stage, e) for stage, e in moves} | {(one.stage, 0.0): cost_of(one, -1, 0.0)}
        assert move.cost == pytest.approx(min(costs.values()))
        assert costs[move.stage, move.later_s] == pytest.approx(move.cost)
