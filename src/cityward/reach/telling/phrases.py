"""Counts, names and hours as people read them, wherever an answer is told: on a terminal, on a page, in a file."""

from __future__ import annotations

from collections.abc import Iterable

_MINUTE, _DAYS_FROM = 1 / 60, 48.0  # hours


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 function`, `3,000 functions`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(names: Iterable[str], most: int = 24) -> str:
    """Names, each once; the rest is counted."""
    once = list(dict.fromkeys(names))
    return ", ".join(once[:most]) + (f" and {len(once) - most:,} more" if len(once) > most else "")


def hours(number: float) -> str:
    """At once, or after so long: in minutes, hours or days, to one decimal at most."""
    if number == 0:
        return "at once"
    if number < _MINUTE:
        return "within a minute"
    if round(number * 60) < 60:
        return f"after {counted(round(number * 60), 'minute')}"
    if number < _DAYS_FROM:
        return f"after {_plain(number)} h"
    return f"after {_plain(number / 24)} days"


def since(number: float) -> str:
    """From that hour on."""
    return f"since hour {_plain(number)}"


def _plain(number: float) -> str:
    return f"{number:,.1f}".removesuffix(".0")
