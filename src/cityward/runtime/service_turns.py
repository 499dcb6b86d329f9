"""Asks each service for its turn, and keeps what it remembers.

Memory is the runtime's to keep: as JSON, in the state database, written after the evidence of the turn that changed it. What
cannot be read, or is larger than `MOST_MEMORY`, is a fault of the service: it is counted and told loudly, and the service starts
from its defaults. A service that fails answers nothing in that turn and remembers what it remembered.

INVARIANT: no service, whatever it answers, stops another one or the loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cityward.errors import LinkError
from cityward.runtime.service_binding import Bound
from cityward.runtime.service_world import ServiceWorld
from cityward.services.contract import MOST_MEMORY, Turn, View


class Turns:
    """See the module. A service that was never told anything starts from its defaults."""

    def __init__(self, world: ServiceWorld, bounds: Sequence[Bound]) -> None:
        self._world = world
        self._memory: dict[str, Any] = {bound.id: bound.service.memory() for bound in bounds}
        self._kept: dict[str, bytes] = {}  # as it stands in the database
        self._now: dict[str, bytes] = {}  # as it is

    def sizes(self) -> Mapping[str, int]:
        """Service -> bytes of its memory, as it was written last."""
        return {service: len(body) for service, body in self._kept.items()}

    async def take_up(self, bounds: Sequence[Bound]) -> None:
        """What the services remembered when an earlier run ended.

        Raises:
            LinkError: the store did not answer.
        """
        if self._world.ports.memories is None:
            return
        kept = await self._world.call(self._world.ports.memories.memories)
        for bound in bounds:
            body = kept.get(bound.id)
            if body is not None:
                self._memory[bound.id] = self._read(bound, body)
                self._kept[bound.id] = body

    def _read(self, bound: Bound, body: bytes) -> Any:
        try:
            if len(body) > MOST_MEMORY:
                raise ValueError(f"{len(body)} bytes of memory; at most {MOST_MEMORY} are kept")
            return msgspec.json.decode(body, type=bound.service.memory)
        except (ValueError, RecursionError):  # msgspec's own errors and UnicodeDecodeError are ValueErrors
            self._world.fault(bound.id, "what a service remembered could not be read: it starts from its defaults")
            return bound.service.memory()

    def ask(self, bound: Bound, view: View[Any]) -> Turn[Any] | None:
        """The service's turn; None where it failed."""
        try:
            turn: object = bound.service.step(view, self._memory[bound.id])
            if not isinstance(turn, Turn):
                raise TypeError(f"a step answers a Turn, not {type(turn).__name__}")
        except Exception:  # a service is a plug-in: its fault must not stop the others
            self._world.fault(bound.id, "a service failed")
            return None
        answered: Turn[Any] = turn
        self._remember(bound, answered.memory)
        return answered

    def _remember(self, bound: Bound, memory: Any) -> None:
        try:
            body = msgspec.json.encode(memory)
            if len(body) > MOST_MEMORY:
                raise ValueError(f"{len(body)} bytes of memory; at most {MOST_MEMORY} are kept")
            if body not in (self._kept.get(bound.id), self._now.get(bound.id)):
                # what is kept must be readable after a restart: found out now, and not then
                msgspec.json.decode(body, type=bound.service.memory)
            self._memory[bound.id], self._now[bound.id] = memory, body
        except Exception:  # whatever a plug-in put there
            self._world.fault(bound.id, "what a service remembers cannot be kept: it starts from its defaults")
            self._memory[bound.id] = bound.service.memory()
            self._now[bound.id] = msgspec.json.encode(self._memory[bound.id])

    async def keep(self, now_us: int) -> None:
        """Write what changed. What the store does not take is written with the next turn."""
        memories = self._world.ports.memories
        due = {service: body for service, body in self._now.items() if body != self._kept.get(service)}
        if memories is None or not due:
            return
        try:
            await self._world.call(memories.keep_memories, due, now_us)
        except LinkError as error:
            self._world.is_silent(error)
            return
        self._kept |= due
