"""What the role `cameras` needs of the world, and what others are told of it: segments held, and the newest picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One closed piece of a camera's covered recording. Times city us, `begin_us` of its first picture, `end_us` after its last.

    name: of its file. sha256: hexadecimal, over the whole file. record: the evidence entry that says so.
    """

    camera: str
    begin_us: int
    end_us: int
    name: str
    size: int
    sha256: str
    pictures: int
    record: str


class SegmentBook(Protocol):
    """The index of segments. Every method raises `LinkError` when the database does not answer."""

    def add(self, row: SegmentRow) -> None:
        """Note one; the same name once more replaces it."""
        ...

    def between(self, camera: str, from_us: int, until_us: int, most: int) -> Sequence[SegmentRow]:
        """Those that hold something of that span, oldest first; the first `most`."""
        ...

    def oldest(self, camera: str, most: int) -> Sequence[SegmentRow]:
        """The oldest of a camera; of every camera where it is ""."""
        ...

    def take(self, names: Sequence[str]) -> None:
        """They are gone."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """camera -> bytes of all its segments."""
        ...


MARK_MOST = 64
"""Characters of a viewer's mark: printable ASCII; the child draws it across the picture."""


class Pictures(Protocol):
    """The newest picture of a camera, for a person whose view was granted. Whoever calls has the grant; nobody else may."""

    async def picture(self, camera: str, mark: str) -> bytes:
        """The newest covered picture as JPEG, with the mark drawn into it.

        Args:
            camera: its id in the declaration.
            mark: who views, 1 to `MARK_MOST` printable ASCII characters.

        Raises:
            LinkError: there is none now, or more are asked for than may be.
        """
        ...

    async def clear_picture(self, camera: str, mark: str, grant: str) -> bytes:
        """The same uncovered, under a grant that two persons gave; the role that has it asks for itself whether it holds.

        Raises:
            LinkError: as above, or there is no such grant now.
        """
        ...

    async def recorded_picture(self, camera: str, at_us: int, mark: str) -> bytes:
        """What the covered recording shows at a moment (city us), with the mark drawn into it.

        Raises:
            LinkError: as above, or nothing of that moment is kept, or what is kept is not what was put on record.
        """
        ...
