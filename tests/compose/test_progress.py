"""What the processes of a city count, as whoever shows metrics reads it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from cityward.compose.home import Home, write_city_file
from cityward.compose.progress import (
    FORECASTS_PROGRESS,
    SERVICE_PROGRESS,
    role_counts,
    told_each_second,
    worker_progress,
    write_progress,
)
from cityward.compose.setting import Setting, open_setting
from cityward.runtime.forecasting import ForecastProgress
from cityward.runtime.intake.worker import Progress
from cityward.runtime.ports import BarRow
from cityward.runtime.serving.ports import RunnerProgress
from towns import stopped_city, write_town

LATER = 4_000_000_000_000_000


def a_setting(folder: Path) -> Setting:
    home = Home(folder / "state")
    home.prepare()
    write_city_file(home, stopped_city(write_town(folder / "town", 3)))
    return open_setting(home)


def test_where_nobody_told_anything_all_counts_are_empty(tmp_path: Path) -> None:
    setting = a_setting(tmp_path)
    counts = role_counts(setting)
    assert (counts.classes, counts.barred, counts.left_out, counts.made_safe) == ({}, {}, {}, 0)
    write_progress(tmp_path / "no-such-folder" / "x.json", {})  # a disk that takes nothing stops nobody
    (setting.home.root / SERVICE_PROGRESS).write_bytes(b'{"made_safe": "many"}')
    assert role_counts(setting).made_safe == 0
    setting.state.dispose()


def test_reads_what_the_forecasts_told(tmp_path: Path) -> None:
    setting = a_setting(tmp_path)
    assert (role_counts(setting).forecasts, role_counts(setting).forecasts_now) == ({}, {})
    write_progress(setting.home.root / FORECASTS_PROGRESS, ForecastProgress(turns=3, said=8, scored=5, given_up=1))
    counts = role_counts(setting)
    assert counts.forecasts == {"turns": 3, "scored": 5, "given_up": 1}
    assert counts.forecasts_now == {"said": 8, "silent": 0}
    setting.state.dispose()


def test_reads_what_workers_and_services_told_and_who_is_barred(tmp_path: Path) -> None:
    setting = a_setting(tmp_path)
    worker = Progress(classes={"routine": Counter({"admitted": 3, "rate-exceeded": 1})})
    service = RunnerProgress(proposed=4, sent=2, timed_out=1, made_safe=1)
    service.refused["too-few-sources"] += 2
    service.left_out["suspect"] += 5

    async def told() -> None:
        async with told_each_second(setting.home.root / worker_progress("worker-0"), lambda: worker):
            pass
        async with told_each_second(setting.home.root / SERVICE_PROGRESS, lambda: service):
            service.made_safe += 1  # told at the end, if not before

    asyncio.run(told())
    first, second, third = (unit.id for unit in setting.registry.units)
    setting.state.bar(
        [
            BarRow(first, "penalty", 1, LATER, "door"),
            BarRow(first, "penalty", 2, LATER, "door"),  # one device
            BarRow(second, "isolated", 1, None, "ada"),
            BarRow(third, "penalty", 1, 2, "door"),  # over
            BarRow("nobody-knows-it", "penalty", 1, None, "door"),
        ]
    )
    counts = role_counts(setting)
    assert counts.classes == {"routine": {"admitted": 3, "rate-exceeded": 1}}
    assert counts.barred == {("routine", "penalty"): 1, ("routine", "isolated"): 1}
    assert (counts.commands["proposed"], counts.commands["sent"], counts.commands["timed-out"]) == (4, 2, 1)
    assert (counts.commands_refused, counts.left_out, counts.made_safe) == ({"too-few-sources": 2}, {"suspect": 5}, 2)
    setting.state.dispose()
