"""How a message helps: "did you mean", and lists a person can read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LISTED = 8  # more ids than this are not help but noise


def near(found: str, known: Iterable[str]) -> str | None:
    """The known word most like the one found, where one is close."""
    matches = difflib.get_close_matches(found[:200].lower(), list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """` (did you mean `x`?)`, or nothing."""
    match = near(found, known)
    return f" (did you mean `{match}`?)" if match else ""


def listed(words: Iterable[str]) -> str:
    """`a`, `b`, `c` and 4 more."""
    every = list(words)
    shown = ", ".join(f"`{word}`" for word in every[:LISTED])
    return f"{shown} and {len(every) - LISTED} more" if len(every) > LISTED else shown


def shown(value: object) -> str:
    """A found value as an error shows it, cut to a line."""
    text = "nothing" if value is None else f"`{value}`"
    text = text.replace("\n", " ")
    return text if len(text) <= 80 else f"{text[:76]}...`"
