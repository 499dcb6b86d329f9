"""Where a drawing puts things: a layered layout of a flow graph, devices left, last recipients right.

Lives here: positions and bends, in units of one CSS pixel, y downwards. Does not live here: colours, SVG text, the browser.

Theory of operation (Sugiyama, Tagawa and Toda 1981, in five passes). Parts that no flow joins are laid out alone and stacked,
the largest on top; in each part
1. circles are broken: commands back to a device that sends are turned around, then a depth-first walk in the graph's order
   turns the edges that lead back;
2. each node gets a layer: devices that only send stand in the first, every other one right of all that send to it, then
   nodes move within their slack to where their edges are shortest;
3. an edge across several layers gets a bend in each layer between;
4. sweeps order each layer by the mean position of the neighbours, keeping the order with the fewest crossings;
5. heights follow the neighbours' mean, corrected to keep distances by least squares (pool adjacent violators).

INVARIANTS
- The same graph gives the same picture, to the bit: no randomness, ties fall back to the graph's order.
- Boxes do not overlap; every edge has at least two points and runs from its flow's sender to its recipient.
- Bounded: passes are counted; beyond `MAX_BENDS` long edges run straight.

A graph that was drawn before and grew is drawn by `regrown`: what people know stays where it was.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from cityward.place.model import Place
from cityward.reach.chains import Edge, FlowGraph, Node, flow_graph, through

BOX_WIDTH = 196.0
BOX_HEIGHT = 42.0  # two lines of text
PORT = 9.0  # between the ends of two edges on one side of a box
ROW_GAP = 12.0
BEND_GAP = 8.0
LAYER_GAP = 64.0  # room for the curves; more where many edges cross between two layers
PART_GAP = 34.0
MARGIN = 16.0

MAX_BENDS = 5_000
ORDER_SWEEPS = 12
HEIGHT_SWEEPS = 10


Points = tuple[tuple[float, float], ...]


class PictureNode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One box; `x`, `y` is its upper left corner. `flows` are the flows of every chain through it."""

    id: str
    kind: str
    title: str
    subtitle: str
    x: float
    y: float
    w: float
    h: float
    flows: tuple[str, ...]


class PictureEdge(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"source": "from", "target": "to"},
):
    """One flow, as the points its curve goes through, sender to recipient."""

    flow: str
    title: str
    source: str
    target: str
    points: Points
    datasets: tuple[str, ...]
    purpose: str
    protection: str
    observability: str


class Picture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A laid-out flow graph. As JSON it is the answer of `GET /api/chain`."""

    width: float
    height: float
    nodes: tuple[PictureNode, ...]
    edges: tuple[PictureEdge, ...]


def chain_picture(place: Place) -> Picture:
    """The picture of a place's flows. An empty declaration gives an empty picture."""
    return layout(flow_graph(place))


def layout(graph: FlowGraph) -> Picture:
    """Lay out a flow graph; see the module for how."""
    flows = through(graph)
    nodes: dict[str, PictureNode] = {}
    edges: dict[str, PictureEdge] = {}
    width = height = 2 * MARGIN
    down = 0.0
    for part in parts_of(graph):
        plan = _Plan(part)
        _order(plan)
        _heights(plan)
        drawn = _drawn(part, plan, flows, down)
        nodes.update((node.id, node) for node in drawn.nodes)
        edges.update((edge.flow, edge) for edge in drawn.edges)
        width, height = max(width, drawn.width), drawn.height
        down = height - 2 * MARGIN + PART_GAP
    return Picture(
        width=width,
        height=height,
        nodes=tuple(nodes[node.id] for node in graph.nodes),
        edges=tuple(edges[edge.flow] for edge in graph.edges),
    )


def parts_of(graph: FlowGraph) -> list[FlowGraph]:
    """The parts that no flow joins, largest first; those of one size in the graph's order."""
    part_of = {node.id: i for i, node in enumerate(graph.nodes)}
    members = {i: [node.id] for i, node in enumerate(graph.nodes)}
    for edge in graph.edges:
        small, large = sorted(
            (part_of[edge.source], part_of[edge.target]), key=lambda part: (len(members[part]), -part)
        )
        if small != large:
            part_of.update((name, large) for name in members[small])
            members[large] += members.pop(small)
    found = {part: (list[Node](), list[Edge]()) for part in members}
    for node in graph.nodes:
        found[part_of[node.id]][0].append(node)
    for edge in graph.edges:
        found[part_of[edge.source]][1].append(edge)
    return [FlowGraph(tuple(n), tuple(e)) for n, e in sorted(found.values(), key=lambda part: -len(part[0]))]


class _Plan:
    """The layered graph under work: `items` are nodes, then bends. All lists are by item number."""

    def __init__(self, graph: FlowGraph) -> None:
        index = {node.id: i for i, node in enumerate(graph.nodes)}
        ends = [(index[e.source], index[e.target]) for e in graph.edges]
        devices = [node.kind == "device" for node in graph.nodes]
        self.backward = _turned(len(graph.nodes), ends, devices)
        # INVARIANT: along `forward` there is no circle; edges that begin where they end take no part.
        forward = [(b, a) if turned else (a, b) for (a, b), turned in zip(ends, self.backward, strict=True)]
        self.layer = _layers(len(graph.nodes), [e for e in forward if e[0] != e[1]], devices)
        self.nodes = len(graph.nodes)
        self.before: list[list[int]] = [[] for _ in graph.nodes]
        self.after: list[list[int]] = [[] for _ in graph.nodes]
        self.path = [self._bent(a, b) for a, b in forward]
        self.rows: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for item, layer in enumerate(self.layer):
            self.rows[layer].append(item)
        self.tall = [self._tall(item) for item in range(len(self.layer))]
        self.middle = [0.0] * len(self.layer)

    def _bent(self, a: int, b: int) -> list[int]:
        """The items an edge goes through, left to right; makes its bends."""
        between = range(self.layer[a] + 1, self.layer[b])
        path = [a]
        if a != b and len(self.layer) + len(between) <= self.nodes + MAX_BENDS:
            for layer in between:
                path.append(len(self.layer))
                self.layer.append(layer)
                self.before.append([])
                self.after.append([])
        path.append(b)
        if a != b:
            for left, right in pairwise(path):
                self.after[left].append(right)
                self.before[right].append(left)
        return path

    def _tall(self, item: int) -> float:
        if item >= self.nodes:
            return 0.0
        ports = max(len(self.before[item]), len(self.after[item]))
        return max(BOX_HEIGHT, (ports + 1) * PORT)


def _turned(count: int, ends: Sequence[tuple[int, int]], devices: Sequence[bool]) -> list[bool]:
    """Which edges to turn around so that no circle is left."""
    there = set(ends)
    turned = [a != b and devices[b] and not devices[a] and (b, a) in there for a, b in ends]
    edges = [(b, a) if t else (a, b) for (a, b), t in zip(ends, turned, strict=True)]
    leaving: list[list[int]] = [[] for _ in range(count)]
    for i, (a, _) in enumerate(edges):
        leaving[a].append(i)
    state = [0] * count  # 0 new, 1 on the walk, 2 done
    for root in range(count):
        walk = [(root, 0)] if state[root] == 0 else []
        while walk:
            node, at = walk.pop()
            state[node] = 1
            if at == len(leaving[node]):
                state[node] = 2
                continue
            walk.append((node, at + 1))
            edge = leaving[node][at]
            target = edges[edge][1]
            if state[target] == 1 and target != node:
                turned[edge] = not turned[edge]
            elif state[target] == 0:
                walk.append((target, 0))
    return turned


def _layers(count: int, edges: Sequence[tuple[int, int]], devices: Sequence[bool]) -> list[int]:
    """A layer for each node, with every edge pointing right: longest path, then moved within the slack."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        after[a].append(b)
        before[b].append(a)
    layer, waiting = [0] * count, [len(b) for b in before]
    open_ = [i for i in range(count) if waiting[i] == 0]
    for node in open_:
        for target in after[node]:
            layer[target] = max(layer[target], layer[node] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                open_.append(target)
    for _ in range(4):  # each pass lets a move make room for the next; chains are few layers long
        for node in reversed(open_):
            if after[node] and len(after[node]) > len(before[node]) and not (devices[node] and not before[node]):
                layer[node] = min(layer[t] for t in after[node]) - 1
    return layer


def _order(plan: _Plan) -> None:
    """Order every row for few crossings: alternate sweeps, the best one is kept."""
    best, fewest = [row[:] for row in plan.rows], _crossings(plan)
    for sweep in range(ORDER_SWEEPS):
        rightwards = sweep % 2 == 0
        near = plan.before if rightwards else plan.after
        rows = range(1, len(plan.rows)) if rightwards else range(len(plan.rows) - 2, -1, -1)
        for r in rows:
            _sort_row(plan, r, r - 1 if rightwards else r + 1, near)
        crossings = _crossings(plan)
        if crossings < fewest:
            best, fewest = [row[:] for row in plan.rows], crossings
        if fewest == 0:
            break
    plan.rows = best


def _sort_row(plan: _Plan, row: int, fixed: int, near: Sequence[Sequence[int]]) -> None:
    place = {item: i for i, item in enumerate(plan.rows[fixed])}
    here = {item: i for i, item in enumerate(plan.rows[row])}

    def mean(item: int) -> float:
        at = [place[n] for n in near[item] if n in place]
        return sum(at) / len(at) if at else float(here[item])

    plan.rows[row].sort(key=mean)  # stable: ties keep the order they had


def _crossings(plan: _Plan) -> int:
    total = 0
    for left, right in pairwise(plan.rows):
        place = {item: i for i, item in enumerate(right)}
        seen: list[int] = []
        for item in left:
            ends = sorted(place[n] for n in plan.after[item] if n in place)
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _heights(plan: _Plan) -> None:
    """A middle for each item: near its neighbours, at a distance from the next in its row."""
    for row in plan.rows:
        _settle(plan, row, [0.0] * len(row))
    for sweep in range(HEIGHT_SWEEPS):
        rows = plan.rows if sweep % 2 == 0 else plan.rows[::-1]
        for row in rows:
            _settle(plan, row, [_wish(plan, item) for item in row])
    top = min((plan.middle[i] - plan.tall[i] / 2 for i in range(len(plan.middle))), default=0.0)
    plan.middle = [middle - top + MARGIN for middle in plan.middle]


def _wish(plan: _Plan, item: int) -> float:
    near = plan.before[item] + plan.after[item]
    return sum(plan.middle[n] for n in near) / len(near) if near else plan.middle[item]


def _settle(plan: _Plan, row: Sequence[int], wishes: Sequence[float]) -> None:
    """The middles nearest to the wishes, by weighted least squares, that keep the row's order and distances."""
    offset, offsets = 0.0, list[float]()
    for at, item in enumerate(row):
        if at:
            offset += _distance(plan, row[at - 1], item)
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []  # mean wish less offset, weight, how many items
    for item, wish, off in zip(row, wishes, offsets, strict=True):
        block = (wish - off, 3.0 if item >= plan.nodes else 1.0, 1)  # bends weigh more: long edges run straight
        while blocks and blocks[-1][0] >= block[0]:
            mean, weight, size = blocks.pop()
            both = weight + block[1]
            block = ((mean * weight + block[0] * block[1]) / both, both, size + block[2])
        blocks.append(block)
    at = 0
    for mean, _, size in blocks:
        for item in row[at : at + size]:
            plan.middle[item] = mean + offsets[at]
            at += 1


def _distance(plan: _Plan, upper: int, lower: int) -> float:
    gap = ROW_GAP if upper < plan.nodes and lower < plan.nodes else BEND_GAP
    return plan.tall[upper] / 2 + gap + plan.tall[lower] / 2


def _drawn(graph: FlowGraph, plan: _Plan, flows: Mapping[str, tuple[str, ...]], down: float) -> Picture:
    """One part, moved down by `down`."""
    plan.middle = [middle + down for middle in plan.middle]
    left = _columns(plan)
    ports = _ports(plan)
    boxes = tuple(
        boxed(node, flows[node.id], left[plan.layer[i]], round(plan.middle[i] - plan.tall[i] / 2, 1), plan.tall[i])
        for i, node in enumerate(graph.nodes)
    )
    edges = tuple(drawn(edge, _points(plan, i, left, ports)) for i, edge in enumerate(graph.edges))
    width = left[-1] + BOX_WIDTH + MARGIN if left else 2 * MARGIN
    height = max((plan.middle[i] + plan.tall[i] / 2 for i in range(len(plan.middle))), default=MARGIN) + MARGIN
    return Picture(width=round(width, 1), height=round(height, 1), nodes=boxes, edges=edges)


def boxed(node: Node, flows: tuple[str, ...], x: float, y: float, h: float) -> PictureNode:
    """A node as a box at a place."""
    return PictureNode(
        id=node.id,
        kind=node.kind.value,
        title=node.title,
        subtitle=node.subtitle,
        x=x,
        y=y,
        w=BOX_WIDTH,
        h=h,
        flows=flows,
    )


def drawn(edge: Edge, points: Points) -> PictureEdge:
    """A flow along its points."""
    return PictureEdge(
        flow=edge.flow,
        title=edge.title,
        source=edge.source,
        target=edge.target,
        points=points,
        datasets=edge.datasets,
        purpose=edge.purpose,
        protection=edge.protection.value,
        observability=edge.observability.value,
    )


def _columns(plan: _Plan) -> list[float]:
    """The left side of each layer; wider gaps where more edges must find their way."""
    left, x = list[float](), MARGIN
    for row in plan.rows:
        left.append(round(x, 1))
        x += BOX_WIDTH + LAYER_GAP + min(80.0, 1.5 * sum(len(plan.after[item]) for item in row))
    return left


def _ports(plan: _Plan) -> Mapping[tuple[int, int], float]:
    """(edge, item) -> the height at which the edge meets the item; on a box, spread in the order of the other ends."""
    meets: dict[tuple[int, int], float] = {}
    sides: dict[tuple[int, bool], list[tuple[float, int]]] = {}
    for edge, path in enumerate(plan.path):
        for item in path[1:-1]:
            meets[edge, item] = plan.middle[item]
        if path[0] != path[-1]:
            sides.setdefault((path[0], True), []).append((plan.middle[path[1]], edge))
            sides.setdefault((path[-1], False), []).append((plan.middle[path[-2]], edge))
    for (item, _), ends in sides.items():
        step = min(PORT, plan.tall[item] / (len(ends) + 1))
        top = plan.middle[item] - step * (len(ends) - 1) / 2
        for i, (_, edge) in enumerate(sorted(ends)):
            meets[edge, item] = top + i * step
    return meets


def _points(plan: _Plan, edge: int, left: Sequence[float], ports: Mapping[tuple[int, int], float]) -> Points:
    path = plan.path[edge]
    if path[0] == path[-1]:
        return _loop(plan, path[0], left)
    points: list[tuple[float, float]] = []
    for at, item in enumerate(path):
        x, y = left[plan.layer[item]], round(ports[edge, item], 1)
        if at > 0:
            points.append((x, y))
        if at < len(path) - 1:
            points.append((round(x + BOX_WIDTH, 1), y))
    return tuple(reversed(points) if plan.backward[edge] else points)


def _loop(plan: _Plan, item: int, left: Sequence[float]) -> Points:
    return looped(left[plan.layer[item]], plan.middle[item], plan.tall[item])


def looped(x: float, y: float, tall: float) -> Points:
    """A flow that ends where it began: out on the right, above the box, in on the left. y: of the box's middle."""
    above = round(y - tall / 2 - BEND_GAP / 2, 1)
    return (
        (round(x + BOX_WIDTH, 1), round(y, 1)),
        (round(x + BOX_WIDTH + PORT, 1), above),
        (round(x - PORT, 1), above),
        (x, round(y, 1)),
    )
