"""Vector tiles as bytes: layers of polygons and lines with one text column, `kind`. Pure.

# SPEC: Mapbox Vector Tile 2.1 (github.com/mapbox/vector-tile-spec): version 2, extent 4096, integers zigzag-encoded and relative.

INVARIANTS
- An outer ring has a positive area, y downwards, an inner one a negative area; rings without one are left out.
- The same shapes in the same order give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

EXTENT = 4096
Points = Sequence[tuple[int, int]]
Rings = Sequence[Points]
"""The rings of one polygon, the outer first."""

_LINE, _POLYGON = 2, 3
_MOVE, _DRAW, _CLOSE = 1, 2, 7


def tile(layers: Mapping[str, Sequence[tuple[str, bytes]]]) -> bytes:
    """One tile of layers: name -> (kind, feature made by `line` or `polygon`). Empty where no layer has any."""
    return b"".join(_field(3, _layer(name, features)) for name, features in layers.items() if features)


def line(parts: Iterable[Points]) -> bytes:
    """The geometry of a feature of one or more lines; empty where none has two points."""
    commands = _Commands()
    for part in parts:
        distinct = _distinct(part)
        if len(distinct) >= 2:
            commands.path(distinct)
    return _feature(_LINE, commands.bytes)


def polygon(parts: Iterable[Rings]) -> bytes:
    """The geometry of a feature of one or more polygons; empty where none has an area."""
    commands = _Commands()
    for rings in parts:
        for number, ring in enumerate(rings):
            distinct = _distinct(ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring)
            area = _area(distinct)
            if len(distinct) < 3 or area == 0:
                if number == 0:
                    break  # holes of nothing
                continue
            commands.path(distinct if (area > 0) == (number == 0) else distinct[::-1])
            commands.close()
    return _feature(_POLYGON, commands.bytes)


class _Commands:
    """A geometry as it grows; its pen stands where the last point was."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self._x = self._y = 0

    def path(self, points: Points) -> None:
        self.bytes += _varint(_MOVE | 1 << 3)
        self._to(points[0])
        self.bytes += _varint(_DRAW | (len(points) - 1) << 3)
        for point in points[1:]:
            self._to(point)

    def close(self) -> None:
        self.bytes += _varint(_CLOSE | 1 << 3)

    def _to(self, point: tuple[int, int]) -> None:
        x, y = point
        self.bytes += _varint(_zigzag(x - self._x)) + _varint(_zigzag(y - self._y))
        self._x, self._y = x, y


def _feature(kind: int, commands: bytearray) -> bytes:
    return _number(3, kind) + _field(4, bytes(commands)) if commands else b""


def _layer(name: str, features: Sequence[tuple[str, bytes]]) -> bytes:
    values = {value: at for at, value in enumerate(dict.fromkeys(kind for kind, _ in features if kind))}
    out = bytearray(_number(15, 2) + _field(1, name.encode()))
    for kind, shape in features:
        tags = _field(2, _varint(0) + _varint(values[kind])) if kind else b""
        out += _field(2, tags + shape)
    if values:
        out += _field(3, b"kind")
    for value in values:
        out += _field(4, _field(1, value.encode()))
    return bytes(out + _number(5, EXTENT))


def _distinct(points: Points) -> list[tuple[int, int]]:
    return [point for at, point in enumerate(points) if at == 0 or point != points[at - 1]]


def _area(points: Points) -> int:
    """Twice the signed area; positive is clockwise as it is seen, y downwards."""
    ends = zip(points, [*points[1:], *points[:1]], strict=True)
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in ends)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content
