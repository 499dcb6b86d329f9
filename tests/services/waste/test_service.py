"""Waste, as playbooks: what containers say over days, what crews are told."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from cityward.errors import PlaceError
from cityward.guard.permit import Urgency
from cityward.services.contract import MOST_MEMORY, NOT_ON_RECORD, Reading, Series
from cityward.services.waste import SERVICE
from cityward.services.waste.choice import Why
from cityward.services.waste.memory import WasteMemory
from cityward.services.waste.settings import read_settings
from cityward.time import DAY, HOUR, MINUTE
from waste import ALL, MONDAY, RAW, UNITS, Town, positions, settings_of


def test_a_day_brings_one_round_of_what_is_likely_full():
    town = Town().sees_all(40).sees("quay-01", 97).sees("market-02", 93, 15)
    assert town.stops() == {"quay-01": Why.LIKELY_FULL, "market-02": Why.LIKELY_FULL}
    assert town.later(0.2).stops() == {}, "one round a day"
    plan = town.step().plans
    assert plan == []


def test_a_plan_names_the_containers_whose_levels_it_rests_on_and_its_cause():
    town = Town().sees_all(40).sees("quay-01", 97)
    (plan,) = town.round().values()
    assert (plan.kind, plan.crew, plan.sources) == ("round", "early", ("quay-01",))
    assert plan.cause["stops"] == "1 likely full before the next round" and plan.cause["ordered_by"] == "pyvrp"
    assert plan.stops[0].position == positions()["quay-01"]
    assert plan.stops[0].due >= MONDAY + 5 * HOUR, "the shift begins at five"
    # there and back is 4/1000 degrees each: 2 x 0.004 x 111,195 m x cos 54.9 x 1.35 = 690 m
    assert plan.figures["km"] == pytest.approx(0.690, abs=0.002)


def test_a_round_that_the_gate_refused_was_driven_by_nobody_and_people_are_told_until_the_next():
    town = Town().sees_all(40).sees("quay-01", 97)
    town.round()
    assert town.memory.visited["quay-01"] > town.now, "it is expected to be emptied then"
    town.refused_plans = {("round", "early"): "off-place"}
    turn = town.step()
    assert "The round of early was refused (off-place): nobody was told" in turn.notices[0].title
    assert town.memory.visited["quay-01"] <= town.now and not turn.jobs, "no other round would be let pass"
    assert [one.title for one in town.step().notices] == [turn.notices[0].title], "it stands"
    town.later(1.0).sees_all(40).sees("quay-01", 97).round()
    assert town.step().notices == []


def test_in_place_of_a_round_refused_for_its_readings_the_fixed_round_is_driven_once():
    town = Town().sees_all(40).sees("quay-01", 97)
    (lopsided,) = town.round().values()
    town.refused_plans = {("round", "early"): "too-much-in-one-area"}
    (fixed,) = town.solve().plans
    assert {stop.subject for stop in fixed.stops} == {*UNITS["quay"], *UNITS["market"]} and fixed.sources == ()
    assert fixed.crew == lopsided.crew and fixed.cause["in_place_of"] == "a round that was refused"
    turn = town.step()
    assert not turn.plans and not turn.jobs
    assert [one.title.split(": ")[1] for one in turn.notices] == ["the fixed round was planned in its place"]
    assert turn.board is not None and "in place of what was refused" in turn.board.summary
    town.refused_plans = {("round", "early"): "rate-exceeded"}
    turn = town.step()
    assert not turn.plans and not turn.jobs, "it was tried"
    assert "(rate-exceeded): nobody was told to drive it" in turn.notices[0].title


def test_only_the_crew_that_was_refused_drives_the_fixed_round_and_only_what_the_other_does_not():
    crews = {name: {"depot": "depot", "capacity_kg": 60, "starts": 5, "finishes": 13} for name in ("early", "also")}
    town = Town(settings=settings_of(crews=crews)).sees_all(40)
    for unit in UNITS["quay"]:
        town.sees(unit, 97)
    made = town.round()
    assert made.keys() == crews.keys(), "two bins fill a lorry"
    town.refused_plans = {("round", "early"): "untrusted-source"}
    (fixed,) = town.solve().plans
    others = {stop.subject for stop in made["also"].stops}
    assert fixed.crew == "early" and others.isdisjoint(stop.subject for stop in fixed.stops)
    day = town.memory.today
    assert day is not None and sorted(one.crew for one in day.crews) == ["also", "early"]


def test_a_refused_round_puts_off_no_minimum_round():
    town = Town().sees_all(5, 1)
    town.step()
    since, told = dict(town.memory.visited), dict[str, str]()
    for _ in range(7):
        town.later(1).sees_all(5, 1)
        town.sees("quay-01", 97)
        told = town.stops()
        if told:
            town.refused_plans = {("round", "early"): "off-place"}
            town.step()
    assert {unit for unit, why in told.items() if why == Why.LONGEST} >= {*UNITS["market"]}
    assert town.memory.visited["quay-01"] == since["quay-01"]


def test_a_round_that_was_not_put_on_record_is_proposed_again_while_its_day_lasts():
    town = Town().sees_all(40).sees("quay-01", 97)
    (first,) = town.round().values()
    town.refused_plans = {("round", "early"): NOT_ON_RECORD}
    (again,) = town.step().plans
    assert again.stops == first.stops and town.step().plans == [], "it was not refused a second time"
    town.refused_plans = {("round", "early"): NOT_ON_RECORD}
    turn = town.later(0.2).step()
    assert turn.plans == [] and "nobody was told to drive it" in turn.notices[0].title


def test_the_board_counts_in_words_and_numbers_each_stop_once():
    town = Town().sees_all(40).sees("quay-01", 97)
    town.round()
    board = town.step().board
    assert board is not None and ": 1 stop for 1 crew. By what the containers hold" in board.summary
    assert [(one.label, one.order) for one in board.shapes if one.order] == [("quay-01", 1)]


def test_the_board_says_on_what_the_round_rests_where_levels_are_not_known():
    town = Town()
    for unit in ALL[1:]:
        town.sees(unit, 40)
    town.sees(ALL[-1], 97)
    town.round()
    board = town.step().board
    share = f"{1 / len(ALL):.0%} of the levels were not known"
    assert board is not None and f". 1 by what the containers hold, 1 by turn; {share}; " in board.summary
    blind = Town().sees(ALL[0], 97)
    blind.round()
    board = blind.step().board
    share = f"{1 - 1 / len(ALL):.0%} of the levels were not known"
    assert board is not None and f"The fixed round, for {share}; " in board.summary


def test_a_forecast_says_when_each_is_full_with_its_interval():
    made = {one.subject: one for one in Town().sees_all(40).step().estimates}
    assert made.keys() == set(ALL)
    bin_ = made["quay-02"]
    # 55 % of room at 10 % a day
    assert bin_.low < 5.5 < bin_.high and bin_.value == pytest.approx(5.8, abs=0.6)
    assert (bin_.property, bin_.coverage, bin_.sources) == ("days-to-full", 0.8, ("quay-02",))


def test_the_minimum_round_is_driven_whatever_the_sensor_says():
    town = Town().sees_all(5, 1)
    assert town.stops() == {}
    for _ in range(7):
        town.later(1).sees_all(5, 1)
        told = town.stops()
    bins = {*UNITS["quay"], *UNITS["market"]}
    assert {unit for unit, why in told.items() if why == Why.LONGEST} == bins, "bins after 7 days, glass after 21"


@pytest.mark.parametrize("what", ["never heard", "stale", "left out", "stands still"])
def test_without_levels_the_declared_fixed_round_is_driven(what: str):
    town = Town()
    if what != "never heard":
        town.sees_all(97)
    if what == "stale":
        town.series, town.readings = (
            {key: Series(one.times - 3 * DAY, one.values) for key, one in town.series.items()},
            {key: Reading(one.value, one.observed_at - 3 * DAY, 0) for key, one in town.readings.items()},
        )
    elif what == "left out":
        town.left_out = {(unit, "fill-level"): "quarantined" for unit in ALL}
    elif what == "stands still":
        town.series = {key: Series(one.times, np.full(len(one.times), 97.0)) for key, one in town.series.items()}
        town.readings = {key: Reading(97.0, town.now, 0) for key in town.readings}
    plans = town.round()
    assert {stop.subject for plan in plans.values() for stop in plan.stops} == {*UNITS["quay"], *UNITS["market"]}
    assert all(plan.sources == () for plan in plans.values()), "it rests on no reading"
    assert town.later(1).stops().keys() == set(UNITS["glass"]), "Tuesday"


def test_at_the_very_start_it_waits_for_what_containers_say_though_not_for_long():
    town = Town(memory=WasteMemory())
    assert town.stops() == {} and town.later(10 / 1440).sees("quay-01", 97).stops() == {}, "one of ten is too few"
    assert town.later(2 / 1440).sees_all(40).sees("quay-01", 97).stops() == {"quay-01": Why.LIKELY_FULL}
    never = Town(memory=WasteMemory())
    assert never.stops() == {} and never.later(29 / 1440).stops() == {}
    assert never.later(2 / 1440).stops().keys() == {*UNITS["quay"], *UNITS["market"]}, "the fixed round"


def test_one_container_that_is_not_heard_is_visited_on_its_fixed_day():
    town = Town().sees_all(40)
    del town.readings["quay-03", "fill-level"], town.series["quay-03", "fill-level"]
    assert town.stops() == {"quay-03": Why.FIXED}


def test_levels_forged_to_full_count_as_the_containers_past_allows():
    town = Town().sees_all(20, 10)
    town.step()
    town.later(1 / 24)
    for unit in UNITS["quay"]:
        town.readings[unit, "fill-level"] = Reading(100.0, town.now, 0)
    # one reading is a spike until the next ones agree: say it five times
    for n in range(5):
        for unit in UNITS["quay"]:
            old = town.series[unit, "fill-level"]
            town.series[unit, "fill-level"] = Series(
                np.append(old.times, town.now - (5 - n)), np.append(old.values, 100.0)
            )
    assert town.stops() == {}, "20 % an hour ago cannot be 100 % now"
    known = town.memory.known["quay-01"]
    assert known.measured == 100.0 and known.level is not None and known.level < 35.0


def test_one_street_does_not_draw_every_lorry():
    raw = {**RAW["containers"], "quay": {**RAW["containers"]["quay"]}}
    town = Town(settings=settings_of(containers=raw, group_share=0.5, group_free=2))
    town.sees_all(30).sees("market-01", 97)
    for unit in UNITS["quay"]:
        town.sees(unit, 97)
    stops = town.stops()
    assert sum(unit.startswith("quay") for unit in stops) == 2 and "market-01" in stops


def test_no_answer_in_time_means_plain_order():
    town = Town().sees_all(40).sees("quay-01", 97).sees("quay-02", 97)
    assert [job.id for job in town.step().jobs] == [job.id for job in town.later(0.02).step().jobs] == ["round-19723"]
    (plan,) = town.later(0.1).step().plans
    assert [stop.subject for stop in plan.stops] == ["quay-01", "quay-02"] and plan.cause["ordered_by"] == "plain order"
    assert not town.step().jobs


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"{}",
        b'{"routes":[{"crew":"early","visits":[{"unit":"nobody","at_s":1}],"metres":1,"seconds":1,"load":1}]}',
    ],
    ids=["failed", "empty", "another shape", "another container"],
)
def test_an_answer_that_is_none_means_plain_order(answer: bytes | None):
    town = Town().sees_all(40).sees("quay-01", 97)
    (job,) = town.step().jobs
    town.done = {job.id: answer}
    (plan,) = town.step().plans
    assert plan.cause["ordered_by"] == "plain order" and [stop.subject for stop in plan.stops] == ["quay-01"]


def test_a_restart_forgets_nothing():
    town = Town().sees_all(40).sees("quay-01", 97)
    town.step()
    town.memory = msgspec.json.decode(msgspec.json.encode(town.memory), type=WasteMemory)
    assert town.stops() == {"quay-01": Why.LIKELY_FULL}
    town.memory = msgspec.json.decode(msgspec.json.encode(town.memory), type=WasteMemory)
    assert town.stops() == {}


def test_a_burning_container_is_told_and_not_loaded():
    town = Town().sees_all(40).sees("quay-01", 97).sees("quay-02", 97)
    town.sees("quay-01", 160, property_id="container-temperature")
    turn = town.step()
    (notice,) = turn.notices
    assert (notice.id, notice.urgency) == ("fire:quay-01", Urgency.SAFETY)
    town.done = {job.id: SERVICE.work(job.body) for job in turn.jobs}
    assert [stop.subject for plan in town.step().plans for stop in plan.stops] == ["quay-02"]


def test_what_fits_in_no_shift_is_told():
    crews = {"early": {"depot": "depot", "capacity_kg": 35}}
    town = Town(settings=settings_of(crews=crews)).sees_all(40).sees("quay-01", 97).sees("quay-02", 97)
    plans, notices = (turn := town.solve()).plans, turn.notices
    assert sum(len(plan.stops) for plan in plans) == 1
    assert notices[0].id == "left-out-19723" and "quay-0" in notices[0].title


def test_the_clock_going_back_neither_stops_rounds_nor_makes_them_without_end():
    town = Town(now=MONDAY + 40 * DAY + 5 * HOUR).sees_all(40).sees("quay-01", 97)
    assert town.stops()
    town = replace(town, now=MONDAY + 5 * HOUR, series={}, readings={})
    town.sees_all(40).sees("quay-01", 97)
    assert town.stops() and not town.stops()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"crews": {"a": {"depot": "depo"}}}, "did you mean `depot`"),
        ({"crews": {"a": {"depot": "depot", "starts": 9, "finishes": 9}}}, "not after it starts"),
        ({"alarms": {"hot": 40, "cool": 60}}, "`cool` is 60, above `hot`"),
        ({"roads": {"origin": [0, 0], "ways": "street both 0,0"}}, "road 1"),
        ({"containrs": {}}, "did you mean `containers`"),
        ({"fixed": []}, "length >= 1"),
    ],
    ids=["place", "shift", "alarms", "roads", "name", "no fixed round"],
)
def test_wrong_settings_are_told_with_their_mend(changes: dict[str, Any], said: str):
    found = read_settings({**RAW, **changes}, "services.bins.settings")
    assert isinstance(found, PlaceError) and said in str(found) and "services.bins.settings" in str(found)


def test_the_largest_city_is_remembered_within_the_bound_and_shown_within_the_boards():
    count = 500
    members = {"quay": tuple(f"quay-{n:03d}" for n in range(count)), "market": (), "glass": ()}
    town = Town(settings=settings_of(stops_most=500, iterations=5))
    view = replace(
        town.view,
        members=members,
        positions={unit: (2.3 + n * 1e-4, 54.9) for n, unit in enumerate(members["quay"])},
        readings={(unit, "fill-level"): Reading(99.0, town.now, 0) for unit in members["quay"]},
    )
    turn = SERVICE.step(view, WasteMemory())
    assert len(msgspec.json.encode(turn.memory)) < MOST_MEMORY / 2
    done = {job.id: None for job in turn.jobs}
    turn = SERVICE.step(replace(view, done=done), turn.memory)
    assert len(msgspec.json.encode(turn.memory)) < MOST_MEMORY / 2
    assert turn.board is not None and all(len(table.rows) <= 500 for table in turn.board.tables)


def test_the_same_view_and_memory_give_the_same_turn():
    town = Town().sees_all(40).sees("quay-01", 97)
    turns = [SERVICE.step(town.view, town.memory) for _ in range(2)]
    assert msgspec.json.encode(turns[0].memory) == msgspec.json.encode(turns[1].memory)
    assert (
        turns[0].jobs == turns[1].jobs and turns[0].board == turns[1].board and turns[0].estimates == turns[1].estimates
    )


def test_absurd_readings_raise_nothing_and_plan_nothing_of_their_own():
    absurd = [float("nan"), float("inf"), -float("inf"), 1e300, -1.0, 1e-300]
    town = Town()
    for unit, value in zip(itertools.cycle(ALL), absurd * 5, strict=False):
        for name in ("fill-level", "container-temperature", "tilt", "vibration-strength"):
            town.readings[unit, name] = Reading(value, town.now - MINUTE, MINUTE)
            rng = np.random.default_rng(1)
            times = rng.integers(0, 2 * town.now, 50)
            town.series[unit, name] = Series(times, rng.choice(absurd, 50))
    stops = town.stops()
    assert set(stops) <= set(ALL)
