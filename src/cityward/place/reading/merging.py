"""The files of a declaration, read into one tree without overlap.

INVARIANTS
- A conflict is an error naming both lines, never last-wins.
- No name that leaves the root folder is ever passed to `read`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec.inspect as mi

from cityward.errors import PlaceError
from cityward.place.model import Place
from cityward.place.reading import shapes
from cityward.place.reading.source import Node, read_yaml

Read = Callable[[str], bytes]

MAX_BYTES = 16 * 2**20  # PRECEDENT: Doggerford is 70 kB; a city a hundred times its size is 7 MB
MAX_FILES = 1000
MAX_INCLUDE_DEPTH = 16


def fields_of_a_place() -> dict[str, mi.Field]:
    """What a declaration may say at its top: kinds of record, and fields of the place itself."""
    info = shapes.shape_of(Place)
    assert isinstance(info, mi.StructType)
    return {entry.encode_name: entry for entry in info.fields}


def is_kind(entry: mi.Field) -> bool:
    """Whether it is a kind of record."""
    return isinstance(entry.type, mi.DictType)


@dataclass(frozen=True, slots=True)
class Removed:
    """A record that a proposal removes, and the line of `removes` that says so."""

    line: Node
    record: Node


@dataclass(slots=True)
class Tree:
    """The files read so far, and their trees as one."""

    read: Read
    errors: list[PlaceError] = field(default_factory=list[PlaceError])
    broken: bool = False  # a file could not be read: what it declares is missing, and that is no error of the others
    files: list[str] = field(default_factory=list[str])
    size: int = 0
    header: dict[str, Node] = field(default_factory=dict[str, Node])
    kinds: dict[str, dict[str, Node]] = field(default_factory=dict[str, dict[str, Node]])
    removed: Mapping[str, Removed] = field(default_factory=dict[str, Removed])  # by a proposal, path -> line and record
    including: dict[str, str] = field(default_factory=dict[str, str])  # file -> where it was included

    def take(self, name: str, way: tuple[str, ...] = (), where: str = "") -> None:
        """Read a file, merge it, and go on with those it includes."""
        raw = self._bytes(name, where)
        tree = read_yaml(name, raw, self.errors) if raw is not None else None
        if tree is None:
            self.broken = True
            return
        if not isinstance(tree.value, dict):
            mend = "start with `place: <id>`, or with a kind of record: `parties:`"
            self.broken = True
            self.errors.append(PlaceError("the file is not a mapping", where=f"{name}:{tree.line}", mend=mend))
            return
        fields = fields_of_a_place()
        for key, node in tree.value.items():
            if key == "include":
                self.header.setdefault(key, node) if not way else None
            elif key not in fields:
                self.errors.append(shapes.unknown_field(node, "", key, fields))
            elif is_kind(fields[key]):
                self._merge_kind(key, node)
            else:
                self._merge_field(key, node)
        if "include" in tree.value:
            self._include(tree.value["include"], name, (*way, name))

    def _bytes(self, name: str, where: str) -> bytes | None:
        if len(self.files) >= MAX_FILES:
            return self._refuse(f"more than {MAX_FILES} files", where, "put records of a kind together in one file")
        self.files.append(name)
        try:
            raw = self.read(name)
        except OSError as error:
            why = error.strerror or type(error).__name__
            return self._refuse(f"cannot read `{name}`: {why}", where, "correct the name, or add the file")
        self.size += len(raw)
        if self.size > MAX_BYTES:
            return self._refuse(
                f"`{name}` brings the declaration to more than {MAX_BYTES >> 20} MiB", where, "split the place"
            )
        return raw

    def _refuse(self, what: str, where: str, mend: str) -> None:
        self.errors.append(PlaceError(what, where=where, mend=mend))

    def _merge_kind(self, kind: str, node: Node) -> None:
        known = self.kinds.setdefault(kind, {})
        if node.value is None:
            return  # `parties:` with nothing under it
        if not isinstance(node.value, dict):
            self.errors.append(
                shapes.place_error(node, kind, "found no mapping", f"write `{kind}:` and, below it, `<id>:`")
            )
            return
        for name, record in node.value.items():
            self._once(known, name, record, f"{kind}.{name}")

    def _merge_field(self, key: str, node: Node) -> None:
        self._once(self.header, key, node, key)

    def _once(self, known: dict[str, Node], name: str, node: Node, path: str) -> None:
        first = known.setdefault(name, node)
        if first is not node:
            what = f"declared twice, at {first.file}:{first.line} and at {node.file}:{node.line}"
            self.errors.append(shapes.place_error(node, path, what, "keep one, or give one of them another id"))

    def _include(self, node: Node, name: str, way: tuple[str, ...]) -> None:
        items = node.value if isinstance(node.value, list) else [node]
        for item in items:
            where = f"{item.file}:{item.line}  include"
            target = _resolved(item, name)
            if isinstance(target, PlaceError):
                self.errors.append(target)
            elif target in way:
                circle = " -> ".join([*way[way.index(target) :], target])
                self._refuse(f"`{target}` includes itself: {circle}", where, "break the circle")
            elif target in self.including:
                self._refuse(f"`{target}` is already included at {self.including[target]}", where, "include it once")
            elif len(way) > MAX_INCLUDE_DEPTH:
                self._refuse(f"included {len(way)} files deep", where, "include from the first file")
            else:
                self.including[target] = f"{item.file}:{item.line}"
                self.take(target, way, where)


def _resolved(item: Node, including: str) -> str | PlaceError:
    """The name as `read` takes it.

    SECURITY: a declaration may come from somebody else; it must not be able to name files outside its own folder.
    """
    name, path = item.value, "include"
    if not isinstance(name, str) or not name or len(name) > 255 or not name.isprintable():
        return shapes.place_error(item, path, "found no file name", "list names like `parties.yaml`")
    if name.startswith(("/", "~")) or "\\" in name or ":" in name:
        what = f"`{name}` is not a relative name with `/`"
        return shapes.place_error(item, path, what, "name it relative to this file, like `parties.yaml`")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(including), name))
    if target.startswith("../") or target in ("..", "."):
        return shapes.place_error(item, path, f"`{name}` leaves the folder of the place", "keep all files below it")
    return target
