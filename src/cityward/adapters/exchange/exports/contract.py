"""What an export is given, and what it says of itself.

A format is one module of this package with a `FORMAT` and a `write`; nothing else names it. `Statement` is the neutral form of a
finding: whoever finds something (the check, a house rule, an answer about reach) says it like this, and every format for
findings takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from cityward.place.loader import Loaded
from cityward.reach.chains import FlowGraph


class Level(StrEnum):
    """How a finding is meant. `OPEN`: it could not be decided, for a fact is not known; never to be read as a pass."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the declaration. `file` is relative to its root folder, `line` counts from 1; 0: not known. `path` is dotted."""

    file: str
    line: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class ToldStep:
    """One step of a derivation, as a sentence and the line that it rests on; None where it rests on no line."""

    text: str
    spot: Spot | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One finding. `rule` names what found it (`check.unknown`), `steps` the derivation, premises first.

    `waived`: by whom, until when and why it is let stand; empty where it is not. `id`: the finding's own, where it has one that
    stays while its words change; else it is known by its rule, paths and words.
    """

    rule: str
    level: Level
    text: str
    spots: tuple[Spot, ...] = ()
    steps: tuple[ToldStep, ...] = ()
    waived: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is exported. `graph` holds the flows asked for: all of them, or those of the chains through one thing.

    `at` is the time that the export bears, where its format has one; no clock is read. `base` is the folder of the declaration
    as the reader of the export names it (`examples/doggerford`), empty where files are named from the declaration's own folder.
    """

    loaded: Loaded
    graph: FlowGraph
    told: tuple[Statement, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict[str, str])  # rule -> what it asks
    at: datetime | None = None
    base: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """A format as people see it. `suffix` is what a file of it is called by.

    `takes`: what of a `Subject` it writes beyond the place itself, each of `at`, `told` and `graph` (a part of the flows).
    """

    id: str
    name: str
    suffix: str
    media: str
    takes: tuple[Literal["at", "told", "graph"], ...] = ()


class Export(Protocol):
    """A module of this package."""

    FORMAT: Format

    def write(self, subject: Subject) -> bytes:
        """The export, the same bytes for the same subject."""
        ...
