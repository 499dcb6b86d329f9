"""Budgets, counted: how much of each is used up in the minute, and what is shed because of it.

Theory of operation
-------------------
A device has a window of its own: the messages and bytes of its current minute. What is beyond is shed, and uses up nothing
that others share. What is left passes the shared budgets, the narrow ones first (groups, flows, parties, the place); what
one of them sheds does not reach the next.

A shared budget fills in three steps. `SharedBudget.messages` and `.bytes` say how far each class may fill it: while it is
below the lowest mark everyone passes; from the first message on that would go beyond a class's mark, the class is closed until
the minute ends, with every class below it. So what comes is counted in the order of the log, once, and a critical message finds
the room kept free for it, however many others came before.

Minutes are the log's own. The windows are small: three numbers for a device, four for a shared budget.

INVARIANTS
- Deterministic, and independent of batching: each window is a machine over the messages that reach it, in their order.
- What is shed by a device's own window changes no shared one.

Fails when: several workers read the log. Each then keeps its part of a shared budget, by the number of units in its partitions; a
budget that is used up very unevenly is shed from before all of it is used. A change of the number of workers begins new windows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.guard.reasons import Reason
from cityward.place.budgets import UNBOUNDED, SharedBudget
from cityward.place.registry import Registry
from cityward.place.services import Priority

NEVER = np.iinfo(np.int64).min

CLASSES = len(Priority)

_REASONS = {
    "group": Reason.GROUP_BUDGET,
    "flow": Reason.FLOW_BUDGET,
    "party": Reason.PARTY_BUDGET,
    "place": Reason.PLACE_BUDGET,
}


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The messages of a batch, in the order of the log; columns of length M. `unit` is -1 where it is not known."""

    unit: NDArray[np.int32]
    minute: NDArray[np.int64]
    size: NDArray[np.int64]


@dataclass(slots=True)
class SharedWindow:
    """One shared budget in its current minute: what it let pass, and the highest class that it still lets pass.

    `open_to` is the number of classes not closed: 3 all, 1 critical messages only, 0 nothing more.
    """

    minute: int = NEVER
    messages: int = 0
    bytes: int = 0
    open_to: int = CLASSES


@dataclass(slots=True)
class Windows:
    """What the budgets remember. Shapes: U units, B shared budgets, in the registry's order.

    minute, messages, bytes: (U,) the minute of a unit's last message, and what was counted in it.
    shared: the windows of the shared budgets. marks: for each, (3, 2) how far a class may fill it, in messages and bytes.
    members: (B, U) whose messages a budget is used up by.
    """

    minute: NDArray[np.int64]
    messages: NDArray[np.int64]
    bytes: NDArray[np.int64]
    shared: list[SharedWindow]
    marks: list[NDArray[np.int64]]
    members: NDArray[np.bool_]

    @classmethod
    def empty(cls, registry: Registry, mine: NDArray[np.bool_] | None = None) -> Windows:
        """Before the first message. `mine`: (U,) the units that this worker hears; all by default."""
        units = len(registry.units)
        members = np.zeros((len(registry.budgets), units), dtype=np.bool_)
        for row, budget in zip(members, registry.budgets, strict=True):
            row[budget.covers] = True
        return cls(
            minute=np.full(units, NEVER, dtype=np.int64),
            messages=np.zeros(units, dtype=np.int64),
            bytes=np.zeros(units, dtype=np.int64),
            shared=[SharedWindow() for _ in registry.budgets],
            marks=[_marks(budget, row, mine) for budget, row in zip(registry.budgets, members, strict=True)],
            members=members,
        )


def _marks(budget: SharedBudget, members: NDArray[np.bool_], mine: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """A worker's part of a budget: as many of its units as it hears. At least one message, one byte."""
    whole = np.stack([budget.messages, budget.bytes], axis=1)
    if mine is None or not members.any():
        return whole
    heard, all_of_them = int((members & mine).sum()), int(members.sum())
    part = np.array([[max(1, int(mark) * heard // all_of_them) for mark in row] for row in whole], dtype=np.int64)
    return np.where(whole == UNBOUNDED, whole, np.where(whole == 0, 0, part))


def count_alone(arrivals: Arrivals, registry: Registry, windows: Windows) -> NDArray[np.uint8]:
    """(M,) 0 while a device's own minute has room, else the reason. Advances the devices' windows by every message.

    Once a minute's bytes are used up, all that follows in it is shed: a message counts whether it was let pass or not.
    """
    out = np.zeros(len(arrivals.unit), dtype=np.uint8)
    known = np.flatnonzero(arrivals.unit >= 0)
    if not len(known):
        return out
    order = known[np.argsort(arrivals.unit[known], kind="stable")]
    u, minute, size = arrivals.unit[order], arrivals.minute[order], arrivals.size[order]
    starts = np.flatnonzero(np.r_[True, (u[1:] != u[:-1]) | (minute[1:] != minute[:-1])])
    lengths = np.diff(np.r_[starts, len(u)])
    first = u[starts]
    begins = np.r_[True, first[1:] != first[:-1]]  # a unit's first run goes on where the last batch ended
    goes_on = begins & (windows.minute[first] == minute[starts])
    counted = np.where(goes_on, windows.messages[first], 0)
    weighed = np.where(goes_on, windows.bytes[first], 0)
    nth = np.arange(1, len(u) + 1) - np.repeat(starts, lengths) + np.repeat(counted, lengths)
    total = np.cumsum(size)
    weight = total - np.repeat((total - size)[starts], lengths) + np.repeat(weighed, lengths)
    limit = registry.unit_limits[u]
    out[order] = np.select([nth > limit[:, 0], weight > limit[:, 1]], [Reason.RATE_EXCEEDED, Reason.BYTES_EXCEEDED], 0)
    # a unit's last run of the batch is what it carries on; assignment in order keeps the last
    ends = starts + lengths - 1
    windows.minute[first], windows.messages[first], windows.bytes[first] = minute[starts], nth[ends], weight[ends]
    return out


def count_shared(arrivals: Arrivals, reason: NDArray[np.uint8], registry: Registry, windows: Windows) -> None:
    """Shed from shared budgets that are used up: sets the `reason` of messages that have none. Advances the windows."""
    if not windows.shared:
        return
    open_ = np.flatnonzero(reason == 0)
    if not len(open_):
        return
    units = np.unique(arrivals.unit[open_])
    for b in np.flatnonzero(windows.members[:, units].any(axis=1)).tolist():
        left = open_[reason[open_] == 0]
        here = left[windows.members[b, arrivals.unit[left]]]
        shed = _passing(arrivals, here, registry.unit_priority, windows.shared[b], windows.marks[b])
        reason[shed] = _REASONS[registry.budgets[b].kind]


def _passing(
    arrivals: Arrivals,
    here: NDArray[np.intp],
    priority: NDArray[np.uint8],
    window: SharedWindow,
    marks: NDArray[np.int64],
) -> NDArray[np.intp]:
    """Those of the messages `here` that the budget sheds. Advances its window."""
    minute = arrivals.minute[here]
    turns = np.flatnonzero(minute[1:] != minute[:-1]) + 1
    shed = [here[:0]]
    for start, stop in itertools.pairwise([0, *turns.tolist(), len(here)]):
        if start < stop and int(minute[start]) != window.minute:
            window.minute, window.messages, window.bytes, window.open_to = int(minute[start]), 0, 0, CLASSES
        run = here[start:stop]
        shed.append(run[~_fill(priority[arrivals.unit[run]], arrivals.size[run], window, marks)])
    return np.concatenate(shed)


def _fill(
    priority: NDArray[np.uint8], size: NDArray[np.int64], window: SharedWindow, marks: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which messages of one minute pass. Each turn closes a class, so there are at most four."""
    passes = np.zeros(len(size), dtype=np.bool_)
    at = 0
    while window.open_to and at < len(size):
        lowest = window.open_to - 1
        may = np.flatnonzero(priority[at:] <= lowest) + at
        messages = window.messages + np.arange(1, len(may) + 1)
        weight = window.bytes + np.cumsum(size[may])
        # what the lowest open class would take beyond its mark closes it; the higher ones go on to theirs
        beyond = (messages > marks[lowest, 0]) | (weight > marks[lowest, 1])
        first = int(np.argmax(beyond)) if beyond.any() else len(may)
        passes[may[:first]] = True
        if first:
            window.messages, window.bytes = int(messages[first - 1]), int(weight[first - 1])
        if first == len(may):
            break
        at = int(may[first])  # judged again, by the mark of the next class, if it is of one
        window.open_to -= 1
    return passes


def told(shared: Iterable[SharedWindow], registry: Registry) -> list[tuple[str, SharedWindow]]:
    """(a name that outlasts a restart, a copy of the window) of each shared budget that was ever used."""
    return [
        (name_of(budget), SharedWindow(w.minute, w.messages, w.bytes, w.open_to))
        for budget, w in zip(registry.budgets, shared, strict=True)
        if w.minute != NEVER
    ]


def name_of(budget: SharedBudget) -> str:
    """Under which a shared budget's window is kept."""
    return f"{budget.kind}:{budget.of}"
