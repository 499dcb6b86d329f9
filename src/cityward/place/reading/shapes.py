"""Whether a tree has the shape of a record: every wrong field at once, each with its line, what was found and what was expected.

The types of the record modules are the only description; this walks them beside the tree (`msgspec.inspect`). What passes here
converts; what does not is told in words a person can act on, which a converter that stops at the first error cannot do.

INVARIANT: a tree for which `wrong_shape` yields nothing converts to the type (a test holds it).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from typing import Any

import msgspec.inspect as mi

from cityward.errors import PlaceError
from cityward.ids import ID_PATTERN
from cityward.place.hints import did_you_mean, shown
from cityward.place.reading.source import Node

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_SCALARS = (mi.StrType, mi.IntType, mi.FloatType, mi.BoolType, mi.DateType, mi.LiteralType, mi.EnumType, mi.NoneType)


@cache
def shape_of(kind: Any) -> mi.Type:
    """The shape of a type, looked up once."""
    return _bare(mi.type_info(kind))


def wrong_shape(node: Node, kind: mi.Type, path: str) -> Iterator[PlaceError]:
    """Everything that is wrong with the tree, as a value of the kind."""
    kind = _bare(kind)
    if isinstance(kind, mi.UnionType):
        yield from _union(node, kind, path)
    elif isinstance(kind, mi.StructType):
        yield from _struct(node, kind, path)
    elif isinstance(kind, mi.DictType):
        yield from _dict(node, kind, path)
    elif isinstance(kind, mi.VarTupleType):
        yield from _list(node, kind, path)
    elif isinstance(kind, mi.TupleType):
        yield from _tuple(node, kind, path)
    elif not isinstance(kind, mi.AnyType):
        yield from _scalar(node, kind, path)


def place_error(node: Node, path: str, what: str, mend: str) -> PlaceError:
    """An error at a node."""
    return PlaceError(f"{path}: {what}", where=f"{node.file}:{node.line}  {path}", mend=mend)


def _bare(kind: mi.Type) -> mi.Type:
    while isinstance(kind, mi.Metadata):
        kind = kind.type
    return kind


def _mismatch(node: Node, kind: mi.Type, path: str) -> PlaceError:
    return place_error(node, path, f"found {_kind_found(node)}, expected {expected(kind)}", _mend(node, kind))


def _union(node: Node, kind: mi.UnionType, path: str) -> Iterator[PlaceError]:
    """By what was found: a list is held to the list of the union, a mapping to its struct, a scalar to any of its scalars."""
    for option in map(_bare, kind.types):
        if isinstance(node.value, list) and isinstance(option, mi.VarTupleType | mi.TupleType):
            yield from wrong_shape(node, option, path)
            return
        if isinstance(node.value, dict) and isinstance(option, mi.StructType | mi.DictType):
            yield from wrong_shape(node, option, path)
            return
        if isinstance(option, _SCALARS) and _fits(node.value, option):
            return
    yield _mismatch(node, kind, path)


def _struct(node: Node, kind: mi.StructType, path: str) -> Iterator[PlaceError]:
    if not isinstance(node.value, dict):
        yield _mismatch(node, kind, path)
        return
    fields = _fields_of(kind.cls)
    for key, child in node.value.items():
        if key not in fields:
            yield unknown_field(child, path, key, fields)
        else:
            yield from wrong_shape(child, fields[key].type, f"{path}.{key}")
    for name, field in fields.items():
        if field.required and name not in node.value:
            mend = f"add `{name}: ` with {expected(field.type)}"
            yield place_error(node, f"{path}.{name}", "is missing", mend)


@cache
def _fields_of(kind: type) -> dict[str, mi.Field]:
    info = shape_of(kind)
    assert isinstance(info, mi.StructType)
    return {field.encode_name: field for field in info.fields}


def unknown_field(node: Node, path: str, key: str, known: Any) -> PlaceError:
    """A key that is no field."""
    mend = "merge keys are not read; write the fields out" if key == "<<" else f"known are {_every(known)}"
    where = f"{path}.{key}" if path else key
    return place_error(node, where, f"unknown field `{key[:64]}`{did_you_mean(key, known)}", mend)


def _dict(node: Node, kind: mi.DictType, path: str) -> Iterator[PlaceError]:
    if not isinstance(node.value, dict):
        yield _mismatch(node, kind, path)
        return
    for key, child in node.value.items():
        yield from wrong_entry(key, child, kind, path)


def wrong_entry(key: str, node: Node, kind: mi.DictType, path: str) -> Iterator[PlaceError]:
    """Everything that is wrong with one entry of a mapping, its key included."""
    if not _fits(key, _bare(kind.key_type)):
        mend = f"name it with {expected(kind.key_type)}"
        yield place_error(node, f"{path}.{key[:80]}", f"found the key {shown(key)}", mend)
    yield from wrong_shape(node, kind.value_type, f"{path}.{key}")


def _list(node: Node, kind: mi.VarTupleType, path: str) -> Iterator[PlaceError]:
    if not isinstance(node.value, list):
        yield _mismatch(node, kind, path)
        return
    if kind.min_length and len(node.value) < kind.min_length:
        yield place_error(node, path, "found an empty list", f"name at least {kind.min_length}: {expected(kind)}")
    for i, child in enumerate(node.value):
        yield from wrong_shape(child, kind.item_type, f"{path}[{i}]")


def _tuple(node: Node, kind: mi.TupleType, path: str) -> Iterator[PlaceError]:
    if not isinstance(node.value, list) or len(node.value) != len(kind.item_types):
        yield _mismatch(node, kind, path)
        return
    for i, (child, item) in enumerate(zip(node.value, kind.item_types, strict=True)):
        yield from wrong_shape(child, item, f"{path}[{i}]")


def _scalar(node: Node, kind: mi.Type, path: str) -> Iterator[PlaceError]:
    if not _fits(node.value, kind):
        yield _mismatch(node, kind, path)


def _fits(value: Any, kind: mi.Type) -> bool:
    check = _FITS.get(type(kind))
    return check is not None and check(value, kind)


def _fits_text(value: Any, kind: Any) -> bool:
    if not isinstance(value, str) or (kind.max_length is not None and len(value) > kind.max_length):
        return False
    # SECURITY: fullmatch, for `$` alone lets a line break pass, and ids become topics, file names and log lines
    return kind.pattern is None or re.fullmatch(kind.pattern, value) is not None


def _fits_number(value: Any, kind: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > 2**63 - 1:
        return False
    return all(
        (
            kind.ge is None or value >= kind.ge,
            kind.le is None or value <= kind.le,
            kind.gt is None or value > kind.gt,
            kind.lt is None or value < kind.lt,
        )
    )


def _fits_int(value: Any, kind: Any) -> bool:
    return isinstance(value, int) and _fits_number(value, kind)


def _fits_date(value: Any, kind: Any) -> bool:
    if not isinstance(value, str) or not _DATE.match(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _words_tuple(kind: Any) -> str:
    items = [expected(item) for item in kind.item_types]
    each = f"each item {items[0]}" if len(set(items)) == 1 else " then ".join(items)
    return f"a list of {len(items)}: {each}"


def _choices(kind: Any) -> tuple[Any, ...]:
    return tuple(member.value for member in kind.cls) if isinstance(kind, mi.EnumType) else tuple(kind.values)


def _fits_choice(value: Any, kind: Any) -> bool:
    return isinstance(value, str) and value in _choices(kind)


_FITS: dict[type, Callable[[Any, Any], bool]] = {
    mi.StrType: _fits_text,
    mi.IntType: _fits_int,
    mi.FloatType: _fits_number,
    mi.BoolType: lambda value, kind: isinstance(value, bool),
    mi.DateType: _fits_date,
    mi.LiteralType: _fits_choice,
    mi.EnumType: _fits_choice,
    mi.NoneType: lambda value, kind: value is None,
}


def expected(kind: mi.Type) -> str:
    """A kind in words: `a number from 0 to 100`."""
    kind = _bare(kind)
    describe = _WORDS.get(type(kind))
    return describe(kind) if describe else "a value"


def _words_text(kind: Any) -> str:
    if kind.pattern == ID_PATTERN:
        return "an id (lower-case letters, digits, single hyphens; at most 64)"
    if kind.pattern:
        return f"a text like {kind.pattern}"
    return f"a text of at most {kind.max_length} characters" if kind.max_length else "a text"


def _words_number(kind: Any, noun: str) -> str:
    low = kind.ge if kind.ge is not None else kind.gt
    high = kind.le if kind.le is not None else kind.lt
    if low is not None and high is not None:
        return f"{noun} from {low:,} to {high:,}"
    return f"{noun} of at least {low:,}" if low is not None else noun


def _words_union(kind: Any) -> str:
    options = [option for option in map(_bare, kind.types) if not isinstance(option, mi.NoneType)]
    return ", or ".join(expected(option) for option in options)


def _one_of(kind: Any) -> str:
    choices = _choices(kind)
    return f"`{choices[0]}`" if len(choices) == 1 else f"one of {_every(choices)}"


def _every(words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words)


_WORDS: dict[type, Callable[[Any], str]] = {
    mi.StrType: _words_text,
    mi.IntType: lambda kind: _words_number(kind, "a whole number"),
    mi.FloatType: lambda kind: _words_number(kind, "a number"),
    mi.BoolType: lambda kind: "`true` or `false`",
    mi.DateType: lambda kind: "a date like 2026-01-31",
    mi.LiteralType: _one_of,
    mi.EnumType: _one_of,
    mi.NoneType: lambda kind: "nothing",
    mi.StructType: lambda kind: (
        f"a mapping with {_every(f.encode_name for f in kind.fields if f.required) or 'fields'}"
    ),
    mi.DictType: lambda kind: "a mapping of ids",
    mi.VarTupleType: lambda kind: f"a list, each item {expected(kind.item_type)}",
    mi.TupleType: _words_tuple,
    mi.UnionType: _words_union,
}


def _kind_found(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return f"a list of {len(node.value)}"
    if isinstance(node.value, bool | int | float):
        return f"the {'truth value' if isinstance(node.value, bool) else 'number'} {shown(node.value)}"
    return shown(node.value)


def _mend(node: Node, kind: mi.Type) -> str:
    options = kind.types if isinstance(kind, mi.UnionType) else (kind,)
    words = [word for o in map(_bare, options) if isinstance(o, mi.LiteralType | mi.EnumType) for word in _choices(o)]
    if isinstance(node.value, str) and words:
        return f"write {expected(kind)}{did_you_mean(node.value, words)}"
    if isinstance(kind, mi.StrType) and isinstance(node.value, bool | int | float):
        return "put it in quotes"
    return f"write {expected(kind)}"
