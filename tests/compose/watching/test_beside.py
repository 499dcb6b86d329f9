"""What runs beside a role is tried again where its world does not answer, and else ends the role loudly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from cityward.compose.watching import beside
from cityward.compose.watching.beside import Task, run_beside
from cityward.errors import LinkError


def run(tasks: Mapping[str, Task], work: Task | None = None, stop: asyncio.Event | None = None) -> None:
    async def until_stopped() -> None:
        ending = stop or asyncio.Event()

        async def waits() -> None:
            await ending.wait()

        async with asyncio.timeout(30):
            await run_beside(work or waits, tasks, ending)

    asyncio.run(until_stopped())


async def dies() -> None:
    raise ZeroDivisionError("a fault")


def test_a_fault_beside_ends_the_role_and_is_raised():
    with pytest.raises(ZeroDivisionError):
        run({"dies": dies})


def test_who_has_nothing_to_do_ends_nothing():
    stop, done = asyncio.Event(), list[str]()

    async def ends() -> None:
        done.append("ends")

    async def work() -> None:
        await asyncio.sleep(0)
        done.append("no stop" if not stop.is_set() else "stopped")

    run({"ends": ends}, work=work, stop=stop)
    assert done == ["ends", "no stop"]


def test_what_the_world_does_not_answer_is_tried_again_until_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(beside, "AGAIN_S", 0.0)
    stop, tried = asyncio.Event(), list[int]()

    async def away() -> None:
        tried.append(1)
        if len(tried) == 3:
            stop.set()
        raise LinkError("nobody answers")

    run({"away": away}, stop=stop)
    assert len(tried) == 3


def test_all_faults_are_told_and_the_others_end_in_good_order():
    stop, ended = asyncio.Event(), list[str]()

    async def orderly() -> None:
        await stop.wait()
        ended.append("orderly")

    async def work() -> None:
        await stop.wait()
        await dies()

    with pytest.raises(ExceptionGroup) as told:
        run({"orderly": orderly, "dies": dies}, work=work, stop=stop)
    assert [type(fault) for fault in told.value.exceptions] == [ZeroDivisionError, ZeroDivisionError]
    assert ended == ["orderly"]
