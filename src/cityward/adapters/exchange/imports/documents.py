"""JSON and YAML from somebody else, as plain values, within bounds.

Other tools' YAML uses anchors, aliases and merge keys, which the declaration's own reader refuses. Here they are read: an alias
is the same value once more, not a copy, and counts with all it holds, so that a bomb meets the bound on values long before it
costs anything. Merge keys are those of YAML 1.1. Tags are passed over: nothing is constructed.

INVARIANTS
- Whatever the bytes, only `DecodeError` is raised.
- The values returned, aliases written out, are at most `MAX_VALUES`, nested at most `MAX_DEPTH` deep.
- A key that is given twice in one mapping is refused: two readers would understand two things.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from cityward.adapters.exchange.imports.contract import File, refusal
from cityward.adapters.protocols import strict_json
from cityward.errors import DecodeError
from cityward.guard.reasons import Reason
from cityward.place.reading.source import resolve

MAX_JSON = 64 * 2**20  # PRECEDENT: a bill of materials of a whole operating system is 20 MB
MAX_LINES = 256 * 2**20  # JSON lines are read one at a time; a national ownership register is cut to what one needs
MAX_YAML = 16 * 2**20  # PRECEDENT: what a declaration may be
MAX_DEPTH = strict_json.MAX_DEPTH
MAX_VALUES = 2_000_000  # PRECEDENT: `place.reading.source`


def read_document(file: File) -> object:
    """The one value of a JSON or YAML file; JSON where it begins with a bracket.

    Raises:
        DecodeError: it is neither, or beyond a bound.
    """
    start = file.raw[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    return read_json(file) if start[:1] in (b"{", b"[") else _read_yaml(file)


def read_json(file: File) -> object:
    """The value of a JSON file.

    Raises:
        DecodeError: as `read_document`.
    """
    text = _text(file, MAX_JSON)
    if strict_json.nests_too_deep(file.raw):
        raise refusal(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels", file.name, "no model needs that")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        where = f"{file.name}:{error.lineno}"
        raise refusal(
            Reason.NOT_JSON, f"not JSON: {error.msg} (column {error.colno})", where, "mend the file"
        ) from None
    except DecodeError as error:
        raise DecodeError(error.reason, error.what, where=file.name, mend="export the file again") from None
    except RecursionError:
        raise refusal(Reason.TOO_DEEP, "nested too deep to read", file.name, "no model needs that") from None


def read_lines(file: File) -> Iterator[tuple[int, object]]:
    """(line, value) of each line of a file of JSON lines; empty lines are passed over.

    Raises:
        DecodeError: a line is not JSON, or the file is too large.
    """
    _bounded(file, MAX_LINES)
    start = 3 if file.raw.startswith(b"\xef\xbb\xbf") else 0
    number = 0
    while start < len(file.raw):
        end = file.raw.find(b"\n", start)
        end = len(file.raw) if end < 0 else end
        line, start, number = file.raw[start:end].strip(), end + 1, number + 1
        if line:
            try:
                yield number, strict_json.parse(line)
            except DecodeError as error:
                mend = "write one whole JSON value on each line"
                raise DecodeError(error.reason, error.what, where=f"{file.name}:{number}", mend=mend) from None


def _bounded(file: File, most: int) -> None:
    if len(file.raw) > most:
        what = f"{len(file.raw):,} bytes are more than {most >> 20} MiB"
        raise refusal(Reason.TOO_LARGE, what, file.name, "import a part of it")


def _text(file: File, most: int) -> str:
    _bounded(file, most)
    try:
        return file.raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{file.name}:{file.raw.count(10, 0, error.start) + 1}" if error.start else file.name
        raise refusal(Reason.NOT_UTF8, f"byte {error.start} is not UTF-8", where, "save the file as UTF-8") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise strict_json.refusal(Reason.DUPLICATE_KEY, f"`{twice[:80]}` is given twice in one object")
    return found


def _constant(word: str) -> object:
    raise strict_json.refusal(Reason.NOT_FINITE, f"{word} is not a JSON number")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 310 else float(digits)  # SECURITY: int() of many digits takes quadratic time


# --- YAML


@dataclass(slots=True)
class _Open:
    """A mapping or list that has not ended. `weight` counts the values in it, `height` how deep it nests."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    key: str | None = None
    weight: int = 1
    height: int = 1
    merged: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def _read_yaml(file: File) -> object:
    text = _text(file, MAX_YAML)
    try:
        return _Tree(file.name).build(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = file.name if mark is None else f"{file.name}:{mark.line + 1}"
        said = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        raise refusal(Reason.WRONG_SHAPE, f"not YAML: {said}", where, "check indentation, colons and quotes") from None


class _Tree:
    """Events in, one value out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[object, int, int]] = {}  # value, weight, height
        self.root: object = None
        self.documents = 0
        self.total = 0

    def build(self, events: Iterator[Event]) -> object:
        for event in events:
            if isinstance(event, MappingEndEvent | SequenceEndEvent):
                self._end(event)
            elif isinstance(event, DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    raise self._refusal(event, Reason.WRONG_SHAPE, "a second document begins", "import one at a time")
            elif isinstance(event, NodeEvent):
                self._node(event)
        return self.root

    def _refusal(self, event: Event, reason: Reason, what: str, mend: str) -> DecodeError:
        return refusal(reason, what, f"{self.name}:{event.start_mark.line + 1}", mend)

    def _node(self, event: NodeEvent) -> None:
        holder = self.stack[-1] if self.stack else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None:
            holder.key = self._key(event)
        elif isinstance(event, AliasEvent):
            value, weight, height = self._known(event)
            self._count(event, weight)
            self._put(event, value, weight, height)
        elif isinstance(event, ScalarEvent):
            value = resolve(event.value) if not event.style and event.tag is None else event.value
            if event.anchor is not None:
                self.anchors[event.anchor] = (value, 1, 0)
            self._count(event, 1)
            self._put(event, value, 1, 0)
        else:
            if len(self.stack) >= MAX_DEPTH:
                raise self._refusal(event, Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH}", "no model needs that")
            if event.anchor is not None:
                self.anchors.pop(event.anchor, None)  # known again once it has ended: a value cannot hold itself
            start: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
            self._count(event, 1)
            self.stack.append(_Open(start, event.anchor))

    def _key(self, event: NodeEvent) -> str:
        if isinstance(event, ScalarEvent):
            return event.value
        value = self._known(event)[0] if isinstance(event, AliasEvent) else None
        if isinstance(value, str):
            return value
        raise self._refusal(event, Reason.WRONG_SHAPE, "a key is a list or a mapping", "use a text as the key")

    def _known(self, event: AliasEvent) -> tuple[object, int, int]:
        if event.anchor not in self.anchors:
            raise self._refusal(
                event, Reason.WRONG_SHAPE, f"`*{str(event.anchor)[:80]}` names nothing before it", "mend the alias"
            )
        return self.anchors[event.anchor]

    def _end(self, event: Event) -> None:
        ended = self.stack.pop()
        if isinstance(ended.value, dict):
            for source in ended.merged:
                for key, value in source.items():
                    ended.value.setdefault(key, value)
        if ended.anchor is not None:
            self.anchors[ended.anchor] = (ended.value, ended.weight, ended.height)
        self._put(event, ended.value, ended.weight, ended.height)

    def _count(self, event: Event, weight: int) -> None:
        self.total += weight
        if self.total > MAX_VALUES:
            what = f"more than {MAX_VALUES:,} values, aliases written out"
            raise self._refusal(event, Reason.TOO_LARGE, what, "import a part of it")

    def _put(self, event: Event, value: object, weight: int, height: int) -> None:
        if len(self.stack) + height > MAX_DEPTH:
            raise self._refusal(event, Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH}", "no model needs that")
        if not self.stack:
            self.root = value
            return
        holder = self.stack[-1]
        holder.weight, holder.height = holder.weight + weight, max(holder.height, height + 1)
        if isinstance(holder.value, list):
            holder.value.append(value)
            return
        key, holder.key = holder.key or "", None
        sources = _sources(value) if key == "<<" else []
        if sources:
            holder.merged += sources
        elif key in holder.value:
            what = f"`{key[:80]}` is given twice in one mapping"
            raise self._refusal(event, Reason.DUPLICATE_KEY, what, "keep one of the two")
        else:
            holder.value[key] = value


def _sources(value: object) -> list[dict[str, Any]]:
    """The mappings a merge key names; none where it is a key like any other."""
    if isinstance(value, dict):
        return [cast("dict[str, Any]", value)]
    items = cast("list[object]", value) if isinstance(value, list) else []
    maps = [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
    return maps if len(maps) == len(items) else []
