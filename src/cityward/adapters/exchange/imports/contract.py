"""What an importer takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cityward.errors import DecodeError
from cityward.guard.reasons import Reason

Record = dict[str, Any]
"""A record of the declaration as plain values, as its YAML has it."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to import: its name, as errors tell it, and its bytes."""

    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Unmapped:
    """What the declaration has no place for, or could not be understood. `where` is in the imported file."""

    where: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a record must have, `unknown` cannot stand for, and the file does not say. `path` is in the fragment."""

    path: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The outcome of an import: kind -> id -> record, in the order of the declaration's kinds and of the file.

    `replaces` are the dotted paths of those records that stand in place of one that the place declares.
    """

    format: str
    fragment: Mapping[str, Mapping[str, Record]]
    unmapped: tuple[Unmapped, ...]
    assumed: tuple[Assumed, ...]
    notes: tuple[str, ...]
    replaces: tuple[str, ...] = ()


class DecodeErrors(DecodeError):  # noqa: N818 - it is the errors
    """All that is wrong with files a person keeps by hand, at once."""

    def __init__(self, errors: Sequence[DecodeError]) -> None:
        self.errors = tuple(errors)
        super().__init__(errors[0].reason, "; ".join(error.what for error in errors))

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


def unlike(wanted: str, where: str, mend: str) -> DecodeError:
    """A file of which nothing was read: somebody took it for a format that it is not of."""
    return refusal(Reason.WRONG_SHAPE, f"nothing of it was read: it does not look like {wanted}", where, mend)


def refusal(reason: Reason, what: str, where: str, mend: str) -> DecodeError:
    """A file that cannot be read."""
    return DecodeError(reason.name, what, where=where, mend=mend)
