"""Bars: nothing is taken from a device for a while, at any door and in the gate. The one way in for whoever bars or lifts.

A bar is a row of the state store. Every process that judges who may speak reads it there within a second: the door cuts the
live connection and lets nobody in, the HTTP doors refuse the key, the gate refuses by the log's time. The gate
begins `NOTICED_WITHIN_US` later than the doors, when every worker has surely read the row, so that none admits what another, or
the same after a restart, would refuse. For the same reason a bar that is lifted ends that much later, for all at one moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from cityward.adapters.stores.credentials import NOTICED_WITHIN_US
from cityward.errors import LinkError
from cityward.place.registry import BARS, NEVER_BARRED, Registry
from cityward.runtime.ports import BarRow, Bars, CredentialRow, Credentials
from cityward.time import CityClock

FOLLOW_EVERY_S = 0.5
ISOLATED, PENALTY = "isolated", "penalty"


def bar_units(bars: Bars, units: Iterable[str], why: str, now_us: int, until_us: int | None, by: str) -> int:
    """Bar units from now on; how many. Takes force within a second, by whichever door they come.

    Args:
        bars: the state store.
        units: their ids.
        why: `isolated` or `penalty`; for what becomes of a credential, see `compose.entering.devices`.
        now_us: machine time.
        until_us: machine time; None: until it is lifted.
        by: who bars them.
    """
    rows = [BarRow(unit, why, now_us, until_us, by) for unit in units]
    bars.bar(rows)
    return len(rows)


def lift_units(bars: Bars, units: Sequence[str], why: str, now_us: int, instead: Sequence[BarRow] = ()) -> int:
    """End the bars of one kind; how many there were. They end in `NOTICED_WITHIN_US`, at all doors and in the gate at once.

    `instead`: bars that hold in their place, set in the same moment: whoever they hold is never let in between.
    """
    return bars.lift(units, why, now_us + NOTICED_WITHIN_US, instead)


def by_device(rows: Sequence[BarRow]) -> dict[str, tuple[BarRow, ...]]:
    """The bars of each device, oldest first."""
    found: dict[str, tuple[BarRow, ...]] = {}
    for row in rows:
        found[row.device] = (*found.get(row.device, ()), row)
    return found


def barred_now(bars: Bars) -> frozenset[str]:
    """The devices that a bar holds at this moment: nothing they said drives anything, nothing is sent to them."""
    now = time.time_ns() // 1000
    return frozenset(
        row.device for row in bars.bars() if row.from_us <= now and (row.until_us is None or now < row.until_us)
    )


class Register(Credentials, Bars, Protocol):
    """The state store, as far as it says who may speak."""


def take_bars(registry: Registry, credentials: Register, clock: CityClock) -> None:
    """What a barred device says is refused. Changes `registry.unit_barred_from` and `unit_barred_until`.

    Of a unit with more than `BARS` bars that do not touch each other, the newest are known.
    """
    start = np.full_like(registry.unit_barred_from, NEVER_BARRED)
    end = np.full_like(registry.unit_barred_until, NEVER_BARRED)
    rows = credentials.bars()
    for device, mine in by_device([*rows, *_without_bar(credentials.all(), rows)]).items():
        if (unit := registry.unit_index.get(device)) is not None:
            for n, (begins, ends) in enumerate(_joined(mine, clock)[-BARS:]):
                start[unit, n], end[unit, n] = begins, ends
    registry.unit_barred_from[:], registry.unit_barred_until[:] = start, end


async def follow_bars(
    registry: Registry, register: Register, version: Callable[[], int], clock: CityClock, stop: asyncio.Event
) -> None:
    """Keep a registry's bars as they are in the state store, whose `version` every change of one raises."""
    seen = -1
    while not stop.is_set():
        with contextlib.suppress(LinkError):
            newest = await asyncio.to_thread(version)
            if newest != seen:
                await asyncio.to_thread(take_bars, registry, register, clock)
                seen = newest
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), FOLLOW_EVERY_S)


def _without_bar(credentials: Sequence[CredentialRow], bars: Sequence[BarRow]) -> list[BarRow]:
    """A credential that is not active bars its device, also one that was taken away before there were bars."""
    barred = {row.device for row in bars if row.until_us is None}
    taken = [row for row in credentials if row.state != "active" and row.device not in barred]
    return [BarRow(row.device, row.state, row.revoked_at or 0, None, "") for row in taken]


def _joined(rows: Sequence[BarRow], clock: CityClock) -> list[tuple[int, int]]:
    """[from, until) in city us, ascending; those that touch made one, and those that ended before they began left out."""
    spans = sorted((clock.to_city_us(row.from_us + NOTICED_WITHIN_US), _until(row, clock)) for row in rows)
    joined: list[tuple[int, int]] = []
    for begins, ends in spans:
        if ends <= begins:
            continue
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
        else:
            joined.append((begins, ends))
    return joined


def _until(row: BarRow, clock: CityClock) -> int:
    return int(NEVER_BARRED) if row.until_us is None else clock.to_city_us(row.until_us)
