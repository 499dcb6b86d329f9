"""A net's signals as declared junctions: what is worked out here by hand from the files is what comes out."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cityward.adapters.sumo.derive import Signal, derive, names_of
from cityward.adapters.sumo.net import Phase, Programme, ScenarioError, read_net
from cityward.adapters.sumo.scenario import read_scenario
from cityward.guard.signals.rules import JunctionRules
from cityward.ids import is_id
from cityward.place.checks.junction_times import junctions_keep_their_times
from cityward.place.checks.junctions import junctions_endanger_nobody, junctions_name_their_own
from scenes import CITIES, CORRIDOR, city

# corridor.net.xml, signal `first`: 0-2 from the north, 3-6 from the east, 7-9 from the south, 10-13 from the west (right,
# straight, straight, left; the side roads have one lane), 14 the foot crossing over the western arm.
#   42 s rrrGGGgrrrGGGgr | 3 s rrryyyyrrryyyyr | 37 s gGgrrrrGGgrrrrG | 5 s gGgrrrrGGgrrrrr | 3 s yyyrrrryyyrrrrr


@pytest.fixture(scope="module")
def first() -> Signal:
    return read_scenario(CORRIDOR).signals["first"]


def test_links_of_one_approach_that_always_show_the_same_are_one_group(first: Signal) -> None:
    assert first.groups == ("g0",) * 3 + ("g3",) * 4 + ("g7",) * 3 + ("g10",) * 4 + ("g14",)
    assert first.junction.groups["g10"].lanes == ("w-in_1", "w-in_2")
    assert set(first.junction.groups["g10"].leads_to) == {"s1-out_0", "middle-east_1", "middle-east_2", "n1-out_0"}


def test_the_green_phases_are_the_stages_and_the_plan_counts_each_change_to_what_follows(first: Signal) -> None:
    junction = first.junction
    assert junction.stages == {"s0": ("g3", "g10"), "s1": ("g0", "g7", "g14"), "s2": ("g0", "g7")}
    # 3 s of amber before the 42 s, 3 s before the 37 s; the 5 s follow without a change
    assert [(step.stage, step.seconds) for step in junction.plan] == [("s0", 45.0), ("s1", 40.0), ("s2", 5.0)]
    # the change to `s0` begins 3 s before the programme's cycle of 90 s does
    assert junction.offset_s == 87.0


def test_approaches_that_cross_conflict_and_opposite_ones_give_way(first: Signal) -> None:
    pairs = {frozenset((c.first, c.then)) for c in first.junction.conflicts}
    across = {frozenset((a, b)) for a in ("g0", "g7") for b in ("g3", "g10")}
    assert pairs == across | {frozenset(("g3", "g14")), frozenset(("g10", "g14"))}
    # turns of the side roads cross the crossing, which is green with them: they give way to it
    assert "g14" in first.junction.groups["g0"].yields_to and "g14" in first.junction.groups["g7"].yields_to
    assert first.junction.groups["g14"].yields_to == ()


def test_intergreens_are_the_programmes_and_who_walks_clears_the_road_first(first: Signal) -> None:
    seconds = {(c.first, c.then): (c.intergreen_s, c.back_s) for c in first.junction.conflicts}
    assert seconds["g0", "g3"] == (3.0, 3.0)
    # after the crossing's green 5 s and 3 s pass before the main road goes; before it the main road's amber of 3 s
    assert seconds["g3", "g14"] == (3.0, 8.0)
    crossing = first.junction.groups["g14"]
    assert (crossing.kind, crossing.amber_s) == ("pedestrian", 0.0)


def test_traffic_goes_on_to_the_next_signal(first: Signal) -> None:
    links = {link.group: link for link in first.junction.links}
    assert links["g10"].to == "second" and set(links["g10"].lanes) == {"middle-east_1", "middle-east_2"}
    assert links["g10"].seconds == pytest.approx(300 / 13.89, abs=1.0)  # less the junctions' own size
    assert "g3" not in links  # it leaves the net


def programme(*phases: tuple[float, str], offset: float = 0.0) -> Programme:
    made = tuple(Phase(seconds=seconds, state=state) for seconds, state in phases)
    return Programme(tl="second", id="0", kind="static", offset=offset, phases=made)


def derived(*phases: tuple[float, str], offset: float = 0.0) -> Signal:
    found = derive(read_net(CORRIDOR / "corridor.net.xml"), programme(*phases, offset=offset), "second")
    assert found is not None
    return found


MAIN, SIDE = "rrrGGGgrrrGGGg", "GGgrrrrGGgrrrr"
MAIN_ENDS, SIDE_ENDS, RED = "rrryyyyrrryyyy", "yyyrrrryyyrrrr", "r" * 14


def test_phases_that_show_the_same_are_one_stage_and_a_short_one_is_part_of_a_change() -> None:
    found = derived((20, MAIN), (22, MAIN), (3, MAIN_ENDS), (2, RED), (4, "GGgrrrrrrrrrrr"), (40, SIDE), (3, SIDE_ENDS))
    assert [(step.stage, step.seconds) for step in found.junction.plan] == [("s0", 45.0), ("s1", 49.0)]
    assert len(found.junction.stages) == 2


def test_red_for_all_after_the_amber_is_in_the_intergreen() -> None:
    found = derived((42, MAIN), (4, MAIN_ENDS), (2, RED), (40, SIDE), (3, SIDE_ENDS), (1, RED))
    conflict = next(c for c in found.junction.conflicts if (c.first, c.then) == ("g0", "g3"))
    assert (conflict.intergreen_s, conflict.back_s) == (4.0, 6.0)
    assert found.junction.groups["g3"].amber_s == 4.0


def test_a_link_that_is_never_green_is_in_no_group() -> None:
    found = derived((42, "rrrGGGrrrrGGGg"), (3, "rrryyyrrrryyyy"), (42, SIDE), (3, SIDE_ENDS))
    assert found.groups[6] is None


def test_a_link_that_may_turn_after_a_stop_rests_on_that_letter() -> None:
    found = derived((42, "srrGGGgrrrGGGg"), (3, "srryyyyrrryyyy"), (42, SIDE), (3, SIDE_ENDS))
    assert found.resting == "s" + "r" * 13
    assert found.groups[0] != found.groups[1] or found.groups[0] == "g0"


def test_a_turn_that_is_always_green_is_in_every_stage_and_gives_way() -> None:
    found = derived((42, "GrrGGGgrrrGGGg"), (3, "Grryyyyrrryyyy"), (42, SIDE), (3, "Gyyrrrryyyrrrr"))
    assert found.groups[0] == "g0" and found.groups[1] == "g1"
    assert all("g0" in stage for stage in found.junction.stages.values())
    assert not any("g0" in (c.first, c.then) for c in found.junction.conflicts)


def test_a_plan_begins_later_by_the_programmes_offset() -> None:
    phases = ((42, MAIN), (3, MAIN_ENDS), (42, SIDE), (3, SIDE_ENDS))
    # the cycle of 90 s begins at 10 s, the change to its first green 3 s before
    assert derived(*phases, offset=10.0).junction.offset_s == 7.0


def test_a_signal_without_any_green_is_no_junction() -> None:
    net = read_net(CORRIDOR / "corridor.net.xml")
    assert derive(net, programme((90, RED)), "second") is None


def test_names_of_signals_become_ids_that_differ() -> None:
    found = names_of(["GS_cluster_1", "gs cluster 1", "x" * 200, "209", "!"])
    assert len(set(found.values())) == 5
    assert all(is_id(name) for name in found.values())
    assert found["209"] == "209"


def objections(junctions: dict[str, Any]) -> list[Any]:
    whole: Any = SimpleNamespace(place=SimpleNamespace(junctions=junctions))
    checks = (junctions_name_their_own, junctions_endanger_nobody, junctions_keep_their_times)
    return [problem for check in checks for problem in check(whole)]


@pytest.mark.parametrize("name", ["corridor", *CITIES])
def test_what_is_derived_passes_the_checks_of_a_declaration(name: str) -> None:
    junctions = read_scenario(CORRIDOR if name == "corridor" else city(name)).junctions
    assert junctions and objections(junctions) == []
    assert not any(JunctionRules.of(junction).unpromised for junction in junctions.values())


def test_a_folder_without_a_configuration_says_so(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="0 configurations"):
        read_scenario(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "<net>", "no xml", '<net version="1"></net>'], ids=["empty", "cut", "text", "bare"]
)
def test_a_file_that_is_no_net_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.net.xml"
    path.write_text(text)
    with pytest.raises(ScenarioError):
        read_net(path)


def test_a_packed_net_elsewhere_and_times_of_day_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "net.xml.gz").write_bytes(gzip.compress((CORRIDOR / "corridor.net.xml").read_bytes()))
    (folder / "a.sumocfg").write_text(
        '<configuration><input><net-file value="../net.xml.gz"/></input>'
        '<time><begin value="07:00:00"/><end value="1:07:30:10"/></time></configuration>'
    )
    found = read_scenario(folder)
    assert (found.begin, found.end) == (25_200.0, 86_400 + 27_010.0)
    assert found.signals.keys() == read_scenario(CORRIDOR).signals.keys()


def test_entities_that_blow_up_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.net.xml"
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    path.write_text(f'<!DOCTYPE net [<!ENTITY l0 "ha">{laughs}]><net>&l11;</net>')
    with pytest.raises(ScenarioError):
        read_net(path)
