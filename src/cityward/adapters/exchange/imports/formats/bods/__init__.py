"""Beneficial Ownership Data Standard 0.4, also 0.2 and 0.3 (a JSON array, one statement, or JSON lines).

| BODS | here |
|---|---|
| entity: registered, legal | party `company` |
| entity: state; state body; arrangement | party `state`; `public-body`; `group` |
| entity: anonymous, unknown | party `group` |
| person | party `group` numbered in the order of the file: **no name, address, birth date, nationality or identifier is read** |
| jurisdiction | jurisdiction (state or subdivision), `incorporated_in` |
| identifiers of an entity | `ids` |
| interest | owner with a mechanism, see `words.MECHANISMS`; an economic right is no control, and told |
| share: exact | `share` |
| share: a range | its lower end where control does not hang on it (at least 50, or all below 50), else left out; noted |
| no interested party can be named | owners `unknown`; beside named owners a party that stands for it |
| no relationship about an entity at all | owners `unknown` |
| no beneficial owners; a state | no owner, the former noted |
| indirect interest with its components | told by the components |
| closed records, interests that ended | left out and counted |

Evidence is `registry`, or `declared` where the only source is the subject's own word.

The way: `statements` keeps the last word about each record, `register` makes parties of them, `stakes` reads the interests.

INVARIANT: nothing that identifies a natural person leaves this package.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cityward.adapters.exchange.imports.contract import File, refusal, unlike
from cityward.adapters.exchange.imports.documents import read_json, read_lines
from cityward.adapters.exchange.imports.draft import Draft
from cityward.adapters.exchange.imports.fields import Fields
from cityward.adapters.exchange.imports.formats.bods.register import Register
from cityward.adapters.exchange.imports.formats.bods.statements import Book, survey
from cityward.guard.reasons import Reason

FORMAT = "bods"
TITLE = "Beneficial Ownership Data Standard (JSON, JSON lines)"
SCHEMES: tuple[str, ...] = ()
_MEND = "name a file of BODS statements: a JSON array, or one statement on each line"
_NAMED = 3  # files, where none of many is a register


def read(files: Sequence[File], draft: Draft) -> None:
    """Fill the draft from statements.

    Raises:
        DecodeError: a file holds no statements, or cannot be read.
    """
    draft.source, draft.evidence = "BODS", "registry"
    book = Book() if draft.wanted is None else survey(_all(files), draft.wanted)
    book.take(_all(files), draft)
    if not book.recognised:
        raise unlike("BODS statements", ", ".join(file.name for file in files[:_NAMED]), _MEND)
    Register(book, draft).read()


def _all(files: Sequence[File]) -> Iterator[tuple[str, object]]:
    for file in files:
        yield from _values(file)


def _values(file: File) -> Iterator[tuple[str, object]]:
    """(where, statement): the elements of an array, one object, or lines."""
    start = file.raw[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] == b"[":
        value = read_json(file)
        yield from ((f"{file.name}[{i}]", item) for i, item in enumerate(value if isinstance(value, list) else []))
    elif start[:1] == b"{":
        yield from _objects(file)
    else:
        raise refusal(Reason.WRONG_SHAPE, "the file begins with neither `[` nor `{`", file.name, _MEND)


def _objects(file: File) -> Iterator[tuple[str, object]]:
    end = file.raw.find(b"\n")
    first = file.raw[: end if end >= 0 else None].rstrip()
    if not first.endswith(b"}"):  # an object over several lines
        value = read_json(file)
        statements = Fields(value, file.name).list("statements") or [value]
        yield from ((f"{file.name}[{i}]", item) for i, item in enumerate(statements))
        return
    yield from ((f"{file.name}:{line}", value) for line, value in read_lines(file))
