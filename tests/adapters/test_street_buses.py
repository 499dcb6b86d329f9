"""The demonstration's buses keep the rules that the city holds feeds to."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

from buslines import at
from cityward.adapters.street.bus_desk import FEED, TIMETABLE, run_bus_desk
from cityward.adapters.street.buses import bus_names, feed_at, timetable_zip
from cityward.time import SECOND
from cityward.transit.building import timetable
from cityward.transit.decoding import decode
from cityward.transit.rules import Case, judge, remember


def test_the_same_moment_gives_the_same_feed():
    assert feed_at(at("08:30")) == feed_at(at("08:30"))
    assert timetable_zip() == timetable_zip()


def test_its_feeds_break_no_rule_the_whole_day():
    table, before = timetable(timetable_zip()), None
    for minute in range(0, 24 * 60, 5):
        now = at("00:00") + 60 * minute + 7
        case = Case(feed=decode(feed_at(now - 5)), timetable=table, before=before, now=now, received=now)
        report = judge(case)
        before = remember(case)
        assert [b for b in report.breaches if b.rule != "W007"] == []  # five minutes apart: W007 says so, rightly


def test_every_bus_drives_and_none_is_in_two_places():
    seen: set[str] = set()
    for minute in range(6 * 60, 22 * 60, 10):
        names = [one.vehicle.id for _, one in decode(feed_at(at("00:00") + 60 * minute)).vehicles() if one.vehicle]
        assert len(set(names)) == len(names)
        seen.update(name for name in names if name)
    assert seen == set(bus_names())


def test_a_bus_that_waits_to_leave_says_that_it_stands():
    hour = [feed_at(at("07:00") + 60 * minute) for minute in range(60)]
    waiting = [one for body in hour for _, one in decode(body).vehicles() if one.stop_sequence == 1]
    assert waiting
    assert {one.status for one in waiting} == {"STOPPED_AT"}


async def _written(folder: Path) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(run_bus_desk(folder, lambda: at("09:00") * SECOND, 1000.0, stop))
    for _ in range(1000):
        if (folder / FEED).is_file():
            break
        await asyncio.sleep(0.01)
    stop.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_its_desk_writes_whole_files(tmp_path: Path):
    asyncio.run(_written(tmp_path / "feeds"))
    assert (tmp_path / "feeds" / FEED).read_bytes() == feed_at(at("09:00"))
    assert (tmp_path / "feeds" / TIMETABLE).read_bytes() == timetable_zip()


def test_its_timetable_runs_every_day():
    table = timetable(timetable_zip())
    assert table.trips_on(date(2024, 6, 10)).all() and table.trips_on(date(2026, 12, 25)).all()
