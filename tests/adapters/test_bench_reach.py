"""The made-up city holds together, and what the bench counts is what the closure says."""

from __future__ import annotations

import json

import msgspec
import networkx
import numpy as np
import pytest
from click.testing import CliRunner

from cityward.adapters.bench.big_place import big_place, with_supplier
from cityward.adapters.bench.big_world import CITY, TOWN, World
from cityward.adapters.bench.reach import bench_reach, place_of
from cityward.cli.bench import command
from cityward.place.loader import load
from cityward.place.model import Place
from cityward.reach.exposure.answers import Bound, Exposure, expose, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import Predicate


def loaded(place: Place) -> Place:
    raw = msgspec.yaml.encode(place)
    return load("place.yaml", lambda _: raw).place


@pytest.mark.parametrize("size", [CITY, TOWN], ids=["city", "town"])
def test_a_made_up_place_is_a_declaration_without_errors(size: World) -> None:
    place = big_place(11, seed=3, size=size)
    assert loaded(place) == place
    assert (len(place.parties), len(place.jurisdictions)) == (size.parties, size.jurisdictions)


def test_one_agreement_more_is_a_declaration_without_errors() -> None:
    place = big_place(1, seed=3, size=TOWN)
    changed = with_supplier(place)
    assert loaded(changed) == changed
    assert len(changed.agreements) == len(place.agreements) + 1


def test_the_same_seed_makes_the_same_place_and_another_another() -> None:
    assert big_place(3, seed=5, size=TOWN) == big_place(3, seed=5, size=TOWN)
    assert big_place(3, seed=5, size=TOWN) != big_place(3, seed=6, size=TOWN)


def test_there_is_something_of_everything_that_is_not_known() -> None:
    model = compile_place(big_place(60, seed=1, size=TOWN))
    fields = {path.split(".")[-1].split("[")[0] for path in model.missing}
    assert fields >= {"operator", "maintained_by", "owners", "subprocessors", "updates_from", "route", "from_places"}


@pytest.mark.parametrize("links", [10_000, 80_000])
def test_a_place_is_about_as_big_as_asked(links: int) -> None:
    place, _ = place_of(links, seed=1)
    assert len(compile_place(place).clauses.body) == pytest.approx(links, rel=0.1)


def exposed(place: Place) -> Exposure:
    return expose(compile_place(place), scenarios_of(place))


def test_the_newcomer_of_the_changed_place_reaches_the_readings_it_keeps() -> None:
    place = with_supplier(big_place(1, seed=1, size=TOWN))
    exposure = exposed(place)
    reached = exposure.reached(next(s for s in exposure.scenarios if s.subject == "newcomer"), Bound.CERTAIN)
    assert {"new-cloud", "gateway-0"} <= {node.subject for node in reached if node.predicate is Predicate.THING}


def test_the_reference_follows_every_link_so_it_misses_nothing_that_holds() -> None:
    exposure = exposed(big_place(2, seed=4, size=TOWN))
    clauses, graph = exposure.model.clauses, networkx.DiGraph()
    heads = np.repeat(clauses.head, np.diff(clauses.starts)).tolist()
    graph.add_edges_from(zip(clauses.body.tolist(), heads, strict=True))
    for lane, scenario in enumerate(exposure.scenarios):
        seed = exposure.model.nodes.number.get(scenario, -1)
        reached = {seed, *networkx.descendants(graph, seed)} if seed in graph else {seed}
        column = (exposure.upper[:, lane // 64] >> np.uint64(lane % 64)) & np.uint64(1)
        assert set(np.flatnonzero(column).tolist()) <= reached


def test_what_is_measured_is_what_was_asked_for() -> None:
    said: list[str] = []
    (one,) = bench_reach([10_000], seed=1, rounds=1, reference_s=0.05, tell=said.append)
    place, districts = place_of(10_000, seed=1)
    exposure = exposed(place)
    assert (one.districts, one.parties, one.jurisdictions) == (districts, TOWN.parties, TOWN.jurisdictions)
    assert one.scenarios == TOWN.parties + 4 * TOWN.jurisdictions
    assert one.links == len(exposure.model.clauses.body)
    assert one.held == int(np.bitwise_count(exposure.upper).sum())
    assert one.reference is not None and 2 <= one.reference.asked <= 2 * one.scenarios
    assert any("networkx" in text for text in said)


def test_the_command_prints_json_of_every_size() -> None:
    found = CliRunner().invoke(
        command, ["reach", "--sizes", "10000", "--rounds", "1", "--reference-s", "0", "--json"], catch_exceptions=False
    )
    document = json.loads(found.stdout)
    assert found.exit_code == 0
    assert [size["parties"] for size in document["sizes"]] == [TOWN.parties]
    assert document["sizes"][0]["reference"] is None


def test_the_command_tells_how_both_grow() -> None:
    sizes = ["--sizes", "20000", "--sizes", "10000"]
    found = CliRunner().invoke(
        command, ["reach", *sizes, "--rounds", "1", "--reference-s", "0.05"], catch_exceptions=False
    )
    assert "links: compile x " in found.stdout
    assert found.stdout.count("networkx") == 4
