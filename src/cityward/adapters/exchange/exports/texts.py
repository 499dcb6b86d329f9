"""Texts that can do no harm, and how documents are written down: JSON, YAML, times.

SECURITY: names come from whoever wrote the declaration, and are read by people in terminals, editors and viewers. Line breaks
would fake lines, control characters drive terminals, direction characters show a name as another one (Unicode TR 36,
CVE-2021-42574). Every writer passes its whole document through `harmless`, so that no field can be forgotten.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

MAX_TITLE = 200  # PRECEDENT: a key of YAML may have 1024 characters; no screen shows as many
_WORD = re.compile(r"[a-z]{3,}([_-][a-z]+)*")
_YAML_WORDS = frozenset(
    {"true", "false", "null", "yes", "off"}
)  # words of three letters and more with a meaning of their own
REPLACEMENT = "�"

_SPACES = re.compile(r"[\t\n\r\v\f\x85\u2028\u2029]+")
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters; the spaces among them are gone by then
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks, embeddings, overrides and isolates
    "\ud800-\udfff\ufdd0-\ufdef\ufeff"  # lone surrogates, noncharacters, the byte order mark
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
)


def harmless(text: str) -> str:
    """A text on one line, without characters that drive or deceive whoever shows it; each of those becomes U+FFFD."""
    return _HARMFUL.sub(REPLACEMENT, _SPACES.sub(" ", text))


def harmless_tree(value: Any) -> Any:
    """A document of mappings, lists and scalars with every text in it harmless, keys included."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, dict):
        return {harmless(str(key)): harmless_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [harmless_tree(item) for item in value]
    return value


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
