"""Which parties are taken out of a register, and who stands above them.

A register is read twice. The first time `Above` keeps two numbers for each relationship, whatever it says and whether it still
holds; the second time only what `Above.reached` lets through is looked at. What then turns out not to stand above anybody that is
wanted is dropped by `Draft.keep_above`: so the choice is exact, and memory is that of the relationships' numbers.

INVARIANT: `Above.reached` lets through everything that stands above the wanted; at worst it lets through more.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from cityward.place.model import Place

EVERYTHING = "*"


def normal(number: str) -> str:
    """An identifier in one spelling: `xb 0001` is `XB0001`."""
    return "".join(number.split()).upper()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The identifiers to look for, in their normal form, and what each was asked for by."""

    numbers: Mapping[str, str]

    def among(self, numbers: Iterable[str]) -> list[str]:
        """Those of a thing's identifiers that are looked for, in their normal form."""
        return [number for number in map(normal, numbers) if number in self.numbers]


def wanted(only: Collection[str], place: Place | None, schemes: Collection[str]) -> tuple[Wanted | None, list[str]]:
    """What to look for, and what to tell of it; None takes everything.

    Args:
        only: identifiers, ids of parties of the place, or `EVERYTHING`; where there are none, the parties of the place that have
            an identifier are looked for.
        place: the place the fragment will be included in.
        schemes: of the place's identifiers, those the format has; empty: any.
    """
    if EVERYTHING in only or (not only and place is None):
        return None, []
    if only:
        return Wanted({normal(n): told for told in only for n in _numbers(told, place, schemes) or [told]}), []
    assert place is not None
    numbers = {normal(n): party for party in place.parties for n in _numbers(party, place, schemes)}
    if not numbers:
        told = f"an identifier ({', '.join(schemes)})" if schemes else "an identifier"
        return None, [f"No party of the place has {told} in its `ids`: every party of the files was taken."]
    count = len(set(numbers.values()))
    note = f"Taken: the parties of the place that have an identifier ({count:,}), and everyone above them."
    return Wanted(numbers), [note]


def _numbers(party: str, place: Place | None, schemes: Collection[str]) -> list[str]:
    ids = place.parties[party].ids if place is not None and party in place.parties else {}
    return [number for scheme, number in ids.items() if not schemes or scheme.lower() in schemes]


class Above:
    """Who stands above whom, by the register's own keys: 16 bytes a relationship."""

    def __init__(self) -> None:
        # Keys are kept as their hashes: two that collide, one in 10^7 registers, let through a party too many.
        self._below, self._above = array("q"), array("q")

    def add(self, below: str, above: str) -> None:
        """One relationship."""
        self._below.append(hash(below))
        self._above.append(hash(above))

    def reached(self, keys: Iterable[str]) -> Callable[[str], bool]:
        """Whether a key is one of these or stands above one."""
        below, above = (np.frombuffer(column, dtype=np.int64) for column in (self._below, self._above))
        order = np.argsort(below, kind="stable")
        sorted_below = below[order]
        new = np.unique(np.fromiter(map(hash, keys), dtype=np.int64))
        known = new
        while len(new):
            first, last = (np.searchsorted(sorted_below, new, side) for side in ("left", "right"))
            rows = [order[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True) if b > a]
            parents = np.unique(above[np.concatenate(rows)]) if rows else np.empty(0, dtype=np.int64)
            new = np.setdiff1d(parents, known, assume_unique=True)
            known = np.union1d(known, new)
        kept = frozenset(known.tolist())
        return lambda key: hash(key) in kept
