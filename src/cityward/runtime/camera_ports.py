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
