"""From the files of a declaration to a checked `Place`: all its errors at once, each with file and line.

`load` reads a place; `load_with` reads it twice from one reading of its files: as it is, and with a proposal laid over it.

The way: `reading.source` reads each file into a tree, `reading.merging` makes one of those included; `reading.shapes` and
`reading.references` judge it, field by field; what has its shape becomes records, and `checks` judge the whole. Nothing stops
at the first error.

Does not live here: file reading. `read(name)` is given; it returns the bytes of a file below the root folder, or raises OSError.

INVARIANTS
- A conflict is an error naming both lines, never last-wins.
- No name that leaves the root folder is ever passed to `read`.
- Whatever the bytes, only `PlaceErrors` is raised.
- SECURITY: every text of a loaded place is harmless to show (`text.harmless`): no screen, picture or report can forget it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import msgspec.inspect as mi

from cityward.errors import PlaceError, PlaceErrors
from cityward.place.checks import ERRORS, WARNINGS
from cityward.place.checks.whole import Check, Finding, Problem, Whole, Word, member_ids
from cityward.place.model import Place
from cityward.place.reading import references, shapes
from cityward.place.reading.merging import MAX_BYTES, Read, Tree, fields_of_a_place, is_kind
from cityward.place.reading.origins import in_order, origins_of, told_at
from cityward.place.reading.overlay import Changes, lay_over, name_of_proposal
from cityward.place.reading.removals import missed
from cityward.place.reading.source import MAX_ERRORS, Node, plain
from cityward.place.things import Device
from cityward.text import harmless_tree


@dataclass(frozen=True, slots=True)
class Loaded:
    """A declaration that holds together. `digest` is that of its content, however it is split over files."""

    place: Place
    origins: Mapping[str, tuple[str, int]]  # dotted path -> (file, line); "" is the place itself
    warnings: tuple[Finding, ...]
    digest: str  # SHA-256, hexadecimal, of the canonical JSON

    def where(self, path: str) -> str:
        """`file:line  path` of a dotted path, or of the nearest record above it."""
        return told_at(self.origins, path)


def load(root: str, read: Read, timezones: Collection[str] | None = None) -> Loaded:
    """The place declared in a file and those it includes.

    Args:
        root: the name of the first file, as `read` takes it: `place.yaml`.
        read: name -> bytes; names are relative, with `/`. Raises OSError where there is no such file.
        timezones: the IANA zones there are; None leaves `timezone` unchecked.

    Raises:
        PlaceErrors: everything that is wrong, in the order of the files.
    """
    tree = Tree(read)
    tree.take(root)
    return _judged(tree, timezones)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A place as it is and as it would be. Paths of the overlay's records lead to `proposal <its name>:<line>`."""

    base: Loaded
    proposed: Loaded
    changes: Changes
    digest: str  # SHA-256, hexadecimal, of the overlay's bytes


def load_with(root: str, read: Read, overlay: str, raw: bytes, timezones: Collection[str] | None = None) -> Proposed:
    """A place, and the same place with a proposal laid over it: every check runs on both.

    Args:
        root, read, timezones: as in `load`.
        overlay: the name of the proposal's file; its lines are told under `proposal <name>`.
        raw: the proposal: kinds of records that are added or replaced by id, and `removes`, kind -> ids.

    Raises:
        PlaceErrors: everything that is wrong with the place; with that mended, everything that is wrong with the proposal.
    """
    tree = Tree(read)
    tree.take(root)
    base = _judged(tree, timezones)
    if tree.size + len(raw) > MAX_BYTES:
        what = f"`{overlay}` brings the declaration to more than {MAX_BYTES >> 20} MiB"
        raise PlaceErrors([PlaceError(what, where=overlay, mend="split the place")])
    name = name_of_proposal(overlay, tree.files)
    laid = lay_over(tree.kinds, name, raw, _kind_names(), tree.errors)
    files, size = [*tree.files, name], tree.size + len(raw)
    over = Tree(read, tree.errors, False, files, size, tree.header, laid.kinds, laid.removed)
    return Proposed(base, _judged(over, timezones), laid.changes, hashlib.sha256(raw).hexdigest())


def _kind_names() -> list[str]:
    return [name for name, entry in fields_of_a_place().items() if is_kind(entry)]


def _judged(tree: Tree, timezones: Collection[str] | None) -> Loaded:
    origins = origins_of(tree)
    errors = [*tree.errors, *islice(_wrong_names(tree), MAX_ERRORS)]
    whole = Whole(_place(tree, errors), timezones)
    for found in islice(_found(whole, ERRORS), MAX_ERRORS):
        errors.append(PlaceError(found.what, where=told_at(origins, found.path), mend=found.mend))
    if errors:
        raise PlaceErrors(in_order(errors, tree.files))
    return Loaded(whole.place, origins, tuple(_warnings(whole, origins)), digest_of(whole.place))


def digest_of(place: Place) -> str:
    """SHA-256 over the canonical JSON of a place: keys sorted, `include` left out."""
    merged = msgspec.structs.replace(place, include=())
    return hashlib.sha256(msgspec.json.encode(merged, order="sorted")).hexdigest()


def _wrong_names(tree: Tree) -> Iterator[PlaceError]:
    names = dict[str, Mapping[str, Node]](tree.kinds)
    names["members"] = {
        unit: node for name, node in tree.kinds.get("devices", {}).items() for unit in _member_ids(name, node)
    }
    names["properties"] = references.CATALOGUE
    if not tree.broken:
        told = list(missed(tree.header, tree.kinds, names, _gone(tree))) if tree.removed else []
        once = {where for one in told for where in one.where}
        yield from (one.error(tree.removed[one.path].line) for one in told)
        yield from (error for error in references.dangling(tree.header, tree.kinds, names) if error.where not in once)
    yield from references.ambiguous(names)
    yield from references.reserved(tree.header, tree.kinds)


def _gone(tree: Tree) -> dict[tuple[str, str], str]:
    """What a proposal takes away, (kind, id) -> the removed record: itself, and the units of a group."""
    gone: dict[tuple[str, str], str] = {}
    for path, removed in tree.removed.items():
        kind, _, name = path.partition(".")
        gone[kind, name] = path
        gone |= {("members", unit): path for unit in _member_ids(name, removed.record)} if kind == "devices" else {}
    return gone


def _member_ids(name: str, node: Node) -> list[str]:
    positions = node.value.get("positions") if isinstance(node.value, dict) else None
    if positions is None or not isinstance(positions.value, list):
        return []
    group = Device(model="", site="", owner="", positions=((0.0, 0.0),) * len(positions.value))
    return member_ids(name, group)


def _place(tree: Tree, errors: list[PlaceError]) -> Place:
    """The records that have their shape, as a place; what is wrong with the others is appended."""
    given: dict[str, Any] = {"place": "", "name": "", "position": (0.0, 0.0), "responsible": ""}  # stand-ins
    for name, entry in fields_of_a_place().items():
        if isinstance(entry.type, mi.DictType):
            given[name] = _records(tree.kinds.get(name, {}), entry.type, name, errors)
        elif name in tree.header:
            wrong = list(islice(shapes.wrong_shape(tree.header[name], entry.type, name), MAX_ERRORS))
            found = harmless_tree(plain(tree.header[name]))
            errors += wrong
            given |= {} if wrong else {name: _header(found, entry.type)}
        elif entry.required and not tree.broken:
            what, mend = f"`{name}` is missing", f"add `{name}: ` with {shapes.expected(entry.type)}"
            errors.append(PlaceError(what, where=f"{tree.files[0]}:1  {name}", mend=mend))
    return Place(**given)


def _header(found: Any, kind: mi.Type) -> Any:
    """A field of the place itself, of the right shape, as its type."""
    if isinstance(kind, mi.StructType):
        return msgspec.convert(found, kind.cls)
    return tuple(found) if isinstance(found, list) else found


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
            records[name] = msgspec.convert(harmless_tree(plain(node)), kind.value_type.cls)
        except msgspec.ValidationError as error:  # INVARIANT of `shapes` broken: told all the same
            errors.append(shapes.place_error(node, f"{path}.{name}", str(error), "see docs/declaration.md"))
    return records


def _found(whole: Whole, checks: Collection[Check]) -> Iterator[Problem]:
    for check in checks:
        yield from check(whole)


def _warnings(whole: Whole, origins: Mapping[str, tuple[str, int]]) -> Iterator[Finding]:
    for found in _found(whole, WARNINGS):
        yield Finding(found.word or Word.UNKNOWN, found.what, found.path, told_at(origins, found.path), found.mend)
