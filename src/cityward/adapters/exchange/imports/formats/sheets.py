"""Sheets kept by hand: one CSV file for each kind of record, named after it (`parties.csv`, `2026-systems.csv`).

The first row names the fields, as docs/declaration.md does, in any spelling (`Incorporated in`); `id` is the record's. A field of
a part has a dot (`limits.max_age_s`). How values are written: `cells`. An `id` that is no kebab-case becomes one, here and
wherever another sheet names it, and is kept as `name`. Empty cells leave the field out.

This is a declaration in another form, kept by a person: what is wrong is told all at once, with its line, and nothing is
imported until it is mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import msgspec.inspect as mi

from cityward.adapters.exchange.imports.cells import bare, read_cell
from cityward.adapters.exchange.imports.contract import DecodeErrors, File, Record, refusal
from cityward.adapters.exchange.imports.draft import KINDS, Draft
from cityward.adapters.exchange.imports.fields import as_text
from cityward.adapters.exchange.imports.tables import read_table
from cityward.adapters.exchange.imports.yaml_text import MAX_KEY
from cityward.errors import DecodeError
from cityward.guard.reasons import Reason
from cityward.ids import is_id
from cityward.place.hints import did_you_mean, listed, shown
from cityward.place.model import Place
from cityward.place.reading.references import REFERENCES
from cityward.place.reading.shapes import shape_of, wrong_shape
from cityward.place.reading.source import Node
from cityward.place.record import UNKNOWN

FORMAT = "sheets"
TITLE = "CSV sheets, one for each kind of record"

MAX_CELL = 100_000  # a group of devices with its positions
MAX_ERRORS = 1000  # a person is reading
_SEPARATORS = re.compile(r"[\s-]+")

Row = tuple[File, int, str, Record]
"""A row: its file, line, what the sheet calls it, and its fields."""


def read(files: Sequence[File], draft: Draft) -> None:
    """Fill the draft from sheets.

    Raises:
        DecodeError: a file cannot be read.
        DecodeErrors: everything that is wrong with the sheets.
    """
    draft.source = ""
    _Sheets(draft).read(files)


def kind_of(name: str) -> str | None:
    """The kind of record a file of this name holds."""
    stem = _SEPARATORS.sub("_", name.rpartition("/")[2].rpartition(".")[0].lower())
    return next((kind for kind in KINDS if stem == kind or stem.endswith(f"_{kind}")), None)


class _Sheets:
    """All sheets of one import: ids first, then what names them."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.errors: list[DecodeError] = []
        self.lines: dict[tuple[str, str], str] = {}  # (kind, what the sheet calls it) -> where

    def read(self, files: Sequence[File]) -> None:
        rows = [(kind, row) for file in files for kind, row in self._sheet(file)]
        named = [(kind, self._id(kind, row), row) for kind, row in rows]
        for kind, name, row in named:
            if name is not None:
                self._record(kind, name, row)
        if self.errors:
            raise DecodeErrors(self.errors[:MAX_ERRORS])

    def _wrong(self, where: str, what: str, mend: str) -> None:
        if len(self.errors) <= MAX_ERRORS:
            self.errors.append(refusal(Reason.WRONG_SHAPE, what, where, mend))

    def _sheet(self, file: File) -> Iterator[tuple[str, Row]]:
        kind = kind_of(file.name)
        if kind is None:
            mend = f"name it after a kind of record: {', '.join(f'{kind}.csv' for kind in KINDS)}"
            stem = file.name.rpartition(".")[0]
            self._wrong(
                file.name, f"`{as_text(file.name, 80)}` is named after no kind{did_you_mean(stem, KINDS)}", mend
            )
            return
        table = read_table(file)
        fields = self._columns(f"{file.name}:1", kind, table.columns)
        if fields is None:
            return
        for line, cells in table.rows:
            record: Record = {}
            key = ""
            for (path, type_), raw in zip(fields, cells, strict=True):
                cell = as_text(raw, MAX_CELL)
                if not cell:
                    continue
                if path == ("id",):
                    key = cell
                elif path:
                    _set(record, path, read_cell(cell, type_))
                else:
                    self._wrong(f"{file.name}:{line}", f"{shown(cell)} stands under no name", "name its column")
            yield kind, (file, line, key or as_text(record.get("name")), record)

    def _columns(self, where: str, kind: str, columns: Sequence[str]) -> list[tuple[tuple[str, ...], mi.Type]] | None:
        """The path and type of the field of each column; no path where a column has no name."""
        found: list[tuple[tuple[str, ...], mi.Type]] = []
        before = len(self.errors)
        for column in columns:
            path = tuple(_SEPARATORS.sub("_", part.strip().lower()) for part in column.split(".")) if column else ()
            type_ = mi.StrType() if path in ((), ("id",)) else _type_of(kind, path)
            if type_ is None:
                known = ["id", *_fields(_struct(kind))]
                what = f"`{as_text(column, 64)}` is no field of {kind}{did_you_mean(column, known)}"
                self._wrong(f"{where}  {kind}", what, f"known are {listed(known)}; see docs/declaration.md")
            elif path and path in [known for known, _ in found]:
                self._wrong(
                    f"{where}  {kind}", f"`{as_text(column, 64)}` is there twice", "keep one of the two columns"
                )
            found.append((path, type_ or mi.StrType()))
        if ("id",) not in [path for path, _ in found] and ("name",) not in [path for path, _ in found]:
            self._wrong(f"{where}  {kind}", "there is no column `id`", "add one, or a column `name` to make ids from")
        return found if len(self.errors) == before else None

    # --- ids

    def _id(self, kind: str, row: Row) -> str | None:
        file, line, key, _ = row
        where = f"{file.name}:{line}  {kind}"
        if not key:
            self._wrong(where, "the row has no id", "fill in `id`, or `name`")
            return None
        first = self.lines.setdefault((kind, key), where)
        if first is not where:
            self._wrong(
                where, f"{shown(key)} is there twice, first at {first.partition(' ')[0]}", "keep one of the two"
            )
            return None
        if not is_id(key):
            return self.draft.names.give(kind, key, key)
        if key == UNKNOWN:
            self._wrong(where, f"`{UNKNOWN}` is no id: it is the word for what is not known", "give the record an id")
            return None
        if self.draft.names.claim(kind, key):
            return key
        self._wrong(where, f"the id `{key}` is taken by another record", "give one of them another id")
        return None

    # --- records

    def _record(self, kind: str, name: str, row: Row) -> None:
        file, line, key, record = row
        for field, wanted in REFERENCES.get(kind, {}).items():
            for holder, at in _named(record, field):
                self._refer(holder, at, wanted, f"{file.name}:{line}  {kind}.{name}")
        if _has_long_key(record):
            where = f"{file.name}:{line}  {kind}.{name}"
            self._wrong(where, f"a name of more than {MAX_KEY} characters", "shorten it; the value may be longer")
        if key != name:
            record.setdefault("name", key)
        for error in _wrong_shapes(kind, name, record, file.name, line):
            if len(self.errors) <= MAX_ERRORS:
                self.errors.append(error)
        self.draft.put(kind, name, record)

    def _refer(self, holder: Any, at: Any, wanted: tuple[str, ...], where: str) -> None:
        """Put the id in the place of what the sheet calls the thing."""
        found = holder[at]
        if not isinstance(found, str):
            return
        name = self.draft.names.of(found, *wanted)
        if name is not None:
            holder[at] = name
        elif not is_id(found) and found != UNKNOWN:
            self._wrong(where, f"{shown(found)} is in no sheet, and is no id", "correct it, or add its row")


def _has_long_key(value: Any) -> bool:
    if isinstance(value, dict):
        return any(len(str(key)) > MAX_KEY or _has_long_key(child) for key, child in value.items())
    return isinstance(value, list) and any(map(_has_long_key, value))


def _wrong_shapes(kind: str, name: str, record: Record, file: str, line: int) -> Iterator[DecodeError]:
    struct = _struct(kind)
    try:
        msgspec.convert(record, struct.cls)
        return
    except msgspec.ValidationError:
        pass  # told below, in words and all at once
    node = _node(record, file, line)
    for error in wrong_shape(node, struct, f"{kind}.{name}"):
        yield refusal(Reason.WRONG_SHAPE, error.what, error.where, error.mend)


def _node(value: Any, file: str, line: int) -> Node:
    if isinstance(value, dict):
        return Node({str(key): _node(child, file, line) for key, child in value.items()}, file, line)
    if isinstance(value, list):
        return Node([_node(child, file, line) for child in value], file, line)
    return Node(value, file, line)


@cache
def _struct(kind: str) -> mi.StructType:
    place = shape_of(Place)
    assert isinstance(place, mi.StructType)
    field = next(field for field in place.fields if field.encode_name == kind)
    assert isinstance(field.type, mi.DictType)
    struct = bare(field.type.value_type)
    assert isinstance(struct, mi.StructType)
    return struct


def _fields(struct: mi.StructType) -> Mapping[str, mi.Type]:
    return {field.encode_name: bare(field.type) for field in struct.fields}


def _type_of(kind: str, path: Sequence[str]) -> mi.Type | None:
    """The type of the field a dotted column name leads to."""
    at: mi.Type = _struct(kind)
    for name in path:
        if isinstance(at, mi.StructType) and name in _fields(at):
            at = _fields(at)[name]
        elif isinstance(at, mi.DictType) and name:
            at = bare(at.value_type)
        else:
            return None
    return at


def _set(record: Record, path: Sequence[str], value: Any) -> None:
    at = record
    for name in path[:-1]:
        inner = at.setdefault(name, {})
        at = inner if isinstance(inner, dict) else at
    at[path[-1]] = value


def _named(value: Any, field: str) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of each value that a pattern of `REFERENCES` leads to."""
    head, _, rest = field.partition(".")
    name = head.rstrip("[]{}")
    if not isinstance(value, dict) or name not in value or head.endswith("{}"):
        return
    child: Any = value[name]
    if head.endswith("[]"):
        for i, item in enumerate(child if isinstance(child, list) else []):
            yield from _named(item, rest) if rest else iter([(child, i)])
    else:
        yield from _named(child, rest) if rest else iter([(value, name)])
