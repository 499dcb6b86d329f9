"""Whether what a plug-in made has the shape it should: the first look of both permit gates. Total, whatever is looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MOST_CAUSES = 16  # with LONGEST_CAUSE, a command stays well under the 64 kB that one evidence entry holds
LONGEST_CAUSE = 256  # characters of a cause's name or value; it is kept in evidence for ever
LONGEST_SOURCE = 96  # characters: an id and its member's number


def is_text(value: Any) -> bool:
    """Whether it is a text that can be shown and written down: what is not printable (a lone surrogate among it) could not be."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_CAUSE and value.isprintable()


def is_number(value: Any) -> bool:
    """Whether it is a finite number, and none of a size that no street has."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e12 and math.isfinite(value)


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def are_causes(value: Any) -> bool:
    """Whether these are 1 to `MOST_CAUSES` causes: names and words."""
    if not isinstance(value, Mapping) or not 0 < len(value) <= MOST_CAUSES:  # pyright: ignore[reportUnknownArgumentType]
        return False
    causes: Any = value
    return all(is_text(name) and is_text(words) for name, words in causes.items())


def are_names(value: Any, most: int) -> bool:
    """Whether this is a tuple of at most so many names, each once."""
    if not isinstance(value, tuple) or len(value) > most:  # pyright: ignore[reportUnknownArgumentType]
        return False
    names: Any = value
    return all(is_text(name) and len(name) <= LONGEST_SOURCE for name in names) and len(set(names)) == len(names)
