"""The way of one view: asked -> open -> ended; who waits for a second person; and the port to the book of views.

Theory of operation. A *view* is one person looking through one camera, from asking to its end. Where a second person is needed it
waits `asked` until one agreed (`agreed`); then, as any other, it is opened by whoever asked. It ends by itself at `ends_at`:
what may be shown is computed from the row and the moment. Who asked and got nothing is kept beside the views.

INVARIANT: `may` is the whole of it; whoever changes a view's state asks it first.

Does not live here: who may look (`guard.viewing`), tokens and evidence (`compose.pictures.viewing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cityward.guard.viewing import Cover, Kind

MOST_VIEWS = 10_000  # that are read at once


class ViewState(StrEnum):
    """Where a view stands."""

    ASKED = "asked"  # waits for a second person
    AGREED = "agreed"  # waits to be opened by whoever asked
    OPEN = "open"
    ENDED = "ended"
    REFUSED = "refused"


_WAYS = {
    ViewState.ASKED: frozenset({ViewState.AGREED, ViewState.REFUSED, ViewState.ENDED}),
    ViewState.AGREED: frozenset({ViewState.OPEN, ViewState.REFUSED, ViewState.ENDED}),
    ViewState.OPEN: frozenset({ViewState.ENDED}),
}

UNDER_WAY = frozenset(_WAYS)


def may(before: ViewState, after: ViewState) -> bool:
    """Whether a view may go from one state to the other."""
    return after in _WAYS.get(before, frozenset())


@dataclass(frozen=True, slots=True)
class ViewRow:
    """One view. Machine us, but since and until, which are of a recording, in city us. ends_at: by itself; of one that waits:
    until when it waits. shown_at: its newest picture. outcome: why it ended. record: the evidence entry that granted it.
    """

    id: str
    person: str
    party: str
    camera: str
    purpose: str
    reason: str
    kind: Kind
    cover: Cover
    seconds: int
    asked_at: int
    ends_at: int
    state: ViewState
    since: int = 0
    until: int = 0
    role: str = ""
    second: str = ""
    opened_at: int = 0
    shown_at: int = 0
    ended_at: int = 0
    outcome: str = ""
    pictures: int = 0
    source: str = ""
    record: str = ""


@dataclass(frozen=True, slots=True)
class ViewRefusal:
    """Somebody asked to look, or for a picture, and got nothing. at: machine us. reasons: words of `ViewReason`."""

    at: int
    person: str
    party: str
    camera: str
    purpose: str
    reason: str
    kind: Kind
    cover: Cover
    reasons: tuple[str, ...]
    source: str
    record: str


def grants_clear(row: ViewRow | None, camera: str, now: int) -> bool:
    """Whether a row lets the uncovered picture of a camera out now: two persons, open, of this camera. now: machine us."""
    return (
        row is not None
        and (row.state, row.cover, row.kind, row.camera) == (ViewState.OPEN, "clear", "live", camera)
        and row.second not in ("", row.person)
        and row.opened_at <= now < row.ends_at
    )


class ViewBook(Protocol):
    """The book of views. Each raises `LinkError` when the store does not answer."""

    def put(self, row: ViewRow) -> None:
        """Add it, or replace the one of its id."""
        ...

    def view(self, id_: str) -> ViewRow | None: ...
    def views(self, most: int = 100, *, camera: str = "", person: str = "", since: int = 0) -> Sequence[ViewRow]:
        """Those under way before those that ended; of each, the newest first. since: asked at or later, machine us."""
        ...

    def under_way(self) -> Sequence[ViewRow]:
        """Asked, agreed or open; oldest first."""
        ...

    def refuse(self, row: ViewRefusal) -> None:
        """Note one."""
        ...

    def refusals(self, most: int = 100, *, camera: str = "", person: str = "", since: int = 0) -> Sequence[ViewRefusal]:
        """Newest first."""
        ...
