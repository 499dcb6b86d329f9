"""Ways on declared roads: a graph read from text, places put on its edges, shortest ways between them.

Lives here: reading, snapping, Dijkstra's algorithm. Does not live here: which roads there are (the declaration), who drives
where (`routing`).

Theory of operation
-------------------
`Roads.ways` has one road after another, ended by `;`: `<kind> <both|forth> <x,y> <x,y> ...`, in 1e-5 degrees, east and
north: the first point from `origin`, each other from the one before it. Two roads that name the same point meet there;
`forth` is a one-way road. A place is put on the nearest road: the edge is cut there, once for each place on it in order, so
that two places on one edge are as far apart as they stand. The way from the road to the place itself is left out. What no
way leads to is `FAR`, which no plan will drive.

Source: E. W. Dijkstra, "A note on two problems in connexion with graphs", Numerische Mathematik 1, 1959.
Fails when: turns are forbidden or slow (no turn costs), and where a lorry must stop on one side of the street.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cityward.place.things import Position

M_PER_DEGREE = 111_195.0  # of latitude, on a sphere of 6,371 km
FAR = 10_000_000  # metres, and seconds: farther than any city is wide
MOST_POINTS = 200_000

Speed = Annotated[float, Meta(gt=0, le=130)]


class Roads(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Declared roads. speeds_km_h: of a kind of road; `speed_km_h` of those not named."""

    origin: Position
    ways: Annotated[str, Meta(min_length=1, max_length=4_000_000)]
    speeds_km_h: dict[str, Speed] = {}
    speed_km_h: Speed = 25.0


@dataclass(frozen=True, slots=True)
class Graph:
    """points: (n, 2) lon, lat; edges: (m, 2) from and to; metres, seconds: (m,); both: (m,) whether it may be driven back."""

    points: NDArray[np.float64]
    edges: NDArray[np.int64]
    metres: NDArray[np.float64]
    seconds: NDArray[np.float64]
    both: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ways:
    """Between places: metres and seconds, (n, n) int64 of the quickest ways, and the points on them."""

    metres: NDArray[np.int64]
    seconds: NDArray[np.int64]
    _points: Sequence[Position]
    _before: Sequence[Sequence[int]]  # of each place, the point before each point on the way to it; -1: none
    _nodes: Sequence[int]

    def way(self, start: int, end: int) -> list[Position]:
        """The points from one place to another, both included; the two places alone where no way is known."""
        before, node, path = self._before[start], self._nodes[end], [self._nodes[end]]
        while before[node] >= 0:
            node = before[node]
            path.append(node)
        return [self._points[node] for node in reversed(path)]


def graph_of(roads: Roads) -> Graph:
    """The roads as a graph.

    Raises:
        ValueError: a road cannot be read, with its number; or there are too many points, or no road.
    """
    found: dict[tuple[int, int], int] = {}
    rows: list[tuple[int, int, float, bool]] = []
    for number, line in enumerate(roads.ways.split(";"), 1):
        if line.strip():
            kind, both, offsets = _line(line, number)
            speed = roads.speeds_km_h.get(kind, roads.speed_km_h) / 3.6
            nodes = [found.setdefault(offset, len(found)) for offset in offsets]
            rows += [(a, b, speed, both) for a, b in pairwise(nodes) if a != b]
        if len(found) > MOST_POINTS:
            raise ValueError(f"more than {MOST_POINTS} points")
    if not rows:
        raise ValueError("there is no road in it")
    points = np.array(list(found), np.float64) * 1e-5 + np.asarray(roads.origin)
    edges = np.array([row[:2] for row in rows], np.int64)
    metres = _metres(points[edges[:, 0]], points[edges[:, 1]])
    return Graph(points, edges, metres, metres / np.array([row[2] for row in rows]), np.array([row[3] for row in rows]))


def _line(line: str, number: int) -> tuple[str, bool, list[tuple[int, int]]]:
    kind, *rest = line.split()
    if len(rest) < 3 or rest[0] not in ("both", "forth"):
        raise ValueError(f"road {number} is not `<kind> <both|forth> <x,y> <x,y> ...`")
    try:
        steps = [(int(x), int(y)) for x, y in (point.split(",") for point in rest[1:])]
    except ValueError:
        raise ValueError(f"road {number} has a point that is not `<x,y>`, whole numbers") from None
    offsets = list(zip(accumulate(x for x, _ in steps), accumulate(y for _, y in steps), strict=True))
    if any(abs(x) > 36_000_000 or abs(y) > 18_000_000 for x, y in offsets):
        raise ValueError(f"road {number} has a point that is not on the Earth")
    return kind, rest[0] == "both", offsets


def by_road(places: Sequence[Position], roads: Roads) -> Ways:
    """The quickest ways by road between all places, in order."""
    graph = graph_of(roads)
    points, links, nodes = _with_places(graph, np.asarray(places, np.float64).reshape(-1, 2))
    metres = np.full((len(places), len(places)), FAR, np.int64)
    seconds = metres.copy()
    befores: list[Sequence[int]] = []
    for row, node in enumerate(nodes):
        took, long, before = _from(node, links)
        befores.append(before)
        for column, other in enumerate(nodes):
            if took[other] < math.inf:
                metres[row, column], seconds[row, column] = round(long[other]), round(took[other])
    return Ways(metres, seconds, [(float(x), float(y)) for x, y in points], befores, nodes)


def as_the_crow_flies(places: Sequence[Position], detour: float, speed_km_h: float) -> Ways:
    """The straight lines, made longer by `detour`: where no roads are declared."""
    at = np.asarray(places, np.float64).reshape(-1, 2)
    metres = _metres(at[:, None, :], at[None, :, :]) * detour
    seconds = metres / (speed_km_h / 3.6)
    count = len(at)
    before = [[start if end != start else -1 for end in range(count)] for start in range(count)]
    points = [(float(x), float(y)) for x, y in at]
    return Ways(metres.round().astype(np.int64), seconds.round().astype(np.int64), points, before, range(count))


def metres_between(a: Position, b: Position) -> float:
    """The straight line between two places that are near each other, m."""
    return float(_metres(np.asarray(a, np.float64), np.asarray(b, np.float64)))


def _metres(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equirectangular: within 0.1 % over 50 km outside the polar regions."""
    middle = np.cos(np.radians((a[..., 1] + b[..., 1]) / 2))
    return np.hypot((a[..., 0] - b[..., 0]) * middle, a[..., 1] - b[..., 1]) * M_PER_DEGREE


Links = dict[int, list[tuple[int, float, float]]]


def _with_places(graph: Graph, at: NDArray[np.float64]) -> tuple[NDArray[np.float64], Links, list[int]]:
    """The points with the places among them, what is next to each (point, metres, seconds), and where each place is."""
    start, end = graph.points[graph.edges[:, 0]], graph.points[graph.edges[:, 1]]
    cuts: dict[int, list[tuple[float, int]]] = {}
    nodes = [len(graph.points) + number for number in range(len(at))]
    snapped = np.empty_like(at)
    for number, place in enumerate(at):
        edge, share = _nearest(start, end, place)
        snapped[number] = start[edge] + share * (end[edge] - start[edge])
        if 0.0 < share < 1.0:
            cuts.setdefault(edge, []).append((share, nodes[number]))
        else:  # at a crossing: all its roads are open, not this one's direction alone
            nodes[number] = int(graph.edges[edge, 0 if share <= 0.0 else 1])
    links: Links = {}
    for edge, (a, b) in enumerate(graph.edges.tolist()):
        chain = [(0.0, a), *sorted(cuts.get(edge, [])), (1.0, b)]
        for (s, p), (t, q) in pairwise(chain):
            metres, seconds = float(graph.metres[edge]) * (t - s), float(graph.seconds[edge]) * (t - s)
            links.setdefault(p, []).append((q, metres, seconds))
            if graph.both[edge]:
                links.setdefault(q, []).append((p, metres, seconds))
    return np.vstack([graph.points, snapped]), links, nodes


def _nearest(start: NDArray[np.float64], end: NDArray[np.float64], place: NDArray[np.float64]) -> tuple[int, float]:
    """The edge that is nearest, and how far along it."""
    scale = np.array([math.cos(math.radians(float(place[1]))), 1.0])
    along, off = (end - start) * scale, (place - start) * scale
    long = np.einsum("ij,ij->i", along, along)
    share = np.clip(np.einsum("ij,ij->i", off, along) / np.where(long > 0, long, 1.0), 0.0, 1.0)
    missed = off - share[:, None] * along
    edge = int(np.argmin(np.einsum("ij,ij->i", missed, missed)))
    return edge, float(share[edge])


def _from(source: int, links: Links) -> tuple[list[float], list[float], list[int]]:
    """Seconds and metres of the quickest way from a point to each, and the point before each on it."""
    count = 1 + max(*links, *(q for out in links.values() for q, _, _ in out))
    took, long, before = [math.inf] * count, [math.inf] * count, [-1] * count
    took[source] = long[source] = 0.0
    heap = [(0.0, source)]
    while heap:
        now, node = heapq.heappop(heap)
        if now > took[node]:
            continue
        for other, metres, seconds in links.get(node, ()):
            if now + seconds < took[other]:
                took[other], long[other], before[other] = now + seconds, long[node] + metres, node
                heapq.heappush(heap, (took[other], other))
    return took, long, before
