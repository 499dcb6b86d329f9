"""What is done to a run: what is seen and wished is changed, as declared, and nothing before it begins."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.adapters.sumo.attacks import (
    ATTACKS,
    CutLink,
    GhostPriority,
    HarmOrder,
    HostileJunction,
    LyingDetectors,
    Where,
    harm_of,
)
from cityward.adapters.sumo.scenario import Scenario, read_scenario
from cityward.services.signals.seen import JunctionSeen, LaneSeen, Wish
from scenes import CORRIDOR


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(CORRIDOR)


def seen(scenario: Scenario, vehicles: int) -> dict[str, JunctionSeen]:
    at = LaneSeen(float(vehicles), float(vehicles), 200.0, np.arange(float(vehicles)), np.zeros(vehicles))
    return {
        name: JunctionSeen(
            stage=0,
            since_s=9.0,
            settled=True,
            green_s={},
            red_s={},
            lanes={lane: at for group in junction.groups.values() for lane in group.lanes},
        )
        for name, junction in scenario.junctions.items()
    }


def counts(shown: dict[str, JunctionSeen]) -> list[float]:
    return sorted(lane.vehicles for one in shown.values() for lane in one.lanes.values())


@pytest.mark.parametrize(("kind", "lie"), [("ghost-queue", 15.0), ("zero", 0.0), ("frozen", 3.0)])
def test_a_third_of_the_lanes_lies_and_only_from_then_on(scenario: Scenario, kind: str, lie: float) -> None:
    harm = harm_of(HarmOrder(kind=kind, since_s=100.0), scenario)  # pyright: ignore[reportArgumentType]
    assert counts(harm.seen(seen(scenario, 3), 99.0)) == [3.0] * 12
    harm.seen(seen(scenario, 3), 100.0)
    later = counts(harm.seen(seen(scenario, 5), 101.0))
    assert later == sorted([lie] * 4 + [5.0] * 8)


@pytest.mark.parametrize(("where", "lied_to"), [(Where.WAY, 0), (Where.LOOP, 4)])
def test_a_cabinet_is_lied_to_at_the_loop_alone(scenario: Scenario, where: Where, lied_to: int) -> None:
    harm = harm_of(HarmOrder(kind="ghost-queue", where=where, since_s=100.0), scenario)
    assert counts(harm.looked(seen(scenario, 3), 99.0)) == [3.0] * 12
    assert counts(harm.looked(seen(scenario, 3), 100.0)).count(15.0) == lied_to
    assert counts(harm.seen(seen(scenario, 3), 100.0)).count(15.0) == 4


def test_what_the_watch_noticed_does_not_reach_a_cabinet_whose_loops_lie(scenario: Scenario) -> None:
    harm = harm_of(HarmOrder(kind="zero", where=Where.LOOP, since_s=0.0, noticed_after_s=60.0), scenario)
    assert counts(harm.looked(seen(scenario, 3), 90.0)) == [0.0] * 4 + [3.0] * 8
    assert sum(len(one.blind) for one in harm.seen(seen(scenario, 3), 90.0).values()) == 4


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_of_the_table_can_be_made(scenario: Scenario, attack: str) -> None:
    kind, where = ATTACKS[attack]
    harm_of(HarmOrder(kind=kind, where=where), scenario)


def test_a_cut_link_is_nothing_that_a_loop_can_do() -> None:
    with pytest.raises(ValueError, match="nothing that a loop can do"):
        HarmOrder(kind="cut", where=Where.LOOP)


def test_lanes_that_the_watch_disbelieves_are_blind(scenario: Scenario) -> None:
    harm = LyingDetectors(HarmOrder(kind="zero", since_s=100.0, noticed_after_s=60.0), scenario)
    late = harm.seen(seen(scenario, 3), 160.0)
    assert counts(late) == [3.0] * 8
    assert sum(len(one.blind) for one in late.values()) == 4


def test_a_ghost_asks_for_priority_now_and_then(scenario: Scenario) -> None:
    harm = GhostPriority(HarmOrder(kind="ghost-priority", since_s=0.0, every_s=20.0), scenario)
    asked = [len(harm.seen(seen(scenario, 0), second)["first"].priority) for second in range(20)]
    assert asked == [1] * 10 + [0] * 10


def test_an_enemy_speaks_for_one_junction_only(scenario: Scenario) -> None:
    harm = HostileJunction(HarmOrder(kind="worst-wishes", since_s=0.0), scenario)
    wishes = {name: Wish(stage=0, why="ours") for name in scenario.junctions}
    heard = harm.wishes(wishes, seen(scenario, 1), 1.0)
    assert [name for name, wish in heard.items() if wish.why != "ours"] == ["first"]  # the one with the most links


def test_nothing_is_heard_over_a_link_that_is_cut(scenario: Scenario) -> None:
    harm = CutLink(HarmOrder(kind="cut", since_s=50.0))
    wishes = {"first": Wish(stage=0, why="ours")}
    assert harm.wishes(wishes, {}, 49.0) == wishes
    assert harm.wishes(wishes, {}, 50.0) == {}
