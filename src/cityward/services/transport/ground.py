"""How far along a line of stops a vehicle is. (lon, lat) in WGS 84 degrees."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, hypot, radians

from cityward.place.things import Position


def along_line(point: Position, line: Sequence[Position]) -> tuple[int, float]:
    """The number of the piece of a line that a point is nearest to, and how far along that piece, 0 to 1.

    Example:
        >>> along_line((0.5, 0.1), [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)])
        (0, 0.5)
    """
    if len(line) < 2:
        return 0, 0.0
    pieces = [(*_from_piece(point, line[n], line[n + 1]), n) for n in range(len(line) - 1)]
    _, along, n = min(pieces, key=lambda piece: piece[0])
    return n, along


def _from_piece(point: Position, start: Position, end: Position) -> tuple[float, float]:
    east, north = _offset(start, end)
    x, y = _offset(start, point)
    length = east * east + north * north
    along = 0.0 if length == 0 else min(1.0, max(0.0, (x * east + y * north) / length))
    return hypot(x - along * east, y - along * north), along


def _offset(a: Position, b: Position) -> Position:
    """From a to b, in degrees of latitude."""
    east = (b[0] - a[0] + 180) % 360 - 180
    return east * cos(radians(a[1])), b[1] - a[1]
