"""The role that releases, at work: two threads for each recipient, and what a killed process left said before anything else.

Theory of operation: see `following`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from cityward.errors import CitywardError, LinkError
from cityward.evidence.records import Delivery, Release
from cityward.runtime.releasing.following import ReleasePorts, Releaser
from cityward.runtime.releasing.ports import SHED
from cityward.runtime.releasing.refusals import Refusals

log = structlog.get_logger(__name__)

LATEST_ENTRIES = 10_000
PACE_S = 1.0


def tell_orphans(ports: ReleasePorts, by: str) -> int:
    """Receipts that a killed process put on record and not into the book: they never left, and are said so; how many."""
    newest = ports.ledger.tail(LATEST_ENTRIES)
    entries = {entry: one for entry, one in newest if isinstance(one, Release)}
    said = {getattr(one, "receipt", "") for _, one in newest}
    missing = sorted(entries.keys() - ports.book.known(sorted(entries)) - said)
    orphans = [entries[entry] for entry in missing]
    if orphans:
        from_ledger = [
            delivery_of_orphan(by, entry, one, ports.now_us()) for entry, one in zip(missing, orphans, strict=True)
        ]
        ports.ledger.append(from_ledger)
    return len(orphans)


def delivery_of_orphan(by: str, entry: str, one: Release, at: int) -> Delivery:
    """What is said of a receipt whose rows never left."""
    return Delivery(
        at=at, by=by, receipt=entry, recipient=one.recipient, outcome=SHED, rows=one.rows, tries=0, reason="never-queued"
    )  # fmt: skip


async def run_releasing(recipients: Sequence[str], ports: ReleasePorts, by: str, stop: asyncio.Event) -> None:
    """Give every recipient that is sent to what it may have, until stopped.

    Raises:
        CitywardError: the ledger is not what was signed.
    """
    await asyncio.to_thread(tell_orphans, ports, by)
    async with asyncio.TaskGroup() as group:
        for name in recipients:
            releaser = Releaser(name, ports, by)
            for step in (releaser.follow, releaser.send):
                group.create_task(_keep_at(step, name, stop))
        group.create_task(_flush(ports.refusals, stop))


async def _keep_at(step: Callable[[], bool], recipient: str, stop: asyncio.Event) -> None:
    """One step again and again, in a thread of its own: threads that wait for a dead endpoint are nobody else's."""
    silent = False
    with ThreadPoolExecutor(1, thread_name_prefix=f"release-{recipient}"[:60]) as thread:
        while not stop.is_set():
            more = False
            try:
                more = await asyncio.get_running_loop().run_in_executor(thread, step)
                silent = False
            except LinkError as error:
                if not silent:
                    log.warning("releasing waits", recipient=recipient, why=error.what)
                silent = True
            if not more:
                await _pause(stop)


async def _flush(refusals: Refusals, stop: asyncio.Event) -> None:
    while True:
        try:
            await asyncio.to_thread(refusals.flush)
        except CitywardError as error:
            log.warning("refusals wait for the ledger", why=error.what)
        if stop.is_set():
            return
        await _pause(stop)


async def _pause(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), PACE_S)
