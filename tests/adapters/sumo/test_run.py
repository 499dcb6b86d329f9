"""Real runs of SUMO: our own scenes, and a recorded city where the data are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from cityward.adapters.sumo.attacks import ATTACKS, HarmOrder, Where, harm_of
from cityward.adapters.sumo.baselines import BASELINES, OwnProgramme
from cityward.adapters.sumo.child import GUARDED, Order, find_controller, many, one, our_controllers
from cityward.adapters.sumo.guarded import GuardedMaxWave, Nothing
from cityward.adapters.sumo.metrics import Score, read_trips
from cityward.adapters.sumo.net import ScenarioError
from cityward.adapters.sumo.plant import TRIPS, Plant
from cityward.adapters.sumo.run import run
from cityward.adapters.sumo.scenario import read_scenario
from cityward.errors import LinkError
from cityward.guard.signals.before import Before
from cityward.guard.signals.colours import Colour
from cityward.guard.signals.rules import JunctionRules
from cityward.guard.signals.sequencer import Sequencer
from cityward.place.junctions import Junction
from cityward.services.signals.seen import JunctionSeen, Wish
from scenes import CORRIDOR, LANE, city

pytest.importorskip("libsumo", reason="NOT TESTED WITH SUMO: the extra `street` is not installed")


def plain(score: Score) -> Score:
    """Without the times of the machine."""
    return msgspec.structs.replace(score, wall_s=0.0, step_ms=0.0)


def test_who_never_gets_in_counts_with_his_wait_outside(tmp_path: Path) -> None:
    # 100 m of lane hold 13 vehicles of 5 m and 2.5 m gap (the 14th would stand with its back before the lane); one wants in each
    # second from 0 to 29; the signal is red until 80. At 60 the 17 last ones have waited 60 - n each: 47 + 46 + ... + 31 = 663 s.
    with Plant(read_scenario(LANE), 1, tmp_path, end=60.0) as plant:
        while not plant.over:
            plant.step()
    outside = [trip for trip in read_trips(tmp_path / TRIPS) if not trip.entered]
    assert len(outside) == 17
    assert sum(trip.outside_s for trip in outside) == 663.0
    score = run(LANE, "programme", 1, 60.0)
    assert (score.demand, score.never_entered, score.unfinished) == (30, 17, 13)
    assert score.delay_s > 663 / 30


def test_one_vehicle_before_a_red_signal_loses_what_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    for name in ("lane.net.xml", "lane.sumocfg"):
        (folder / name).write_text((LANE / name).read_text())
    (folder / "lane.rou.xml").write_text(
        '<routes><vType id="car" accel="100" decel="100" emergencyDecel="100" sigma="0" speedFactor="1" speedDev="0"/>'
        '<trip id="only" type="car" depart="0" from="in" to="out" departSpeed="max"/></routes>'
    )
    score = run(folder, "programme", 1)
    # some 95 m at 10 m/s to the stop line, red until 80 s: it loses 80 - 9.5 s, and a second or two for braking and going
    assert score.delay_s == pytest.approx(70.5, abs=3.0)
    assert score.waiting_s == pytest.approx(70.0, abs=3.0)
    assert (score.demand, score.never_entered, score.unfinished) == (1, 0, 0)


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    scenario = read_scenario(CORRIDOR)
    first, again, other = (plain(run(scenario, GuardedMaxWave(), seed, 200.0)) for seed in (1, 1, 2))
    assert first == again
    assert first.delay_s != other.delay_s


def test_a_controller_of_ours_breaks_no_rule_and_beats_the_fixed_programme() -> None:
    scenario = read_scenario(CORRIDOR)
    ours, fixed = run(scenario, GuardedMaxWave(), 1, 300.0), run(scenario, "programme", 1, 300.0)
    assert (ours.conflicts, ours.short, ours.over_red) == (0, 0, 0)
    assert ours.signal_s == 300 * 9  # five groups and four
    assert ours.delay_s < fixed.delay_s
    assert fixed.demand == ours.demand > 100


class Reckless(OwnProgramme):
    """Green for all."""

    def drive(self, plant: Plant, now_s: float) -> None:
        for name, signal in plant.scenario.signals.items():
            plant.show_state(name, "G" * len(signal.groups))


def test_the_monitor_counts_conflicting_greens_whoever_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BASELINES, "reckless", Reckless)
    score = run(CORRIDOR, "reckless", 1, 20.0)
    assert score.conflicts == 20 * (6 + 4)  # each pair that conflicts, each second


class Hostile:
    """Wishes that are none, and changes every second."""

    @property
    def memory(self) -> type[Nothing]:
        return Nothing

    def step(
        self, junctions: Mapping[str, Junction], seen: Mapping[str, JunctionSeen], memory: Nothing, now_s: float
    ) -> tuple[Nothing, Mapping[str, Wish]]:
        return memory, {name: Wish(stage=int(now_s * 7919) % 5 - 1, why="harm") for name in junctions}


def test_whatever_is_wished_no_rule_is_broken() -> None:
    score = run(CORRIDOR, Hostile(), 1, 300.0)
    assert (score.conflicts, score.short, score.over_red) == (0, 0, 0)


def test_a_turn_gives_way_only_while_it_has_to(tmp_path: Path) -> None:
    with Plant(read_scenario(CORRIDOR), 1, tmp_path) as plant:
        red = dict.fromkeys(("g0", "g3", "g7", "g10"), Colour.RED)
        plant.show("second", red | {"g3": Colour.GREEN})
        plant.step()
        alone = plant.state("second")
        plant.show("second", red | {"g3": Colour.GREEN, "g10": Colour.AMBER})
        plant.step()
        beside = plant.state("second")
    assert alone[3:7] == "GGGG"
    assert beside[3:7] == "GGGg" and beside[10:14] == "yyyy"


def test_detectors_see_who_comes_nearest_first(tmp_path: Path) -> None:
    with Plant(read_scenario(CORRIDOR), 1, tmp_path) as plant:
        for _ in range(60):
            plant.step()
        seen = plant.observe()
    lanes = [lane for observed in seen.values() for lane in observed.lanes.values()]
    assert sum(lane.vehicles for lane in lanes) > 5
    for lane in lanes:
        assert len(lane.distances) == len(lane.speeds) == lane.vehicles
        assert list(lane.distances) == sorted(lane.distances)
        assert (lane.distances <= 200.0).all() and (lane.distances >= 0.0).all()
        assert 0 <= lane.halted <= lane.vehicles
    assert all(0.0 <= free <= 1.0 for observed in seen.values() for free in observed.room.values())


@pytest.mark.parametrize(("begin", "offset"), [(0, 0), (25, 13), (100, -7)])
def test_the_derived_plan_shows_what_the_programme_does_at_every_second(
    tmp_path: Path, begin: int, offset: int
) -> None:
    folder, work = tmp_path / "moved", tmp_path / "work"
    folder.mkdir(), work.mkdir()
    for path in CORRIDOR.glob("corridor.*"):
        text = path.read_text().replace('<begin value="0"/>', f'<begin value="{begin}"/>')
        (folder / path.name).write_text(text.replace('offset="0"', f'offset="{offset}"'))
    scenario = read_scenario(folder)
    rules = {name: JunctionRules.of(junction) for name, junction in scenario.junctions.items()}
    looked = 0
    with Plant(scenario, 1, work, end=begin + 200.0) as plant:
        while not plant.over:
            at = plant.now
            plant.step()
            for name, signal in scenario.signals.items():
                state = plant.state(name)
                if "y" in state:
                    continue  # a change has begun: the plan wants the next stage already
                green = {group for group, letter in zip(signal.groups, state, strict=True) if letter in "Gg"}
                stage = rules[name].stages[rules[name].planned(at)]
                assert green == set(signal.junction.stages[stage]), (name, at)
                looked += 1
    assert looked > 300


def test_nobody_is_lifted_over_a_jam_unless_asked_for() -> None:
    never, asked = run(LANE, "programme", 1, 60.0), run(LANE, "programme", 1, 60.0, lift_after_s=10.0)
    # the first one stands from 11 s on: SUMO lifts it, for it has stood longer than 10 s
    assert (never.teleport_s, never.teleports, asked.teleport_s) == (-1.0, 0, 10.0)
    assert asked.teleports > 0
    assert never.locked == 0  # who stands before a signal is not locked


def test_nothing_is_written_beside_the_data() -> None:
    before = {path: path.stat().st_mtime_ns for path in CORRIDOR.iterdir()}
    run(CORRIDOR, "sumo-actuated", 1, 30.0)
    assert {path: path.stat().st_mtime_ns for path in CORRIDOR.iterdir()} == before


@pytest.mark.parametrize("name", list(BASELINES))
def test_every_baseline_runs_without_conflicting_greens(name: str) -> None:
    score = run(CORRIDOR, name, 1, 100.0)
    assert score.conflicts == 0
    assert score.demand > 40 and score.sumo.startswith("SUMO ")


def test_runs_in_processes_of_their_own_give_what_they_give_here() -> None:
    orders = [Order(scenario=str(CORRIDOR), controller="max-wave-guarded", seed=seed, until_s=60.0) for seed in (1, 2)]
    told: list[str] = []
    scores = {order.seed: score for order, score in many(orders, 2, told.append)}
    assert told == [] and sorted(scores) == [1, 2]
    assert plain(scores[1]) == plain(run(CORRIDOR, GuardedMaxWave(), 1, 60.0, name="max-wave-guarded"))


def test_no_controller_of_ours_bears_the_name_of_a_baseline() -> None:
    assert not {*BASELINES, GUARDED} & set(our_controllers())


def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="0 configurations"):
        one(Order(scenario=str(tmp_path), controller="programme", seed=1))
    with pytest.raises(ScenarioError, match="no controller `nobody`"):
        find_controller("nobody")


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_makes_a_conflict(attack: str) -> None:
    kind, where = ATTACKS[attack]
    harm = HarmOrder(kind=kind, where=where, since_s=30.0)
    scenario = read_scenario(CORRIDOR)
    score = run(scenario, GuardedMaxWave(), 1, 150.0, harm=harm_of(harm, scenario))
    assert (score.conflicts, score.short, score.over_red) == (0, 0, 0)


@pytest.mark.parametrize(("where", "lied_to"), [(Where.WAY, False), (Where.LOOP, True)])
def test_the_cabinet_goes_by_what_its_loops_say(where: Where, lied_to: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    look = Sequencer.look

    def noted(self: Sequencer, before: Before, now_s: float) -> None:
        told.extend(before.waiting.values())
        look(self, before, now_s)

    monkeypatch.setattr(Sequencer, "look", noted)
    scenario = read_scenario(CORRIDOR)
    harm = harm_of(HarmOrder(kind="ghost-queue", where=where, since_s=0.0), scenario)
    run(scenario, GuardedMaxWave(), 1, 5.0, harm=harm)
    assert (max(told) >= 10) is lied_to  # nobody can have queued in five seconds


def test_five_minutes_of_a_real_city() -> None:
    folder = city("cologne1")
    fixed, guarded = run(folder, "programme", 1, 300.0), run(folder, GuardedMaxWave(), 1, 300.0)
    assert fixed.demand == guarded.demand > 100
    assert (guarded.conflicts, guarded.short, guarded.over_red) == (0, 0, 0)
