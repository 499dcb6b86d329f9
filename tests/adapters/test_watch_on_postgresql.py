"""The watch over a PostgreSQL that is killed under it and comes back: it waits, and goes on exactly where it was."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from cityward.adapters.stores.state import SqlState
from cityward.evidence.records import AnyRecord, Found, Lifecycle, Marked, Standing
from cityward.runtime.watching.ports import WatchPorts
from cityward.runtime.watching.runner import WatchPace, WatchRunner
from cityward.time import MINUTE
from cityward.watch.casebook import Court
from cityward.watch.grid import GridRules
from cityward.watch.judging import stakes_of
from runtime.test_watch_runner import DETECTORS, NOON, PLACE, REGISTRY, WORLD, City, Stores, found, live

WITHIN_S = 60.0


def watch_over(city: City, store: SqlState) -> WatchRunner:
    """A watch whose book and marks are in the database; all else is in memory."""
    stores = Stores(city, most_commits=1)

    async def settled() -> int | None:
        return city.clock

    ports = WatchPorts(
        tail=stores, events=stores, book=store.watch, ledger=stores, notes=stores,  # type: ignore[arg-type]
        now_us=lambda: city.clock, settled=settled, marks=store,
    )  # fmt: skip
    court = Court(WORLD, stakes_of(PLACE, REGISTRY), {id_: detector.card for id_, detector in DETECTORS.items()})
    return WatchRunner(DETECTORS, court, ports, GridRules(), WatchPace(turn_s=0.0, notes_s=0.0))


def shine(city: City, minute: int) -> None:
    """`meter-a` is too bright at this minute, and no more at the next."""
    city.commit((0, NOON + minute * MINUTE, 500.0))
    city.commit((0, NOON + (minute + 1) * MINUTE, 50.0))


async def until(true: Callable[[], Any], what: str) -> None:
    try:
        async with asyncio.timeout(WITHIN_S):
            while not true():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {WITHIN_S} s: {what}") from None


def told(records: list[AnyRecord]) -> Counter[tuple[str, ...]]:
    """What stands in evidence, and how often; without what the watch says of itself."""
    keys: list[tuple[str, ...]] = []
    for record in records:
        match record:
            case Found():
                keys.append(("found", record.finding, record.phase))
            case Standing():
                keys.append(("standing", record.device, record.state))
            case Marked():
                keys.append(("marked", record.mark, str(record.until)))
            case _:
                assert isinstance(record, Lifecycle)
    return Counter(keys)


@pytest.mark.postgresql
def test_a_database_that_is_killed_under_the_watch_loses_nothing_and_doubles_nothing(mortal_postgresql: Any) -> None:
    city = City()
    live(city)  # the first start: an empty history
    store = SqlState(mortal_postgresql.url)

    async def life() -> None:
        runner, stop = watch_over(city, store), asyncio.Event()
        running = asyncio.create_task(runner.run(stop))

        async def held() -> None:
            await until(
                lambda: runner.position.history.version == len(city.commits), "a watch that has read everything"
            )

        for round_ in range(2):  # in whatever it does at that moment
            shine(city, 10 * round_ + 1)
            await held()
            shine(city, 10 * round_ + 3)
            await asyncio.to_thread(mortal_postgresql.kill)
            shine(city, 10 * round_ + 5)
            before = runner.progress.retries
            await until(lambda: runner.progress.retries > before + 1, "a watch that waits")  # noqa: B023
            assert not running.done()
            await asyncio.to_thread(mortal_postgresql.start)
            await held()
        stop.set()
        await running

    try:
        asyncio.run(life())
        calm = City()
        live(calm)
        calm.commits, calm.clock = city.commits, city.clock
        assert live(calm, most=1)
        assert {f.id: (f.subject, f.began_at, f.ended_at) for f in store.watch.findings(most=1000)} == found(calm)
        assert sum(finding.detector == "bright" for finding in calm.findings.values()) == 6
        assert told(city.entries) == told(calm.entries)
        assert set(told(city.entries).values()) == {1}
        assert store.watch.standings() == calm.standings
    finally:
        store.dispose()
