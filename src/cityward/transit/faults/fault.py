"""What a fault of a timetable is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cityward.transit.archive import Tables
from cityward.transit.rules.case import Severity
from cityward.transit.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Fault:
    """One place in a timetable. line: in the file, from 1; 0 for the whole file."""

    kind: str
    what: str
    file: str = ""
    line: int = 0
    column: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a check is shown: the texts, and the columns that could be made of them."""

    tables: Tables
    plan: Timetable


Found = Iterable[tuple[str, int, str, str]]
"""What a check gives: (file, line, column, what)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault, under a word."""

    id: str
    title: str
    severity: Severity
    find: Callable[[Shown], Found]


@dataclass(frozen=True, slots=True)
class Faults:
    """Of one timetable. counts: of all, told or not."""

    told: tuple[Fault, ...]
    counts: Mapping[str, int]

    def of(self, *kinds: str) -> list[Fault]:
        """Those of these kinds."""
        return [f for f in self.told if f.kind in kinds]


def error(kind: str, title: str) -> Callable[[Callable[[Shown], Found]], Kind]:
    """Make an error of a function."""
    return lambda find: Kind(kind, title, Severity.ERROR, find)


def warning(kind: str, title: str) -> Callable[[Callable[[Shown], Found]], Kind]:
    """Make a warning of a function."""
    return lambda find: Kind(kind, title, Severity.WARNING, find)
