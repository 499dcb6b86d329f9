"""What doors ask of views, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass

from cityward.guard.viewing import Cover, HeldRole, Kind
from cityward.runtime.pictures.viewing import ViewRow


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. roles: in force, from where they are; elsewhere: that would be from another address. session: its hash.

    approves: whether they may be the second person.
    """

    person: str
    party: str
    roles: tuple[HeldRole, ...] = ()
    elsewhere: tuple[str, ...] = ()
    approves: bool = False
    session: bytes = b""
    source: str = ""


@dataclass(frozen=True, slots=True)
class ViewWanted:
    """What is asked for. since, until: of a recording, city us."""

    camera: str
    purpose: str
    reason: str
    seconds: int
    kind: Kind = "live"
    cover: Cover = "covered"
    since: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class Viewed:
    """What became of a question. token: of an open view, for its first picture; reasons: of a refused one."""

    row: ViewRow
    token: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture may be shown. token: for the next one. mark: to be drawn into it. at: of a recording, city us."""

    row: ViewRow
    token: str
    mark: str
    at: int = 0
