"""One answer for all who ask the same at about the same time."""

from __future__ import annotations

import asyncio

import pytest

from cityward.errors import LinkError
from cityward.web import glances
from cityward.web.glances import Glances


def test_those_who_ask_at_once_have_one_answer_and_others_their_own() -> None:
    made: list[str] = []

    async def make(name: str) -> str:
        made.append(name)
        await asyncio.sleep(0)
        return f"{name} {len(made)}"

    async def play() -> None:
        kept = Glances()
        answers = await asyncio.gather(*(kept.one(name, lambda name=name: make(name)) for name in "aaba"))
        assert answers == ["a 2", "a 2", "b 2", "a 2"]
        assert made == ["a", "b"]

    asyncio.run(play())


def test_an_answer_is_kept_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now, made = [100.0], list[float]()
    monkeypatch.setattr(glances.time, "monotonic", lambda: now[0])

    async def make() -> int:
        made.append(now[0])
        return len(made)

    async def play() -> None:
        kept = Glances()
        assert [await kept.one("a", make), await kept.one("a", make)] == [1, 1]
        now[0] += glances.KEPT_S
        assert await kept.one("a", make) == 2

    asyncio.run(play())


def test_an_answer_that_failed_is_made_anew() -> None:
    calls: list[int] = []

    async def make() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise LinkError("the store is silent")
        return "there"

    async def play() -> None:
        kept = Glances()
        with pytest.raises(LinkError):
            await kept.one("a", make)
        assert await kept.one("a", make) == "there"

    asyncio.run(play())


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glances, "MOST", 3)

    async def make() -> int:
        return 0

    async def play() -> None:
        kept = Glances()
        for key in range(10):
            await kept.one(key, make)
        assert len(kept._made) == 3  # pyright: ignore[reportPrivateUsage]

    asyncio.run(play())
