"""What comes before reckoning, and its bounds."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.services.signals.control.duties import duty, fade
from cityward.services.signals.control.layout import Layout
from cityward.services.signals.control.queues import look
from cityward.services.signals.seen import JunctionSeen, PriorityAsked
from crossings import EAST, FOOT, NORTH, crossing, seen, standing

LAYOUT = Layout.of(crossing())


def asked(kind: str, group: str, seconds: float = 8.0) -> PriorityAsked:
    return PriorityAsked(group=group, kind=kind, by=f"{kind}-1", seconds=seconds)


def told(shown: JunctionSeen, favoured: dict[str, float] | None = None) -> tuple[int | None, str]:
    queues, _ = look(LAYOUT, shown, {}, frozenset(), np.ones(3), 1.0)
    wish, charged = duty(LAYOUT, shown, queues, favoured or {})
    return (None if wish is None else wish.stage), charged


def test_nothing_is_due_where_nobody_waits_long() -> None:
    assert told(seen(NORTH, {"e1": standing(5)}, red_s=100.0)) == (None, "")


@pytest.mark.parametrize(
    ("shown", "stage"),
    [
        pytest.param(seen(NORTH, {"e1": standing(1)}, red_s=151.0), EAST, id="seen to wait"),
        pytest.param(seen(NORTH, {}, red_s=61.0, calls=frozenset({"walk"})), FOOT, id="called"),
        pytest.param(seen(NORTH, {}, red_s=94.0, blind=frozenset({"e1"})), EAST, id="nobody sees"),
        pytest.param(seen(NORTH, {}, red_s=300.0), None, id="nobody there"),
    ],
)
def test_who_has_waited_too_long_comes_next(shown: JunctionSeen, stage: int | None) -> None:
    # the plan's cycle is 75 s: nobody-sees-it is due after 93.75 s
    assert told(shown)[0] == stage


def test_an_emergency_comes_first_then_who_is_overdue_then_a_bus() -> None:
    late = {"red_s": 70.0, "calls": frozenset({"walk"})}
    assert told(seen(NORTH, {}, priority=(asked("bus", "n"), asked("emergency", "e")), **late)) == (EAST, "emergency")
    assert told(seen(NORTH, {}, priority=(asked("bus", "e"),), **late)) == (FOOT, "")
    assert told(seen(NORTH, {}, priority=(asked("bus", "e"),))) == (EAST, "bus")


def test_a_request_for_what_is_green_holds_it() -> None:
    assert told(seen(NORTH, {}, priority=(asked("bus", "s"),))) == (NORTH, "bus")


def test_a_request_that_is_far_off_or_for_no_group_or_of_no_kind_is_not_heard_yet() -> None:
    for one in (asked("bus", "e", 60.0), asked("bus", "nowhere"), asked("parade", "e")):
        assert told(seen(NORTH, {}, priority=(one,))) == (None, "")


def test_who_asks_without_end_has_used_up_what_his_kind_may() -> None:
    favoured: dict[str, float] = {}
    shown = seen(NORTH, {}, priority=(asked("emergency", "n"),))
    given = 0
    for _ in range(600):
        _, charged = told(shown, favoured)
        given += charged == "emergency"
        favoured = fade(favoured, charged, 1.0)
    # 60 s at once, and a tenth of the rest of the time: about 60 + 600 / 10
    assert 100 <= given <= 130
    assert fade({"bus": 0.05}, "", 1.0) == {}
