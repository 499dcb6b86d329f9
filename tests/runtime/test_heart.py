"""A ledger with a heart: beats at the start, while it lives and at the end, and never stops what it beats for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.ledgers.reading import folder_reader, key_of, last_beat_of
from cityward.errors import LinkError
from cityward.evidence.heartbeats import Pulse
from cityward.evidence.records import AnyRecord, Heartbeat, Lifecycle
from cityward.evidence.verifier import verify
from cityward.runtime.heart import Heart, beating, within_us

SOON = 5.0


class Paper:
    """A ledger in memory that can be made to take nothing."""

    def __init__(self) -> None:
        self.records: list[AnyRecord] = []
        self.full = False

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        if self.full:
            raise LinkError("the log's disk: No space left on device")
        self.records += records
        return [f"paper:{len(self.records)}" for _ in records]

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        return [("", r) for r in self.records[-most:]]

    @property
    def beats(self) -> list[tuple[int, str]]:
        return [(r.beat, r.state) for r in self.records if isinstance(r, Heartbeat)]


def started(number: int = 0) -> Lifecycle:
    return Lifecycle(at=number, by="worker-0", event="started", detail={})


def heart_of(paper: Paper, last: int = 0) -> Heart:
    return Heart(paper, Pulse("admit", "worker-0", 1000, last), lambda: 7)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():
            await asyncio.sleep(0.005)


async def live(paper: Paper, every_s: float, beats: int) -> None:
    async with beating(heart_of(paper), every_s) as ledger:
        ledger.append([started()])
        await until(lambda: len(paper.beats) >= beats)


def test_beats_first_and_last_and_in_between():
    paper = Paper()
    asyncio.run(live(paper, 0.01, 3))
    assert paper.beats[0] == (1, "begun")
    assert paper.beats[-1][1] == "stopped"
    assert [n for n, _ in paper.beats] == list(range(1, len(paper.beats) + 1))
    assert {state for _, state in paper.beats[1:-1]} == {"alive"}
    told = [r.decided for r in paper.records if isinstance(r, Heartbeat) and r.decided]
    assert told == [{"lifecycle": 1}]


def test_a_ledger_that_takes_nothing_costs_beats_and_stops_nobody():
    paper = Paper()

    async def body() -> None:
        paper.full = True
        async with beating(heart_of(paper, last=4), 0.01) as ledger:
            with pytest.raises(LinkError):
                ledger.append([started()])
            paper.full = False
            await until(lambda: paper.beats)
            assert paper.beats[0] == (5, "alive"), "no number was used up"

    asyncio.run(body())
    assert [n for n, _ in paper.beats] == list(range(5, 5 + len(paper.beats)))


def test_a_body_that_fails_still_ends_with_a_beat():
    paper = Paper()

    async def body() -> None:
        async with beating(heart_of(paper), 60):
            raise LinkError("the bus is gone")

    with pytest.raises(LinkError):
        asyncio.run(body())
    assert paper.beats == [(1, "begun"), (2, "stopped")]


def test_declares_the_next_beat_in_the_citys_time():
    assert within_us(1.0, 60) == 120_000_000
    assert within_us(30.0, 60) == 3_600_000_000


def test_goes_on_counting_over_a_kill_and_verifies_with_a_silence(tmp_path: Path):
    signer = signing_key(tmp_path / "keys", "w")
    at = [0]

    def life(beats: list[str]) -> None:
        with FileLedger(tmp_path / "log", "town/worker-0", signer) as ledger:
            last = last_beat_of(tmp_path / "log", ledger.size, "admit")
            heart = Heart(ledger, Pulse("admit", "worker-0", 1000, last), lambda: at[0])
            for state in beats:
                heart.append([started(at[0])] * 300)
                heart.beat(state)
                at[0] += 600

    life(["begun", "alive"])  # killed: no orderly stop
    at[0] += 5000
    life(["begun", "stopped"])
    at[0] += 5000
    life(["begun"])
    verdict = verify(folder_reader(tmp_path / "log"), key_of(tmp_path / "log").text())
    assert verdict.ok, verdict
    [gate] = verdict.gates
    assert (gate.beats, gate.state, gate.silences) == (5, "begun", ((600, 6200, 3),))
