"""What a benchmark prints: a table with its verdict, made of whatever rows a part measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

Cell = str | int | float | None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """title; head: names of columns; rows; verdict: one line that says what it comes to; notes: what the reader must know."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    verdict: str = ""
    notes: tuple[str, ...] = ()


def table_of(title: str, rows: Sequence[object], verdict: str = "", notes: Sequence[str] = ()) -> Table:
    """Of rows that are dataclasses, structs or mappings: a column for each field, nested ones opened."""
    flat = [dict(_cells(row)) for row in rows]
    head = list(dict.fromkeys(name for row in flat for name in row))
    return Table(
        title=title,
        head=tuple(head),
        rows=tuple(tuple(row.get(name) for name in head) for row in flat),
        verdict=verdict,
        notes=tuple(notes),
    )


def _cells(row: Any, before: str = "") -> Iterator[tuple[str, Cell]]:
    for name, value in _parts(row):
        if value is None or isinstance(value, str | int | float):
            yield before + name, value
        elif is_dataclass(value) or isinstance(value, msgspec.Struct | Mapping):
            yield from _cells(value, f"{before}{name} ")
        else:
            yield before + name, str(value)


def _parts(row: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(row, Mapping):
        yield from row.items()
    elif isinstance(row, msgspec.Struct):
        yield from msgspec.structs.asdict(row).items()
    else:
        for part in fields(row):
            yield part.name.replace("_", " "), getattr(row, part.name)
