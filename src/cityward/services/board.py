"""What a service shows people: one shape for all, so that the console, the terminal and a report need to know no service.

Texts here may hold what came from outside: whoever shows them treats them as text. Sizes are bounded by the constants below;
`clipped` holds a board to them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MOST_FIGURES, MOST_TABLES, MOST_ROWS, MOST_LINES, MOST_POINTS, MOST_SHAPES = 16, 8, 500, 24, 2000, 5000

Stance = Literal["plain", "good", "wait", "bad"]
"""How a thing is meant: as it stands in the console's tags."""

Degrees = tuple[Annotated[float, Meta(ge=-180, le=180)], Annotated[float, Meta(ge=-90, le=90)]]


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number or word: `Energy tonight`, `12.4`, `kWh`."""

    label: str
    value: str
    unit: str = ""
    stance: Stance = "plain"
    note: str = ""


class Cell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cell of a table. `device`: the unit that it names, to be linked to."""

    text: str
    device: str = ""
    stance: Stance = "plain"


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows under named columns. `empty`: what is said where there is no row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()
    empty: str = "Nothing."


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A series over time. points: (city ms, value), rising; band: (city ms, low, high) of what is only estimated."""

    title: str
    unit: str
    points: tuple[tuple[int, float], ...] = ()
    forecast: tuple[tuple[int, float], ...] = ()
    band: tuple[tuple[int, float, float], ...] = ()


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something on the map: a point, or a way through several. `order`: of stops, from 1; 0: none."""

    at: tuple[Degrees, ...]
    label: str = ""
    stance: Stance = "plain"
    device: str = ""
    order: int = 0


class Board(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands now: one sentence, figures, series, tables, shapes on the map."""

    summary: str
    figures: tuple[Figure, ...] = ()
    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()
    shapes: tuple[Shape, ...] = ()
