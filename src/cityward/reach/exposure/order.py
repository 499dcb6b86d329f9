"""The order in which rows of a graph are worked off: each after those it rests on, and circles as blocks of their own.

Theory of operation. `levels` peels a graph from its sources, a whole level at a time; each link is looked at once. What a
circle holds back stays unpeeled. Of that rest, what cannot be peeled from its sinks either goes through Tarjan's algorithm, in
Python: it is a handful of rows in a declaration as cities make them. Each circle is then taken for one row, and the graph
peels to the end.

Does not live here: what a row means (`plan`).

INVARIANTS
- A link never runs from a later level to an earlier one, and within one level only round a circle.
- Everything is O(rows + links).

Source: Tarjan, Depth-First Search and Linear Graph Algorithms (1972).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
UNPEELED = -1


@dataclass(frozen=True, slots=True)
class Order:
    """Levels of R rows, the first being 0. Rows of one level rest on earlier levels only, but for circles."""

    level: Ints  # (R,)
    circle: NDArray[np.bool_]  # (R,) whether the row lies on a circle


@dataclass(frozen=True, slots=True)
class Fan:
    """Links by the row they start from: `to[first[r] : first[r + 1]]`."""

    first: Ints  # (R + 1,)
    to: Ints  # (L,)

    def out_of(self, rows: Ints) -> Ints:
        """Where the links of some rows lead, one after the other."""
        many = self.many(rows)
        ends = np.cumsum(many)
        total = int(ends[-1]) if len(ends) else 0
        return self.to[np.arange(total) + np.repeat(self.first[rows] - ends + many, many)]

    def many(self, rows: Ints) -> Ints:
        """How many links some rows have."""
        return self.first[rows + 1] - self.first[rows]


def fan(rows: int, source: Ints, target: Ints) -> Fan:
    """Links, by source."""
    first = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(source, minlength=rows), out=first[1:])
    return Fan(first, target[np.argsort(source, kind="stable")])


def order_of(rows: int, source: Ints, target: Ints) -> Order:
    """The order for links source -> target among so many rows."""
    level = levels(rows, source, target)
    if not (level == UNPEELED).any():
        return Order(level, np.zeros(rows, dtype=np.bool_))
    name, circle = _circles(rows, source, target, level)
    apart = name[source] != name[target]
    return Order(levels(rows, name[source[apart]], name[target[apart]])[name], circle)


def levels(rows: int, source: Ints, target: Ints) -> Ints:
    """How many links the longest way to each row has; `UNPEELED` on circles and behind them. Shape (R,)."""
    level = np.full(rows, UNPEELED, dtype=np.int64)
    links, waiting = fan(rows, source, target), np.bincount(target, minlength=rows)
    tag = np.zeros(rows, dtype=np.int64)
    found, depth = np.flatnonzero(waiting == 0), 0
    while len(found):
        level[found] = depth
        told = links.out_of(found)
        np.subtract.at(waiting, told, 1)
        ready = told[waiting[told] == 0]
        tag[ready] = np.arange(len(ready))  # of one row told several times, the last
        found, depth = ready[tag[ready] == np.arange(len(ready))], depth + 1
    return level


def _circles(rows: int, source: Ints, target: Ints, level: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """(name of each row's circle, whether it is on one). A row on no circle has a name of its own."""
    held = (level[source] == UNPEELED) & (level[target] == UNPEELED)
    back = levels(rows, target[held], source[held])  # of the rest, what leads to no circle
    held &= (back[source] == UNPEELED) & (back[target] == UNPEELED)
    rest = np.unique(np.concatenate((source[held], target[held])))
    number = np.zeros(rows, dtype=np.int64)
    number[rest] = np.arange(len(rest))
    name = np.arange(rows)
    name[rest] = rest[components(fan(len(rest), number[source[held]], number[target[held]]))]
    circle = np.bincount(name, minlength=rows)[name] > 1
    circle[source[source == target]] = True
    return name, circle


def components(links: Fan) -> Ints:
    """The strongly connected component of each row, named by one of its rows. Shape (R,)."""
    first, to = links.first.tolist(), links.to.tolist()
    rows = len(first) - 1
    seen, low, part, following = [0] * rows, [0] * rows, [-1] * rows, first[:-1]
    stack: list[int] = []
    met = 0
    for root in range(rows):
        path = [] if seen[root] else [root]
        while path:
            row = path[-1]
            if not seen[row]:
                stack.append(row)
                met += 1
                seen[row] = low[row] = met
            at, end = following[row], first[row + 1]
            while at < end and seen[to[at]]:
                if part[to[at]] < 0:
                    low[row] = min(low[row], low[to[at]])
                at += 1
            following[row] = at
            if at < end:
                path.append(to[at])
                continue
            path.pop()
            if low[row] == seen[row]:
                while part[row] < 0:
                    part[stack.pop()] = row
    return np.array(part, dtype=np.int64)
