"""Texts that commands share, before anybody prints them: lines filled to the terminal, names, numbers and hours.

Does not live here: printing (`words`).
"""

from __future__ import annotations

from collections.abc import Iterable
from shutil import get_terminal_size
from textwrap import wrap

NARROWEST, WIDEST = 80, 118  # columns. Longer lines are hard to read; where there is no terminal, the widest
_MINUTE, _DAYS_FROM = 1 / 60, 48.0  # hours


def width() -> int:
    """How many columns to fill: those of the terminal, within reason."""
    return min(WIDEST, max(NARROWEST, get_terminal_size((WIDEST, 24)).columns))


def filled(text: str, first: str = "", later: str = "") -> str:
    """Lines as wide as the terminal; a word that is wider, such as a path, stays in one piece.

    Args:
        text: a paragraph.
        first: stands before the first line.
        later: stands before the others.
    """
    lines = wrap(
        text,
        width(),
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return "\n".join(lines)


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
