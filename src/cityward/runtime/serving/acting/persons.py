"""What persons said, in a turn of the services: read before, proposed first, put on record and kept after. See `overriding`.

INVARIANT: a consent that was used is used for this life of the runner, whether or not the book has taken that yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cityward.errors import LinkError
from cityward.guard.permit import Allowed, PermitReason, Proposal, Refusal
from cityward.runtime.doubt import Doubt
from cityward.runtime.overriding import Overriding
from cityward.runtime.ports import Latest
from cityward.runtime.serving.acting.commands import CommandsUnderWay
from cityward.runtime.serving.acting.street import StreetMemory
from cityward.runtime.serving.binding import Bound
from cityward.runtime.serving.world import ServiceWorld


class Persons:
    """See the module."""

    def __init__(self, world: ServiceWorld, street: StreetMemory) -> None:
        self._world, self._street = world, street
        self._overriding = Overriding(world.by, world.elsewhere.services)

    async def look(self, now_us: int) -> frozenset[str]:
        """Read what they said; the units that one of them holds now.

        Raises:
            LinkError: the store did not answer. Nothing may be proposed: a person's word may be among what was not read.
        """
        book = self._world.ports.overrides
        if book is not None:
            await self._world.call(self._overriding.look, book, now_us)
        return self._overriding.held(now_us)

    def see(self, latest: Mapping[tuple[str, str], Latest], doubt: Doubt, now_us: int) -> None:
        """The street as this turn begins, with what second persons agreed to."""
        self._street.see(latest, doubt, self._overriding.agreed(now_us), now_us)

    def first(self, bound: Bound, commands: CommandsUnderWay, doubt: Doubt, now_us: int) -> list[Proposal]:
        """What goes before the service's own proposals: commands that failed, taken back, and persons' words."""
        back = commands.reverts(bound.id, now_us)
        return back + self._overriding.due(bound.rules, commands.last, self._street.now, doubt, now_us)

    def own(self, proposals: Sequence[Proposal], before: Sequence[Proposal], now_us: int) -> list[Proposal]:
        """A service's proposals, without those for units that somebody holds or something else is proposed for first."""
        taken = {proposal.device for proposal in before} | self._overriding.held(now_us)
        # a proposal may be anything at all: what names no text is the gate's to refuse
        return [p for p in proposals if not (isinstance(getattr(p, "device", None), str) and p.device in taken)]

    def judged(self, bound: Bound, proposal: Proposal, verdict: Allowed | Refusal, now_us: int) -> None:
        """What the gate said: somebody is asked, or what somebody agreed to is used up."""
        if isinstance(verdict, Allowed):
            self._overriding.passed(bound.id, proposal, now_us)
        elif verdict.reason is PermitReason.SECOND_PERSON:
            self._overriding.ask(bound.id, proposal, now_us)

    async def keep(self, now_us: int) -> None:
        """Evidence, then the book. What the world does not take is found again at the next turn."""
        book = self._world.ports.overrides
        if book is None:
            return
        try:
            records = self._overriding.records(now_us)
            if records:
                await self._world.call(self._world.ports.ledger.append, records)
            await self._world.call(self._overriding.keep, book, now_us)
        except LinkError as error:
            self._world.is_silent(error)
