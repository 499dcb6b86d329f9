"""Reads a SUMO net: lanes, connections, junctions with their right of way, and the programmes of the signals.

Lives here: the file's words as plain records. Does not live here: what they mean for a city (`derive`).

INVARIANTS
- A file is bounded (`MOST_BYTES`) and read as a stream; what is not needed is forgotten as it is read.
- Of several programmes of one signal the last one read is the one in force, as in SUMO.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from cityward.errors import CitywardError

MOST_BYTES = 256 << 20  # PRECEDENT: the net of a city of a million people is about 200 MB
VALUES_OF_CARS = frozenset({"passenger", "private", "all"})


class ScenarioError(CitywardError):
    """The files of a scenario cannot be used: whoever names them must mend them."""


@dataclass(frozen=True, slots=True)
class Lane:
    """length in m, speed in m/s. users: "vehicle", "bus", "cycle" or "pedestrian", whom it is for."""

    id: str
    edge: str
    length: float
    speed: float
    users: str


@dataclass(frozen=True, slots=True)
class Connection:
    """From lane to lane, over the inner lane `via`. tl, link: which signal, and which place in its state; index: in its node."""

    source: str
    target: str
    via: str
    way: str
    tl: str
    link: int
    node: str
    index: int


@dataclass(frozen=True, slots=True)
class Node:
    """A junction of the net. response, foes: link index -> bits of the links that it yields to, that it meets."""

    id: str
    x: float
    y: float
    response: tuple[int, ...]
    foes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """Seconds, and one letter for each link. least, most: its bounds where the programme gives any."""

    seconds: float
    state: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Programme:
    """A signal's programme: `tl` shows `phases` in turn, begun at `offset` s."""

    tl: str
    id: str
    kind: str
    offset: float
    phases: tuple[Phase, ...]

    @property
    def cycle(self) -> float:
        """Seconds of one round."""
        return sum(phase.seconds for phase in self.phases)


@dataclass(frozen=True, slots=True)
class Net:
    """lanes by id (inner ones too); connections in the file's order; nodes by id; programmes: signal -> the one in force."""

    lanes: Mapping[str, Lane]
    connections: tuple[Connection, ...]
    nodes: Mapping[str, Node]
    programmes: Mapping[str, Programme]
    leaving: Mapping[str, tuple[Connection, ...]] = field(default_factory=dict[str, tuple[Connection, ...]])
    arriving: Mapping[str, tuple[Connection, ...]] = field(default_factory=dict[str, tuple[Connection, ...]])


def read_net(path: Path, more: Sequence[Path] = ()) -> Net:
    """The net of a file, with the programmes of further files laid over its own.

    Raises:
        ScenarioError: a file is too large, or no net.
    """
    lanes: dict[str, Lane] = {}
    nodes: dict[str, Node] = {}
    programmes: dict[str, Programme] = {}
    joins: list[Mapping[str, str]] = []
    ends: dict[str, str] = {}  # edge -> the node at its end
    for element in elements(path, {"edge", "junction", "tlLogic", "connection"}):
        if element.tag == "edge":
            lanes.update((lane.id, lane) for lane in _lanes(element))
            ends[element.get("id", "")] = element.get("to", "")
        elif element.tag == "junction":
            nodes[element.get("id", "")] = _node(element)
        elif element.tag == "tlLogic":
            programmes[element.get("id", "")] = _programme(element)
        else:
            joins.append(dict(element.attrib))
    for other in more:
        for element in elements(other, {"tlLogic"}):
            programmes[element.get("id", "")] = _programme(element)
    if not lanes:
        raise ScenarioError("the file holds no lanes, so it is no net", where=str(path))
    connections = tuple(_connections(joins, ends, nodes))
    return Net(
        lanes=lanes,
        connections=connections,
        nodes=nodes,
        programmes=programmes,
        leaving=_by(connections, "source"),
        arriving=_by(connections, "target"),
    )


def elements(path: Path, tags: set[str]) -> Iterator[Element]:
    """The elements of a file (`.gz` too) with one of these tags, whole, as a stream; each is emptied after its turn.

    SECURITY: what is unpacked is bounded; expat itself bounds how far entities blow up, and fetches none from elsewhere.

    Raises:
        ScenarioError: the file is missing, too large, or no XML.
    """
    parser = ElementTree.XMLPullParser(("start", "end"))
    depth = 0
    try:
        for chunk in _chunks(path):
            parser.feed(chunk)
            for event, element in _events(parser):
                inside = element.tag in tags
                depth += inside if event == "start" else 0
                if event == "end" and inside:
                    yield element
                    depth -= 1
                if event == "end" and depth == 0:
                    element.clear()
        parser.close()
    except (OSError, EOFError, zlib.error) as error:
        raise ScenarioError(f"the file cannot be read: {error}", where=str(path)) from error
    except ElementTree.ParseError as error:
        raise ScenarioError(f"the file is no XML: {error}", where=str(path)) from error


def _chunks(path: Path) -> Iterator[bytes]:
    read = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        while chunk := file.read(1 << 16):
            read += len(chunk)
            if read > MOST_BYTES:
                raise ScenarioError(f"the file is larger than {MOST_BYTES >> 20} MiB", where=str(path))
            yield chunk


def _events(parser: ElementTree.XMLPullParser[Element]) -> Iterator[tuple[str, Element]]:
    for event in parser.read_events():
        if len(event) == 2 and isinstance(event[1], Element):
            yield event[0], event[1]


def _lanes(edge: Element) -> Iterator[Lane]:
    kind = edge.get("function", "normal")
    for lane in edge.iter("lane"):
        yield Lane(
            id=lane.get("id", ""),
            edge=edge.get("id", ""),
            length=float(lane.get("length", "0")),
            speed=float(lane.get("speed", "13.9")),
            users="pedestrian" if kind in ("crossing", "walkingarea") else _users(lane),
        )


def _users(lane: Element) -> str:
    allowed = set(lane.get("allow", "all").split())
    if allowed & VALUES_OF_CARS:
        return "vehicle"
    if "bus" in allowed or "tram" in allowed:
        return "bus"
    if allowed == {"pedestrian"}:
        return "pedestrian"
    return "cycle" if "bicycle" in allowed else "vehicle"


def _node(junction: Element) -> Node:
    requests = sorted(junction.iter("request"), key=lambda r: int(r.get("index", "0")))
    return Node(
        id=junction.get("id", ""),
        x=float(junction.get("x", "0")),
        y=float(junction.get("y", "0")),
        response=tuple(int(r.get("response", "0"), 2) for r in requests),
        foes=tuple(int(r.get("foes", "0"), 2) for r in requests),
    )


def _programme(logic: Element) -> Programme:
    phases = tuple(
        Phase(
            seconds=float(phase.get("duration", "0")),
            state=phase.get("state", ""),
            least=_number(phase.get("minDur")),
            most=_number(phase.get("maxDur")),
        )
        for phase in logic.iter("phase")
    )
    return Programme(
        tl=logic.get("id", ""),
        id=logic.get("programID", "0"),
        kind=logic.get("type", "static"),
        offset=_number(logic.get("offset")) or 0.0,
        phases=phases,
    )


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _connections(
    joins: Sequence[Mapping[str, str]], ends: Mapping[str, str], nodes: Mapping[str, Node]
) -> Iterator[Connection]:
    counted: dict[str, int] = {}
    for join in joins:
        node = ends.get(join.get("from", ""), "")
        if join.get("from", "").startswith(":") and not join.get("tl"):
            node = ""
        plain = counted.get(node, 0)
        counted[node] = plain + 1
        yield Connection(
            source=f"{join.get('from', '')}_{join.get('fromLane', '0')}",
            target=f"{join.get('to', '')}_{join.get('toLane', '0')}",
            via=join.get("via", ""),
            way=join.get("dir", "s"),
            tl=join.get("tl", ""),
            link=int(join.get("linkIndex", "-1")),
            node=node or _node_of(join.get("to", "")),
            index=_index(join, nodes.get(node), plain),
        )


def _node_of(inner: str) -> str:
    return inner[1:].rpartition("_")[0] if inner.startswith(":") else ""


def _index(join: Mapping[str, str], node: Node | None, plain: int) -> int:
    """The link's index in its junction: an inner edge bears the index of its first link; crossings come last."""
    via, to = join.get("via", ""), join.get("to", "")
    if via:
        first, lane = via.rsplit("_", 2)[1:]
        return int(first) + int(lane) if first.isdigit() and lane.isdigit() else plain
    if to.startswith(":") and "_c" in to:
        number = to.rpartition("_c")[2]
        return (
            -1000 + int(number) if number.isdigit() else plain
        )  # made whole by `derive`, which knows the vehicles' links
    return plain if node is not None else -1


def _by(connections: Sequence[Connection], end: str) -> dict[str, tuple[Connection, ...]]:
    found: dict[str, list[Connection]] = {}
    for connection in connections:
        found.setdefault(connection.source if end == "source" else connection.target, []).append(connection)
    return {lane: tuple(those) for lane, those in found.items()}
