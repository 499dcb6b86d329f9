"""Words that commands share: headings, paragraphs, lists and counts, as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import click

WIDTH = 118
MOST = 12  # of a list; the rest is counted, and `--json` has it all


def head(text: str) -> None:
    """A heading."""
    click.echo(f"\n{click.style(text, bold=True)}")


def say(text: str, indent: str = "  ", mark: str = "") -> None:
    """A paragraph."""
    later = indent + " " * len(mark)
    lines = wrap(text, WIDTH, initial_indent=indent + mark, subsequent_indent=later, break_on_hyphens=False)
    click.echo("\n".join(lines))


def rows(lines: Sequence[str], indent: str = "  ") -> None:
    """A list, cut where a person would stop reading."""
    for line in lines[:MOST]:
        say(line, indent, "- ")
    if len(lines) > MOST:
        click.echo(f"{indent}  ... and {len(lines) - MOST} more (--json has them all)")


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 function`, `3 functions`."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
