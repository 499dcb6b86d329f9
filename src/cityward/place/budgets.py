"""How much may come in: the declared budgets, and what each means for the numbered units.

A budget bounds what its devices send *together*: a group, a flow, a party's devices, the whole place. What one device may
send alone is in its flow's `limits`, and in a budget `of` that device. All of them hold at once.

Does not live here: the counting (`guard/budgets.py`).

INVARIANTS
- A class is never let further into a budget than a higher one.
- What is not declared bounds nothing: devices' own limits add up to the place's derived capacity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from cityward.ids import Id
from cityward.place.record import Record
from cityward.place.services import Priority

PLACE = "place"
"""What a budget is of that bounds everything the platform takes in."""

UNBOUNDED = np.iinfo(np.int64).max

Rate = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Budget(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much may come in from a device, a group, over a flow, from a party's devices, or in all (`of: place`).

    A party's budget is of the devices it makes, owns or operates. `connections` are those of the broker, at one time.
    What is left out is not bounded here.
    """

    of: Id  # a device, a member, a flow or a party; or the word `place`
    messages_per_minute: Rate | None = None
    bytes_per_minute: Annotated[int, Meta(ge=16, le=1_000_000_000_000)] | None = None
    connections: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


@dataclass(frozen=True, slots=True)
class SharedBudget:
    """A budget that several units use up together.

    kind: group | flow | party | place. covers: (N,) int32, the units. messages, bytes: (3,) int64, how far each `Priority`
    may fill it in a minute, not rising; what is not bounded is `UNBOUNDED`.
    """

    id: str
    kind: str
    of: str
    covers: NDArray[np.int32]
    messages: NDArray[np.int64]
    bytes: NDArray[np.int64]
    connections: int | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """What a budget may be of, of one unit."""

    id: str
    group: str
    flow: str
    parties: tuple[str, ...]


def own(budgets: Mapping[str, Budget], senders: Sequence[Sender]) -> dict[int, Budget]:
    """Unit -> the budget of that one device, where one is declared. A group of one is a group."""
    by_name = {budget.of: budget for budget in budgets.values()}
    mine = ((n, by_name.get(sender.id)) for n, sender in enumerate(senders))
    return {n: budget for n, budget in mine if budget is not None and _is_alone(budget, senders[n])}


def _is_alone(budget: Budget, sender: Sender) -> bool:
    """Whether the budget is of the unit itself: a member of a group, or a device that is no group."""
    return budget.of == sender.id


def shared(
    budgets: Mapping[str, Budget],
    senders: Sequence[Sender],
    priority: NDArray[np.uint8],
    limits: NDArray[np.int64],
) -> tuple[SharedBudget, ...]:
    """The budgets that units share, the narrow ones first: groups, flows, parties, the place.

    Args:
        budgets: as declared.
        senders: the units, in order.
        priority: (U,) each unit's class.
        limits: (U, 2) messages and bytes a minute that each unit may send alone.
    """
    out: list[SharedBudget] = []
    for name, budget in budgets.items():
        for kind, covers in _covered(budget.of, senders):
            demand = np.array(
                [limits[covers[priority[covers] == rank]].astype(object).sum(axis=0, initial=0) for rank in Priority]
            )
            out.append(
                SharedBudget(
                    id=name,
                    kind=kind,
                    of=budget.of,
                    covers=covers,
                    messages=fill(budget.messages_per_minute, demand[:, 0].tolist()),
                    bytes=fill(budget.bytes_per_minute, demand[:, 1].tolist()),
                    connections=budget.connections,
                )
            )
    return tuple(sorted(out, key=lambda one: _ORDER.index(one.kind)))


_ORDER = ("group", "flow", "party", "place")


def _covered(of: str, senders: Sequence[Sender]) -> Iterator[tuple[str, NDArray[np.int32]]]:
    """(kind, units) of what shares a budget of this name; nothing where no unit does."""
    asked = {
        "group": [n for n, s in enumerate(senders) if s.group == of and s.id != of],
        "flow": [n for n, s in enumerate(senders) if s.flow == of],
        "party": [n for n, s in enumerate(senders) if of in s.parties],
        "place": list(range(len(senders))) if of == PLACE else [],
    }
    for kind, units in asked.items():
        if units:
            yield kind, np.array(units, dtype=np.int32)


def fill(bound: int | None, demand: Sequence[int]) -> NDArray[np.int64]:
    """(3,) how far each class may fill a budget: all of it, less what is kept free for the classes above.

    Kept free for a class is what its devices may send together, but at most half of what those above it leave: limits are
    declared generously, and a city whose limits add up to more than its budget must still take its routine readings.

    Source: trunk reservation, as in telephony (ITU-T E.412, circuit reservation): a class stops while there is still room.
    """
    if bound is None:
        return np.full(len(Priority), UNBOUNDED, dtype=np.int64)
    left, out = bound, list[int]()
    for wanted in demand:
        out.append(left)
        left -= min(int(wanted), left // 2)
    return np.array(out, dtype=np.int64)
