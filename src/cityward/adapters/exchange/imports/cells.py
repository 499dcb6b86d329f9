"""What stands in a cell of a sheet, as a value of a field's type.

| the field holds | write in the cell |
|---|---|
| a text, an id, a date, one of some words | itself; words in any spelling (`Public body`), dates as 2026-01-31 |
| a number | `12.5`, `12,5` or `12 %` |
| yes or no | `true`, `yes`, `x`, `1`, `false`, `no`, `0` |
| a list | its items with `;` between them |
| a position or a pair | `2.35, 54.9`; a list of positions `2.35, 54.9; 2.36, 54.9` |
| names with values (`ids`) | `lei=...; company-number=...` |
| parts (`owners`, `needs`, ...) | `acme-group share=60 mechanism=voting; ...`: first field bare, lists with a bar: `a|b k=1` |
| anything else | JSON |

INVARIANT: no function here raises. What is not understood stays the text that it is, for `place.reading.shapes` to tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec.inspect as mi

from cityward.adapters.exchange.imports.fields import squash
from cityward.adapters.protocols import strict_json
from cityward.errors import DecodeError
from cityward.place.record import UNKNOWN

_NUMBER = re.compile(r"[-+]?\d{1,30}(?:[.,]\d{1,30})?\Z")
_TOKEN = re.compile(r'(?:(\w+)=)?("[^"]*"|\S+)')
_YES, _NO = frozenset({"true", "yes", "x", "1"}), frozenset({"false", "no", "0"})
_OF_LIST, _OF_PART = ";", "|"


def read_cell(text: str, kind: mi.Type, separator: str = _OF_LIST) -> Any:
    """The value of a cell that is not empty. Within parts lists are separated by a bar."""
    kind = _meant(text, bare(kind))
    if text[:1] in ("{", "[") and not isinstance(kind, mi.StrType):
        return _json(text)
    if isinstance(kind, mi.VarTupleType):
        return [read_cell(item, kind.item_type, _OF_PART) for item in _split(text, separator)]
    read = _READERS.get(type(kind))
    return read(text, kind) if read else text


def _meant(text: str, kind: mi.Type) -> mi.Type:
    """Of a union: the word `unknown` where it is meant, else what is no such word."""
    if not isinstance(kind, mi.UnionType):
        return kind
    options = [option for option in map(bare, kind.types) if not isinstance(option, mi.NoneType)]
    words = [option for option in options if isinstance(option, mi.LiteralType) and option.values == (UNKNOWN,)]
    others = [option for option in options if option not in words]
    return words[0] if words and (text.lower() == UNKNOWN or not others) else others[0]


def bare(kind: mi.Type) -> mi.Type:
    """A type without its annotations."""
    while isinstance(kind, mi.Metadata):
        kind = kind.type
    return kind


def _split(text: str, separator: str) -> list[str]:
    return [item for item in (item.strip() for item in text.split(separator)) if item]


def _pair(text: str, kind: mi.TupleType) -> Any:
    items = _split(text.replace(";", ","), ",") if "," in text or ";" in text else text.split()
    return [read_cell(item, kind.item_types[min(i, len(kind.item_types) - 1)]) for i, item in enumerate(items)]


def _flag(text: str, kind: mi.BoolType) -> Any:
    word = text.lower()
    return True if word in _YES else False if word in _NO else text


def _word(text: str, kind: mi.LiteralType | mi.EnumType) -> Any:
    words = [m.value for m in kind.cls] if isinstance(kind, mi.EnumType) else [str(v) for v in kind.values]
    return next((word for word in words if squash(word) == squash(text)), text)


def _number(text: str, kind: mi.IntType | mi.FloatType) -> Any:
    plain = text.removesuffix("%").strip()
    if not _NUMBER.match(plain):
        return text
    number = float(plain.replace(",", "."))
    return int(number) if isinstance(kind, mi.IntType) and number.is_integer() else number


def _json(text: str) -> Any:
    try:
        return strict_json.parse(text.encode())
    except (DecodeError, UnicodeEncodeError):
        return text


def _named(text: str, kind: mi.DictType) -> Any:
    """`key=value; key=value`."""
    pairs = [item.partition("=") for item in _split(text, _OF_LIST)]
    if any(not sign for _, sign, _ in pairs) or len({key.strip() for key, _, _ in pairs}) != len(pairs):
        return text
    return {key.strip(): read_cell(value.strip(), kind.value_type, _OF_PART) for key, _, value in pairs}


def _part(text: str, kind: mi.StructType) -> Any:
    """`first-field field=value field=value`."""
    fields = {field.encode_name: field for field in kind.fields}
    found: dict[str, Any] = {}
    for key, value in _TOKEN.findall(text):
        name = key or kind.fields[0].encode_name
        if name in found:
            return text
        word = value.strip('"')
        found[name] = read_cell(word, fields[name].type, _OF_PART) if name in fields else word
    return found


_READERS: dict[type, Callable[[str, Any], Any]] = {
    mi.TupleType: _pair,
    mi.DictType: _named,
    mi.StructType: _part,
    mi.BoolType: _flag,
    mi.IntType: _number,
    mi.FloatType: _number,
    mi.LiteralType: _word,
    mi.EnumType: _word,
}
