"""How many may be connected at one time: of one device, and of all that share a budget with declared `connections`.

Lives here: the counts of who is in, and of who was let in a moment ago and is not seen yet. Does not live here: the judgement
of one connection (`entry`), the table of connections (`connections`).

A shared budget fills as the others do (`place.budgets.fill`): it keeps room free for the classes above, so that routine devices
which connect all at once leave critical ones their places. A connection that takes the place of an older one under the same
client id needs no room of its own: the broker ends the older one.

INVARIANTS
- Whoever is let in is counted from that moment: however many ask at once, no budget is overrun.
- Who was let in and did not come within `EXPECTED_US` is counted no more; and no more than `MOST_EXPECTED` are expected.

Fails when: the door starts anew. It counts who is in already before it answers; a budget that was lowered meanwhile stays overrun
until enough of its devices have left: nobody is cut off for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cityward.adapters.bus.connections import MOST_OPEN
from cityward.place.budgets import SharedBudget, fill
from cityward.place.registry import CONNECTIONS, Registry
from cityward.place.services import Priority
from cityward.time import SECOND

EXPECTED_US = 10 * SECOND  # the broker waits `config.ASK_S` for an answer, and tells of the connection at once
MOST_EXPECTED = MOST_OPEN


@dataclass(frozen=True, slots=True)
class Shared:
    """A budget with `connections`. marks: how far each `Priority` may fill it."""

    id: str
    marks: tuple[int, ...]


@dataclass(slots=True)
class Room:
    """See the module.

    shared: device -> the budgets it fills, the narrow ones first. own: device -> connections it may have. rank: device -> class.
    """

    shared: dict[str, tuple[Shared, ...]] = field(default_factory=dict[str, tuple[Shared, ...]])
    own: dict[str, int] = field(default_factory=dict[str, int])
    rank: dict[str, int] = field(default_factory=dict[str, int])
    _inside: Counter[str] = field(default_factory=Counter[str])
    _expected: dict[int, tuple[str, int]] = field(default_factory=dict[int, tuple[str, int]])  # -> device, since
    _clients: dict[str, dict[int, str]] = field(
        default_factory=dict[str, dict[int, str]]
    )  # of those: device -> client ids

    def most_of(self, device: str) -> int:
        """How many connections a device may have at one time."""
        return self.own.get(device, CONNECTIONS)

    def full(self, device: str, now_us: int) -> str:
        """The first budget that has no room for one more connection of this device; "" where all have."""
        self._forget(now_us)
        if len(self._expected) >= MOST_EXPECTED:
            return "door"
        rank = self.rank.get(device, int(Priority.ROUTINE))
        return next((one.id for one in self.shared.get(device, ()) if self._inside[one.id] >= one.marks[rank]), "")

    def expect(self, connection: int, device: str, client_id: str, now_us: int) -> None:
        """Somebody was let in, and takes room until seen."""
        self._seen(connection)
        self._expected[connection] = (device, now_us)
        self._clients.setdefault(device, {})[connection] = client_id
        self._add(device, 1)

    def clients_expected(self, device: str) -> set[str]:
        """The client ids under which a device was let in and is not seen yet."""
        return set(self._clients.get(device, {}).values())

    def came(self, connection: int, device: str) -> None:
        """A connection is seen: one that was expected is counted already."""
        self._seen(connection)
        self._add(device, 1)

    def gone(self, device: str) -> None:
        """A connection that was seen has ended."""
        self._add(device, -1)

    def inside(self) -> dict[str, int]:
        """Budget -> connections that fill it."""
        return {name: count for name, count in self._inside.items() if count}

    def _add(self, device: str, count: int) -> None:
        for one in self.shared.get(device, ()):
            self._inside[one.id] = max(0, self._inside[one.id] + count)

    def _seen(self, connection: int) -> None:
        """It is expected no more."""
        if (held := self._expected.pop(connection, None)) is not None:
            device = held[0]
            self._clients[device].pop(connection)
            if not self._clients[device]:
                del self._clients[device]
            self._add(device, -1)

    def _forget(self, now_us: int) -> None:
        """In the order they were let in, so the first that is young enough ends the search."""
        while self._expected:
            connection, (_, since) = next(iter(self._expected.items()))
            if now_us - since < EXPECTED_US:
                return
            self._seen(connection)


def room_of(registry: Registry) -> Room:
    """The room that a place declares."""
    own = {u.id: int(most) for u, most in zip(registry.units, registry.unit_connections, strict=True)}
    shared: dict[str, list[Shared]] = {}
    for budget in registry.budgets:
        if budget.connections is not None:
            one = Shared(f"{budget.kind}:{budget.of}", _marks(budget, budget.connections, registry))
            for unit in budget.covers.tolist():
                shared.setdefault(registry.units[unit].id, []).append(one)
    rank = {u.id: int(r) for u, r in zip(registry.units, registry.unit_priority, strict=True) if u.id in shared}
    return Room({device: tuple(ones) for device, ones in shared.items()}, own, rank)


def _marks(budget: SharedBudget, bound: int, registry: Registry) -> tuple[int, ...]:
    """A unit needs one connection: what is kept free for a class is one for each of its units."""
    ranks = registry.unit_priority[budget.covers]
    demand: Sequence[int] = [int(np.count_nonzero(ranks == rank)) for rank in Priority]
    return tuple(int(mark) for mark in fill(bound, demand))
