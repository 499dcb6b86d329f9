"""Running all checks over one timetable."""

from __future__ import annotations

from itertools import islice

from cityward.transit.archive import Tables
from cityward.transit.building import build
from cityward.transit.faults import fields, files, plans, references
from cityward.transit.faults.fault import Fault, Faults, Kind, Shown
from cityward.transit.timetable import Timetable

MOST_TOLD = 100

KINDS: tuple[Kind, ...] = (*files.KINDS, *fields.KINDS, *references.KINDS, *plans.KINDS)


def find_faults(tables: Tables, plan: Timetable | None = None) -> Faults:
    """What is wrong with a timetable. plan: what was built of the tables, if it was already."""
    shown = Shown(tables, plan if plan is not None else build(tables))
    told, counts = list[Fault](), dict[str, int]()
    for kind in KINDS:
        found = iter(kind.find(shown))
        mine = [Fault(kind.id, what, file, line, column) for file, line, column, what in islice(found, MOST_TOLD)]
        told += mine
        if mine:
            counts[kind.id] = len(mine) + sum(1 for _ in found)
    return Faults(tuple(told), counts)
