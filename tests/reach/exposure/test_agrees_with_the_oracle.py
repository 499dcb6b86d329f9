"""The fast engine and the plain one, which share nothing but docs/reach.md, say the same of thousands of random places."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from msgspec.structs import replace

from cityward.place.model import Place
from cityward.reach.exposure.answers import Axis, Bound, Exposure, expose, items_of, scenarios_of
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.nodes import ITEMS, Predicate
from reach.exposure.oracle import RULES, Case, Fact, Oracle
from reach.exposure.random_places import Draw, random_place

COMPARED = (*ITEMS, Predicate.ACTS, Predicate.HANDS, Predicate.ADDRESSEE, Predicate.TAP, Predicate.KEY)
SMALL = 2_000
BLOCK = 250
SOON = 1_000  # those beyond are `slow`
LARGE = 12
VERDICTS_OF = 150


RECORDS = (
    "parties", "jurisdictions", "instruments", "agreements", "sites", "systems", "device_models", "devices", "datasets", "flows",
    "accesses", "keys", "services", "functions",
)  # fmt: skip


def by_the_engine(exposure: Exposure) -> dict[Fact, frozenset[Case]]:
    """Fact -> the cases in which it holds. Rows that are alike are read once."""
    cases_of: dict[tuple[bytes, bytes], frozenset[Case]] = {}
    said = dict[Fact, frozenset[Case]]()
    for number, node in enumerate(exposure.model.nodes.known):
        if node.predicate in COMPARED:
            rows = (exposure.lower[number].tobytes(), exposure.upper[number].tobytes())
            if rows not in cases_of:
                cases_of[rows] = frozenset(cases(exposure, *rows))
            said[tuple(node)] = cases_of[rows]
    return said


def cases(exposure: Exposure, lower: bytes, upper: bytes) -> Iterator[Case]:
    for bound, row in (("certain", lower), ("possible", upper)):
        bits = np.unpackbits(np.frombuffer(row, dtype=np.uint8), bitorder="little")[: len(exposure.scenarios)]
        for lane in np.flatnonzero(bits).tolist():
            yield tuple(exposure.scenarios[lane]), bound


def differences(seed: int, size: int) -> list[str]:
    """What only one of the two says, a line for each."""
    return between(random_place(seed, size), f"random_place({seed}, {size})")


def with_records_gone(seed: int) -> Place:
    """As `place_on` leaves a place: what named the records that are gone still names them."""
    place, draw = random_place(seed), Draw(seed)
    kept = {
        kind: {name: record for name, record in getattr(place, kind).items() if not draw.chance(0.1)}
        for kind in RECORDS
    }
    return replace(place, **kept)


def between(place: Place, name: str) -> list[str]:
    oracle, fast = Oracle(place).holds, by_the_engine(expose(compile_place(place), scenarios_of(place)))
    lines: list[str] = []
    for fact in (fact for fact in fast.keys() | oracle.keys() if fact[0] in COMPARED):
        slow, quick = oracle.get(fact, set[Case]()), fast.get(fact, frozenset[Case]())
        if slow != quick:
            lines += [told(name, "the oracle", fact, case) for case in slow - quick]
            lines += [told(name, "the engine", fact, case) for case in quick - slow]
    return sorted(lines)


def told(name: str, who: str, fact: Fact, case: Case) -> str:
    scenario, bound = case
    return f"{name}: only {who} says {bound}: {' '.join(scenario)}: {' '.join(fact)}"


@pytest.mark.parametrize(
    "first", [pytest.param(first, marks=[pytest.mark.slow] * (first >= SOON)) for first in range(0, SMALL, BLOCK)]
)
def test_both_engines_say_the_same_of_small_places(first: int) -> None:
    agreed = 0
    for seed in range(first, first + BLOCK):
        found = differences(seed, 1)
        assert not found, "\n".join(found[:20])
        agreed += 1
    assert agreed == BLOCK


def test_they_agree_on_two_thousand_places_at_least() -> None:
    assert len(range(0, SMALL, BLOCK)) * BLOCK >= 2_000
    assert len({repr(random_place(seed)) for seed in range(SMALL)}) == SMALL


def test_both_engines_say_the_same_of_places_with_more_scenarios_than_a_word_holds() -> None:
    wide = 0
    for seed in range(LARGE):
        found = differences(seed, 4)
        assert not found, "\n".join(found[:20])
        wide += len(scenarios_of(random_place(seed, 4))) > 64
    assert wide > LARGE / 2


def test_both_engines_say_the_same_of_places_of_which_records_are_gone() -> None:
    for seed in range(BLOCK):
        found = between(with_records_gone(seed), f"with_records_gone({seed})")
        assert not found, "\n".join(found[:20])


def test_both_engines_give_the_same_verdicts() -> None:
    given: set[str] = set()
    for seed in range(VERDICTS_OF):
        place = random_place(seed)
        exposure, oracle = expose(compile_place(place), scenarios_of(place)), Oracle(place)
        for item in items_of(exposure):
            for jurisdiction in place.jurisdictions:
                for axis in Axis:
                    fast = exposure.verdict(jurisdiction, axis, item)
                    assert fast.value == oracle.verdict(jurisdiction, axis.value, *item), (
                        seed,
                        jurisdiction,
                        axis,
                        item,
                    )
                    given.add(fast.value)
    assert given == {
        "reachable", "unknown", "access without instrument", "compellable without access", "out of reach",
    }  # fmt: skip


def test_every_rule_says_something_in_the_places_drawn() -> None:
    spoke = set[str]().union(*(Oracle(random_place(seed)).rules_that_spoke for seed in range(60)))
    assert spoke == {rule.__name__ for rule in RULES}


def test_the_places_drawn_are_neither_all_reached_nor_out_of_reach() -> None:
    held, asked = {Bound.CERTAIN: 0, Bound.POSSIBLE: 0}, 0
    for seed in range(60):
        place = random_place(seed)
        exposure = expose(compile_place(place), scenarios_of(place))
        asked += len(list(items_of(exposure))) * len(exposure.scenarios)
        for bound in Bound:
            held[bound] += sum(len(exposure.reached(scenario, bound)) for scenario in exposure.scenarios)
    assert 0.15 * asked < held[Bound.CERTAIN] < held[Bound.POSSIBLE] < 0.75 * asked
