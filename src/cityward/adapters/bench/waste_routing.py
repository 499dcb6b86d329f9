"""Rounds beside the best known: instances of the X set, through the same job that orders a day's collection.

Source: E. Uchoa et al., "New benchmark instances for the capacitated vehicle routing problem", EJOR 257(3), 2017; instances
and best known costs as in `github.com/PyVRP/Instances` (MIT). PyVRP's published gap is a mean over 100 instances and ten
seeds, at 2.4 seconds for each place on a machine of PassMark 2183.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from cityward.adapters.bench.tables import Table
from cityward.errors import LinkError
from cityward.services.waste.routing import Given, JobCrew, JobStop, Routed, RoutingJob, route

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


class ProcessorTime:
    """Stops a search after so many seconds of this process's processor time, counted from the first question.

    Why not by the clock: on a machine with other work, seconds that went to others would make the gap look worse, and a
    figure that hangs on who else was at work is none.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._began = seconds, -1.0

    def __call__(self, best_cost: float) -> bool:
        """Whether the time is used up."""
        now = time.process_time()
        if self._began < 0:
            self._began = now
        return now - self._began >= self._seconds


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One instance as it was measured. budget: seconds of processor time for each place; processor_s, clock_s: what it took."""

    name: str
    places: int
    budget: float
    seed: int
    solver: str
    processor_s: float
    clock_s: float
    iterations: int
    cost: int
    best: int

    @property
    def gap(self) -> float:
        """Percent above the best known cost."""
        return 100 * (self.cost / self.best - 1)


def run(
    data: Path,
    tell: Callable[[str], None],
    whole: bool = False,
    budget: float = 0.0,
    instances: int = 0,
    skip: int = 0,
    keep: Path | None = None,
    seed: int = 1,
    **_: object,
) -> Sequence[Table]:
    """The gap of each instance.

    budget: seconds of processor time for each place; 0: short, or the published one where `whole`. keep: a file to which each
    instance is appended as it is done; what stands there of this budget, seed and solver is not measured again.

    Raises:
        LinkError: there is no instance, or the file cannot be read or written.
    """
    found = sorted((data / FOLDER).glob("X-n*.vrp"), key=lambda path: (int(path.stem.split("-")[1][1:]), path.stem))
    budget = budget or (PUBLISHED_BUDGET if whole else SHORT_BUDGET)
    picked = found[skip:] if whole else found[skip:][: instances or SHORT_COUNT]
    if not picked:
        raise LinkError(f"no instances in {data / FOLDER}, or all skipped")
    solver = f"pyvrp {metadata.version('pyvrp')}"
    done = {one.name: one for one in _kept(keep) if (one.budget, one.seed, one.solver) == (budget, seed, solver)}
    rows: list[Kept] = []
    for path in picked:
        if path.stem not in done:
            done[path.stem] = _measured(read_instance(path), budget, seed, solver, tell)
            _append(keep, done[path.stem])
        rows.append(done[path.stem])
    return [_table(rows, len(found), budget, seed)]


def _kept(keep: Path | None) -> list[Kept]:
    if keep is None or not keep.exists():
        return []
    try:
        return [msgspec.json.decode(line, type=Kept) for line in keep.read_bytes().splitlines() if line.strip()]
    except (OSError, msgspec.MsgspecError) as error:
        raise LinkError(f"what was measured could not be read from {keep}: {error}") from error


def _append(keep: Path | None, one: Kept) -> None:
    if keep is None:
        return
    try:
        with keep.open("ab") as file:
            file.write(msgspec.json.encode(one) + b"\n")
    except OSError as error:
        raise LinkError(f"what was measured could not be written to {keep}: {error}") from error


def _table(rows: Sequence[Kept], of: int, budget: float, seed: int) -> Table:
    mean = float(np.mean([one.gap for one in rows]))
    verdict = f"mean gap {mean:.2f} % at {budget:g} s a place; published {PUBLISHED_GAP} % at {PUBLISHED_BUDGET} s"
    if budget < PUBLISHED_BUDGET:
        verdict += ": a shorter budget, not comparable"
    notes = (
        f"{len(rows)} of {of} instances, one seed ({seed}), one core, {rows[0].solver}. `--whole`: all at the published budget.",
        "The budget is processor time, so that other work on the machine does not count.",
        "In the city a job is bounded by iterations, not by time; here by time, to stand beside the published figure.",
    )
    head = ("instance", "places", "processor s", "clock s", "iterations", "cost", "gap %", "best known")
    cells = tuple(
        (one.name, one.places, one.processor_s, one.clock_s, one.iterations, one.cost, round(one.gap, 3), one.best)
        for one in rows
    )
    return Table(title="Rounds beside the best known (X set)", head=head, rows=cells, verdict=verdict, notes=notes)


def _measured(instance: Instance, budget: float, seed: int, solver: str, tell: Callable[[str], None]) -> Kept:
    seconds = budget * instance.places
    tell(f"{instance.name}: {seconds:.0f} s of processor time")
    body = msgspec.json.encode(msgspec.structs.replace(instance.job, seed=seed))
    clock, processor = time.monotonic(), time.process_time()
    answer = msgspec.json.decode(route(body, ProcessorTime(seconds)), type=Routed)
    return Kept(
        name=instance.name,
        places=instance.places,
        budget=budget,
        seed=seed,
        solver=solver,
        processor_s=round(time.process_time() - processor, 1),
        clock_s=round(time.monotonic() - clock, 1),
        iterations=answer.iterations,
        cost=_checked(instance, answer),
        best=instance.best,
    )


def _checked(instance: Instance, answer: Routed) -> int:
    """The cost, counted anew from the stops' order; every stop once, no lorry over its capacity."""
    assert isinstance(instance.job.ways, Given)
    metres, loads, cost = instance.job.ways.metres, {stop.unit: stop.load for stop in instance.job.stops}, 0
    visited = [visit.unit for one in answer.routes for visit in one.visits]
    if sorted(visited) != sorted(loads):
        raise LinkError(f"{instance.name}: the answer does not visit every stop once")
    for one in answer.routes:
        way = [0, *(int(visit.unit) for visit in one.visits), 0]
        if sum(loads[visit.unit] for visit in one.visits) > instance.job.crews[0].capacity:
            raise LinkError(f"{instance.name}: a lorry is over its capacity")
        cost += sum(metres[a][b] for a, b in pairwise(way))
    return cost
