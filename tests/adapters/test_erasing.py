"""Rows leave a real Delta table for good: from every version, file and statistic, and from nothing else."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cityward.adapters.stores import compaction
from cityward.adapters.stores.erasing import HistoryErasure
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.tail import HistoryTail
from cityward.guard.admit import Admitted, Judged
from cityward.place.registry import Registry
from cityward.runtime.undoing.erasure_ports import Wanted
from cityward.time import DAY, HOUR, SECOND
from places import tiny_registry

DAY_1 = 1_760_011_200 * SECOND // DAY * DAY
REGISTRY: Registry = tiny_registry()
ROW = tuple[int, int, float, int]  # channel, observed_at, value, seq
ALL = Wanted(since=0, until=DAY_1 + 99 * DAY)


def batch(rows: list[ROW]) -> Admitted:
    channel, at, value, seq = zip(*rows, strict=True)
    n = len(rows)
    return Judged(
        message=np.arange(n, dtype=np.int32),
        unit=REGISTRY.channel_unit[list(channel)].astype(np.int32),
        channel=np.array(channel, dtype=np.int32),
        value=np.array(value, dtype=np.float64),
        observed_at=np.array(at, dtype=np.int64),
        received_at=np.array(at, dtype=np.int64) + 5,
        seq=np.array(seq, dtype=np.int64),
        flow=np.zeros(n, dtype=np.int32),
        reason=np.zeros(n, dtype=np.uint8),
    ).seal("worker-0:1")


def upto(seq: int) -> dict[int, int]:
    return dict.fromkeys(range(4), seq)


def device_of(channel: int) -> str:
    return REGISTRY.units[int(REGISTRY.channel_unit[channel])].id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two days of two channels of different devices, an append each: channel 0 says 4242, the other 7."""
    history = DeltaHistory(str(tmp_path), REGISTRY)
    other = next(c for c in range(len(REGISTRY.channel_unit)) if device_of(c) != device_of(0))
    for day in (0, 1):
        at = DAY_1 + day * DAY
        rows: list[ROW] = [
            (c, at + i * HOUR, 4242.0 if c == 0 else 7.0, 10 * day + i) for c in (0, other) for i in (1, 2, 3)
        ]
        history.append(batch(rows), upto(10 * day + 9))
    return tmp_path


def values(folder: Path) -> list[float]:
    """As a reader of today sees them."""
    _, _, value = DeltaHistory(str(folder), REGISTRY).past(0, DAY_1 + 99 * DAY)
    return sorted(value.tolist())


def on_disk(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, and of Parquet what is packed in it too."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()
            if path.suffix == ".parquet":
                yield path.name, pl.read_parquet(path).write_json().encode()


def test_what_is_erased_is_in_no_file_of_any_version(folder: Path):
    erasure, seen = HistoryErasure(str(folder), REGISTRY), list[tuple[int, str]]()
    name = device_of(0).encode()
    assert any(name in data for _, data in on_disk(folder))
    rows = erasure.erase(Wanted(since=0, until=ALL.until, device=device_of(0)), 1, lambda *found: seen.append(found))
    assert rows == 6 and seen == [(6, seen[0][1])] and values(folder) == [7.0] * 6
    assert any(name in data for _, data in on_disk(folder))  # older versions still have it
    assert erasure.forget() == 2
    for file, data in on_disk(folder):
        assert name not in data and b"4242" not in data, file
    assert erasure.forget() == 0 and erasure.erased_upto() == 1 and values(folder) == [7.0] * 6


def test_the_digest_is_that_of_its_description(folder: Path):
    device, hours = device_of(0), []
    prop = REGISTRY.channel_property[0]
    for day in (0, 1):
        for i in (1, 2, 3):
            at = DAY_1 + day * DAY + i * HOUR
            row = f"{device}\n{prop}\n".encode() + struct.pack("<qqqd", at, at + 5, 10 * day + i, 4242.0)
            hours.append(sha256(row).digest())
    wanted = Wanted(since=0, until=ALL.until, device=device)
    assert HistoryErasure(str(folder), REGISTRY).look(wanted) == (6, sha256(b"".join(hours)).hexdigest())


def test_only_the_span_and_the_channels_that_are_meant_go(folder: Path):
    erasure = HistoryErasure(str(folder), REGISTRY)
    mine = np.arange(len(REGISTRY.channel_unit)) == 0
    assert list(erasure.days(mine, DAY_1 + DAY)) == [DAY_1]
    assert erasure.erase(Wanted(since=DAY_1, until=DAY_1 + DAY, channels=mine), 1, lambda *_: None) == 3
    erasure.forget()
    assert values(folder) == [7.0] * 6 + [4242.0] * 3
    group = np.where(mine, 0, 1).astype(np.int32)
    assert erasure.oldest(group, 2).tolist() == [DAY_1 + DAY + HOUR, DAY_1 + HOUR, 0]


def test_erased_rows_are_not_held_again_and_new_ones_are(folder: Path):
    history, erasure = DeltaHistory(str(folder), REGISTRY), HistoryErasure(str(folder), REGISTRY)
    erasure.erase(Wanted(since=0, until=ALL.until, device=device_of(0)), 1, lambda *_: None)
    erasure.forget()
    history.append(batch([(0, DAY_1 + HOUR, 4242.0, 1)]), upto(9))  # the log says it again after a restart
    assert values(folder) == [7.0] * 6 and history.committed() == upto(19)
    history.append(batch([(0, DAY_1 + 2 * DAY, 5.0, 20)]), upto(20))
    assert values(folder) == [5.0] + [7.0] * 6


def test_who_follows_commits_sees_no_new_rows_and_goes_on(folder: Path):
    tail = HistoryTail(str(folder), REGISTRY)
    at = tail.newest()
    erasure = HistoryErasure(str(folder), REGISTRY)
    erasure.erase(Wanted(since=0, until=ALL.until, device=device_of(0)), 1, lambda *_: None)
    erasure.forget()
    DeltaHistory(str(folder), REGISTRY).append(batch([(0, DAY_1 + 2 * DAY, 5.0, 20)]), upto(20))
    told: list[float] = []
    for _ in range(3):
        tailed = tail.next(at, 100)
        told += tailed.held.value.tolist()
        at = tailed.at
    assert told == [5.0] and tail.by_sequence == 0


def test_who_followed_from_before_gets_what_is_left(folder: Path):
    tail = HistoryTail(str(folder), REGISTRY)
    begin = tail.newest()
    begin = type(begin)(version=0, upto={})
    erasure = HistoryErasure(str(folder), REGISTRY)
    erasure.erase(Wanted(since=0, until=ALL.until, device=device_of(0)), 1, lambda *_: None)
    erasure.forget()
    told: list[float] = []
    for _ in range(4):
        tailed = tail.next(begin, 100)
        told += tailed.held.value.tolist()
        begin = tailed.at
    assert told == [7.0] * 6


def test_a_merge_that_was_faster_is_seen_and_erased_from(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compaction, "MERGE_AT", 2)
    history, erasure, told = DeltaHistory(str(folder), REGISTRY), HistoryErasure(str(folder), REGISTRY), list[int]()
    history.append(batch([(0, DAY_1 + 4 * HOUR, 4242.0, 20)]), upto(20))

    def found(rows: int, _: str) -> None:
        told.append(rows)
        if len(told) == 1:
            history.compact()

    assert erasure.erase(Wanted(since=0, until=ALL.until, device=device_of(0)), 1, found) == 7
    assert told == [7, 7] and values(folder) == [7.0] * 6
    erasure.forget()
    assert all(device_of(0).encode() not in data for _, data in on_disk(folder))


def test_nothing_is_erased_where_there_is_nothing(folder: Path):
    erasure = HistoryErasure(str(folder / "none"), REGISTRY)
    assert erasure.erase(ALL, 1, lambda *_: pytest.fail("there is nothing")) == erasure.forget() == 0
    assert HistoryErasure(str(folder), REGISTRY).erase(Wanted(since=0, until=5), 1, lambda *_: pytest.fail("no")) == 0
