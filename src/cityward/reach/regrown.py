"""Drawing a flow graph again after it changed: what was drawn before keeps its place, to the pixel.

Theory of operation. People find a box where they saw it last. So every box that was drawn stays, whatever is added. A new one
goes into the nearest free room beside the things it sends to and receives from: right of its senders, left of its recipients
where there is room between. An edge that was drawn keeps its bends; a new one goes straight, through the gaps between boxes. What
no flow joins to anything known is laid out as ever and put below.

This is never as tidy as a new layout, and what went leaves a hole: where less than half is known, or more than half of what was
drawn is gone, all is laid out anew.

INVARIANTS
- A box of the earlier picture has the same `x`, `y`, `w` and `h`, unless all is laid out anew.
- Boxes do not overlap; every edge runs from its flow's sender to its recipient. The same two arguments give the same picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import msgspec

from cityward.reach.chains import Edge, FlowGraph, Node, through
from cityward.reach.folding import PREFIX
from cityward.reach.picture import (
    BEND_GAP,
    BOX_HEIGHT,
    BOX_WIDTH,
    LAYER_GAP,
    MARGIN,
    MAX_BENDS,
    PART_GAP,
    PORT,
    ROW_GAP,
    Picture,
    PictureNode,
    Points,
    boxed,
    drawn,
    layout,
    looped,
    parts_of,
)

Room = tuple[float, float]
"""From and to, downwards: taken."""


def layout_after(graph: FlowGraph, before: Picture) -> Picture:
    """The graph, drawn so that what `before` shows of it stays where it is. See the module."""
    known = {node.id for node in graph.nodes} & {node.id for node in before.nodes}
    if 2 * len(known) < max(len(graph.nodes), len(before.nodes)):
        return layout(graph)
    parts = parts_of(graph)
    joined = _put_together([part for part in parts if any(node.id in known for node in part.nodes)])
    apart = _put_together([part for part in parts if all(node.id not in known for node in part.nodes)])
    here = _Again(joined, before).picture()
    below = layout(apart)
    down = here.height - MARGIN + PART_GAP - MARGIN
    boxes = {node.id: node for node in here.nodes} | {n.id: _moved(n, down) for n in below.nodes}
    flows = {edge.flow: edge.points for edge in here.edges} | {e.flow: _lowered(e.points, down) for e in below.edges}
    reached = through(graph)
    return Picture(
        width=max(here.width, below.width),
        height=round(below.height + down, 1) if apart.nodes else here.height,
        nodes=tuple(boxed(n, reached[n.id], boxes[n.id].x, boxes[n.id].y, boxes[n.id].h) for n in graph.nodes),
        edges=tuple(drawn(edge, flows[edge.flow]) for edge in graph.edges),
    )


def seated(picture: Picture, of: Mapping[str, str]) -> Picture:
    """The picture with a place for each party's folded box besides: that of the tallest thing it runs. of: node -> party."""
    seats: dict[str, PictureNode] = {}
    for node in picture.nodes:
        name = f"{PREFIX}{of[node.id]}"
        if name not in seats or node.h > seats[name].h:
            seats[name] = node
    boxes = (msgspec.structs.replace(node, id=name) for name, node in seats.items())
    return msgspec.structs.replace(picture, nodes=(*picture.nodes, *boxes))


def _put_together(parts: Sequence[FlowGraph]) -> FlowGraph:
    return FlowGraph(tuple(n for part in parts for n in part.nodes), tuple(e for part in parts for e in part.edges))


def _moved(node: PictureNode, down: float) -> PictureNode:
    return msgspec.structs.replace(node, y=round(node.y + down, 1))


def _lowered(points: Points, down: float) -> Points:
    return tuple((x, round(y + down, 1)) for x, y in points)


class _Box:
    """A place: the upper left corner, and how tall."""

    def __init__(self, x: float, y: float, h: float) -> None:
        self.x, self.y, self.h = x, y, h

    @property
    def right(self) -> float:
        return round(self.x + BOX_WIDTH, 1)

    @property
    def middle(self) -> float:
        return self.y + self.h / 2


class _Again:
    """The graph under work. Every part of it has something that was drawn."""

    def __init__(self, graph: FlowGraph, before: Picture) -> None:
        names = {node.id for node in graph.nodes}
        self._graph = graph
        self._boxes = {n.id: _Box(n.x, n.y, n.h) for n in before.nodes if n.id in names}
        kept = {edge.flow: edge for edge in graph.edges}
        self._bends: dict[str, Points] = {
            edge.flow: edge.points[1:-1]
            for edge in before.edges
            if (now := kept.get(edge.flow)) and (now.source, now.target) == (edge.source, edge.target)
        }
        self._columns = sorted({box.x for box in self._boxes.values()})
        self._place_new()
        self._bent = 0

    def picture(self) -> Picture:
        """Boxes and edges; of boxes no flows."""
        inner = {edge.flow: self._inner(edge) for edge in self._graph.edges}
        ends = self._ends(inner)
        edges = tuple(drawn(e, self._points(e, inner[e.flow], ends)) for e in self._graph.edges)
        nodes = tuple(boxed(n, (), b.x, b.y, b.h) for n in self._graph.nodes for b in (self._boxes[n.id],))
        xs = chain((b.right for b in self._boxes.values()), (x for e in edges for x, _ in e.points))
        ys = chain((b.y + b.h for b in self._boxes.values()), (y for e in edges for _, y in e.points))
        width, height = max(xs, default=MARGIN) + MARGIN, max(ys, default=MARGIN) + MARGIN
        return Picture(width=round(width, 1), height=round(height, 1), nodes=nodes, edges=edges)

    # -- new boxes ----------------------------------------------------------------------------------------------------

    def _place_new(self) -> None:
        """Those beside something that stands, one after the other in the graph's order, until all stand."""
        before: dict[str, list[str]] = {node.id: [] for node in self._graph.nodes}
        after: dict[str, list[str]] = {node.id: [] for node in self._graph.nodes}
        for edge in self._graph.edges:
            before[edge.target].append(edge.source)
            after[edge.source].append(edge.target)
        waiting = [node for node in self._graph.nodes if node.id not in self._boxes]
        while waiting:
            node = next(n for n in waiting if any(o in self._boxes for o in (*before[n.id], *after[n.id])))
            waiting.remove(node)
            ports = max(len(before[node.id]), len(after[node.id]))
            self._place(node, self._stand(before[node.id]), self._stand(after[node.id]), ports)

    def _stand(self, names: Iterable[str]) -> list[_Box]:
        return [self._boxes[name] for name in names if name in self._boxes]

    def _place(self, node: Node, senders: Sequence[_Box], recipients: Sequence[_Box], ports: int) -> None:
        tall = max(BOX_HEIGHT, (ports + 1) * PORT)
        x = self._column(senders, recipients)
        near = [*senders, *recipients]
        wish = sum(box.middle for box in near) / len(near) - tall / 2
        y = _nearest(wish, tall, ROW_GAP, self._taken(x, x + BOX_WIDTH, LAYER_GAP / 4, with_bends=True))
        self._boxes[node.id] = _Box(x, y, tall)
        if x not in self._columns:
            self._columns = sorted([*self._columns, x])

    def _column(self, senders: Sequence[_Box], recipients: Sequence[_Box]) -> float:
        """Of the columns that there are, the first right of all senders; with recipients only, the last left of them."""
        if senders:
            least = max(box.right for box in senders) + LAYER_GAP / 2
            return next((x for x in self._columns if x >= least), round(least + LAYER_GAP / 2, 1))
        most = min(box.x for box in recipients) - BOX_WIDTH - LAYER_GAP / 2
        return max((x for x in self._columns if x <= most), default=self._columns[0])

    def _taken(self, left: float, right: float, beside: float = 0.0, *, with_bends: bool = False) -> list[Room]:
        """What stands between two sides, from above to below."""
        boxes = self._boxes.values()
        taken = [(b.y, b.y + b.h) for b in boxes if b.x < right + beside and b.right > left - beside]
        if with_bends:
            points = (point for bends in self._bends.values() for point in bends)
            taken += [(y, y) for x, y in points if left <= x <= right]
        return sorted(taken)

    # -- edges --------------------------------------------------------------------------------------------------------

    def _inner(self, edge: Edge) -> Points:
        """The points of an edge between its ends."""
        a, b = self._boxes[edge.source], self._boxes[edge.target]
        if edge.flow in self._bends or a is b:
            return self._bends.get(edge.flow, ())
        if a.right <= b.x:
            return tuple(self._through(a, b))
        if b.right <= a.x:
            return tuple(reversed([*self._through(b, a)]))
        return ((round(max(a.right, b.right) + 2 * PORT, 1), round((a.middle + b.middle) / 2, 1)),)

    def _through(self, a: _Box, b: _Box) -> Iterator[tuple[float, float]]:
        """Where an edge from the left to the right passes each column between."""
        right = a.right
        for x in self._columns:
            if x < right or x + BOX_WIDTH > b.x or self._bent >= MAX_BENDS:
                continue
            right = round(x + BOX_WIDTH, 1)
            wish = a.middle + (b.middle - a.middle) * (x - a.right) / (b.x - a.right)
            y = _nearest(wish, 0.0, BEND_GAP / 2, self._taken(x, right))
            self._bent += 1
            yield x, y
            yield right, y

    def _sides(self, edge: Edge) -> tuple[bool, bool]:
        """Whether an edge leaves on the right, and whether it arrives there."""
        a, b = self._boxes[edge.source], self._boxes[edge.target]
        return (True, False) if a.right <= b.x else (False, True) if b.right <= a.x else (True, True)

    def _ends(self, inner: Mapping[str, Points]) -> dict[tuple[str, bool], float]:
        """(flow, whether it arrives) -> the height at which it meets the box; spread in the order of what comes next."""
        sides: dict[tuple[str, bool], list[tuple[float, int, tuple[str, bool]]]] = {}
        for i, edge in enumerate(self._graph.edges):
            if edge.source == edge.target:
                continue
            leaves, arrives = self._sides(edge)
            points = inner[edge.flow]
            first = points[0][1] if points else self._boxes[edge.target].middle
            last = points[-1][1] if points else self._boxes[edge.source].middle
            sides.setdefault((edge.source, leaves), []).append((first, i, (edge.flow, False)))
            sides.setdefault((edge.target, arrives), []).append((last, i, (edge.flow, True)))
        found: dict[tuple[str, bool], float] = {}
        for (name, _), those in sides.items():
            box = self._boxes[name]
            step = min(PORT, box.h / (len(those) + 1))
            top = box.middle - step * (len(those) - 1) / 2
            found.update((end, round(top + k * step, 1)) for k, (_, _, end) in enumerate(sorted(those)))
        return found

    def _points(self, edge: Edge, inner: Points, ends: Mapping[tuple[str, bool], float]) -> Points:
        a, b = self._boxes[edge.source], self._boxes[edge.target]
        if a is b:
            return looped(a.x, a.middle, a.h)
        leaves, arrives = self._sides(edge)
        first = (a.right if leaves else a.x, ends[edge.flow, False])
        return (first, *inner, (b.right if arrives else b.x, ends[edge.flow, True]))


def _nearest(wish: float, tall: float, gap: float, taken: Sequence[Room]) -> float:
    """The upper end nearest to a wish at which something so tall is clear of all that is taken. There is always room below."""
    found, free = list[float](), MARGIN
    for top, bottom in (*taken, (float("inf"), float("inf"))):
        least, most = (free, top - gap - tall) if top != float("inf") else (free, float("inf"))
        if least <= most:
            found.append(min(max(wish, least), most))
        free = max(free, bottom + gap)
    return round(min(found, key=lambda y: abs(y - wish)), 1)
