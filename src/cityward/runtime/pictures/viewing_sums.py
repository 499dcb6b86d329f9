"""Who viewed what, summed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cityward.text import harmless


@dataclass(frozen=True, slots=True)
class Tally:
    """Views and pictures of one camera, person or purpose."""

    name: str
    views: int
    pictures: int
    refused: int


def tallies(viewed: Iterable[tuple[str, int]], refused: Iterable[str]) -> tuple[Tally, ...]:
    """Sums by name, in order of the names.

    >>> tallies([("quay", 3), ("quay", 4)], ["gate"])
    (Tally(name='gate', views=0, pictures=0, refused=1), Tally(name='quay', views=2, pictures=7, refused=0))
    """
    views, pictures, no = Counter[str](), Counter[str](), Counter(refused)
    for name, count in viewed:
        views[name] += 1
        pictures[name] += count
    return tuple(
        Tally(harmless(name), views[name], pictures[name], no[name]) for name in sorted(views.keys() | no.keys())
    )
