"""The one way in which commands print, and the words they share: headings, paragraphs, lists and counts.

SECURITY: what is printed quotes declarations, registers, logs and ledgers that others wrote. `put`, `aside`, `put_json` and
`progress` make everything harmless as it is printed; colours are parts of their own (`style`), so that a colour code inside a
text is foreign and goes like the rest. No other module of `cli` prints (a test holds it).

INVARIANT: the only control characters that leave here are line breaks of ours and the colours of `style`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click
import msgspec

from cityward.cli.phrases import filled
from cityward.text import harmless, harmless_json, harmless_lines

MOST = 12  # of a list; the rest is counted, and `--json` has it all


@dataclass(frozen=True, slots=True)
class Styled:
    """A text that stands out on a terminal; in a pipe it is a text like any other."""

    text: str
    colour: str | None
    bold: bool
    dim: bool

    def __str__(self) -> str:
        return self.text


def style(text: str, *, fg: str | None = None, bold: bool = False, dim: bool = False) -> Styled:
    """A part for `put` that stands out."""
    return Styled(text, fg, bold, dim)


def put(*parts: str | Styled) -> None:
    """Lines on stdout: the answer."""
    click.echo(_printed(parts))


def aside(*parts: str | Styled) -> None:
    """Lines on stderr: what goes with the answer."""
    click.echo(_printed(parts), err=True)


def put_text(text: str) -> None:
    """A whole text on stdout that ends its own lines."""
    click.echo(harmless_lines(text), nl=False)


def put_json(document: object) -> None:
    """A document on stdout as JSON, indented; harmful characters are escaped, so it is the same document."""
    click.echo(harmless_json(msgspec.json.format(msgspec.json.encode(document), indent=2).decode()))


def put_json_line(document: object) -> None:
    """A document on stdout as JSON on one line."""
    click.echo(harmless_json(msgspec.json.encode(document).decode()))


def progress(text: str) -> None:
    """How far it is, on stderr, in place of what was said before."""
    click.echo(f"\r{harmless(text)}", nl=False, err=True)


def _printed(parts: Sequence[str | Styled]) -> str:
    return "".join(_part(part) for part in parts)


def _part(part: str | Styled) -> str:
    if isinstance(part, Styled):
        return click.style(harmless_lines(part.text), fg=part.colour, bold=part.bold or None, dim=part.dim or None)
    return harmless_lines(part)


def head(text: str) -> None:
    """A heading."""
    put()
    lead(text)


def lead(text: str) -> None:
    """The sentence that answers."""
    put(style(filled(text), bold=True))


def say(text: str, indent: str = "  ", mark: str = "") -> None:
    """A paragraph."""
    put(filled(text, indent + mark, indent + " " * len(mark)))


def remark(text: str, indent: str = "  ") -> None:
    """A paragraph of less weight."""
    put(style(filled(text, indent, indent), dim=True))


def rows(lines: Sequence[str], indent: str = "  ") -> None:
    """A list, cut where a person would stop reading."""
    for line in lines[:MOST]:
        say(line, indent, "- ")
    if len(lines) > MOST:
        put(f"{indent}  ... and {len(lines) - MOST:,} more (--json has them all)")
