"""Derivations: they hold, they are the shortest, and the next ones are the next."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from cityward.adapters.bench.big_place import big_place
from cityward.adapters.bench.big_world import TOWN
from cityward.reach.exposure.answers import scenarios_of
from cityward.reach.exposure.clauses import Model, premises
from cityward.reach.exposure.closure import close
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.derive import Derivation, by_head, derivations, derive
from reach.exposure.clause_sets import Clause, Shape, bits, model_of, naive

PLAIN = Shape(nodes=9, clauses=18, premises=3, backward=0.5, weights=(1,))
SHAPES = {
    "circles": Shape(nodes=12, clauses=25),
    "no circle": Shape(nodes=30, clauses=70, backward=0.0),
    "thresholds": Shape(nodes=25, clauses=50, premises=12, backward=0.2),
    "long thresholds of like weights": Shape(nodes=40, clauses=60, premises=30, backward=0.1, weights=(7,)),
    "some hold by themselves": Shape(nodes=12, clauses=25, axioms=0.2),
    "plain": PLAIN,
}


def plain(shape: Shape) -> list[Clause]:
    """Edges and ANDs only: where the shortest derivation is exactly the cheapest."""
    return [(head, len(body) if need > 1 else need, body) for head, need, body in shape.make()]


def check(clauses: list[Clause], seed: int, derivation: Derivation) -> None:
    """Every step applies a clause whose weights are reached by premises derived before, and nothing is in vain."""
    held, used = {seed}, {derivation.target}
    for step in derivation.steps:
        head, need, body = clauses[step.clause]
        weight = dict(body)
        assert step.head == head and head not in held
        assert held.issuperset(step.premises) and len(set(step.premises)) == len(step.premises)
        reached = sum(weight[p] for p in step.premises)
        assert reached >= need
        assert all(reached - weight[p] < need for p in step.premises), "a premise that is not needed"
        held.add(head)
        used.update(step.premises)
    assert derivation.target in held
    assert {step.head for step in derivation.steps} <= used, "a step on which nothing rests"


def cost(derivation: Derivation, seed: int) -> int:
    costs = {seed: 0}
    for step in derivation.steps:
        costs[step.head] = 1 + sum(costs[p] for p in step.premises)
    return costs[derivation.target]


def cheapest(clauses: list[Clause], seed: int) -> dict[int, int]:
    """What each node costs, of edges and ANDs: lowered until nothing can be lowered."""
    costs, before = {seed: 0}, {}
    while costs != before:
        before = dict(costs)
        for head, need, body in clauses:
            prices = [costs[p] for p, _ in body if p in costs]
            if len(prices) >= need and (need <= 1 or len(prices) == len(body)):
                price = 1 + (sum(prices) if need > 1 else min(prices, default=0))
                costs[head] = min(price, costs.get(head, price))
    return costs


def every(clauses: list[Clause], seed: int, target: int) -> set[tuple[int, frozenset[int]]]:
    """(cost, clauses) of every derivation, of edges and ANDs, by choosing a clause for each node in all ways."""

    def ways(node: int, chosen: dict[int, int], above: frozenset[int]) -> Iterator[dict[int, int]]:
        if node == seed:
            yield chosen
            return
        if node in above:
            return
        options = [chosen[node]] if node in chosen else [i for i, c in enumerate(clauses) if c[0] == node]
        for i in options:
            yield from all_of([p for p, _ in clauses[i][2]], {**chosen, node: i}, above | {node})

    def all_of(nodes: list[int], chosen: dict[int, int], above: frozenset[int]) -> Iterator[dict[int, int]]:
        if not nodes:
            yield chosen
            return
        for further in ways(nodes[0], chosen, above):
            yield from all_of(nodes[1:], further, above)

    def price(node: int, chosen: dict[int, int]) -> int:
        return 0 if node == seed else 1 + sum(price(p, chosen) for p, _ in clauses[chosen[node]][2])

    return {(price(target, way), frozenset(way.values())) for way in ways(target, {}, frozenset())}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_derives_exactly_what_holds_and_every_step_stands(shape: Shape) -> None:
    for number in range(60):
        clauses = replace(shape, seed=number).make()
        model, chance = model_of(clauses), random.Random(number)
        enabled = [chance.random() < 0.8 for _ in clauses]
        mask = np.array(enabled, dtype=np.bool_)
        seed = chance.randrange(-1, shape.nodes)
        held = naive(clauses, seed, enabled)
        for target in range(shape.nodes):
            found = derive(model, seed, target, mask)
            assert (found is not None) == (target in held)
            if found is not None:
                check(clauses, seed, found)
                assert all(enabled[step.clause] for step in found.steps)


def test_of_a_made_up_town_it_derives_what_the_closure_says_both_bounds() -> None:
    place = big_place(2, seed=8, size=TOWN)
    model = compile_place(place)
    heads, chance = by_head(model.clauses), random.Random(8)
    seeds = [model.nodes.number[s] for s in scenarios_of(place) if s in model.nodes.number]
    clauses = [
        (int(h), int(model.clauses.need[i]), premises(model.clauses, i)) for i, h in enumerate(model.clauses.head)
    ]
    for mask in (model.clauses.certain, None):
        held = bits(close(model.clauses, len(model.nodes), seeds, mask), len(seeds))
        for _ in range(400):
            lane, target = chance.randrange(len(seeds)), chance.randrange(len(model.nodes))
            target = chance.choice(sorted(held[lane])) if chance.random() < 0.5 else target
            found = derive(model, seeds[lane], target, mask, heads)
            assert (found is not None) == (target in held[lane])
            if found is not None:
                check(clauses, seeds[lane], found)


def test_the_derivation_is_the_cheapest_there_is() -> None:
    for number in range(150):
        clauses = plain(replace(PLAIN, seed=number, nodes=14, clauses=30))
        model, costs = model_of(clauses), cheapest(clauses, 0)
        for target in range(14):
            found = derive(model, 0, target)
            assert (None if found is None else cost(found, 0)) == costs.get(target)


def test_all_derivations_come_once_each_and_the_shortest_first() -> None:
    compared = 0
    for number in range(200):
        clauses = [c for c in plain(replace(PLAIN, seed=number)) if len(c[2]) == c[1]]
        for target in range(1, PLAIN.nodes):
            expected = every(clauses, 0, target)
            found = derivations(model_of(clauses), 0, target, most=len(expected) + 5)
            told = [(cost(d, 0), frozenset(step.clause for step in d.steps)) for d in found]
            assert [price for price, _ in told] == sorted(price for price, _ in expected)
            assert set(told) == expected
            compared += len(expected) > 1
    assert compared > 100


def test_further_derivations_of_thresholds_stand_and_are_distinct() -> None:
    for number in range(60):
        shape = replace(SHAPES["thresholds"], seed=number)
        clauses = shape.make()
        for target in range(0, shape.nodes, 3):
            found = derivations(model_of(clauses), 0, target, most=6)
            for derivation in found:
                check(clauses, 0, derivation)
            sets = [frozenset(step.clause for step in d.steps) for d in found]
            assert len(set(sets)) == len(sets)
            costs = [cost(d, 0) for d in found]
            assert costs[:1] == sorted(costs)[:1]


def test_the_first_of_the_derivations_is_the_derivation() -> None:
    clauses = replace(SHAPES["circles"], seed=3).make()
    model = model_of(clauses)
    for target in range(12):
        first = derive(model, 0, target)
        assert derivations(model, 0, target, most=1) == (() if first is None else (first,))
        assert derivations(model, 0, target, most=0) == ()


def test_the_seed_itself_needs_no_step() -> None:
    model = model_of([(0, 1, [(1, 1)]), (1, 1, [(0, 1)])])
    assert derive(model, 0, 0) == Derivation(0, ())
    assert derivations(model, 0, 0, most=3) == (Derivation(0, ()),)


def test_nothing_follows_from_nothing() -> None:
    assert derive(model_of([(1, 1, [(0, 1)])]), -1, 1) is None
    assert derive(model_of([]), 0, 1) is None
    assert derivations(model_of([]), 0, 7, most=3) == ()


def diamond() -> Model:
    # 3 from 0 by way of 2 (clauses 0 and 1) or by way of 1 (clauses 2 and 3)
    return model_of([(3, 1, [(2, 1)]), (2, 1, [(0, 1)]), (1, 1, [(0, 1)]), (3, 1, [(1, 1)])])


def test_of_equally_short_ways_the_one_declared_first_is_told() -> None:
    found = derivations(diamond(), 0, 3, most=5)
    assert [[step.clause for step in d.steps] for d in found] == [[1, 0], [2, 3]]


def test_a_threshold_uses_no_more_premises_than_it_needs() -> None:
    # 5 needs two of 1 to 4: 3 and 4 cost more. Of unlike weights what is spare falls away, dearest first
    give: list[Clause] = [(1, 1, [(0, 1)]), (2, 1, [(0, 1)]), (3, 1, [(1, 1)]), (4, 1, [(3, 1)])]
    two = derive(model_of([*give, (5, 2, [(4, 1), (3, 1), (2, 1), (1, 1)])]), 0, 5)
    assert two is not None and two.steps[-1].premises == (1, 2)
    dear = derive(model_of([*give, (5, 50, [(1, 20), (2, 20), (3, 49), (4, 10)])]), 0, 5)
    assert dear is not None and dear.steps[-1].premises == (1, 3)


def test_clauses_by_head_may_be_made_once_for_many_derivations() -> None:
    clauses = replace(SHAPES["no circle"], seed=9).make()
    model = model_of(clauses)
    heads = by_head(model.clauses)
    for target in range(30):
        assert derive(model, 0, target, heads=heads) == derive(model, 0, target)


def test_a_long_chain_is_derived_to_its_end() -> None:
    found = derive(model_of([(i + 1, 1, [(i, 1)]) for i in range(5000)]), 0, 5000)
    assert found is not None and [step.head for step in found.steps] == list(range(1, 5001))
