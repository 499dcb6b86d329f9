"""A fragment as the YAML a declaration includes.

INVARIANT: what is written reads back as the same values under the declaration's own reader (`place.reading.source`), whose
scalars are those of YAML 1.2: a text that it would take for a number, a truth value or nothing is quoted. Characters that
cannot be printed are written as spaces: an import is read on a terminal. Keys are at most `MAX_KEY` characters: YAML reads no
longer ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from cityward.place.reading.source import resolve

WIDTH = 120
MAX_KEY = 500  # SPEC: YAML 1.2.2 section 8.2.2: a simple key ends within 1,024 characters, quoted
_PLAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_./()+ -]*[A-Za-z0-9_./()+])?\Z")


def fragment_text(fragment: Mapping[str, Mapping[str, Any]], heading: Sequence[str] = ()) -> str:
    """The whole file, with the heading as a comment."""
    lines = [f"# {line}".rstrip() for line in heading]
    for kind, records in fragment.items():
        lines += ["", f"{kind}:"] if lines else [f"{kind}:"]
        for name, record in records.items():
            lines.append(f"  {scalar(name)}:" if record else f"  {scalar(name)}: {{}}")
            for field, value in record.items():
                lines += _entry(field, value, 4)
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, indent: int) -> list[str]:
    """A key and its value, on one line where it fits. Nests as deep as a record of ours does."""
    flow = f"{' ' * indent}{scalar(key)}: {inline(value)}"
    if len(flow) <= WIDTH or not isinstance(value, dict | list | tuple) or not value:
        return [flow]
    head = f"{' ' * indent}{scalar(key)}:"
    if isinstance(value, dict):
        return [head, *(line for name, child in value.items() for line in _entry(name, child, indent + 2))]
    return [head, *(f"{' ' * (indent + 2)}- {inline(item)}" for item in value)]


def inline(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(name)}: {inline(child)}" for name, child in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar, quoted where it must be."""
    if isinstance(value, str):
        return _quoted(str(value))
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


@lru_cache(maxsize=65_536)  # names of fields and words of ours come again and again
def _quoted(text: str) -> str:
    if _PLAIN.match(text) and isinstance(resolve(text), str):
        return text
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    # a JSON text is a double-quoted scalar of YAML as long as nothing in it needs a pair of surrogates
    return json.dumps(text, ensure_ascii=False)
