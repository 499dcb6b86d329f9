"""What lies before and behind a stop line: the lanes that a detector of `reach_m` sees, and the next signals of its traffic.

A vehicle on a lane that forks goes one way, and no detector knows which: it is taken to go always the same one, by its name, the
straight way `STRAIGHT` times as often as a turn. So a detector sees each vehicle on one lane at most.

INVARIANT: no detector sees past a stop line of any signal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cityward.adapters.sumo.derive import Signal
from cityward.adapters.sumo.net import Connection, Net
from cityward.place.junctions import Junction, Link

STRAIGHT = 3.0  # how much more often than a turn
MOST_PIECES = 64  # lanes that one detector sees
FARTHEST_S = 90.0  # a signal that is farther away hears nothing of us
MOST_STEPS = 40


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of road that a stop line's detector sees: a lane of the net, `before` m of way between its end and the stop line.

    low, high: of the vehicles on it, by a number 0..1 made of their names, those from `low` to below `high` are taken to come.
    """

    lane: str
    before: float
    low: float = 0.0
    high: float = 1.0


def pieces_of(net: Net, stop: str, reach_m: float) -> tuple[Piece, ...]:
    """The road before a stop line, nearest first, as far as `reach_m`."""
    found = [Piece(lane=stop, before=0.0)]
    seen = {stop}
    for piece in found:
        if piece.before + net.lanes[piece.lane].length >= reach_m or len(found) >= MOST_PIECES:
            continue
        for join in net.arriving.get(piece.lane, ()):
            if join.tl or join.source.startswith(":") or join.source in seen or join.source not in net.lanes:
                continue
            seen.add(join.source)
            found += _upstream(net, piece, join)
    return tuple(found[:MOST_PIECES])


def _upstream(net: Net, piece: Piece, join: Connection) -> Iterator[Piece]:
    before = piece.before + net.lanes[piece.lane].length
    if join.via in net.lanes:
        yield Piece(lane=join.via, before=before, low=piece.low, high=piece.high)
        before += net.lanes[join.via].length
    low, high = _share(net, join)
    width = piece.high - piece.low
    yield Piece(lane=join.source, before=before, low=piece.low + width * low, high=piece.low + width * high)


def _share(net: Net, join: Connection) -> tuple[float, float]:
    """Which part of the vehicles on a lane takes one of its ways."""
    ways = [way for way in net.leaving[join.source] if way.way != "t"] or [join]
    weights = [STRAIGHT if way.way == "s" else 1.0 for way in ways]
    if join not in ways:
        return 0.0, 0.0
    nth = ways.index(join)
    return sum(weights[:nth]) / sum(weights), sum(weights[: nth + 1]) / sum(weights)


def seen_m(net: Net, pieces: tuple[Piece, ...], reach_m: float) -> float:
    """How far before the stop line is seen, m."""
    return min(reach_m, max(piece.before + net.lanes[piece.lane].length for piece in pieces))


def detectors_of(net: Net, junction: Junction, name: str) -> dict[str, tuple[str, ...]]:
    """One detector for each approach: its unit -> the lanes it sees, as the groups name them."""
    edges: dict[str, dict[str, None]] = {}
    for group in junction.groups.values():
        for lane in group.lanes:
            edges.setdefault(net.lanes[lane].edge, {})[lane] = None
    return {f"{name[:50].strip('-')}-radar-{n:02d}": tuple(lanes) for n, lanes in enumerate(edges.values(), start=1)}


def links_of(net: Net, signal: Signal, stops: Mapping[str, str]) -> tuple[Link, ...]:
    """Where each group's traffic goes next. stops: stop lane -> its junction."""
    own = {lane for group in signal.junction.groups.values() for lane in group.lanes}
    found: list[Link] = []
    for group, made in signal.junction.groups.items():
        nearest: dict[str, dict[str, float]] = {}
        for lane, seconds in _downstream(net, made.leads_to, set(stops)):
            if lane not in own:
                nearest.setdefault(stops[lane], {}).setdefault(lane, seconds)
        for to, lanes in nearest.items():
            found.append(Link(group=group, to=to, lanes=tuple(lanes), seconds=round(min(lanes.values()), 1)))
    return tuple(found)


def _downstream(net: Net, begin: tuple[str, ...], stops: set[str]) -> Iterator[tuple[str, float]]:
    """The stop lanes that are reached first, and the seconds to their ends at free speed."""
    ahead = [(lane, 0.0) for lane in begin]
    seen = set(begin)
    for lane, at in ahead:
        road = net.lanes[lane]
        seconds = at + road.length / max(road.speed, 0.1)
        if lane in stops:
            yield lane, seconds
            continue
        if seconds > FARTHEST_S or len(ahead) > MOST_STEPS:
            continue
        for join in net.leaving.get(lane, ()):
            if (
                join.target in net.lanes
                and not join.target.startswith(":")
                and join.target not in seen
                and join.way != "t"
            ):
                seen.add(join.target)
                ahead.append((join.target, seconds))
