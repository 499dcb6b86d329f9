"""What the door needs of the assurance and the exercises of the city: ports, filled by `web/__main__.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cityward.assurance.reporting.changes import Changes


class GivenReports(Protocol):
    """Reports that were made and signed here. `told` is encoded as it is."""

    async def told(self) -> object: ...
    async def give_out(self, person: str) -> bool:
        """Begin to make one; False while another is being made.

        Raises:
            LinkError: there is no room for more.
        """
        ...

    async def changes(self, report: bytes) -> Changes | None:
        """Since the newest that was given out; None: none was."""
        ...

    def file(self, name: str, file: str) -> Path | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Assuring:
    """entry: an entry of a log, proven, or None; it blocks. statements, risks: JSON; None of it: it is still being made."""

    entry: Callable[[str], object | None]
    statements: Callable[[], Awaitable[bytes | None]]
    risks: Callable[[], Awaitable[bytes | None]]
    given: GivenReports


class Exercises(Protocol):
    """Scenarios, what came of them, and the one that runs. What is told is JSON, or encoded as it is."""

    async def board(self) -> bytes | None:
        """All scenarios of this place with their history; None: it is still being made.

        Raises:
            LinkError: it could not be made.
        """
        ...

    def now(self) -> object:
        """The exercise that runs or ran last."""
        ...

    async def start(self, scenario: str, seed: int, person: str) -> bool:
        """False while one runs.

        Raises:
            LinkError: there is no such scenario, or it could not be started.
        """
        ...

    async def stop(self) -> bool:
        """End the one that runs; False: none does."""
        ...
