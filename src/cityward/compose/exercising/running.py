"""Runs scenarios: plans them, shares twins out among them, and tells what came of each as it is over.

Theory of operation
-------------------
Scenarios that do not get in each other's way share a twin, one after another (`planning.batches`); several twins run at once,
those first that take longest. What happens in one is `house.py`'s.

INVARIANT: a twin ends with whoever started it, and its folder goes, unless it is to be kept.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from cityward.compose.exercising.house import House
from cityward.compose.exercising.outcome import Exercising, Outcome, Say
from cityward.compose.exercising.twin import TwinOptions, clear_left_over, start_twin
from cityward.errors import CitywardError
from cityward.exercises.planning import PlanError, batches, over, planned
from cityward.exercises.scenario import NotStaged, Plan, Scenario
from cityward.exercises.scene import Scene


async def exercise(scenarios: Sequence[Scenario], wanted: Exercising, say: Say) -> AsyncGenerator[Outcome]:
    """Run them, each told as it is over: first those that are not staged."""
    clear_left_over(wanted.root)
    scene = Scene(wanted.loaded, wanted.city_time_us, wanted.speed)
    plans: dict[str, Plan] = {}
    by_id = {one.id: one for one in scenarios}
    for one in scenarios:
        try:
            plan = planned(one, scene, wanted.seed)
        except PlanError as error:
            yield Outcome(scenario=one, staged=True, why=str(error))
            continue
        if isinstance(plan, NotStaged):
            yield Outcome(scenario=one, staged=False, why=plan.why)
        else:
            plans[one.id] = plan
    async with aclosing(_in_twins(batches(plans), plans, by_id, wanted, say)) as outcomes:
        async for outcome in outcomes:
            yield outcome


async def _in_twins(
    shared: Sequence[Sequence[str]],
    plans: Mapping[str, Plan],
    by_id: Mapping[str, Scenario],
    wanted: Exercising,
    say: Say,
) -> AsyncGenerator[Outcome]:
    """Batches in twins of their own, `at_once` at a time, those that take longest first."""
    todo = deque(sorted(shared, key=lambda batch: -sum(over(plans[one]) for one in batch)))
    told: asyncio.Queue[Outcome] = asyncio.Queue()  # bounded by the scenarios
    starting = asyncio.Semaphore(1)  # a start takes all the processors there are

    async def work() -> None:
        while todo:
            batch = todo.popleft()
            try:
                async with starting:
                    house = await _open(wanted, [plans[one] for one in batch], say)
            except CitywardError as error:
                for id_ in batch:
                    told.put_nowait(Outcome(scenario=by_id[id_], staged=True, why=error.what, plan=plans[id_]))
                continue
            try:
                for id_ in batch:
                    told.put_nowait(await house.run(by_id[id_], plans[id_]))
            finally:
                await house.close()

    working = [asyncio.create_task(work()) for _ in range(min(wanted.at_once, len(todo)))]
    try:
        for _ in range(len(plans)):
            yield await _first(told, working)
    finally:
        for one in working:
            one.cancel()
        await asyncio.gather(*working, return_exceptions=True)


async def _first(told: asyncio.Queue[Outcome], working: Sequence[asyncio.Task[None]]) -> Outcome:
    """The next outcome; what a worker ran into is raised, not waited for."""
    coming = asyncio.create_task(told.get())
    try:
        while not coming.done():
            busy = [one for one in working if not one.done()]
            await asyncio.wait([coming, *busy], return_when=asyncio.FIRST_COMPLETED)
            for one in working:
                if one.done() and not one.cancelled() and (error := one.exception()) is not None:
                    raise error
        return coming.result()
    finally:
        coming.cancel()


async def _open(wanted: Exercising, plans: Sequence[Plan], say: Say) -> House:
    roles = tuple(sorted({role for plan in plans for role in plan.roles}))
    options = TwinOptions(
        place=wanted.place,
        folder=wanted.root / secrets.token_hex(4),
        speed=wanted.speed,
        city_time_us=plans[0].began,
        roles=roles,
    )
    house = House(wanted, await start_twin(options), say)
    try:
        await house.warm()
    except BaseException:
        await house.close()
        raise
    return house
