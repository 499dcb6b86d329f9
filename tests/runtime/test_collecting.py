"""What is gathered goes into the log; what fails is said, tried again, and stops nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from cityward.errors import LinkError
from cityward.runtime.collecting import MOST_GATHERED, Collector, Gathered


class Log:
    """`Intake`, as a list. `silent` for so many publications."""

    def __init__(self, silent: int = 0) -> None:
        self.held: list[tuple[str, str, bytes]] = []
        self.silent = silent

    async def publish(self, device: str, codec: str, payload: bytes) -> int:
        if self.silent > 0:
            self.silent -= 1
            raise LinkError("the log is away")
        self.held.append((device, codec, payload))
        return len(self.held)


class Puppet:
    """A source that does as its script says: what each turn gives, or raises."""

    longest_s = 0.5
    every_s = 0.001

    def __init__(self, name: str, *script: Callable[[], Sequence[Gathered]]) -> None:
        self.name, self._script, self.turn, self.taken_after, self.closed = name, script, 0, list[int](), False

    async def gather(self) -> Sequence[Gathered]:
        self.turn += 1
        step = self._script[min(self.turn, len(self._script)) - 1]
        found = step()
        if found is HANGS:
            await asyncio.Event().wait()
        return found

    async def taken(self) -> None:
        self.taken_after.append(self.turn)

    async def close(self) -> None:
        self.closed = True


HANGS: Sequence[Gathered] = [Gathered("", "", b"")]


def says(*bodies: bytes) -> Callable[[], Sequence[Gathered]]:
    return lambda: [Gathered("counter-1", "json", body) for body in bodies]


def fails(error: Exception) -> Callable[[], Sequence[Gathered]]:
    def turn() -> Sequence[Gathered]:
        raise error

    return turn


def collect(log: Log, sources: Sequence[Puppet], done: Callable[[Collector], bool]) -> Collector:
    async def script() -> Collector:
        collector, stop = Collector(sources, log), asyncio.Event()
        running = asyncio.create_task(collector.run(stop))
        async with asyncio.timeout(20):
            while not done(collector):
                await asyncio.sleep(0.001)
        stop.set()
        await running
        return collector

    return asyncio.run(script())


def test_what_is_gathered_is_in_the_log_before_the_source_hears_that_it_is_taken() -> None:
    log, source = Log(), Puppet("files", says(b"1", b"2"), says())
    collect(log, [source], lambda _: source.turn > 3)
    assert [body for *_, body in log.held] == [b"1", b"2"] and source.taken_after == [1] and source.closed


def test_what_the_log_did_not_take_is_gathered_again() -> None:
    log, source = Log(silent=1), Puppet("files", says(b"1"), says(b"1"), says())
    collector = collect(log, [source], lambda c: source.turn > 3)
    assert [body for *_, body in log.held] == [b"1"] and source.taken_after == [2]
    assert collector.progress["files"].failures == 1 and collector.progress["files"].trouble == ""


def test_a_source_that_fails_or_hangs_stops_no_other() -> None:
    log = Log()
    bad = [
        Puppet("away", fails(LinkError("away"))),
        Puppet("broken", fails(ZeroDivisionError())),
        Puppet("hangs", lambda: HANGS),
    ]
    good = Puppet("good", says(b"1"))
    collector = collect(log, [*bad, good], lambda c: len(log.held) > 20 and c.progress["hangs"].failures > 0)
    assert {name: one.trouble for name, one in collector.progress.items()} == {
        "away": "away", "broken": "its own fault: ZeroDivisionError", "hangs": "no answer within 0.5 s", "good": "",
    }  # fmt: skip


def test_one_turn_takes_so_many_messages_at_most() -> None:
    log, source = Log(), Puppet("flood", says(*[b"x"] * (MOST_GATHERED + 7)), says())
    collect(log, [source], lambda _: source.turn > 2)
    assert len(log.held) == MOST_GATHERED
