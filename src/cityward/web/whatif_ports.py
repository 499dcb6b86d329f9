"""What the door needs for what-if: ports, filled by `web/__main__.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from cityward.place.model import Place
from cityward.reach.blast.subjects import Subject
from cityward.reach.whatif.asking import How
from cityward.reach.whatif.lessening import Lessened
from cityward.reach.whatif.signing import Signed


class Lessening(Protocol):
    """The cheapest steps against an answer. Cancelled, it leaves nothing behind."""

    async def steps(self, place: Place, how: How, subject: Subject) -> Lessened:
        """Where they are written is told as dotted paths.

        Raises:
            LinkError: they could not be found, or not in time.
        """
        ...


class Proposing(Protocol):
    """What is offered for a signature, and whether it may be signed."""

    def proposals(self) -> Mapping[str, str]:
        """Those that lie beside the declaration, by name."""
        ...

    async def judge(self, name: str, raw: bytes, day: date) -> Signed:
        """Nothing of it is kept. `name`: what its lines are told under.

        Raises:
            LinkError: it could not be judged; too many ask.
        """
        ...
