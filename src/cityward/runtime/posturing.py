"""The port to the book of postures, and the way of one turn of a posture: asked -> on -> (ending) -> off or expired; or refused.

Theory of operation. A *turn* is one time that a posture is in force, from being asked for to its end. Where a second person is
needed, it waits `asked` for one, and so does its end: while the end waits (`ending`) the posture holds. It ends by itself at
`until`: nothing has to run for that, because what is in force is computed from the rows and the moment (`holding`).

INVARIANTS
- `may` is the whole of it; whoever changes a turn's state asks it first.
- A posture has one turn under way at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cityward.place.release import Posture


class Turned(StrEnum):
    """Where a turn stands."""

    ASKED = "asked"
    ON = "on"
    ENDING = "ending"  # in force; its end waits for a second person
    OFF = "off"
    EXPIRED = "expired"
    REFUSED = "refused"


_WAYS = {
    Turned.ASKED: frozenset({Turned.ON, Turned.REFUSED, Turned.EXPIRED}),
    Turned.ON: frozenset({Turned.ENDING, Turned.OFF, Turned.EXPIRED}),
    Turned.ENDING: frozenset({Turned.ON, Turned.OFF, Turned.EXPIRED}),
}

UNDER_WAY = frozenset(_WAYS)
IN_FORCE = frozenset({Turned.ON, Turned.ENDING})


def may(before: Turned, after: Turned) -> bool:
    """Whether a turn may go from one state to the other."""
    return after in _WAYS.get(before, frozenset())


@dataclass(frozen=True, slots=True)
class PostureRow:
    """One turn of a posture. Times in machine us. seconds: for how long it was asked. until: when it ends by itself; of one
    that is asked for: until when it waits.
    """

    id: str
    posture: str
    reason: str
    asked_by: str
    asked_at: int
    seconds: int
    until: int
    state: Turned = Turned.ASKED
    approved_by: str = ""
    begun_at: int | None = None
    end_asked_by: str = ""
    ended_at: int | None = None
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class Switcher:
    """Who wants to switch: the person, the roles they hold now from where they are, and whether they may be the second person."""

    person: str
    roles: frozenset[str]
    approves: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared posture as a person sees it, with its turn under way. now: machine us."""

    id: str
    posture: Posture
    turn: PostureRow | None
    now: int


def holding(rows: Iterable[PostureRow], now_us: int) -> Mapping[str, int]:
    """Posture -> until when (machine us), of those in force at a moment."""
    return {row.posture: row.until for row in rows if row.state in IN_FORCE and now_us < row.until}


class Postures(Protocol):
    """The book of postures. Each raises `LinkError` when the store does not answer."""

    def put_posture(self, row: PostureRow) -> None:
        """Add the turn, or replace the one of its id."""
        ...

    def postures(self, most: int = 100) -> Sequence[PostureRow]:
        """Those under way before those that ended; of each, the newest first."""
        ...

    def postures_under_way(self) -> Sequence[PostureRow]:
        """Asked, on, or ending; oldest first."""
        ...

    def postures_in_force(self, now_us: int) -> Mapping[str, int]:
        """Posture -> until when (machine us). Cheap enough to ask several times a second."""
        ...
