"""Where things are declared, and errors in the order in which a person meets them."""

from __future__ import annotations

from collections.abc import Mapping

from cityward.errors import PlaceError
from cityward.place.reading.merging import Tree
from cityward.place.reading.source import MAX_ERRORS


def origins_of(tree: Tree) -> dict[str, tuple[str, int]]:
    """Dotted path -> (file, line), of all that is declared; "" is the place itself."""
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


def told_at(origins: Mapping[str, tuple[str, int]], path: str) -> str:
    """`file:line  path`. A path that is not there is told at the nearest one above it."""
    at = path
    while at not in origins:
        at = at[: max(at.rfind("."), at.rfind("["), 0)]
    file, line = origins[at]
    return f"{file}:{line}  {path}"


def in_order(errors: list[PlaceError], files: list[str]) -> list[PlaceError]:
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
