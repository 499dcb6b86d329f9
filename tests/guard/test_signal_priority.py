"""Whose request for green is believed: true ones are, ghosts are refused, weighed down or bounded (scenario S-02)."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.guard.signals.priority import (
    DEMAND_MOST,
    ORIGIN_MOST,
    Believed,
    DeskMemory,
    Disbelieved,
    PriorityDesk,
    PriorityDoubt,
    PriorityReason,
    PriorityRequest,
    metres_between,
)
from cityward.place.junctions import PriorityCall
from junctions import CROSSING

CYCLISTS = tuple(f"app-{n:03}" for n in range(300))
JUNCTION = msgspec.structs.replace(
    CROSSING,
    calls=(
        PriorityCall(devices=("ambulances",), groups=("north", "east"), kind="emergency", most_per_hour=6),
        PriorityCall(devices=("bus-1", "bus-2"), groups=("north",), kind="bus", most_per_hour=10),
        PriorityCall(devices=CYCLISTS, groups=("east",), kind="cycle"),
    ),
)
FAR = msgspec.structs.replace(JUNCTION, device="signals-02")
HERE, THERE = (2.30, 54.90), (2.40, 54.90)  # 6.4 km apart


def desk() -> PriorityDesk:
    return PriorityDesk({"quay": JUNCTION, "pier": FAR}, {"ambulances": ("ambulances-01", "ambulances-02")})


def asks(device: str, group: str = "north", junction: str = "quay", **more: Any) -> PriorityRequest:
    return PriorityRequest(junction, device, group, 20.0, **{"proven": True, **more})


def test_believes_a_declared_device_that_proved_itself():
    request = asks("ambulances-01")
    assert desk().judge(request, 100) == Believed(request, "emergency", 1.0)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (asks("ambulances-01", proven=False), PriorityReason.UNPROVEN),
        (asks("ambulances-01", proven=1), PriorityReason.UNPROVEN),
        (asks("ambulances-09"), PriorityReason.UNDECLARED),
        (asks("ambulances-01", group="walk"), PriorityReason.UNDECLARED),
        (asks("ambulances-01", junction="mole"), PriorityReason.UNDECLARED),
        (PriorityRequest("quay", "bus-1", "north", math.nan, True), PriorityReason.MALFORMED),
        (PriorityRequest("quay", "bus-1", "north", 1e6, True), PriorityReason.MALFORMED),
        (asks("bus-1", position=(math.inf, 0.0)), PriorityReason.MALFORMED),
        (asks("bus-1", origin="\n"), PriorityReason.MALFORMED),
        (None, PriorityReason.MALFORMED),
    ],
    ids=str,
)
def test_does_not_believe(request_: Any, reason: PriorityReason):
    judge = desk()
    assert judge.judge(request_, 100) == Disbelieved(request_, reason)
    assert judge.refused[reason] == 1


def test_believes_a_device_no_more_than_so_often_an_hour():
    judge = desk()
    verdicts = [judge.judge(asks("ambulances-01"), 100 + n * n * 3) for n in range(9)]
    assert [isinstance(verdict, Believed) for verdict in verdicts] == [True] * 6 + [False] * 3
    assert isinstance(judge.judge(asks("ambulances-01"), 3800), Believed)


def test_does_not_believe_who_cannot_have_come_from_where_it_was():
    judge = desk()
    assert isinstance(judge.judge(asks("bus-1", position=HERE), 100), Believed)
    # 6.4 km in 60 s; a bus needs about 230
    assert judge.judge(asks("bus-1", junction="pier", position=THERE), 160) == Disbelieved(
        asks("bus-1", junction="pier", position=THERE), PriorityReason.IMPOSSIBLE_TRAVEL
    )
    assert isinstance(judge.judge(asks("bus-1", junction="pier", position=THERE), 500), Believed)


def test_the_distance_is_that_of_the_globe_in_a_town():
    assert metres_between(HERE, THERE) == pytest.approx(6_394, abs=5)


def test_weighs_down_who_asks_in_even_steps():
    judge = desk()
    weights = [judge.judge(asks("bus-1"), 100 + 30 * n) for n in range(8)]
    assert [verdict.weight for verdict in weights if isinstance(verdict, Believed)] == [1.0] * 6 + [0.2] * 2
    assert judge.doubted[PriorityDoubt.TOO_REGULAR] == 2


def test_does_not_weigh_down_who_comes_as_the_street_lets_it():
    judge = desk()
    verdicts = [judge.judge(asks("bus-2"), at) for at in (100, 190, 310, 385, 520, 590, 700, 810)]
    assert all(isinstance(verdict, Believed) and verdict.weight == 1.0 for verdict in verdicts)


def test_many_ghosts_of_one_origin_weigh_no_more_together_than_a_few():
    judge = desk()
    verdicts = [judge.judge(asks(name, "east", origin="192.0.2.7"), 100 + n / 10) for n, name in enumerate(CYCLISTS)]
    weights = [verdict.weight for verdict in verdicts if isinstance(verdict, Believed)]
    # each of the first eight weighs 1; the n-th after weighs 8/n until together they reach the bound
    assert weights[:ORIGIN_MOST] == [1.0] * ORIGIN_MOST
    assert weights[15] == ORIGIN_MOST / 16
    assert sum(weights) <= DEMAND_MOST
    assert judge.doubted[PriorityDoubt.ONE_ORIGIN] == len(weights) - ORIGIN_MOST


def test_demand_is_bounded_whoever_asks_and_comes_back():
    judge = desk()
    verdicts = [judge.judge(asks(name, "east"), 100 + n / 10) for n, name in enumerate(CYCLISTS[:40])]
    assert sum(isinstance(verdict, Believed) for verdict in verdicts) == DEMAND_MOST
    assert judge.refused[PriorityReason.TOO_MUCH_DEMAND] == 20
    assert isinstance(judge.judge(asks(CYCLISTS[50], "east"), 800), Believed)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["bus-1", "bus-2", "ambulances-01", *CYCLISTS[:6]]),
            st.sampled_from(["north", "east"]),
            st.floats(0, 400),
            st.sampled_from([HERE, THERE, None]),
            st.sampled_from(["", "a"]),
        ),
        max_size=120,
    )
)
def test_keeps_its_bounds_whatever_is_asked(asked: list[tuple[str, str, float, Any, str]]):
    judge, now = desk(), 0.0
    believed: list[tuple[float, Believed]] = []
    for device, group, step, position, origin in asked:
        now += step
        verdict = judge.judge(asks(device, group, position=position, origin=origin), now)
        believed += [(now, verdict)] if isinstance(verdict, Believed) else []
    assert all(0 < verdict.weight <= 1 for _, verdict in believed)
    for at, verdict in believed:
        same = [v for t, v in believed if v.request.group == verdict.request.group and 0 <= at - t < 600]
        assert sum(v.weight for v in same) <= DEMAND_MOST + 1e-9
        buses = [t for t, v in believed if v.request.device == "bus-1" and 0 <= at - t < 3600]
        assert len(buses) <= 10


def test_what_a_desk_remembers_another_goes_on_with():
    whole, parts = desk(), desk()
    for n, name in enumerate(["bus-1", "bus-2", *CYCLISTS[:30]] * 6):
        request = asks(
            name, "north" if name.startswith("bus") else "east", origin="192.0.2.7", position=(2.3 + n / 1e4, 54.9)
        )
        kept = msgspec.json.decode(msgspec.json.encode(parts.remembered()), type=DeskMemory)
        parts = PriorityDesk({"quay": JUNCTION, "pier": FAR}, {}, kept)
        assert parts.judge(request, 100 + 7 * n) == whole.judge(request, 100 + 7 * n)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3)),
    st.floats(),
    st.one_of(st.none(), st.text(max_size=3)),
)
def test_is_total(odd: Any, now: float, name: Any):
    for request in (
        odd,
        PriorityRequest(name, odd, odd, odd, odd, odd, odd),
        asks("bus-1", position=odd),
        asks("bus-1", origin=odd),
    ):
        assert isinstance(desk().judge(request, now), Believed | Disbelieved)
