"""How documents are written down: JSON, YAML, times.

SECURITY: every writer passes its whole document through `text.harmless`, so that no field can be forgotten.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from cityward.text import harmless, harmless_tree

MAX_TITLE = 200  # PRECEDENT: a key of YAML may have 1024 characters; no screen shows as many
_WORD = re.compile(r"[a-z]{3,}([_-][a-z]+)*")
_YAML_WORDS = frozenset(
    {"true", "false", "null", "yes", "off"}
)  # words of three letters and more with a meaning of their own


def as_json(document: dict[str, Any]) -> bytes:
    """The document as UTF-8 JSON, indented, keys in the order given."""
    text = json.dumps(harmless_tree(document), indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def as_yaml(document: dict[str, Any]) -> bytes:
    """The document as UTF-8 YAML in block style, keys in the order given.

    Every text but a plain word stands in double quotes, as in JSON: nothing is read as a number, a date, a tag or an alias.
    """
    return "".join(f"{line}\n" for line in _block(harmless_tree(document), "")).encode()


def _block(value: Any, indent: str) -> Iterator[str]:
    """The lines of a mapping or list that is not empty."""
    items = [(f"{_scalar(key)}:", item) for key, item in value.items()] if isinstance(value, dict) else []
    for head, item in items or [("-", item) for item in value]:
        if isinstance(item, dict | list) and item:
            yield f"{indent}{head}"
            yield from _block(item, f"{indent}  ")
        else:
            yield f"{indent}{head} {_scalar(item)}"


def _scalar(value: Any) -> str:
    """A scalar, or an empty mapping or list: JSON's notation is also YAML's. A plain word needs no quotes."""
    if isinstance(value, str) and _WORD.fullmatch(value) and value not in _YAML_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def stamp(at: datetime) -> str:
    """A time as JSON schemas want it (RFC 3339), in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iri_part(text: str) -> str:
    """A text as one segment of an IRI."""
    return quote(harmless(text), safe="")


def unique(names: dict[str, str]) -> dict[str, str]:
    """id -> a title that no other id has: where two would share one, or read alike, every shared one is followed by its id."""
    shown = {key: harmless(name)[:MAX_TITLE].strip() or key for key, name in names.items()}
    counts = Counter(shown.values())
    told = {key: name if counts[name] == 1 else f"{name} ({key})" for key, name in shown.items()}
    alike = len(set(told.values())) < len(told)  # somebody is called as another one with its id
    return {key: f"{name} ({key})" for key, name in shown.items()} if alike else told
