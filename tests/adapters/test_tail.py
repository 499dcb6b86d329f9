"""Following a real Delta table: every row once, in whatever pieces, whatever compaction and cleaning do meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.tail import HistoryTail
from cityward.errors import LinkError
from cityward.guard.admit import Judged
from cityward.ids import partition_of
from cityward.runtime.watching.ports import HistoryAt, Tailed
from cityward.time import DAY, HOUR, SECOND
from places import tiny_registry

NOON = 1_760_011_200 * SECOND
REGISTRY = tiny_registry()
CHANNELS = len(REGISTRY.channel_unit)
PARTITION = [partition_of(REGISTRY.units[u].id, 4) for u in REGISTRY.channel_unit.tolist()]
Row = tuple[int, int, int]  # channel, observed_at, seq


def rows(first_seq: int, count: int) -> list[Row]:
    return [((s * 7) % CHANNELS, NOON + s * SECOND, s) for s in range(first_seq, first_seq + count)]


def append(history: DeltaHistory, some: list[Row], upto: dict[int, int]) -> None:
    channel, at, seq = (
        (np.array(x, dtype=np.int64) for x in zip(*some, strict=True)) if some else (np.empty(0, int),) * 3
    )
    n = len(some)
    judged = Judged(
        message=np.arange(n, dtype=np.int32),
        unit=REGISTRY.channel_unit[channel].astype(np.int32),
        channel=channel.astype(np.int32),
        value=seq.astype(np.float64),
        observed_at=at.astype(np.int64),
        received_at=at.astype(np.int64) + 5,
        seq=seq.astype(np.int64),
        flow=np.zeros(n, dtype=np.int32),
        reason=np.zeros(n, dtype=np.uint8),
    )
    history.append(judged.seal("worker-0:1"), upto)


def grown(folder: Path, sizes: list[int]) -> tuple[DeltaHistory, HistoryTail, list[Row]]:
    """A history of so many commits, and who follows it."""
    history = DeltaHistory(str(folder / "history"), REGISTRY)
    everything: list[Row] = []
    for size in sizes:
        some = rows(len(everything) + 1, size)
        everything += some
        append(history, some, dict.fromkeys(range(4), len(everything)))
    return history, HistoryTail(str(folder / "history"), REGISTRY), everything


def taken(tailed: Tailed) -> list[Row]:
    held = tailed.held
    return list(zip(held.channel.tolist(), held.observed_at.tolist(), held.seq.tolist(), strict=True))


def followed(tail: HistoryTail, at: HistoryAt, most: int) -> tuple[list[Row], HistoryAt, int]:
    """All there is from a position on, where it ends, and in how many calls."""
    out: list[Row] = []
    for calls in range(1, 500):
        tailed = tail.next(at, most)
        assert taken(tailed) == sorted(taken(tailed))
        out += taken(tailed)
        at = tailed.at
        if not tailed.more:
            return out, at, calls
    raise AssertionError("it does not end")


def test_every_row_comes_once_in_whole_commits_of_about_so_many_rows(tmp_path: Path) -> None:
    _, tail, everything = grown(tmp_path, [5, 5, 5, 30, 1])
    found, at, calls = followed(tail, HistoryAt(version=0), 10)
    assert sorted(found) == sorted(everything)
    assert calls == 4  # 5 + 5, 5, 30, 1
    assert at.upto == dict.fromkeys(range(4), 46)
    assert tail.next(at, 10).held.now == 0 and tail.by_sequence == 0


def test_what_compaction_writes_is_not_new(tmp_path: Path) -> None:
    history, tail, everything = grown(tmp_path, [3] * 20)
    first = tail.next(HistoryAt(version=0), 30)
    history.compact()
    later = rows(61, 2)
    append(history, later, dict.fromkeys(range(4), 62))
    rest, _, _ = followed(tail, first.at, 1000)
    assert sorted(taken(first) + rest) == sorted(everything + later)


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_what_the_log_forgot_is_found_by_its_sequences_and_counted(tmp_path: Path, most: int) -> None:
    history, tail, everything = grown(tmp_path, [4, 4, 4])
    first = tail.next(HistoryAt(version=0), 4)
    for size in (6, 6):
        some = rows(len(everything) + 1, size)
        everything += some
        append(history, some, dict.fromkeys(range(4), len(everything)))
    log = tmp_path / "history" / "_delta_log"
    history._open().create_checkpoint()
    for entry in sorted(log.glob("*.json"))[:-1]:
        entry.unlink()
    rest, at, _ = followed(tail, first.at, most)
    assert sorted(taken(first) + rest) == sorted(everything)
    assert tail.by_sequence >= 1
    assert at == tail.newest()


def test_partitions_that_stand_at_different_sequences_lose_nothing(tmp_path: Path) -> None:
    history = DeltaHistory(str(tmp_path / "history"), REGISTRY)
    everything = rows(1, 40)
    for p in (2, 0, 3, 1):  # each worker in its own time
        append(history, [r for r in everything if PARTITION[r[0]] == p], {p: 40})
    tail = HistoryTail(str(tmp_path / "history"), REGISTRY)
    two = tail.next(HistoryAt(version=0), 1)
    found, _, _ = followed(tail, HistoryAt(version=-1, upto=two.at.upto), 5)  # the rest by sequence
    assert sorted(taken(two) + found) == everything_sorted(everything)


def everything_sorted(some: list[Row]) -> list[Row]:
    return sorted(some)


@settings(max_examples=12, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=8),
    most=st.sampled_from([1, 5, 100]),
    turns=st.lists(st.sampled_from(["read", "compact", "restart", "forget"]), max_size=6),
)
def test_however_it_is_read_every_row_comes_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], most: int, turns: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("tail")
    history, tail, everything = grown(folder, sizes)
    at, out = HistoryAt(version=0), list[Row]()
    for turn in turns:
        if turn == "read":
            tailed = tail.next(at, most)
            out += taken(tailed)
            at = tailed.at
        elif turn == "compact":
            history.compact()
        elif turn == "restart":
            tail = HistoryTail(str(folder / "history"), REGISTRY)
        else:
            at = HistoryAt(version=-1, upto=at.upto)
    rest, _, _ = followed(tail, at, most)
    assert sorted(out + rest) == sorted(everything)


def test_the_past_is_what_was_held_up_to_a_position(tmp_path: Path) -> None:
    history, tail, everything = grown(tmp_path, [10])
    at = tail.newest()
    append(history, rows(11, 10), dict.fromkeys(range(4), 20))
    held = tail.past(at, NOON, NOON + DAY, 1000)
    assert sorted(held.seq.tolist()) == [r[2] for r in everything]
    assert len(tail.past(tail.newest(), NOON + 5 * SECOND, NOON + 8 * SECOND, 1000)) == 3
    assert tail.count(NOON, NOON + HOUR) == 20 and tail.count(NOON - DAY, NOON) == 0


def test_a_position_of_another_table_is_read_by_sequence(tmp_path: Path) -> None:
    _, tail, everything = grown(tmp_path, [4])
    found, _, _ = followed(tail, HistoryAt(version=900, upto={}), 100)
    assert sorted(found) == sorted(everything)


def test_a_table_that_is_not_there_is_a_link_error(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="where it stands"):
        HistoryTail(str(tmp_path / "nothing"), REGISTRY).newest()
