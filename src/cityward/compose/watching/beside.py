"""What a role does beside its own work, in the same process: kept alive, and never dead without anybody noticing.

Theory of operation
-------------------
The role's own work runs until `stop` is set. Each task beside it does, too. One whose world does not answer (`LinkError`) begins
anew after a pause. One that returns has nothing to do (no channel is declared). One that fails otherwise is a fault: `stop` is
set, so that the own work ends in good order, and the fault is raised. The role's process then ends with it, and its supervisor
starts it again.

INVARIANTS
- When `run_beside` returns or raises, no task of it runs any more.
- A fault of a task beside is raised, whatever the own work did; with several, all are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import structlog

from cityward.errors import LinkError

log = structlog.get_logger(__name__)

AGAIN_S = 5.0

Task = Callable[[], Awaitable[None]]


async def run_beside(work: Task, tasks: Mapping[str, Task], stop: asyncio.Event) -> None:
    """Do the own work, and `tasks` (by their names in logs) beside it, until `stop` is set.

    Raises:
        Exception: what a task failed with, or the own work; an `ExceptionGroup` where several did.
    """
    beside = [asyncio.create_task(_kept_alive(name, task, stop), name=name) for name, task in tasks.items()]
    faults: list[Exception] = []
    try:
        await work()
    except Exception as fault:
        faults.append(fault)
    finally:
        stop.set()  # they end by themselves, with nothing half sent
        ended = await asyncio.gather(*beside, return_exceptions=True)
    faults += [fault for fault in ended if isinstance(fault, Exception)]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ExceptionGroup("a role and what runs beside it failed", faults)


async def _kept_alive(name: str, task: Task, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await task()
            return  # it has nothing to do here: no channel, no witness is declared
        except LinkError as error:
            log.warning("it is tried again soon", task=name, why=error.what)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), AGAIN_S)
        except BaseException as fault:
            if isinstance(fault, Exception):
                log.exception("it failed; the role ends", task=name)
            stop.set()
            raise
