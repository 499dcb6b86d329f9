"""Plans are bounded, repeat themselves, and can be joined without getting into each other's way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cityward.assurance.examples import TOWN
from cityward.evidence.records import CommandIssued
from cityward.exercises.planning import PlanError, batches, faults, is_wrong, joined, last_step, outline, over, planned
from cityward.exercises.scenario import Kind, Must, Plan, Scenario
from cityward.exercises.scene import Scene
from cityward.exercises.seen import Answer, Seen
from cityward.exercises.steps import Ask, Deed, Do, Persona, Send
from cityward.place.loader import load
from cityward.time import DAY, HOUR


def send(key: str = "lie", at_s: float = 0.0, unit_: str = "counter-1", **more: object) -> Send:
    return Send(key=key, at_s=at_s, unit=unit_, body=b"[]", **more)  # type: ignore[arg-type]


def must(since: str = "lie", id_: str = "seen") -> Must:
    return Must(id=id_, kind=Kind.DETECTED, said="", when=lambda seen: seen.refused(since), since=since, within_s=60)


def plan(*steps: Send | Ask | Do, **more: object) -> Plan:
    return Plan(steps=steps or (send(),), musts=(must(),), **more)  # type: ignore[arg-type]


def scenario(made: Plan) -> Scenario:
    def make(scene: Scene, chance: np.random.Generator) -> Plan:
        assert scene
        return replace(made, steps=(replace(made.steps[0], at_s=round(chance.uniform(0, 60), 6)), *made.steps[1:]))

    return Scenario(id="S-99", title="a lie", source="nowhere", limits="all", plan=make)


SCENE = Scene(load("place.yaml", {"place.yaml": TOWN.encode()}.__getitem__), 0, 60.0)


def test_the_seed_makes_the_plan_and_nothing_else_does() -> None:
    one, again, other = (planned(scenario(plan()), SCENE, seed) for seed in (7, 7, 8))
    assert isinstance(one, Plan)
    assert isinstance(again, Plan)
    assert isinstance(other, Plan)
    assert outline(one) == outline(again) != outline(other)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (plan(send("lie"), send("lie")), "stands twice"),
        (plan(send("truth")), "counts from `lie`, no step"),
        (Plan(steps=(), musts=()), "a plan has steps"),
        (plan(send(at_s=-1)), "before the beginning"),
        (plan(send(copies=0)), "0 copies"),
        (plan(send(copies=100_001)), "100001 copies"),
        (plan(settle_s=6 * 3600.0 + 1), "city seconds are more than"),
        (plan(send(), Ask(key="look", at_s=0, who="eve", method="GET", path="/")), "no persona"),
        (plan(send(), Do(key="stop", at_s=0, deed=Deed.CONTAIN, by="eve")), "no persona"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(made: Plan, said: str) -> None:
    assert any(said in fault for fault in faults(made))
    with pytest.raises(PlanError):
        planned(replace(scenario(made), plan=lambda _scene, _chance: made), SCENE, 7)


def test_the_end_is_after_the_last_copy_and_the_settling() -> None:
    made = plan(send(at_s=10, copies=3, spread_s=20), settle_s=100)
    assert last_step(made) == 30
    assert over(made) == 130


def test_joined_plans_keep_their_steps_apart() -> None:
    both = joined({"S-01": plan(settle_s=100), "S-02": plan(settle_s=100)}, apart_s=60)
    assert [(step.key, step.at_s) for step in both.steps] == [("S-01.lie", 0), ("S-02.lie", 60)]
    assert [one.id for one in both.musts] == ["S-01.seen", "S-02.seen"]
    assert over(both) == 160
    assert list(faults(both)) == []


def test_a_must_of_joined_plans_sees_its_own_steps_only() -> None:
    both = joined({"S-01": plan(), "S-02": plan()})
    seen = Seen(0, 9, [], {}, {"S-02.lie": Answer(401, 5)}, {})
    assert [one.when(seen) for one in both.musts] == [None, 5]


def test_lifting_in_joined_plans_names_the_containment_of_its_own_plan() -> None:
    cut = Do(key="cut", at_s=0, deed=Deed.CONTAIN)
    lift = Do(key="lift", at_s=9, deed=Deed.LIFT, said={"of": "cut"})
    both = joined({"S-01": plan(send(), cut, lift)})
    [last] = [step for step in both.steps if step.key == "S-01.lift"]
    assert isinstance(last, Do)
    assert last.said == {"of": "S-01.cut"}


def test_people_of_one_name_are_one_person() -> None:
    eve = Persona(name="eve", party="council")
    assert joined({"a": plan(personas=(eve,)), "b": plan(personas=(eve,))}).personas == (eve,)
    with pytest.raises(PlanError, match="eve"):
        joined({"a": plan(personas=(eve,)), "b": plan(personas=(Persona(name="eve", party="acme"),))})


def test_a_command_is_wrong_where_it_rests_on_who_lies() -> None:
    def command(*sources: str) -> CommandIssued:
        return CommandIssued(
            at=0,
            by="service",
            command_id="c",
            service="s",
            device="lamp",
            command="dim",
            value=1,
            cause={},
            sources=sources,
        )

    made = plan()
    assert is_wrong(made, command("counter-1", "other"))
    assert not is_wrong(made, command("other"))
    assert is_wrong(replace(made, wrong=lambda one: one.value == 1), command("other"))
    assert is_wrong(joined({"a": made}), command("counter-1"))


def of(*units: str, deed: Deed | None = None, roles: tuple[str, ...] = ()) -> Plan:
    steps = [send(f"k{n}", unit_=unit) for n, unit in enumerate(units)]
    more = () if deed is None else (Do(key="do", at_s=0, deed=deed),)
    return Plan(steps=(*steps, *more), musts=(), roles=roles)


def test_plans_that_speak_for_different_devices_share_a_twin() -> None:
    assert batches({"a": of("loops-01"), "b": of("lamps-01"), "c": of("loops-02")}) == [["a", "b"], ["c"]]


def test_a_plan_that_mars_the_twin_is_its_last_and_shares_it_with_no_other_such() -> None:
    plans = {"a": of("x-01", deed=Deed.END), "b": of("y-01"), "c": of("z-01", deed=Deed.CONTAIN)}
    assert batches(plans) == [["b", "a"], ["c"]]


def test_a_twin_runs_no_process_that_its_plans_do_not_need() -> None:
    assert batches({"a": of("x-01"), "b": of("y-01", roles=("cameras",))}) == [["a"], ["b"]]


def test_a_twin_of_the_dark_is_not_one_of_the_day() -> None:
    assert batches({"a": of("x-01"), "b": replace(of("y-01"), began=HOUR)}) == [["a"], ["b"]]


def test_a_scenario_with_an_hour_begins_at_the_next_such_hour_of_the_place() -> None:
    scene = replace(SCENE, began=1_790_000_000_000_000)
    plain, late = (planned(replace(scenario(plan(send())), hour=hour), scene, 7) for hour in (None, 23.0))
    assert isinstance(plain, Plan) and isinstance(late, Plan)
    assert plain.began == scene.began
    assert 0 <= late.began - scene.began < DAY
    assert replace(scene, began=late.began).hour() == pytest.approx(23.0, abs=1e-6)
    # 1 degree of longitude is 4 minutes of the sun
    assert late.began % DAY == pytest.approx((23 - scene.place.position[0] / 15) % 24 * HOUR, abs=2)


def test_a_twin_is_for_so_many_plans_at_most() -> None:
    assert batches({name: of(f"{name}-01") for name in "abc"}, most=2) == [["a", "b"], ["c"]]
