"""A proposal laid over a declaration: records that it adds, replaces or takes away.

A proposal is a partial declaration: the agreement that is to be signed, with the parties, systems, flows, accesses and keys it
brings. A record whose id is already there *replaces* it, whole, and that is told; what goes is listed under `removes`.

Does not live here: whether the result holds together (`loader` judges it like any declaration).

INVARIANTS
- The declaration laid over is not changed.
- Nothing is replaced or removed silently.
- SECURITY: the house rules cannot be touched; a proposal may come from the very party it is about.
- SECURITY: lines of the proposal are told under a name that no file of the place has, whatever the file is called.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cityward.errors import PlaceError
from cityward.place.hints import did_you_mean, shown
from cityward.place.reading import shapes
from cityward.place.reading.merging import Removed
from cityward.place.reading.source import Node, plain, read_yaml

Kinds = Mapping[str, Mapping[str, Node]]


@dataclass(frozen=True, slots=True)
class Laid:
    """The records with the proposal's among them. `removed`: those that are gone, by path."""

    kinds: dict[str, dict[str, Node]]
    changes: Changes
    removed: Mapping[str, Removed]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a proposal does, as dotted paths in its own order. `same`: declared again without a difference."""

    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


def name_of_proposal(name: str, files: Collection[str]) -> str:
    """What the proposal's lines are told under.

    Args:
        name: the proposal's file.
        files: those of the place.
    """
    told = f"proposal {name}"
    while told in files:
        told = f"proposal {told}"
    return told


def lay_over(kinds: Kinds, name: str, raw: bytes, known: Collection[str], errors: list[PlaceError]) -> Laid:
    """The records with the proposal's among them.

    Args:
        kinds: kind -> id -> record, as declared.
        name: the proposal, as errors tell it.
        raw: its bytes.
        known: the kinds there are.
        errors: what is wrong with it is appended.
    """
    laid = {kind: dict(records) for kind, records in kinds.items()}
    tree = read_yaml(name, raw, errors)
    if tree is None:
        return Laid(laid, Changes(), {})
    if not isinstance(tree.value, dict):
        mend = "name a kind of record, like `agreements:`, and the records below it"
        errors.append(PlaceError("the proposal is not a mapping", where=f"{name}:{tree.line}", mend=mend))
        return Laid(laid, Changes(), {})
    wrong = len(errors)
    removed = _removed(tree.value.get("removes"), laid, known, errors)
    said = _taken(tree.value, laid, known, errors)
    if not removed and not any(said.values()) and len(errors) == wrong:
        where = f"{name}:{tree.line}"
        errors.append(PlaceError("the proposal changes nothing", where=where, mend="declare what it brings"))
    for path in removed:
        kind, _, record = path.partition(".")
        if path in said["replaced"] or path in said["same"]:
            at = tree.value[kind].value
            node = at[record] if isinstance(at, dict) else tree
            errors.append(shapes.place_error(node, path, "is both removed and declared", "do one of the two"))
        else:
            del laid[kind][record]
    changes = Changes(tuple(said["added"]), tuple(said["replaced"]), tuple(removed), tuple(said["same"]))
    return Laid(laid, changes, removed)


def _taken(
    top: Mapping[str, Node], laid: dict[str, dict[str, Node]], known: Collection[str], errors: list[PlaceError]
) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {"added": [], "replaced": [], "same": []}
    for kind, node in top.items():
        if kind == "removes" or (kind in known and node.value is None):
            continue
        if kind not in known or kind == "rules":
            errors.append(_no_kind(kind, node, known))
        elif not isinstance(node.value, dict):
            mend = f"write `{kind}:` and, below it, `<id>:`"
            errors.append(shapes.place_error(node, kind, "found no mapping", mend))
        else:
            records = laid.setdefault(kind, {})
            for record, declared in node.value.items():
                said[_word(records.get(record), declared)].append(f"{kind}.{record}")
                records[record] = declared
    return said


def _word(was: Node | None, now: Node) -> str:
    if was is None:
        return "added"
    return "same" if plain(was) == plain(now) else "replaced"


def _no_kind(path: str, node: Node, known: Collection[str]) -> PlaceError:
    kind = path.rpartition(".")[2]
    if kind == "rules":
        mend = "change the rules in the place itself, by its own decision, then judge the proposal by them"
        what = "a proposal does not touch the rules it is judged by"
        return shapes.place_error(node, path, what, mend)
    if kind == "include":
        return shapes.place_error(node, path, "a proposal is one file", "put its records into it")
    kinds = ", ".join(f"`{name}`" for name in known if name != "rules")
    mend = f"a proposal holds `removes` and kinds of records: {kinds}"
    return shapes.place_error(node, path[:80], f"is no kind of record{did_you_mean(kind, known)}", mend)


def _removed(node: Node | None, laid: Kinds, known: Collection[str], errors: list[PlaceError]) -> dict[str, Removed]:
    """What `removes` lists, by path."""
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        errors.append(shapes.place_error(node, "removes", "found no mapping", "write `removes: {flows: [<id>]}`"))
        return {}
    found: dict[str, Removed] = {}
    for kind, ids in node.value.items():
        if kind not in known or kind == "rules":
            errors.append(_no_kind(f"removes.{kind}", ids, known))
            continue
        for item in ids.value if isinstance(ids.value, list) else [ids]:
            if not isinstance(item.value, str) or item.value not in laid.get(kind, {}):
                hint = did_you_mean(str(item.value), laid.get(kind, {}))
                what = f"found {shown(item.value)}, which is none of the declared {kind.replace('_', ' ')}{hint}"
                errors.append(
                    shapes.place_error(item, f"removes.{kind}", what, "name a declared record, or leave it out")
                )
            else:
                found[f"{kind}.{item.value}"] = Removed(item, laid[kind][item.value])
    return found
