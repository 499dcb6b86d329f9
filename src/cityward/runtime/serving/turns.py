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

from cityward.runtime.serving.binding import Bound
from cityward.runtime.serving.world import ServiceWorld
from cityward.services.contract import MOST_MEMORY, Turn, View


class Turns:
    """See the module. A service that was never told anything starts from its defaults."""

    def __init__(self, world: ServiceWorld, bounds: Sequence[Bound]) -> None:
        self._world = world
        self._memory: dict[str, Any] = {bound.id: bound.service.memory() for bound in bounds}
        self._kept: dict[str, bytes] = {}  # as it stands in the database
        self._now: dict[str, bytes] = {}  # as it is

    def size(self, service: str) -> int:
        """Bytes of its memory."""
        return len(self._now.get(service) or self._kept.get(service, b""))

    async def take_up(self, bounds: Sequence[Bound]) -> None:
        """What the services remembered when an earlier run ended.

        Raises:
            LinkError: the store did not answer.
        """
        if self._world.ports.keeper is None:
            return
        kept = await self._world.call(self._world.ports.keeper.memories)
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
            turn = _step(bound, view, self._memory[bound.id])
        except Exception:  # a service is a plug-in: its fault must not stop the others
            self._world.fault(bound.id, "a service failed")
            return None
        self._remember(bound, turn.memory)
        return turn

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

    def due(self) -> dict[str, bytes]:
        """Service -> its memory, where it is not what is kept."""
        return {service: body for service, body in self._now.items() if body != self._kept.get(service)}

    def kept(self, memories: Mapping[str, bytes]) -> None:
        """These were written."""
        self._kept |= memories


def _step(bound: Bound, view: View[Any], memory: Any) -> Turn[Any]:
    turn: Any = bound.service.step(view, memory)
    if not isinstance(turn, Turn):
        raise TypeError(f"a step answers a Turn, not {type(turn).__name__}")
    return turn  # pyright: ignore[reportUnknownVariableType]
