"""Texts that can do no harm to whoever shows them.

SECURITY: names, notes and addresses come from whoever wrote the declaration, a register or a log, and are read by people in
terminals, editors and viewers. Line breaks would fake lines, control characters drive terminals, direction characters show a
name as another one (Unicode TR 36, CVE-2021-42574), and characters without width make two names of one look.

So that no field can be forgotten: texts of a declaration are cleaned as they become records (`place.loader`), errors as they are
made (`errors`), exports as whole documents (`adapters.exchange.exports`), and all that a command prints as it is printed
(`cli.words`).

INVARIANT: letters and marks of every script pass; `harmless` of a harmless text is that text.
"""

from __future__ import annotations

import re
from typing import Any

_FORMULA = tuple(
    "=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)
# SPEC: OWASP, CSV injection. Of tabs and carriage returns, which stand there too, spaces are left: what is behind them counts.

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_SPACES = re.compile(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters; where they are spaces, they are gone by then
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks, embeddings, overrides and isolates
    "\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufff9-\ufffb"  # without width, or formatting that nobody uses
    "\U000e0000-\U000e0fff"  # tags: invisible letters
    "\ud800-\udfff\ufdd0-\ufdef\ufeff"  # lone surrogates, noncharacters, the byte order mark
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
    + "]"
    # joiners shape letters of many scripts, and emoji; beside a Latin letter or at an end they only hide
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)


def harmless(text: str) -> str:
    """A text on one line, without characters that drive or deceive whoever shows it; each of those becomes U+FFFD."""
    return _HARMFUL.sub(REPLACEMENT, _SPACES.sub(" ", text))


def harmless_cell(text: str) -> str:
    """A text as a cell of a CSV sheet: harmless, and behind an apostrophe where a spreadsheet would take it for a formula."""
    safe = harmless(text)
    return f"'{safe}" if safe.lstrip().startswith(_FORMULA) else safe


def harmless_lines(text: str) -> str:
    """The same of each line. For texts whose line breaks are ours."""
    return "\n".join(map(harmless, text.split("\n")))


def harmless_tree(value: Any) -> Any:
    """A document of mappings, lists and scalars with every text in it harmless, keys included."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, dict):
        return {harmless(str(key)): harmless_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [harmless_tree(item) for item in value]
    return value


def harmless_json(text: str) -> str:
    """JSON with the harmful characters in its texts escaped: the same document, safe to show. Its line breaks stay."""
    return _HARMFUL.sub(_escaped, text.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029"))


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character in "\t\n\r":
        return character  # between tokens; inside of texts JSON has them escaped
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
