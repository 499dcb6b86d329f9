"""What all parts of the service runner share: the ports, the pace, the counts, and calls on stores that end.

INVARIANT: a call on a store has its answer, or a `LinkError`, within `Pace.call_s`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import structlog

from cityward.errors import LinkError
from cityward.runtime.serving.ports import Pace, RunnerPorts, RunnerProgress
from cityward.watch.events import Event, EventKind, cut

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger("cityward.services")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What another runner of the same city minds: its services, and the units that they command."""

    services: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()


NOWHERE = Elsewhere()


class ServiceWorld:
    """See the module. `by` is the role under which evidence is written."""

    def __init__(self, ports: RunnerPorts, pace: Pace, by: str, elsewhere: Elsewhere = NOWHERE) -> None:
        self.ports, self.pace, self.by, self.elsewhere = ports, pace, by, elsewhere
        self.progress = RunnerProgress()
        self.last_faults: dict[str, tuple[int, str]] = {}  # service -> (city us, what)
        # one thread for all calls on stores: they are never used by two at a time
        self._stores = ThreadPoolExecutor(1, thread_name_prefix="service-stores")

    async def call(self, what: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A store's answer, within the deadline.

        Raises:
            LinkError: there was none. The call may still be under way; the next one waits behind it.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.pace.call_s):
                return await loop.run_in_executor(self._stores, lambda: what(*args, **kwargs))
        except TimeoutError as error:
            raise LinkError(f"a store did not answer within {self.pace.call_s} s") from error

    def is_silent(self, error: Exception) -> None:
        """Count and tell that the world did not answer."""
        self.progress.link_errors += 1
        log.warning("the world did not answer", error=str(error) or type(error).__name__)

    def fault(self, service: str, what: str) -> None:
        """Count and tell what is wrong with a service; in an `except` with what was raised."""
        self.progress.service_errors += 1
        self.progress.faults[service] += 1
        self.last_faults[service] = (self.ports.now_us(), what)
        log.error(what, service=service, exc_info=True)

    def tell(self, kind: EventKind, device: str, detail: Mapping[str, str], record: str = "") -> None:
        """The watch is told, if there is one; nobody waits for it."""
        if self.ports.events is not None:
            short = {name: cut(text) for name, text in detail.items()}
            at = self.ports.now_us()
            self.ports.events.tell(
                Event(at=at, kind=kind, by=self.by, subject=cut(device), detail=short, record=record)
            )

    def close(self) -> None:
        """Give back the thread; what it still does is not waited for."""
        self._stores.shutdown(wait=False, cancel_futures=True)
