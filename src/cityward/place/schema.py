"""The declaration described: its JSON Schema for editors, and its reference in Markdown for people.

Both are made from the record modules, so that they cannot say something else; what a kind is for is its docstring.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import msgspec.inspect as mi

from cityward.catalogue import PROPERTIES
from cityward.place.model import Place
from cityward.place.reading.references import HEADER, REFERENCES
from cityward.place.reading.shapes import expected, shape_of
from cityward.place.record import Record

_COMMON = frozenset(Record.__struct_fields__)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a whole declaration. An included file has the same fields, none of them required."""
    whole = msgspec.json.schema(Place)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Cityward declaration", **whole}


def reference() -> str:
    """The reference of every record kind, in Markdown."""
    return "\n".join([_PREFACE, *_header(), *_common(), *_kinds(), *_parts(), *_catalogue()]) + "\n"


_PREFACE = """\
# The declaration

<!-- made by `cityward check --reference`; a test holds this page to it -->

A place is declared in `place.yaml` and the files it includes, read as YAML 1.2 (`no` is a text; aliases, anchors and tags are
refused). Every kind of record is a mapping of id to record. An id is kebab-case and unique within its kind; kinds that may stand
in one field (devices, members of groups, systems, parties) share one namespace. Nothing is overridden: what is declared twice, in
one file or in two, is an error that names both lines. `unknown` is a value: it is counted, and never taken for a pass.
It stands for a whole field, where the tables below allow it: a list that holds an unknown is not known (`owners: unknown`, not
`owners: [unknown]`). It is a reserved word: nothing may have it for an id. Texts are one line: a line break is read as
a space, and a character that drives a terminal or turns or hides letters as `\N{REPLACEMENT CHARACTER}`.

`cityward check PLACE` tells all errors at once; `cityward check --schema` prints the JSON Schema for your editor.
"""


def _header() -> Iterator[str]:
    yield "## The place itself\n"
    info = shape_of(Place)
    assert isinstance(info, mi.StructType)
    yield from _table((f for f in info.fields if not isinstance(f.type, mi.DictType)), HEADER)


def _common() -> Iterator[str]:
    yield "## In every record\n"
    yield _sentence(Record)
    yield from _table(_fields_of(Record), {})


def _kinds() -> Iterator[str]:
    for field in _fields_of(Place):
        if isinstance(field.type, mi.DictType) and isinstance(field.type.value_type, mi.StructType):
            kind = field.type.value_type
            yield f"## `{field.encode_name}`: {kind.cls.__name__}\n"
            yield _sentence(kind.cls)
            own = [f for f in kind.fields if f.name not in _COMMON]
            yield from _table(own, REFERENCES.get(field.encode_name, {}))


def _parts() -> Iterator[str]:
    """The structs inside records, each once."""
    yield "## Parts of records\n"
    seen: dict[str, mi.StructType] = {}
    for kind in _fields_of(Place):
        if isinstance(kind.type, mi.DictType) and isinstance(kind.type.value_type, mi.StructType):
            for field in kind.type.value_type.fields:
                seen.update((part.cls.__name__, part) for part in _structs_in(field.type))
    for name, part in sorted(seen.items()):
        yield f"### {name}\n"
        yield _sentence(part.cls)
        yield from _table(part.fields, {})


def _structs_in(kind: mi.Type) -> Iterator[mi.StructType]:
    if isinstance(kind, mi.StructType):
        yield kind
    elif isinstance(kind, mi.UnionType):
        for option in kind.types:
            yield from _structs_in(option)
    elif isinstance(kind, mi.VarTupleType):
        yield from _structs_in(kind.item_type)
    elif isinstance(kind, mi.DictType):
        yield from _structs_in(kind.value_type)


def _catalogue() -> Iterator[str]:
    yield "## Observed properties\n"
    yield "What devices may observe. A model may narrow the limits, never widen them.\n"
    yield "| property | title | unit | low | high | an hour is its |"
    yield "|---|---|---|---|---|---|"
    for row in PROPERTIES.values():
        yield f"| `{row.id}` | {row.title} | {row.unit} | {row.low:,g} | {row.high:,g} | {row.kind} |"


def _fields_of(kind: Any) -> tuple[mi.Field, ...]:
    info = shape_of(kind)
    assert isinstance(info, mi.StructType)
    return info.fields


def _sentence(kind: type) -> str:
    """The docstring, as a paragraph."""
    lines = (line.strip() for line in (kind.__doc__ or "").strip().splitlines())
    return "\n".join(lines) + "\n"


def _table(fields: Any, names: Any) -> Iterator[str]:
    yield "| field | is | default |"
    yield "|---|---|---|"
    for field in fields:
        yield f"| `{field.encode_name}` | {_what(field, names)} | {_default(field)} |"
    yield ""


def _what(field: mi.Field, names: Any) -> str:
    words = expected(field.type).replace("|", "\\|")
    words = words.replace("an id (lower-case letters, digits, single hyphens; at most 64)", "an id")
    kinds = [
        kind
        for pattern, of in names.items()
        if pattern.split(".")[0].rstrip("[]{}") == field.encode_name
        for kind in of
    ]
    return f"{words}; of {', '.join(kinds)}" if kinds else words


def _default(field: mi.Field) -> str:
    if field.required:
        return "**required**"
    if field.default_factory is not msgspec.NODEFAULT:
        return "none"
    value = field.default
    if value is None or value in ((), ""):
        return "none"
    if isinstance(value, msgspec.Struct):
        return "all defaults"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"
