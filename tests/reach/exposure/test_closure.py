"""The closure, held to a fixpoint anyone can read."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.reach.exposure.closure import close, close_by
from cityward.reach.exposure.plan import MOST_RANKS, plan_of
from reach.exposure.clause_sets import Clause, Shape, bits, columns, naive

SHAPES = {
    "few nodes, all in circles": Shape(nodes=4, clauses=9),
    "circles": Shape(nodes=30, clauses=45),
    "no circle": Shape(nodes=60, clauses=110, backward=0.0),
    "some circles": Shape(nodes=60, clauses=110, backward=0.1),
    "many for each head": Shape(nodes=6, clauses=200, backward=0.3),
    "long thresholds": Shape(nodes=70, clauses=40, premises=60, backward=0.1),
    "long thresholds of like weights": Shape(nodes=70, clauses=40, premises=60, backward=0.3, weights=(7,)),
    "shares in ten-thousandths": Shape(nodes=25, clauses=40, weights=(250_000, 333_333, 100_001, 500_000)),
    "some hold by themselves": Shape(nodes=30, clauses=45, axioms=0.1),
    "nothing but single premises": Shape(nodes=80, clauses=120, premises=1),
}


def check(clauses: list[Clause], nodes: int, seeds: list[int], enabled: list[bool] | None = None) -> None:
    mask = None if enabled is None else np.array(enabled, dtype=np.bool_)
    words = close(columns(clauses), nodes, seeds, mask)
    assert words.shape == (nodes, -(-len(seeds) // 64))
    assert words.dtype == np.uint64
    assert bits(words, len(seeds)) == [naive(clauses, seed, enabled) for seed in seeds]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_holds_what_trying_every_clause_again_and_again_finds(shape: Shape) -> None:
    for seed in range(120):
        shape.seed = seed
        chance = random.Random(seed)
        clauses = shape.make()
        seeds = [chance.randrange(-1, shape.nodes) for _ in range(chance.choice((1, 5, 63, 64, 65)))]
        enabled = [chance.random() < 0.8 for _ in clauses] if seed % 2 else None
        check(clauses, shape.nodes, seeds, enabled)


@st.composite
def clause_sets(draw: st.DrawFn) -> tuple[int, list[Clause], list[int], list[bool]]:
    nodes = draw(st.integers(1, 12))
    node = st.integers(0, nodes - 1)
    premises = st.dictionaries(node, st.integers(1, 9), max_size=5).map(lambda d: list(d.items()))
    clauses: list[Clause] = draw(st.lists(st.tuples(node, st.integers(-1, 20), premises), max_size=20))
    seeds = draw(st.lists(st.integers(-1, nodes - 1), max_size=4))
    return nodes, clauses, seeds, draw(st.lists(st.booleans(), min_size=len(clauses), max_size=len(clauses)))


@given(clause_sets())
@settings(max_examples=400, deadline=None)
def test_holds_what_the_slowest_way_finds_for_any_clauses(
    given: tuple[int, list[Clause], list[int], list[bool]],
) -> None:
    nodes, clauses, seeds, enabled = given
    check(clauses, nodes, seeds, enabled)


def test_a_scenario_that_begins_from_nothing_holds_nothing() -> None:
    assert bits(close(columns([(1, 1, [(0, 1)])]), 2, [-1, 0]), 2) == [set(), {0, 1}]


def test_without_clauses_only_the_seeds_hold() -> None:
    check([], 3, [2, -1, 0])


def test_no_scenario_is_no_word() -> None:
    assert close(columns([(1, 1, [(0, 1)])]), 2, []).shape == (2, 0)


def test_a_seed_with_clauses_of_its_own_stays() -> None:
    check([(1, 1, [(0, 1)]), (2, 2, [(1, 1), (0, 1)])], 3, [1, 2, 0])


@pytest.mark.parametrize("many", [MOST_RANKS - 1, MOST_RANKS, MOST_RANKS + 1, 3 * MOST_RANKS, 1500])
def test_many_premises_of_one_clause_count_each_once(many: int) -> None:
    # node `many` needs all but one of the first `many`, which the seeds many + 1 and many + 2 give
    every = [(p, 1) for p in range(many)]
    clauses: list[Clause] = [(many, many - 1, every), (many + 3, many, every), (many + 4, 1, every)]
    clauses += [(p, 1, [(many + 1, 1)]) for p in range(many - 1)] + [(p, 1, [(many + 2, 1)]) for p in range(many - 2)]
    check(clauses, many + 5, [many + 1, many + 2, 0])


@pytest.mark.parametrize("long", [2, 70, 700])
def test_a_ring_carries_a_fact_all_the_way_round(long: int) -> None:
    ring: list[Clause] = [((i + 1) % long, 1, [(i, 1)]) for i in range(long)]
    check([*ring, (0, 2, [(long // 2, 1), (long - 1, 1)])], long, [0, long // 2, -1])


def test_a_long_chain_is_closed_to_its_end() -> None:
    chain: list[Clause] = [(i + 1, 1, [(i, 1)]) for i in range(3000)]
    words = close(columns(chain), 3001, [0, 2999])
    assert np.bitwise_count(words).sum() == 3001 + 2


def test_two_circles_and_what_lies_between_them() -> None:
    clauses: list[Clause] = [
        (1, 1, [(0, 1)]), (0, 1, [(1, 1)]), (2, 1, [(1, 1)]), (3, 2, [(2, 1), (0, 1)]), (4, 1, [(3, 1)]), (3, 1, [(4, 1)]),
    ]  # fmt: skip
    check(clauses, 5, [0, 1, 2, 3, 4])


def test_one_plan_serves_any_mask_and_any_scenarios() -> None:
    shape = Shape(nodes=40, clauses=90, backward=0.2, seed=5)
    clauses, chance = shape.make(), random.Random(5)
    plan = plan_of(columns(clauses), shape.nodes)
    for _ in range(30):
        seeds = [chance.randrange(-1, shape.nodes) for _ in range(chance.randint(0, 130))]
        enabled = [chance.random() < 0.7 for _ in clauses]
        words = close_by(plan, seeds, np.array(enabled, dtype=np.bool_))
        assert bits(words, len(seeds)) == [naive(clauses, seed, enabled) for seed in seeds]


def test_more_clauses_never_hold_less() -> None:
    shape = Shape(nodes=200, clauses=500, backward=0.2, seed=11)
    plan, seeds, chance = plan_of(columns(shape.make()), 200), list(range(200)), np.random.default_rng(11)
    mask = np.zeros(500, dtype=np.bool_)
    held = close_by(plan, seeds, mask)
    for _ in range(20):
        mask |= chance.random(500) < 0.1
        more = close_by(plan, seeds, mask)
        assert not (held & ~more).any()
        held = more
