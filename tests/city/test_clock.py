"""The machine's clock jumps back under a town: nobody's readings are refused for it, none is held twice, time does not go back.

A test may not move this machine's clock, and the broker, a static binary, takes no other from a preloaded library. So the
log's time stamps, the only clock that the intake has, are what jumps here; the gate, the codecs and the three stores are real.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.ledgers.reading import tail_of
from cityward.adapters.protocols import codecs
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.compose.places import load_place
from cityward.evidence.records import Superseded
from cityward.ids import partition_of
from cityward.place.registry import Registry, number
from cityward.runtime.intake.worker import Intake, IntakeSettings, Stores
from cityward.runtime.ports import LogMessage
from cityward.time import DAY, HOUR, SECOND, CityClock
from towns import write_town

NOON = 1_760_000_000 * SECOND
PER_MINUTE = 60
TIMED, TIMELESS = "meter-01", "meter-02"


class Reader:
    """Gives a list of messages, a few at a time; then there are no more, and the worker is stopped."""

    def __init__(self, log: Sequence[LogMessage], start: int, stop: asyncio.Event) -> None:
        self.left = [m for m in log if m.seq >= start]
        self.stop = stop

    async def fetch(self, most: int, wait_s: float) -> Sequence[LogMessage]:
        got, self.left = self.left[: min(most, 50)], self.left[min(most, 50) :]
        if not got:
            self.stop.set()
        await asyncio.sleep(0)
        return got

    async def close(self) -> None: ...


@dataclass
class House:
    """A worker's stores on disk, and its registry."""

    folder: Path
    registry: Registry

    @contextmanager
    def stores(self) -> Iterator[Stores]:
        state = SqlState(f"sqlite:///{self.folder / 'state.db'}")
        key = signing_key(self.folder / "keys", "ledger-worker-0")
        try:
            with FileLedger(self.folder / "ledger", "test-town/worker-0", key) as ledger:
                yield Stores(ledger, DeltaHistory(str(self.folder / "history"), self.registry), state)
        finally:
            state.dispose()

    def work(self, log: Sequence[LogMessage]) -> None:
        """A worker's life, until the log has no more."""

        async def life(stores: Stores) -> None:
            stop = asyncio.Event()
            settings = IntakeSettings(
                stream="log", partitions=(0, 1, 2, 3), by="worker-0", declaration="d", gather_s=0.0, most_messages=100
            )
            intake = Intake(
                self.registry, codecs(), stores, CityClock(), settings, lambda start: Reader(log, start, stop)
            )
            await intake.run(stop)

        with self.stores() as stores:
            asyncio.run(life(stores))

    def held(self) -> pl.DataFrame:
        return pl.read_delta(str(self.folder / "history")).sort("seq")


@pytest.fixture
def house(tmp_path: Path) -> House:
    town = write_town(tmp_path / "town", 2, messages_per_minute=PER_MINUTE)
    return House(tmp_path, number(load_place(town).place))


def say(log: list[LogMessage], device: str, stamped: int, observed: int | None) -> None:
    reading = {"n": "lux", "v": 1} | ({} if observed is None else {"t": observed / SECOND})
    subject = f"$MQTT.msgs.in.{partition_of(device, 4)}.{device}"
    log.append(LogMessage(subject, json.dumps([reading]).encode(), len(log) + 1, stamped))


def minutes(log: list[LogMessage], count: int, machine: int, truth: int) -> None:
    """So many minutes of readings, two devices, one a second each; the machine's clock and the true time run beside."""
    for second in range(0, count * 60, 2):
        say(log, TIMED, machine + second * SECOND, truth + second * SECOND)
        say(log, TIMELESS, machine + second * SECOND, None)


@pytest.mark.parametrize("wrong_by", [HOUR, 30 * DAY], ids=["an hour", "a month"])
@pytest.mark.parametrize("restarts", [1, 7], ids=["in one life", "killed between"])
def test_a_clock_that_jumps_back_costs_nobody_a_reading(house: House, wrong_by: int, restarts: int) -> None:
    log: list[LogMessage] = []
    minutes(log, 2, NOON, NOON)
    steps = len(log)
    ahead = NOON + 2 * 60 * SECOND
    minutes(log, 2, ahead + wrong_by, ahead + wrong_by)  # all clocks are wrong together, then all right again
    minutes(log, 4, ahead + 120 * SECOND, ahead + 120 * SECOND)
    for part in range(restarts):
        house.work(log[: len(log) * (part + 1) // restarts])
    rows = house.held()
    assert len(rows) == len(log) > steps
    assert rows["received_at"].is_sorted()
    assert not rows.select("device", "property", "observed_at").is_duplicated().any()
    with house.stores() as stores:
        [count] = stores.state.counts()  # type: ignore[attr-defined]
        assert (count.received, count.admitted, count.refused, count.shed) == (len(log), len(log), 0, 0)
    assert [r for _, r in tail_of(house.folder / "ledger", 100) if isinstance(r, Superseded)] == []


def test_while_the_clock_is_ahead_true_times_are_refused_as_too_old_and_after_that_admitted(house: House) -> None:
    log: list[LogMessage] = []
    say(log, TIMED, NOON, NOON)
    say(log, TIMED, NOON + 2 * DAY, NOON + SECOND)
    say(log, TIMED, NOON + 2 * SECOND, NOON + 2 * SECOND)
    house.work(log)
    assert house.held()["seq"].to_list() == [1, 3]
    with house.stores() as stores:
        [row] = stores.state.quarantine(10)  # type: ignore[attr-defined]
        assert (row.seq, row.reason, row.excerpt) == (2, "too-old", log[1].payload)


def test_what_was_held_is_known_again_after_a_jump_and_a_restart(house: House) -> None:
    log: list[LogMessage] = []
    minutes(log, 2, NOON, NOON)
    say(log, TIMELESS, NOON + 30 * DAY, None)  # the clock is a month ahead for one message
    say(log, TIMELESS, NOON + 179 * SECOND, None)
    house.work(log)
    replayed = [m for m in log if m.subject.endswith(TIMED)]
    for message in replayed:
        log.append(LogMessage(message.subject, message.payload, len(log) + 1, NOON + 180 * SECOND))
    house.work(log[: len(log) - len(replayed) // 2])
    house.work(log)
    assert not house.held().select("device", "property", "observed_at").is_duplicated().any()
    with house.stores() as stores:
        assert stores.state.reasons() == {  # type: ignore[attr-defined]
            ("meter-light", "duplicate"): len(replayed),
        }
