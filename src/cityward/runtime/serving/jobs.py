"""The services' slow work: one process per job, two at a time, each answer told once.

Theory of operation
-------------------
A turn names jobs. One that is not under way yet waits in its service's queue; when a place is free, the service with the
fewest under way comes first. The answer (or None: it failed, or was stopped after `longest_s`) is in the `done` of the
service's next view, once. A service names a job until its answer came: a restart forgets what ran, and the job named again
begins anew.

INVARIANTS
- At most `AT_ONCE` processes, one for each (service, job id); at most `MOST_WAITING` jobs of a service wait: the rest is counted.
- A job, whatever it does, costs itself alone: no call here waits for one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import structlog

from cityward.errors import CitywardError
from cityward.guard.wellformed import is_number, is_text
from cityward.services.contract import Job
from cityward.text import harmless

AT_ONCE = 2
MOST_WAITING = 8
LONGEST_ID = 96
LARGEST_BODY = 8 << 20  # bytes of a job, and of an answer
LONGEST_S = 600.0
GRACE_S = 5.0  # the process is killed by then; whoever runs it has failed
CLOSE_S = 5.0

log = structlog.get_logger("cityward.services")


class Works(Protocol):
    """Where jobs run."""

    async def work(self, kind: str, body: bytes, longest_s: float) -> bytes:
        """What the service of this kind answers to the job, at most `LARGEST_BODY` bytes. Cancelled, it leaves nothing behind.

        Raises:
            LinkError: it failed, answered too much, or took longer than `longest_s`.
        """
        ...


class Jobs:
    """See the module. `counts`: done | failed | shed -> how many since the start."""

    def __init__(self, works: Works | None) -> None:
        self._works = works
        self._waiting: dict[str, deque[tuple[str, Job]]] = {}  # service -> (kind, job)
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._done: dict[str, dict[str, bytes | None]] = {}
        self.counts: Counter[str] = Counter()

    def under_way(self, service: str) -> tuple[str, ...]:
        """The ids of its jobs that run or wait."""
        running = [job for of, job in self._running if of == service]
        return (*running, *(job.id for _, job in self._waiting.get(service, ())))

    def done(self, service: str) -> Mapping[str, bytes | None]:
        """What was answered since this was asked last."""
        return self._done.pop(service, {})

    def submit(self, service: str, kind: str, jobs: Iterable[Any]) -> None:
        """The jobs that a turn names."""
        waiting = self._waiting.setdefault(service, deque())
        for job in jobs:
            if not _well_formed(job) or self._works is None:
                self.counts["shed"] += 1
            elif job.id not in self.under_way(service):
                if len(waiting) < MOST_WAITING:
                    waiting.append((kind, job))
                else:
                    self.counts["shed"] += 1
        self._begin()

    def _begin(self) -> None:
        while len(self._running) < AT_ONCE:
            ready = [service for service, jobs in self._waiting.items() if jobs]
            if not ready:
                return
            service = min(ready, key=lambda one: sum(1 for of, _ in self._running if of == one))
            kind, job = self._waiting[service].popleft()
            self._running[service, job.id] = asyncio.create_task(self._run(service, kind, job))

    async def _run(self, service: str, kind: str, job: Job) -> None:
        assert self._works is not None
        longest_s = min(float(job.longest_s), LONGEST_S)
        answer: bytes | None = None
        try:
            async with asyncio.timeout(longest_s + GRACE_S):
                answer = await self._works.work(kind, job.body, longest_s)
        except (CitywardError, TimeoutError, OSError) as error:
            why = error.what if isinstance(error, CitywardError) else type(error).__name__
            log.warning("a job of a service failed", service=service, job=harmless(job.id), why=why)
        self.counts["done" if answer is not None else "failed"] += 1
        self._done.setdefault(service, {})[job.id] = answer
        del self._running[service, job.id]
        self._begin()

    async def close(self) -> None:
        """End what runs."""
        self._waiting.clear()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*running, return_exceptions=True)


def _well_formed(job: Any) -> bool:
    return (
        isinstance(job, Job)
        and is_text(job.id)
        and len(job.id) <= LONGEST_ID
        and _is_body(job.body)
        and is_number(job.longest_s)
        and job.longest_s > 0
    )


def _is_body(body: Any) -> bool:
    return isinstance(body, bytes) and len(body) <= LARGEST_BODY
