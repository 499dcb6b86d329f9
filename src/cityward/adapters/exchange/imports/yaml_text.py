"""A fragment as the YAML a declaration includes.

INVARIANT: what is written reads back as the same values under the declaration's own reader (`place.source`), whose scalars are
those of YAML 1.2: a text that it would take for a number, a truth value or nothing is quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cityward.place.source import resolve

WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./()+ -]*[A-Za-z0-9_./()+])?\Z")


def fragment_text(fragment: Mapping[str, Mapping[str, Any]], heading: Sequence[str] = ()) -> str:
    """The whole file, with the heading as a comment."""
    lines = [f"# {line}".rstrip() for line in heading]
    for kind, records in fragment.items():
        lines += ["", f"{kind}:"] if lines else [f"{kind}:"]
        for name, record in records.items():
            lines += _entry(name, record, 2)
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, indent: int) -> Iterator[str]:
    """A key and its value, on one line where it fits."""
    flow = f"{' ' * indent}{scalar(key)}: {inline(value)}"
    if len(flow) <= WIDTH or not isinstance(value, Mapping | list | tuple) or not value:
        yield flow
        return
    yield f"{' ' * indent}{scalar(key)}:"
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _entry(name, child, indent + 2)
    else:
        yield from (f"{' ' * (indent + 2)}- {inline(item)}" for item in value)


def inline(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(name)}: {inline(child)}" for name, child in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar, quoted where it must be."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if _PLAIN.match(text) and isinstance(resolve(text), str):
        return text
    # a JSON text is a double-quoted scalar of YAML as long as nothing in it needs a pair of surrogates
    return json.dumps("".join(c if c.isprintable() else " " for c in text), ensure_ascii=False)
