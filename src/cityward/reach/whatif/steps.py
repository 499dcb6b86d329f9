"""What the city could do so that an answer is less bad: single steps, made from the lines that the answer rests on.

Most are the changes that could be asked for before a signature (`sign.changes`), made from the records of the place as it is;
besides them, who maintains and whose software is taken (as in `sign.hardening`), and what could take the place of what is needed.

INVARIANT: a step names what it costs: how much it asks, and what the city then goes without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace

from cityward.place.model import Place
from cityward.place.record import UNKNOWN
from cityward.reach.blast.lost import lost_data
from cityward.reach.exposure.answers import Bound, Exposure
from cityward.reach.exposure.nodes import Node
from cityward.reach.sign.changes import candidates, changed
from cityward.reach.telling.names import name_of
from cityward.reach.telling.phrases import listed

_NEED = re.compile(r"(functions|systems|devices)\.([^.\[]+)\.needs\[(\d+)\]")
SPARE = "something-of-ours"
"""The name of what takes the place of another: no record bears it, so nothing fells it."""
EFFORTS = {1: "a setting", 2: "a small change", 3: "a change of how it works", 4: "a large change", 5: "to do without"}
"""How much a step asks, in words."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the city could do. `effort`: 1 (a setting) to 5 (do without); `loses`: what it then goes without.

    `cut`: the line whose clauses, left out of the compiled place, say the same as `apply`; None where none does.
    """

    told: str
    path: str
    effort: int
    apply: Callable[[Place], Place] = field(compare=False, repr=False)
    loses: str = ""
    cut: str | None = None


def steps(place: Place, paths: Iterable[str]) -> list[Step]:
    """Every step that touches one of the lines, the least effort first; of equals in the order of the lines.

    Args:
        place: the records valid on the day asked for.
        paths: dotted paths of lines that an answer rests on.
    """
    lines = list(dict.fromkeys(paths))
    records = tuple(dict.fromkeys(".".join(line.split("[")[0].split(".")[:2]) for line in lines))
    asked = [Step(c.told, c.path, c.effort, c.apply) for c in candidates(place, place, records)]
    found = [*asked, *_upkeep(place, records), *_software(place, records), *_spares(place, lines)]
    return [_with_loss(place, one) for one in sorted(found, key=lambda step: step.effort)]


def lines_fired(exposure: Exposure, scenario: Node, bound: Bound) -> Iterator[str]:
    """The lines of every clause that fires in a scenario."""
    clauses, holds = exposure.model.clauses, exposure.column(scenario, bound)
    weight = np.append(0, np.cumsum(clauses.weight * holds[clauses.body]))
    fires = (weight[clauses.starts[1:]] - weight[clauses.starts[:-1]] >= clauses.need) & holds[clauses.head]
    if bound is Bound.CERTAIN:
        fires &= clauses.certain
    for clause in np.flatnonzero(fires).tolist():
        yield from exposure.model.paths_of(clause)


def _upkeep(place: Place, records: Iterable[str]) -> Iterator[Step]:
    """One of several who maintain a system is let go; the only one is replaced by ourselves (`sign.changes` says so)."""
    for name in _of(place, "systems", records):
        by = place.systems[name].maintained_by
        for k, party in enumerate(by) if by != UNKNOWN and len(by) > 1 else ():
            if party != place.responsible:
                told = f"let {name_of(place, party)} no longer maintain {name_of(place, name)}"
                rest = tuple(other for other in by if other != party)
                path = f"systems.{name}.maintained_by[{k}]"
                yield Step(told, path, 3, lambda p, n=name, r=rest: changed(p, "systems", n, maintained_by=r), cut=path)


def _software(place: Place, records: Iterable[str]) -> Iterator[Step]:
    for kind in ("systems", "device_models"):
        for name in _of(place, kind, records):
            record = getattr(place, kind)[name]
            source = place.systems.get(record.updates_from or "")
            if record.updates_from is not None and (source is None or source.operator != place.responsible):
                told = f"test and hand out the software of {record.name or name} ourselves"
                path = f"{kind}.{name}.updates_from"
                yield Step(told, path, 3, lambda p, k=kind, n=name: changed(p, k, n, updates_from=None), cut=path)


def _spares(place: Place, lines: Iterable[str]) -> Iterator[Step]:
    for line in lines:
        found = _NEED.match(line)
        if found is None:
            continue
        kind, name, number = found[1], found[2], int(found[3])
        record = getattr(place, kind).get(name)
        if record is None or number >= len(record.needs):
            continue
        need = record.needs[number]
        more = tuple(replace(n, of=(*n.of, SPARE)) if i == number else n for i, n in enumerate(record.needs))
        told = f"have something to take the place of {_or(name_of(place, one) for one in need.of)}"
        yield Step(told, line, 4, lambda p, k=kind, n=name, more=more: changed(p, k, n, needs=more))


def _or(names: Iterable[str]) -> str:
    return listed(names, 3).replace(", ", " or ")


def _of(place: Place, kind: str, records: Iterable[str]) -> Iterator[str]:
    for path in records:
        found, _, name = path.partition(".")
        if found == kind and name in getattr(place, kind):
            yield name


def _with_loss(place: Place, step: Step) -> Step:
    kind, _, name = step.path.partition(".")
    if kind == "flows" and name in place.flows:
        gone = lost_data(place, frozenset((name,)), {}).gone
        lost = listed((f"{name_of(place, one.dataset)} at {name_of(place, one.at)}" for one in gone), 3)
        return _losing(step, f"no longer arrives: {lost}" if lost else "")
    if kind == "accesses" and name in place.accesses:
        access = place.accesses[name]
        modes = ", ".join(access.modes)
        return _losing(step, f"{name_of(place, access.party)} can no longer do there: {modes}")
    return step


def _losing(step: Step, loses: str) -> Step:
    return Step(step.told, step.path, step.effort, step.apply, loses, step.cut)
