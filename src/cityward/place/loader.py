"""From the files of a declaration to a checked `Place`: all its errors at once, each with file and line.

`load` reads a place; `load_with` reads it twice from one reading of its files: as it is, and with a proposal laid over it.

The way: `source` reads each file into a tree; here the included trees are merged without overlap; `shapes` and `references` judge
the tree, field by field; what has its shape becomes records, and `checks` judge the whole. Nothing stops at the first error.

Does not live here: file reading. `read(name)` is given; it returns the bytes of a file below the root folder, or raises OSError.

INVARIANTS
- A conflict is an error naming both lines, never last-wins.
- No name that leaves the root folder is ever passed to `read`.
- Whatever the bytes, only `PlaceErrors` is raised.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec
import msgspec.inspect as mi

from cityward.errors import PlaceError, PlaceErrors
from cityward.place import references, shapes
from cityward.place.checks import ERRORS, WARNINGS, Check, Finding, Problem, Whole, Word, member_ids
from cityward.place.model import Place
from cityward.place.overlay import Changes, lay_over
from cityward.place.source import MAX_ERRORS, Node, plain, read_yaml
from cityward.place.things import Device

Read = Callable[[str], bytes]

MAX_BYTES = 16 * 2**20  # PRECEDENT: Doggerford is 70 kB; a city a hundred times its size is 7 MB
MAX_FILES = 1000
MAX_INCLUDE_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Loaded:
    """A declaration that holds together. `digest` is that of its content, however it is split over files."""

    place: Place
    origins: Mapping[str, tuple[str, int]]  # dotted path -> (file, line); "" is the place itself
    warnings: tuple[Finding, ...]
    digest: str  # SHA-256, hexadecimal, of the canonical JSON

    def where(self, path: str) -> str:
        """`file:line  path` of a dotted path, or of the nearest record above it."""
        return _where(self.origins, path)


def load(root: str, read: Read, timezones: Collection[str] | None = None) -> Loaded:
    """The place declared in a file and those it includes.

    Args:
        root: the name of the first file, as `read` takes it: `place.yaml`.
        read: name -> bytes; names are relative, with `/`. Raises OSError where there is no such file.
        timezones: the IANA zones there are; None leaves `timezone` unchecked.

    Raises:
        PlaceErrors: everything that is wrong, in the order of the files.
    """
    tree = _Merge(read)
    tree.take(root)
    return _judged(tree, timezones)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A place as it is and as it would be. Paths of the overlay's records lead into the overlay's file."""

    base: Loaded
    proposed: Loaded
    changes: Changes
    digest: str  # SHA-256, hexadecimal, of the overlay's bytes


def load_with(root: str, read: Read, overlay: str, raw: bytes, timezones: Collection[str] | None = None) -> Proposed:
    """A place, and the same place with a proposal laid over it: every check runs on both.

    Args:
        root, read, timezones: as in `load`.
        overlay: the name the proposal's errors are told under.
        raw: the proposal: kinds of records that are added or replaced by id, and `removes`, kind -> ids.

    Raises:
        PlaceErrors: everything that is wrong with the place; with that mended, everything that is wrong with the proposal.
    """
    tree = _Merge(read)
    tree.take(root)
    base = _judged(tree, timezones)
    if tree.size + len(raw) > MAX_BYTES:
        what = f"`{overlay}` brings the declaration to more than {MAX_BYTES >> 20} MiB"
        raise PlaceErrors([PlaceError(what, where=overlay, mend="split the place")])
    laid, changes = lay_over(tree.kinds, overlay, raw, _kind_names(), tree.errors)
    over = _Merge(read, tree.errors, False, [*tree.files, overlay], tree.size + len(raw), tree.header, laid)
    return Proposed(base, _judged(over, timezones), changes, hashlib.sha256(raw).hexdigest())


def _kind_names() -> list[str]:
    return [name for name, entry in _fields().items() if _is_kind(entry)]


def _judged(tree: _Merge, timezones: Collection[str] | None) -> Loaded:
    origins = _origins(tree)
    errors = [*tree.errors, *islice(_wrong_names(tree), MAX_ERRORS)]
    whole = Whole(_place(tree, errors), timezones)
    for found in islice(_found(whole, ERRORS), MAX_ERRORS):
        errors.append(PlaceError(found.what, where=_where(origins, found.path), mend=found.mend))
    if errors:
        raise PlaceErrors(_in_order(errors, tree.files))
    return Loaded(whole.place, origins, tuple(_warnings(whole, origins)), digest_of(whole.place))


def digest_of(place: Place) -> str:
    """SHA-256 over the canonical JSON of a place: keys sorted, `include` left out."""
    merged = msgspec.structs.replace(place, include=())
    return hashlib.sha256(msgspec.json.encode(merged, order="sorted")).hexdigest()


# --- merging


def _fields() -> dict[str, mi.Field]:
    info = shapes.shape_of(Place)
    assert isinstance(info, mi.StructType)
    return {entry.encode_name: entry for entry in info.fields}


def _is_kind(entry: mi.Field) -> bool:
    return isinstance(entry.type, mi.DictType)


@dataclass(slots=True)
class _Merge:
    """The files read so far, and their trees as one."""

    read: Read
    errors: list[PlaceError] = field(default_factory=list[PlaceError])
    broken: bool = False  # a file could not be read: what it declares is missing, and that is no error of the others
    files: list[str] = field(default_factory=list[str])
    size: int = 0
    header: dict[str, Node] = field(default_factory=dict[str, Node])
    kinds: dict[str, dict[str, Node]] = field(default_factory=dict[str, dict[str, Node]])
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
        fields = _fields()
        for key, node in tree.value.items():
            if key == "include":
                self.header.setdefault(key, node) if not way else None
            elif key not in fields:
                self.errors.append(shapes.unknown_field(node, "", key, fields))
            elif _is_kind(fields[key]):
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


# --- judging


def _wrong_names(tree: _Merge) -> Iterator[PlaceError]:
    names = dict[str, Mapping[str, Node]](tree.kinds)
    names["members"] = {
        unit: node for name, node in tree.kinds.get("devices", {}).items() for unit in _member_ids(name, node)
    }
    names["properties"] = references.CATALOGUE
    if not tree.broken:
        yield from references.dangling(tree.header, tree.kinds, names)
    yield from references.ambiguous(names)


def _member_ids(name: str, node: Node) -> list[str]:
    positions = node.value.get("positions") if isinstance(node.value, dict) else None
    if positions is None or not isinstance(positions.value, list):
        return []
    group = Device(model="", site="", owner="", positions=((0.0, 0.0),) * len(positions.value))
    return member_ids(name, group)


def _place(tree: _Merge, errors: list[PlaceError]) -> Place:
    """The records that have their shape, as a place; what is wrong with the others is appended."""
    given: dict[str, Any] = {"place": "", "name": "", "position": (0.0, 0.0), "responsible": ""}  # stand-ins
    for name, entry in _fields().items():
        if isinstance(entry.type, mi.DictType):
            given[name] = _records(tree.kinds.get(name, {}), entry.type, name, errors)
        elif name in tree.header:
            wrong = list(islice(shapes.wrong_shape(tree.header[name], entry.type, name), MAX_ERRORS))
            found = plain(tree.header[name])
            errors += wrong
            given |= {} if wrong else {name: tuple(found) if isinstance(found, list) else found}
        elif entry.required and not tree.broken:
            what, mend = f"`{name}` is missing", f"add `{name}: ` with {shapes.expected(entry.type)}"
            errors.append(PlaceError(what, where=f"{tree.files[0]}:1  {name}", mend=mend))
    return Place(**given)


def _records(nodes: Mapping[str, Node], kind: mi.DictType, path: str, errors: list[PlaceError]) -> dict[str, Any]:
    assert isinstance(kind.value_type, mi.StructType)
    records: dict[str, Any] = {}
    for name, node in nodes.items():
        wrong = list(islice(shapes.wrong_entry(name, node, kind, path), MAX_ERRORS))
        errors += wrong
        if len(errors) > MAX_ERRORS:
            break  # nobody reads on
        if wrong:
            continue
        try:
            records[name] = msgspec.convert(plain(node), kind.value_type.cls)
        except msgspec.ValidationError as error:  # INVARIANT of `shapes` broken: told all the same
            errors.append(shapes.place_error(node, f"{path}.{name}", str(error), "see docs/declaration.md"))
    return records


def _found(whole: Whole, checks: Collection[Check]) -> Iterator[Problem]:
    for check in checks:
        yield from check(whole)


def _warnings(whole: Whole, origins: Mapping[str, tuple[str, int]]) -> Iterator[Finding]:
    for found in _found(whole, WARNINGS):
        yield Finding(found.word or Word.UNKNOWN, found.what, found.path, _where(origins, found.path), found.mend)


# --- where things are


def _origins(tree: _Merge) -> dict[str, tuple[str, int]]:
    origins = {"": (tree.files[0], 1)}  # the place itself
    pending = [(name, node) for name, node in tree.header.items()]
    pending += [(f"{kind}.{name}", node) for kind, of in tree.kinds.items() for name, node in of.items()]
    while pending:
        path, node = pending.pop()
        origins[path] = (node.file, node.line)
        if isinstance(node.value, dict):
            pending += [(f"{path}.{key}", child) for key, child in node.value.items()]
        elif isinstance(node.value, list):
            pending += [(f"{path}[{i}]", child) for i, child in enumerate(node.value)]
    return origins


def _where(origins: Mapping[str, tuple[str, int]], path: str) -> str:
    """A path that is not there is told at the nearest one above it."""
    at = path
    while at not in origins:
        at = at[: max(at.rfind("."), at.rfind("["), 0)]
    file, line = origins[at]
    return f"{file}:{line}  {path}"


def _in_order(errors: list[PlaceError], files: list[str]) -> list[PlaceError]:
    """By file and line, each once, and no more than a person reads."""
    rank = {name: i for i, name in enumerate(files)}

    def key(error: PlaceError) -> tuple[int, int]:
        file, _, rest = error.where.partition("  ")[0].rpartition(":")
        return (rank.get(file, -1), int(rest) if rest.isdigit() else 0)

    once = list({str(error): error for error in sorted(errors, key=key)}.values())
    if len(once) > MAX_ERRORS:
        return [
            *once[:MAX_ERRORS],
            PlaceError(f"more than {MAX_ERRORS} errors", where=files[0], mend="mend these first"),
        ]
    return once
