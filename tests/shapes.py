"""Holds a document to a shape, for formats whose official schema is not at hand in the tests: closed objects, as most have.

A shape is a type, a compiled pattern (the whole text), a set (one of), a list with one shape (each item), a dict (a closed
object; a key that ends in `!` must be there; the key `*` gives the shape of every other value), or a tuple (any of these).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Shape = Any


def wrong(value: object, shape: Shape, path: str = "$") -> Iterator[str]:
    """Everything that is not as the shape says, each with its path."""
    if isinstance(shape, tuple):
        if all(any(wrong(value, one, path)) for one in shape):
            yield f"{path}: {value!r:.80} is none of the shapes allowed"
    elif isinstance(shape, dict):
        yield from _wrong_object(value, shape, path)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{path}: no list"
            return
        for i, item in enumerate(value):
            yield from wrong(item, shape[0], f"{path}[{i}]")
    elif isinstance(shape, set | frozenset):
        if value not in shape:
            yield f"{path}: {value!r:.80} is none of {sorted(shape)}"
    elif isinstance(shape, re.Pattern):
        if not (isinstance(value, str) and shape.fullmatch(value)):
            yield f"{path}: {value!r:.80} is not like {shape.pattern}"
    elif not isinstance(value, shape) or (isinstance(value, bool) and shape is not bool):
        yield f"{path}: {value!r:.80} is no {shape.__name__}"


def _wrong_object(value: object, shape: dict[str, Shape], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: no object"
        return
    known = {key.removesuffix("!"): one for key, one in shape.items() if key != "*"}
    yield from (f"{path}: lacks {key[:-1]}" for key in shape if key.endswith("!") and key[:-1] not in value)
    for key, item in value.items():
        if key in known or "*" in shape:
            yield from wrong(item, known.get(key, shape.get("*")), f"{path}.{key}")
        else:
            yield f"{path}: {key} is not allowed"
