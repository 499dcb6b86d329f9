"""What a service shows people: one shape for all, so that the console, the terminal and a report need to know no service.

Texts here may hold what came from outside: whoever shows them treats them as text. Sizes are bounded by the constants below;
`clipped` holds a board to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from cityward.text import harmless

MOST_FIGURES, MOST_TABLES, MOST_ROWS, MOST_LINES, MOST_POINTS, MOST_SHAPES = 16, 8, 500, 24, 2000, 5000
MOST_COLUMNS = 16
MOST_SIGNALS, MOST_HEADS, MOST_FLAGS = 200, 64, 16
LONGEST_TEXT = 300  # characters of any text on a board
LARGEST_BOARD = 4 << 20  # bytes as JSON: what is larger shows its figures alone

T = TypeVar("T")

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


class SignalHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signal group of a junction. now: whether it is green; seconds: for how long it is, or is not."""

    name: str
    kind: str = "vehicle"
    now: bool = False
    seconds: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    most_red_s: Annotated[float, Meta(ge=0, le=600)] = 0.0


class SignalQueue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands and what comes on one lane. blind: why nothing is known of it."""

    lane: str
    device: str = ""
    vehicles: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    halted: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    blind: str = ""


class SignalStage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stage, with the groups that are green in it. plan_s: how long the junction's own plan gives it; 0: it does not."""

    name: str
    groups: tuple[str, ...]
    plan_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0


class SignalsAt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One junction as it shows itself. stage: of `stages`, -1: not known; wish: the stage it was told last, -1: its plan.

    flags: what is not as it should be, a few words each. asked: who asks for green.
    """

    name: str
    device: str
    stages: tuple[SignalStage, ...]
    groups: tuple[SignalHead, ...]
    queues: tuple[SignalQueue, ...] = ()
    stage: Annotated[int, Meta(ge=-1, le=63)] = -1
    since_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    settled: bool = False
    on_plan: bool = False
    wish: Annotated[int, Meta(ge=-1, le=63)] = -1
    why: str = ""
    flags: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    stance: Stance = "plain"


class Board(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands now: one sentence, figures, series, tables, shapes on the map, junctions with their signals."""

    summary: str
    figures: tuple[Figure, ...] = ()
    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()
    shapes: tuple[Shape, ...] = ()
    signals: tuple[SignalsAt, ...] = ()


def clipped(board: Board) -> Board:
    """The board within its bounds: the first figures, rows and shapes, the newest points, texts that can do no harm.

    Raises:
        msgspec.ValidationError: it is no board: constructors check no types, and a service is a plug-in.
    """
    sound = msgspec.convert(msgspec.to_builtins(board), Board)
    clipped_ = Board(
        summary=_text(sound.summary),
        figures=tuple(_figure(figure) for figure in sound.figures[:MOST_FIGURES]),
        lines=tuple(_line(line) for line in sound.lines[:MOST_LINES]),
        tables=tuple(_table(table) for table in sound.tables[:MOST_TABLES]),
        shapes=tuple(_shape(shape) for shape in sound.shapes[:MOST_SHAPES] if _is_shown(shape)),
        signals=tuple(_signals(one) for one in sound.signals[:MOST_SIGNALS]),
    )
    if len(msgspec.json.encode(clipped_)) <= LARGEST_BOARD:
        return clipped_
    return Board(summary=clipped_.summary, figures=clipped_.figures)


def _text(text: str) -> str:
    clean = harmless(text)
    return clean if len(clean) <= LONGEST_TEXT else clean[: LONGEST_TEXT - 1] + "…"


def _figure(figure: Figure) -> Figure:
    return msgspec.structs.replace(
        figure,
        label=_text(figure.label),
        value=_text(figure.value),
        unit=_text(figure.unit),
        note=_text(figure.note),
    )


def _line(line: Line) -> Line:
    return Line(
        title=_text(line.title),
        unit=_text(line.unit),
        points=_finite(line.points)[-MOST_POINTS:],
        forecast=_finite(line.forecast)[:MOST_POINTS],
        band=_finite(line.band)[:MOST_POINTS],
    )


def _finite(points: Sequence[T]) -> tuple[T, ...]:
    return tuple(point for point in points if all(map(isfinite, point)))  # pyright: ignore[reportArgumentType]


def _table(table: Table) -> Table:
    return Table(
        title=_text(table.title),
        columns=tuple(map(_text, table.columns[:MOST_COLUMNS])),
        rows=tuple(tuple(map(_cell, row[:MOST_COLUMNS])) for row in table.rows[:MOST_ROWS]),
        empty=_text(table.empty),
    )


def _cell(cell: Cell) -> Cell:
    return Cell(text=_text(cell.text), device=_text(cell.device), stance=cell.stance)


def _is_shown(shape: Shape) -> bool:
    return bool(shape.at) and all(isfinite(lon) and isfinite(lat) for lon, lat in shape.at)


def _shape(shape: Shape) -> Shape:
    """A way of too many points keeps every so many of them, and its end."""
    step = -(-len(shape.at) // MOST_POINTS)
    at = (*shape.at[::step][: MOST_POINTS - 1], shape.at[-1]) if step > 1 else shape.at
    return Shape(at=at, label=_text(shape.label), stance=shape.stance, device=_text(shape.device), order=shape.order)


def _signals(one: SignalsAt) -> SignalsAt:
    return msgspec.structs.replace(
        one,
        name=_text(one.name),
        device=_text(one.device),
        stages=tuple(
            SignalStage(name=_text(s.name), groups=tuple(map(_text, s.groups[:MOST_HEADS])), plan_s=s.plan_s)
            for s in one.stages[:MOST_HEADS]
        ),
        groups=tuple(
            msgspec.structs.replace(g, name=_text(g.name), kind=_text(g.kind)) for g in one.groups[:MOST_HEADS]
        ),
        queues=tuple(
            msgspec.structs.replace(q, lane=_text(q.lane), device=_text(q.device), blind=_text(q.blind))
            for q in one.queues[:MOST_HEADS]
        ),
        why=_text(one.why),
        flags=tuple(map(_text, one.flags[:MOST_FLAGS])),
        asked=tuple(map(_text, one.asked[:MOST_FLAGS])),
    )
