"""YAML text, read strictly, as a tree in which every value knows its file and line.

Built from the parser's events with a stack of its own, so that nothing recurses, nothing is constructed, and every bound is
ours. Scalars are read by the core schema of YAML 1.2: `no` is Norway, `on` is a text, `12:30` is a text, a date is a text
(the record's type makes it a date). Keys are always texts.

Does not live here: what the values mean (`shapes`), which file comes next (`loader`).

INVARIANTS
- Whatever the bytes, `read_yaml` returns a tree or None and appends errors; it raises nothing.
- The time and memory taken are linear in the size of the text: aliases, which make bombs, are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

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
    SequenceStartEvent,
)

from cityward.errors import PlaceError

MAX_DEPTH = 24  # PRECEDENT: the deepest record of ours nests 8
MAX_NODES = 2_000_000  # a city of 100,000 positions has 300,000
MAX_ERRORS = 1000  # a person is reading
MAX_NUMBER_LENGTH = 40  # longer digits are no quantity, and Python refuses to read 4,300 of them

Scalar = str | int | float | bool | None


@dataclass(slots=True)
class Node:
    """A value and where it stands. `line` counts from 1; for a value in a mapping it is the line of its key."""

    value: Scalar | list[Node] | dict[str, Node]
    file: str
    line: int


@dataclass(slots=True)
class _Open:
    """A mapping or list that has not ended yet. `key` and `key_line` wait for their value."""

    node: Node
    path: str  # of the node itself
    key: str | None = None
    key_line: int = 0


def plain(node: Node) -> object:
    """The tree as plain Python values."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def read_yaml(file: str, raw: bytes, errors: list[PlaceError]) -> Node | None:
    """The one document of a file; None, with an error appended, where there is no tree to speak of.

    Args:
        file: the name errors are told under.
        raw: UTF-8, with or without a byte order mark.
        errors: what is wrong is appended here; a doubled key leaves the rest of the tree usable.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8"
        errors.append(PlaceError(what, where=f"{file}:{line}", mend="save the file as UTF-8"))
        return None
    try:
        return _Tree(file, errors).build(_events(text))
    except _StopError as stop:
        errors.append(PlaceError(stop.what, where=f"{file}:{stop.line}", mend=stop.mend))
    except yaml.YAMLError as error:
        errors.append(_syntax_error(file, error))
    return None


class _StopError(Exception):
    """The file cannot be read further."""

    def __init__(self, line: int, what: str, mend: str) -> None:
        super().__init__(what)
        self.line, self.what, self.mend = line, what, mend


def _events(text: str) -> Iterator[Event]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it was built in: ten times as fast
    return yaml.parse(text, Loader=loader)


def _syntax_error(file: str, error: yaml.YAMLError) -> PlaceError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = " ".join(str(part) for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part)
    if mark is None:
        said = said or getattr(error, "reason", None) or "it cannot be read"
        return PlaceError(f"not YAML: {said}", where=file, mend="see yaml.org for the syntax")
    where = f"{file}:{mark.line + 1}"
    mend = "check indentation, colons and quotes at and above this line"
    return PlaceError(f"not YAML: {said} (column {mark.column + 1})", where=where, mend=mend)


class _Tree:
    """Events in, one tree out."""

    def __init__(self, file: str, errors: list[PlaceError]) -> None:
        self.file, self.errors = file, errors
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.documents = 0
        self.nodes = 0

    def build(self, events: Iterator[Event]) -> Node | None:
        for event in events:
            self._take(event)
        if self.root is None:
            raise _StopError(1, "the file is empty", "declare something in it, or take it out of `include`")
        return self.root

    def _take(self, event: Event) -> None:
        if isinstance(event, MappingEndEvent | SequenceEndEvent):
            self.stack.pop()
        elif isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _StopError(
                    _line(event), "a second document begins", "keep one document to a file: drop the `---`"
                )
        elif isinstance(event, NodeEvent):
            self._refuse_tricks(event)
            self._node(event)

    def _refuse_tricks(self, event: NodeEvent) -> None:
        if isinstance(event, AliasEvent):
            raise _StopError(
                _line(event), f"`*{event.anchor}` is an alias", "write the value out; aliases are not read"
            )
        if event.anchor is not None:
            self._tell(_line(event), f"`&{event.anchor}` is an anchor", "leave it out; anchors are not read")
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            self._tell(_line(event), f"`{tag}` is a tag", "leave it out; the record's type decides")
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _StopError(_line(event), f"more than {MAX_NODES:,} values", "split the place")
        if len(self.stack) > MAX_DEPTH:
            raise _StopError(_line(event), f"nested deeper than {MAX_DEPTH} levels", "no record needs that")

    def _node(self, event: NodeEvent) -> None:
        holder = self.stack[-1] if self.stack else None
        if holder is not None and isinstance(holder.node.value, dict) and holder.key is None:
            self._key(holder, event)
            return
        node = Node(_value(event), self.file, _line(event))
        path = f"{holder.path}.{holder.key}" if holder is not None and holder.key is not None else ""
        self._put(holder, node)
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            self.stack.append(_Open(node, path or (holder.path if holder is not None else "")))

    def _key(self, holder: _Open, event: NodeEvent) -> None:
        if not isinstance(event, ScalarEvent):
            raise _StopError(_line(event), "a key is a list or a mapping", "use a text as the key, or put it in quotes")
        holder.key, holder.key_line = event.value, _line(event)

    def _put(self, holder: _Open | None, node: Node) -> None:
        if holder is None:
            self.root = node
        elif isinstance(holder.node.value, list):
            holder.node.value.append(node)
        elif isinstance(holder.node.value, dict):
            key = holder.key or ""
            node.line = holder.key_line
            if key in holder.node.value:
                first = holder.node.value[key].line
                what = f"`{key[:80]}` is given twice, on line {first} and on line {node.line}"
                self._tell(node.line, what, "keep one of the two", f"{holder.path}.{key}")
            else:
                holder.node.value[key] = node
            holder.key = None

    def _tell(self, line: int, what: str, mend: str, path: str = "") -> None:
        where = f"{self.file}:{line}  {path.lstrip('.')}".rstrip()
        self.errors.append(PlaceError(what, where=where, mend=mend))
        if len(self.errors) > MAX_ERRORS:
            raise _StopError(line, f"more than {MAX_ERRORS} mistakes so far", "mend these first")


def _line(event: Event) -> int:
    return event.start_mark.line + 1


def _value(event: NodeEvent) -> Scalar | list[Node] | dict[str, Node]:
    if isinstance(event, MappingStartEvent):
        return {}
    if isinstance(event, SequenceStartEvent):
        return []
    if isinstance(event, ScalarEvent) and not event.style and event.tag is None:
        return resolve(event.value)
    return event.value if isinstance(event, ScalarEvent) else None


_WORDS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


def resolve(text: str) -> Scalar:
    """What an unquoted scalar is.

    SPEC: YAML 1.2.2 section 10.3.2 (core schema), without `.inf` and `.nan`: no declared quantity is either, so they stay texts
    and fail as such.
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > MAX_NUMBER_LENGTH:
        return text
    if _INT.match(text):
        return int(text)
    if _BASED.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
