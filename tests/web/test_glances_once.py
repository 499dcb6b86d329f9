"""What takes longer than a second to make is made once at a time."""

from __future__ import annotations

import asyncio

import pytest

from cityward.web import glances
from cityward.web.glances import Glances


def test_what_is_still_being_made_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now, made = [100.0], list[int]()
    monkeypatch.setattr(glances.time, "monotonic", lambda: now[0])

    async def play() -> None:
        kept, ready = Glances(), asyncio.Event()

        async def make() -> int:
            made.append(1)
            await ready.wait()
            return len(made)

        asking = [asyncio.create_task(kept.one("a", make))]
        for _ in range(5):
            await asyncio.sleep(0)
            now[0] += glances.KEPT_S
            asking.append(asyncio.create_task(kept.one("a", make)))
        await asyncio.sleep(0)
        ready.set()
        await asyncio.gather(*asking)

    asyncio.run(play())
    assert len(made) == 1
