"""Texts that commands share, before anybody prints them: lines filled to the terminal, names, numbers and hours.

Does not live here: printing (`words`), and counts, names and hours, which pages tell alike (`reach.telling.phrases`).
"""

from __future__ import annotations

from shutil import get_terminal_size
from textwrap import wrap

from cityward.reach.telling.phrases import counted, hours, listed, since

__all__ = ["counted", "filled", "hours", "listed", "since", "width"]

NARROWEST, WIDEST = 80, 118  # columns. Longer lines are hard to read; where there is no terminal, the widest


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
