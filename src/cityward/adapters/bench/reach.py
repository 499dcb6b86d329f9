"""`cityward bench reach`: places of several sizes, compiled, closed for every scenario, asked why, and changed.

All scenarios at once: one for each party, four for each jurisdiction; both bounds. Everything runs on one core and is told in
processor seconds, so that what else the machine does meanwhile does not count. The reference is what one would write oneself:
the same links as a networkx graph, and the descendants of each scenario in turn. It knows no AND and no thresholds, so that it
answers more than is true; as many scenarios are asked as fit into the time given to it, evenly spread, and the rest is
extrapolated.
"""

from __future__ import annotations

import gc
import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import msgspec
import numpy as np

from cityward.adapters.bench.big_place import big_place, with_supplier
from cityward.adapters.bench.big_world import CITY, TOWN, World
from cityward.place.model import Place
from cityward.reach.exposure.answers import scenarios_of
from cityward.reach.exposure.clauses import Clauses, Model
from cityward.reach.exposure.closure import Words, close_by
from cityward.reach.exposure.compile import compile_place
from cityward.reach.exposure.derive import by_head, derive
from cityward.reach.exposure.plan import plan_of

CITY_FROM = 60_000
"""Links from which on a place has a city's parties: they alone are some 48,000 links."""
ASKED = 25  # derivations timed, evenly spread over what holds


class ReachMeasurement(msgspec.Struct, frozen=True, kw_only=True):
    """One size. Processor seconds, medians of the rounds."""

    links: int  # premises of clauses
    clauses: int
    nodes: int
    scenarios: int
    parties: int
    jurisdictions: int
    districts: int
    held: int  # (node, scenario) pairs, upper bound
    compile_s: float
    plan_s: float
    lower_s: float
    upper_s: float
    derive_s: float  # one derivation
    slowest_derive_s: float
    whatif_s: float  # compile and close the place with one agreement more, both bounds
    reference: Reference | None

    @property
    def close_s(self) -> float:
        """Both bounds for every scenario, the plan included."""
        return self.plan_s + self.lower_s + self.upper_s


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """The reference on the same links. `close_s`: both bounds for every scenario, extrapolated from those asked."""

    name: str
    asked: int
    build_s: float
    close_s: float


@dataclass(frozen=True, slots=True)
class _Closed:
    """A model, closed, and how long each part took."""

    model: Model
    seeds: list[int]
    upper: Words
    compile_s: float
    plan_s: float
    lower_s: float
    upper_s: float


Tell = Callable[[str], None]


def bench_reach(
    sizes: Sequence[int], *, seed: int, rounds: int, reference_s: float, tell: Tell
) -> list[ReachMeasurement]:
    """Measure each size, in so many premise links. `tell` hears what goes on, and what was skipped."""
    reference = _networkx() if reference_s else None
    if reference is None and reference_s:
        tell("SKIPPED: the reference. networkx is not installed (pip install networkx)")
    return [_measured(links, seed, rounds, reference, reference_s, tell) for links in sizes]


def place_of(links: int, seed: int) -> tuple[Place, int]:
    """(a place of about so many premise links, its districts)."""
    world = CITY if links >= CITY_FROM else TOWN
    few, more = (_links(5, seed, world), _links(25, seed, world))
    districts = max(5, round(5 + (links - few) * 20 / (more - few)))
    return big_place(districts, seed, world), districts


def _links(districts: int, seed: int, world: World) -> int:
    return len(compile_place(big_place(districts, seed, world)).clauses.body)


def _measured(links: int, seed: int, rounds: int, reference: Any, reference_s: float, tell: Tell) -> ReachMeasurement:
    tell(f"{links:,} links: making the place")
    place, districts = place_of(links, seed)
    found = [_closed(place) for _ in range(rounds)]
    last = found[-1]
    whatif = median(_whatif_s(place) for _ in range(rounds))
    derived = _derive_s(last)
    told = None
    if reference is not None:
        tell(f"{links:,} links: networkx, {reference_s:g} s")
        told = _reference(reference, last.model.clauses, last.seeds, reference_s)
    return ReachMeasurement(
        links=len(last.model.clauses.body),
        clauses=len(last.model.clauses),
        nodes=len(last.model.nodes),
        scenarios=len(last.seeds),
        parties=len(place.parties),
        jurisdictions=len(place.jurisdictions),
        districts=districts,
        held=int(np.bitwise_count(last.upper).sum()),
        compile_s=median(one.compile_s for one in found),
        plan_s=median(one.plan_s for one in found),
        lower_s=median(one.lower_s for one in found),
        upper_s=median(one.upper_s for one in found),
        derive_s=median(derived),
        slowest_derive_s=max(derived),
        whatif_s=whatif,
        reference=told,
    )


def _closed(place: Place) -> _Closed:
    gc.collect()
    times = [time.process_time()]
    model = compile_place(place)
    times.append(time.process_time())
    seeds = [model.nodes.number.get(node, -1) for node in scenarios_of(place)]
    plan = plan_of(model.clauses, len(model.nodes))
    times.append(time.process_time())
    close_by(plan, seeds, model.clauses.certain)
    times.append(time.process_time())
    upper = close_by(plan, seeds)
    times.append(time.process_time())
    return _Closed(model, seeds, upper, *(b - a for a, b in pairwise(times)))


def _whatif_s(place: Place) -> float:
    changed = _closed(with_supplier(place))
    return changed.compile_s + changed.plan_s + changed.lower_s + changed.upper_s


def _derive_s(closed: _Closed) -> list[float]:
    """Seconds for derivations of what holds, evenly spread over scenarios and nodes."""
    heads, found = by_head(closed.model.clauses), list[float]()
    lanes = np.linspace(0, len(closed.seeds) - 1, ASKED).astype(int).tolist()
    for i, lane in enumerate(lanes):
        column = closed.upper[:, lane // 64] >> np.uint64(lane % 64) & np.uint64(1)
        held = np.flatnonzero(column)
        if len(held):
            target = int(held[(i * 7919) % len(held)])
            began = time.process_time()
            derive(closed.model, closed.seeds[lane], target, heads=heads)
            found.append(time.process_time() - began)
    return found


# --- the reference


def _networkx() -> Any:
    try:
        return importlib.import_module("networkx")
    except ImportError:
        return None


def _reference(networkx: Any, clauses: Clauses, seeds: Sequence[int], seconds: float) -> Reference:
    build_s = close_s = 0.0
    asked = 0
    for enabled in (clauses.certain, np.ones(len(clauses), dtype=np.bool_)):
        began = time.process_time()
        graph = _graph(networkx, clauses, enabled)
        build_s += time.process_time() - began
        count, spent = _descendants(networkx, graph, seeds, seconds / 2)
        asked += count
        close_s += spent / count * len(seeds)
    return Reference(name=f"networkx {networkx.__version__}", asked=asked, build_s=build_s, close_s=close_s)


def _graph(networkx: Any, clauses: Clauses, enabled: np.ndarray[Any, np.dtype[np.bool_]]) -> Any:
    clause = np.repeat(np.arange(len(clauses)), np.diff(clauses.starts))
    kept = enabled[clause]
    graph = networkx.DiGraph()
    heads, premises = clauses.head[clause][kept].tolist(), clauses.body[kept].tolist()
    graph.add_edges_from(zip(premises, heads, strict=True))
    return graph


def _descendants(networkx: Any, graph: Any, seeds: Sequence[int], seconds: float) -> tuple[int, float]:
    """(scenarios asked, processor seconds), asked in an order that spreads them evenly, until the time is up."""
    order = np.argsort(np.arange(len(seeds)) * 0.6180339887498949 % 1).tolist()
    began = time.process_time()
    for count, i in enumerate(order, 1):
        if seeds[i] in graph:
            networkx.descendants(graph, seeds[i])
        spent = time.process_time() - began
        if spent > seconds:
            return count, spent
    return len(order), time.process_time() - began
