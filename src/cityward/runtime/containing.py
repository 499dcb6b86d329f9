"""The port to the book of containments, and a containment's way: asked -> (approved) -> begun -> lifted or expired; or refused,
or expired unapproved.

INVARIANT: `may` is the whole of it; whoever changes a containment's state asks it first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Stand(StrEnum):
    """Where a containment stands."""

    ASKED = "asked"
    BEGUN = "begun"
    LIFTED = "lifted"
    EXPIRED = "expired"
    REFUSED = "refused"


_WAYS = {
    Stand.ASKED: frozenset({Stand.BEGUN, Stand.REFUSED, Stand.EXPIRED}),
    Stand.BEGUN: frozenset({Stand.LIFTED, Stand.EXPIRED}),
}


def may(before: Stand, after: Stand) -> bool:
    """Whether a containment may go from one state to the other."""
    return after in _WAYS.get(before, frozenset())


@dataclass(frozen=True, slots=True)
class ContainmentRow:
    """One containment. `target` as `kind:id`; times in machine us; `seconds` how long it was asked for."""

    id: str
    target: str
    reason: str
    asked_by: str
    asked_at: int
    seconds: int
    units: tuple[str, ...]
    state: Stand = Stand.ASKED
    approved_by: str = ""
    begun_at: int | None = None
    until: int | None = None
    ended_at: int | None = None
    ended_by: str = ""


class Containments(Protocol):
    """The book of containments."""

    def put_containment(self, row: ContainmentRow) -> None:
        """Add it, or replace the one of its id."""
        ...

    def containment(self, id_: str) -> ContainmentRow | None:
        """One containment, however old."""
        ...

    def containments(self, most: int = 100) -> Sequence[ContainmentRow]:
        """Those that wait or are in force before those that ended; of each, the newest first."""
        ...

    def containments_in(self, state: Stand) -> Sequence[ContainmentRow]:
        """All that stand there, oldest first."""
        ...
