"""Small cases whose best move is plain."""

from __future__ import annotations

import numpy as np

from cityward.services.signals.control.layout import Layout, Numbers
from cityward.services.signals.control.lookahead import Start, best_moves
from cityward.services.signals.control.queues import STEPS
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
