"""Rounds beside the best known: instances of the X set, through the same job that orders a day's collection.

Source: E. Uchoa et al., "New benchmark instances for the capacitated vehicle routing problem", EJOR 257(3), 2017; instances
and best known costs as in `github.com/PyVRP/Instances` (MIT). PyVRP's published gap is a mean over 100 instances and ten
seeds, at 2.4 seconds for each place on a machine of PassMark 2183.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from cityward.adapters.bench.tables import Table
from cityward.errors import LinkError
from cityward.services.waste import SERVICE
from cityward.services.waste.routing import Given, JobCrew, JobStop, Routed, RoutingJob

FOLDER = "waste_cvrp_x"
PUBLISHED_GAP = 0.31  # percent
PUBLISHED_BUDGET = 2.4  # seconds for each place
SHORT_BUDGET, SHORT_COUNT = 0.1, 6


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance. best: the best known cost."""

    name: str
    job: RoutingJob
    best: int

    @property
    def places(self) -> int:
        """Stops and the depot."""
        return len(self.job.stops) + 1


def read_instance(path: Path) -> Instance:
    """An instance in VRPLIB's form, with its `.sol` beside it. Distances are Euclidean, rounded.

    Raises:
        LinkError: it cannot be read.
    """
    try:
        words = path.read_text(encoding="utf-8").split()
        best = int(path.with_suffix(".sol").read_text(encoding="utf-8").split()[-1])
        at, loads = words.index("NODE_COORD_SECTION"), words.index("DEMAND_SECTION")
        count = int(words[words.index("DIMENSION") + 2])
        capacity = int(words[words.index("CAPACITY") + 2])
        spots = np.array(words[at + 1 : at + 1 + 3 * count], np.float64).reshape(-1, 3)[:, 1:]
        demands = [int(word) for word in words[loads + 2 : loads + 2 + 2 * count : 2]]
    except (OSError, ValueError, IndexError) as error:
        raise LinkError(f"no instance could be read from {path}: {error}") from error
    apart = np.rint(np.hypot(*(spots[:, None, :] - spots[None, :, :]).transpose(2, 0, 1))).astype(int)
    stops = tuple(JobStop(unit=str(n), at=(0.0, 0.0), load=demands[n]) for n in range(1, count))
    crew = JobCrew(name="lorry", depot=0, ends=0, capacity=capacity, count=count - 1)
    ways = Given(metres=tuple(map(tuple, apart.tolist())))
    job = RoutingJob(places=((0.0, 0.0),), crews=(crew,), stops=stops, ways=ways, iterations=10_000_000)
    return Instance(path.stem, job, best)


def run(
    data: Path,
    tell: Callable[[str], None],
    whole: bool = False,
    budget: float = 0.0,
    instances: int = 0,
    seed: int = 1,
    **_: object,
) -> Sequence[Table]:
    """The gap of each instance. budget: seconds for each place; 0: short, or the published one where `whole`.

    Raises:
        LinkError: there is no instance.
    """
    found = sorted((data / FOLDER).glob("X-n*.vrp"))
    if not found:
        raise LinkError(f"no instances in {data / FOLDER}")
    budget = budget or (PUBLISHED_BUDGET if whole else SHORT_BUDGET)
    picked = found if whole else found[: instances or SHORT_COUNT]
    rows = [_row(read_instance(path), budget, seed, tell) for path in picked]
    gaps = [row[5] for row in rows]
    mean = float(np.mean(gaps))
    full = budget >= PUBLISHED_BUDGET
    verdict = f"mean gap {mean:.2f} % at {budget:g} s a place; published {PUBLISHED_GAP} % at {PUBLISHED_BUDGET} s"
    if not full:
        verdict += ": a shorter budget, not comparable"
    notes = (
        f"{len(rows)} of {len(found)} instances, one seed ({seed}), one core. `--whole`: all at the published budget.",
        "In the city a job is bounded by iterations, not by time; here by time, to stand beside the published figure.",
    )
    title, head = "Rounds beside the best known (X set)", (
        "instance", "places", "seconds", "iterations", "cost", "gap %", "best known",
    )  # fmt: skip
    return [Table(title=title, head=head, rows=tuple(rows), verdict=verdict, notes=notes)]


def _row(
    instance: Instance, budget: float, seed: int, tell: Callable[[str], None]
) -> tuple[str, int, float, int, int, float, int]:
    seconds = budget * instance.places
    tell(f"{instance.name}: {seconds:.0f} s")
    body = msgspec.json.encode(msgspec.structs.replace(instance.job, seconds=seconds, seed=seed))
    began = time.monotonic()
    answer = msgspec.json.decode(SERVICE.work(body), type=Routed)
    took = time.monotonic() - began
    cost = _checked(instance, answer)
    gap = 100 * (cost / instance.best - 1)
    return instance.name, instance.places, round(took, 1), answer.iterations, cost, round(gap, 3), instance.best


def _checked(instance: Instance, answer: Routed) -> int:
    """The cost, counted anew from the stops' order; every stop once, no lorry over its capacity."""
    assert isinstance(instance.job.ways, Given)
    metres, loads, cost = instance.job.ways.metres, {stop.unit: stop.load for stop in instance.job.stops}, 0
    visited = [visit.unit for route in answer.routes for visit in route.visits]
    if sorted(visited) != sorted(loads):
        raise LinkError(f"{instance.name}: the answer does not visit every stop once")
    for route in answer.routes:
        way = [0, *(int(visit.unit) for visit in route.visits), 0]
        if sum(loads[visit.unit] for visit in route.visits) > instance.job.crews[0].capacity:
            raise LinkError(f"{instance.name}: a lorry is over its capacity")
        cost += sum(metres[a][b] for a, b in pairwise(way))
    return cost
