"""What a proposal removes and something still names, told once for each removed record, at the proposal's own line.

The lines that name it are the city's, and are right as they are; so the mend is the proposal's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cityward.errors import PlaceError
from cityward.place.reading.references import HEADER, REFERENCES, Names, named
from cityward.place.reading.shapes import place_error
from cityward.place.reading.source import Node

SHOWN = 3  # lines that name a removed record; the rest are counted


@dataclass(frozen=True, slots=True)
class Missed:
    """A removed record that is named still. `where`: the lines that do, as errors of names that name nothing tell them."""

    path: str
    where: tuple[str, ...]

    def error(self, line: Node) -> PlaceError:
        """What is told at the line of the proposal that removes it."""
        count, (kind, _, name) = len(self.where), self.path.partition(".")
        shown = ", ".join(" ".join(where.split()) for where in self.where[:SHOWN])
        more = f" and {count - SHOWN} more" if count > SHOWN else ""
        lines = "1 line names" if count == 1 else f"{count} lines name"
        what = f"`{name}` is removed, and {lines} it still: {shown}{more}"
        return place_error(line, f"removes.{kind}", what, "leave it out of `removes`, or remove what names it too")


def missed(
    header: Mapping[str, Node], kinds: Names, names: Names, gone: Mapping[tuple[str, str], str]
) -> Iterator[Missed]:
    """The removed records that are named still, in their own order.

    Args:
        header: the fields of the place itself.
        kinds: the records that are left, by kind and id.
        names: as `kinds`, with `members` and `properties`.
        gone: (kind, id) that is no longer there -> the removed record it went with.
    """
    found: dict[str, list[str]] = {path: [] for path in gone.values()}
    for kind, field, node, path in named(header, kinds):
        name, wanted = node.value, REFERENCES[kind][field] if kind else HEADER[field]
        if isinstance(name, str) and not any(name in names.get(one, {}) for one in wanted):
            removed = next((gone[one, name] for one in wanted if (one, name) in gone), None)
            if removed is not None:
                found[removed].append(f"{node.file}:{node.line}  {path}")
    yield from (Missed(path, tuple(where)) for path, where in found.items() if where)
