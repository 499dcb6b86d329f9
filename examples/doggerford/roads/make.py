"""Makes the demo's road graph from its map: `python make.py city.gpkg`, which prints it (it stands in `waste.yaml`, under
`ways`).

The map's roads are lines that cross without sharing points. Here they are cut where they cross (and where one ends on
another), ends that miss a road by less than `SNAP_M` are joined to it, what hangs together with the most is kept, and
points that nothing branches at and that lie on a straight line are left out. Only what lies about the declared containers
is kept (`BOX`). Output: one road per line, ended by `;`, as `cityward.services.waste.roads` reads it. Needs NumPy only.
"""

from __future__ import annotations

import math
import sqlite3
import struct
import sys
from collections import defaultdict
from itertools import pairwise

import numpy as np

ORIGIN = (2.3, 54.9)
SNAP_M = 40.0
STRAIGHT_M = 6.0
X_M, Y_M = 111_195 * math.cos(math.radians(ORIGIN[1])), 111_195.0
BOX = ((2.24, 54.86), (2.495, 54.935))  # south-west and north-east

Point = tuple[int, int]


def lines(blob: bytes) -> list[np.ndarray]:
    """The lines of a GeoPackage geometry, each (n, 2) lon-lat."""
    at = 8 + {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[(blob[3] >> 1) & 7]
    order = "<" if blob[at] == 1 else ">"
    (kind,) = struct.unpack_from(order + "I", blob, at + 1)
    if kind == 5:
        (count,) = struct.unpack_from(order + "I", blob, at + 5)
        at, found = at + 9, []
        for _ in range(count):
            (n,) = struct.unpack_from(order + "I", blob, at + 5)
            found.append(np.frombuffer(blob, order + "f8", 2 * n, at + 9).reshape(n, 2))
            at += 9 + 16 * n
        return found
    (n,) = struct.unpack_from(order + "I", blob, at + 5)
    return [np.frombuffer(blob, order + "f8", 2 * n, at + 9).reshape(n, 2)]


def segments(path: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Kind, start and end of each straight piece, in metres from the origin."""
    kinds, starts, ends = [], [], []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
        for blob, kind in book.execute("select geom, kind from roads order by fid"):
            for line in lines(blob):
                at = (line - np.array(ORIGIN)) * np.array([X_M, Y_M])
                kinds += [kind] * (len(at) - 1)
                starts.append(at[:-1])
                ends.append(at[1:])
    return kinds, np.vstack(starts), np.vstack(ends)


def stretched(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each piece a little longer at both ends, so that what nearly meets, crosses."""
    along = end - start
    along = along / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None] * SNAP_M
    return start - along, end + along


def cuts(start: np.ndarray, end: np.ndarray) -> list[list[float]]:
    """Of each piece, how far along it (0 to 1) others cross it; its own ends move to a crossing that is near."""
    a, b = stretched(start, end)
    d = b - a
    found: list[list[float]] = []
    for i in range(len(a)):
        w = a - a[i]
        cross = d[i, 0] * d[:, 1] - d[i, 1] * d[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (w[:, 0] * d[:, 1] - w[:, 1] * d[:, 0]) / cross
            u = (w[:, 0] * d[i, 1] - w[:, 1] * d[i, 0]) / cross
        hits = (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
        long = math.hypot(*d[i])
        margin = SNAP_M / long
        inside = sorted(float(x) for x in t[hits])
        head = [x for x in inside if x <= 2 * margin]
        tail = [x for x in inside if x >= 1 - 2 * margin]
        begin, finish = (head[0] if head else margin), (tail[-1] if tail else 1 - margin)
        found.append([begin, *(x for x in inside if begin < x < finish), finish])
    return found


def graph(path: str) -> dict[Point, dict[Point, str]]:
    """Point -> its neighbours, with the kind of road; points in 1e-5 degrees from the origin."""
    kinds, start, end = segments(path)
    a, b = stretched(start, end)
    scale = np.array([1e5 / X_M, 1e5 / Y_M])
    links: dict[Point, dict[Point, str]] = defaultdict(dict)
    for i, at in enumerate(cuts(start, end)):
        points = [tuple(int(v) for v in np.round((a[i] + t * (b[i] - a[i])) * scale)) for t in at]
        for p, q in pairwise(points):
            if p != q and inside(p) and inside(q):
                links[p][q] = links[q][p] = kinds[i]
    return links


def inside(point: Point) -> bool:
    """Whether it lies in `BOX`."""
    at = (ORIGIN[0] + point[0] * 1e-5, ORIGIN[1] + point[1] * 1e-5)
    return BOX[0][0] <= at[0] <= BOX[1][0] and BOX[0][1] <= at[1] <= BOX[1][1]


def largest(links: dict[Point, dict[Point, str]]) -> dict[Point, dict[Point, str]]:
    """What hangs together with the most points."""
    seen: set[Point] = set()
    best: list[Point] = []
    for first in sorted(links):
        if first not in seen:
            part, stack = [], [first]
            seen.add(first)
            while stack:
                here = stack.pop()
                part.append(here)
                fresh = [p for p in links[here] if p not in seen]
                seen.update(fresh)
                stack += fresh
            best = max(best, part, key=len)
    return {p: dict(links[p]) for p in best}


def straighten(links: dict[Point, dict[Point, str]]) -> None:
    """Take out points between two of the same kind that lie on their line."""
    for p in sorted(links):
        near = list(links[p].items())
        if len(near) == 2 and near[0][1] == near[1][1] and near[1][0] not in links[near[0][0]]:
            (q, kind), (r, _) = near
            (px, py), (qx, qy), (rx, ry) = ((x * X_M * 1e-5, y * Y_M * 1e-5) for x, y in (p, q, r))
            off = abs((rx - qx) * (qy - py) - (qx - px) * (ry - qy)) / max(math.hypot(rx - qx, ry - qy), 1e-9)
            if off <= STRAIGHT_M:
                del links[p], links[q][p], links[r][p]
                links[q][r] = links[r][q] = kind


def grown(
    links: dict[Point, dict[Point, str]], todo: dict[tuple[Point, Point], str], kind: str, road: list[Point]
) -> list[Point]:
    """The road with all that follows at its end, of one kind and not yet taken."""
    while True:
        tip = road[-1]
        on = sorted(q for q, k in links[tip].items() if k == kind and (min(tip, q), max(tip, q)) in todo)
        if not on:
            return road
        del todo[min(tip, on[0]), max(tip, on[0])]
        road.append(on[0])


def roads(links: dict[Point, dict[Point, str]]) -> list[str]:
    """Lines of points of one kind, each piece once."""
    todo = {(min(p, q), max(p, q)): kind for p, near in links.items() for q, kind in near.items()}
    found = []
    for first in sorted(todo):
        if first not in todo:
            continue
        kind = todo.pop(first)
        road = grown(links, todo, kind, grown(links, todo, kind, list(first))[::-1])
        steps = [(x - a, y - b) for (a, b), (x, y) in zip([(0, 0), *road], road, strict=False)]
        found.append(f"{kind} both " + " ".join(f"{x},{y}" for x, y in steps))
    return found


if __name__ == "__main__":
    net = largest(graph(sys.argv[1]))
    straighten(net)
    sys.stdout.write(";\n".join(roads(net)) + ";\n")
