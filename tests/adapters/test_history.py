"""The history of observations, in a real Delta table on this disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable

from cityward.adapters.stores import history as stored
from cityward.adapters.stores.compaction import merge_parts
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.parts import Shelf, sync
from cityward.errors import LinkError
from cityward.guard.admit import Admitted, Judged
from cityward.ids import partition_of
from cityward.place.registry import Registry
from cityward.time import DAY, HOUR, SECOND
from places import tiny_registry

NOON = 1_760_011_200 * SECOND
REGISTRY = tiny_registry()
CHANNELS = len(REGISTRY.channel_unit)
PARTITION = np.array([partition_of(REGISTRY.units[u].id, 4) for u in REGISTRY.channel_unit.tolist()])
ROW = tuple[int, int, float, int]  # channel, observed_at, value, seq


@pytest.fixture
def history(tmp_path: Path) -> DeltaHistory:
    return opened(tmp_path)


def opened(folder: Path, registry: Registry = REGISTRY, **more: int) -> DeltaHistory:
    return DeltaHistory(str(folder / "history"), registry, **more)


def batch(rows: list[ROW]) -> Admitted:
    """What the gate would seal for these rows."""
    channel, at, value, seq = zip(*rows, strict=True) if rows else ((), (), (), ())
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


def made(first_seq: int, count: int, seed: int = 1, span: int = HOUR) -> list[ROW]:
    """Rows of random channels with increasing sequences and times of their own."""
    random = np.random.default_rng(seed * 100_000 + first_seq)
    channels, at = random.integers(0, CHANNELS, count), NOON + random.choice(span, count, replace=False)
    values = random.normal(20, 5, count).round(2)
    return [
        (int(c), int(t), float(v), first_seq + i) for i, (c, t, v) in enumerate(zip(channels, at, values, strict=True))
    ]


def upto(seq: int) -> dict[int, int]:
    return dict.fromkeys(range(4), seq)


def held(history: DeltaHistory) -> list[tuple[int, int, float]]:
    channel, at, value = history.past(0, NOON + 400 * DAY)
    return sorted(zip(channel.tolist(), at.tolist(), value.tolist(), strict=True))


def wanted(rows: list[ROW]) -> list[tuple[int, int, float]]:
    return sorted((c, t, v) for c, t, v, _ in rows)


def channel_of(device: str, prop: str) -> int:
    return REGISTRY.channel_by_property[REGISTRY.unit_index[device], prop]


# -- holding ----------------------------------------------------------------------------------------------------------


def test_holds_what_was_admitted_and_says_up_to_where(history: DeltaHistory) -> None:
    rows = made(1, 500)
    history.append(batch(rows), upto(500))
    assert held(history) == wanted(rows)
    assert history.committed() == upto(500)


def test_begins_with_nothing_committed(history: DeltaHistory) -> None:
    assert history.committed() == {}
    assert held(history) == []


def test_another_process_finds_the_same(history: DeltaHistory, tmp_path: Path) -> None:
    rows = made(1, 50)
    history.append(batch(rows), upto(50))
    other = opened(tmp_path)
    assert other.committed() == upto(50)
    assert held(other) == wanted(rows)


def test_holds_a_batch_once_however_often_it_is_appended(history: DeltaHistory, tmp_path: Path) -> None:
    rows = made(1, 50)
    for store in (history, history, opened(tmp_path)):
        store.append(batch(rows), upto(50))
    assert held(history) == wanted(rows)


def test_takes_only_the_new_rows_of_a_batch_that_is_cut_otherwise(history: DeltaHistory) -> None:
    rows = made(1, 90)
    history.append(batch(rows[:40]), upto(40))
    history.append(batch(rows), upto(90))
    assert held(history) == wanted(rows)


def test_takes_the_rows_of_partitions_that_stand_further_back(history: DeltaHistory) -> None:
    rows = made(1, 90)
    ahead = [r for r in rows if PARTITION[r[0]] in (0, 1)]
    history.append(batch(ahead), {0: 90, 1: 90})
    history.append(batch(rows), upto(90))
    assert held(history) == wanted(rows)


def test_a_batch_without_rows_moves_the_sequences_without_a_file(history: DeltaHistory, tmp_path: Path) -> None:
    history.append(batch([]), upto(7))
    assert opened(tmp_path).committed() == upto(7)
    assert list(tmp_path.rglob("*.parquet")) == []


def test_never_takes_a_sequence_back(history: DeltaHistory) -> None:
    history.append(batch([]), upto(70))
    history.append(batch(made(1, 20)), upto(20))
    assert history.committed() == upto(70)
    assert held(history) == []


def test_takes_nothing_but_what_the_gate_sealed(history: DeltaHistory) -> None:
    with pytest.raises(TypeError, match="sealed"):
        history.append({"channel": [1]}, upto(1))  # type: ignore[arg-type]


def test_takes_no_row_beyond_the_sequence_it_is_held_up_to(history: DeltaHistory) -> None:
    with pytest.raises(ValueError, match="beyond"):
        history.append(batch(made(1, 20)), upto(10))
    assert history.committed() == {}


def test_refuses_a_table_made_for_another_number_of_partitions(history: DeltaHistory, tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="4 partitions"):
        opened(tmp_path, partitions=8)


def test_a_place_that_is_no_folder_is_a_link_error(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("in the way")
    with pytest.raises(LinkError, match="could not open"):
        opened(tmp_path)


def test_a_reader_that_knows_nothing_of_us_understands_the_files(history: DeltaHistory, tmp_path: Path) -> None:
    lamp = channel_of("lamp-01", "lamp-level")
    history.append(batch([(lamp, NOON, 55.0, 3), (lamp, NOON - DAY, 44.0, 4)]), upto(4))
    files = DeltaTable(str(tmp_path / "history")).file_uris()
    rows = duckdb.sql(
        "select device, property, epoch_us(observed_at), epoch_us(received_at), value, seq, day::varchar "
        f"from read_parquet({files}, hive_partitioning = true) order by seq"
    ).fetchall()
    assert rows == [
        ("lamp-01", "lamp-level", NOON, NOON + 5, 55.0, 3, "2025-10-09"),
        ("lamp-01", "lamp-level", NOON - DAY, NOON - DAY + 5, 44.0, 4, "2025-10-08"),
    ]


def test_the_statistics_never_hide_a_row(history: DeltaHistory, tmp_path: Path) -> None:
    history.append(batch([(0, NOON + 1, 1.5, 1), (0, NOON + 999_999, -2.5, 2)]), upto(2))
    stats = pl.DataFrame(DeltaTable(str(tmp_path / "history")).get_add_actions(flatten=True)).row(0, named=True)
    assert stats["num_records"] == 2
    assert (stats["min.value"], stats["max.value"], stats["min.seq"], stats["max.seq"]) == (-2.5, 1.5, 1, 2)
    assert stats["min.observed_at"].timestamp() * SECOND <= NOON + 1
    assert stats["max.observed_at"].timestamp() * SECOND >= NOON + 999_999


# -- reading ----------------------------------------------------------------------------------------------------------


def test_a_window_is_one_devices_readings_oldest_first(history: DeltaHistory) -> None:
    level, power = channel_of("lamp-01", "lamp-level"), channel_of("lamp-01", "lamp-power")
    other = channel_of("lamp-02", "lamp-level")
    history.append(batch([(level, NOON + 2, 50.0, 1), (power, NOON + 1, 9.0, 2), (other, NOON + 1, 7.0, 3)]), upto(3))
    history.append(batch([(level, NOON + 3, 60.0, 4), (level, NOON - DAY, 5.0, 5)]), upto(5))
    read = history.window("lamp-01", ["lamp-level", "lamp-power"], NOON, NOON + HOUR, 10)
    assert read == [("lamp-power", NOON + 1, 9.0), ("lamp-level", NOON + 2, 50.0), ("lamp-level", NOON + 3, 60.0)]


def test_a_window_is_cut_to_the_newest_and_to_the_properties_named(history: DeltaHistory) -> None:
    level, power = channel_of("lamp-01", "lamp-level"), channel_of("lamp-01", "lamp-power")
    rows = [(level if i % 2 else power, NOON + i, float(i), i + 1) for i in range(20)]
    history.append(batch(rows), upto(20))
    read = history.window("lamp-01", ["lamp-level"], NOON, NOON + 18, 3)
    assert [value for _, _, value in read] == [13.0, 15.0, 17.0]


@pytest.mark.parametrize(
    ("device", "properties"),
    [
        pytest.param("nobody", ["lamp-level"], id="unknown device"),
        pytest.param("lamp-01' OR '1'='1", ["lamp-level"], id="hostile device"),
        pytest.param("lamp-01", [], id="no properties"),
        pytest.param("lamp-01", ["air-temperature"], id="property it has not"),
    ],
)
def test_a_window_of_nothing_is_empty(history: DeltaHistory, device: str, properties: list[str]) -> None:
    history.append(batch([(channel_of("lamp-01", "lamp-level"), NOON, 1.0, 1)]), upto(1))
    assert history.window(device, properties, NOON - DAY, NOON + DAY, 10) == []


def test_the_tail_is_the_newest_of_each_channel_up_to_the_sequences(history: DeltaHistory) -> None:
    rows = made(1, 3000, span=3 * DAY)
    for start in range(0, 3000, 500):
        history.append(batch(rows[start : start + 500]), upto(start + 500))
    limits = {0: 3000, 1: 1200, 2: 0}  # partition 3 is absent: nothing of it
    since, most = NOON + 6 * HOUR, 20
    channel, at = history.tail(since, most, limits)
    expected: list[tuple[int, int]] = []
    for number in range(CHANNELS):
        mine = [t for c, t, _, s in rows if c == number and t >= since and s <= limits.get(int(PARTITION[c]), 0)]
        expected.extend((number, t) for t in sorted(mine)[-most:])
    assert list(zip(channel.tolist(), at.tolist(), strict=True)) == expected
    assert channel.dtype == np.int32


def test_the_tail_of_an_empty_history_is_empty(history: DeltaHistory) -> None:
    channel, at = history.tail(0, 128, upto(10))
    assert (len(channel), len(at)) == (0, 0)


def test_what_is_no_longer_declared_is_held_but_has_no_number(history: DeltaHistory, tmp_path: Path) -> None:
    from cityward.place.registry import number
    from places import tiny_place

    place = tiny_place()
    place.devices.pop("lamp")
    lamp, air = channel_of("lamp-01", "lamp-level"), channel_of("air-1", "no2")
    history.append(batch([(lamp, NOON, 1.0, 1), (air, NOON, 2.0, 2)]), upto(2))
    smaller = opened(tmp_path, number(place))
    _, _, value = smaller.past(0, NOON + DAY)
    assert value.tolist() == [2.0]
    assert smaller.window("lamp-01", ["lamp-level"], NOON, NOON + 1, 5) == [("lamp-level", NOON, 1.0)]


def test_the_past_is_bounded_by_its_rows(history: DeltaHistory) -> None:
    history.append(batch(made(1, 500)), upto(500))
    assert [len(c) for c in history.past(0, NOON + DAY, most=123)] == [123, 123, 123]


# -- several writers, failures ----------------------------------------------------------------------------------------


def test_two_workers_of_different_partitions_both_succeed(tmp_path: Path) -> None:
    rows = made(1, 2000)
    opened(tmp_path)

    def work(mine: tuple[int, ...]) -> None:
        store = opened(tmp_path)
        for start in range(0, 2000, 100):
            part = [r for r in rows[start : start + 100] if PARTITION[r[0]] in mine]
            store.append(batch(part), dict.fromkeys(mine, start + 100))

    run_together([lambda: work((0, 1)), lambda: work((2, 3))])
    assert opened(tmp_path).committed() == upto(2000)
    assert held(opened(tmp_path)) == wanted(rows)


def test_two_workers_of_one_partition_hold_nothing_twice(tmp_path: Path) -> None:
    rows = made(1, 600)
    opened(tmp_path)

    def work() -> None:
        store = opened(tmp_path)
        for start in range(0, 600, 60):
            while store.committed().get(0, 0) < start + 60:
                try:
                    store.append(batch(rows[: start + 60]), upto(start + 60))
                except LinkError:  # the other was faster: look again
                    continue

    run_together([work, work])
    assert held(opened(tmp_path)) == wanted(rows)


def run_together(tasks: list[object]) -> None:
    failures: list[BaseException] = []

    def guarded(task: object) -> None:
        try:
            task()  # type: ignore[operator]
        except BaseException as error:  # handed to the test
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []


@contextmanager
def disk_that_ends_at(size: int) -> Iterator[None]:
    """No file of this process can grow beyond `size`: the kernel answers as it does on a full disk, with an OSError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [pytest.param(2000, id="in the data"), pytest.param(200, id="at once")])
def test_a_full_disk_is_a_link_error_and_trying_again_holds_each_row_once(
    history: DeltaHistory, tmp_path: Path, size: int
) -> None:
    rows = made(1, 3000)
    history.append(batch(rows[:1000]), upto(1000))
    with disk_that_ends_at(size), pytest.raises(LinkError, match="could not take a batch"):
        history.append(batch(rows), upto(3000))
    assert history.committed() == upto(1000)
    assert held(history) == wanted(rows[:1000])
    history.append(batch(rows), upto(3000))
    assert held(history) == wanted(rows)
    assert len(list(tmp_path.rglob("*.parquet"))) == 2


def test_a_full_disk_in_the_log_leaves_no_half_a_commit(history: DeltaHistory, tmp_path: Path) -> None:
    with disk_that_ends_at(10), pytest.raises(LinkError):
        history.append(batch([]), upto(9))
    assert opened(tmp_path).committed() == {}
    history.append(batch([]), upto(9))
    assert opened(tmp_path).committed() == upto(9)


WRITER = """
import sys
from pathlib import Path
from test_history import batch, made, opened, upto
rows, store = made(1, 6_000), opened(Path(sys.argv[1]))
start = store.committed().get(0, 0)
print("ready", flush=True)
while start < 6_000:
    first = max(0, start - 37)  # a restart judges some of what is held again
    store.append(batch(rows[first : start + 100]), upto(start + 100))
    start += 100
print("done", flush=True)
"""


def test_a_writer_killed_at_any_moment_has_held_each_row_once(tmp_path: Path) -> None:
    here = Path(__file__).parent
    for after_s in (0.03, 0.11, 0.19, None):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{here}:{here.parent}"},
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            if after_s is not None:
                time.sleep(after_s)  # the moment of the kill, not a wait for anything
                writer.send_signal(signal.SIGKILL)
            else:
                assert writer.stdout.readline() == "done\n"
    history = opened(tmp_path)
    assert history.committed() == upto(6_000)
    assert held(history) == wanted(made(1, 6_000))


# -- compaction -------------------------------------------------------------------------------------------------------


def grown(history: DeltaHistory, count: int = 12, each: int = 200, span: int = 2 * DAY) -> list[ROW]:
    rows = made(1, count * each, span=span)
    for start in range(0, count * each, each):
        history.append(batch(rows[start : start + each]), upto(start + each))
    return rows


def parts(folder: Path) -> list[str]:
    return DeltaTable(str(folder / "history")).file_uris()


def test_compaction_makes_few_parts_of_many_and_changes_nothing_held(history: DeltaHistory, tmp_path: Path) -> None:
    rows = grown(history)
    before = history.window("lamp-01", ["lamp-level"], NOON, NOON + 2 * DAY, 10_000)
    assert len(parts(tmp_path)) == 36
    history.compact()
    assert len(parts(tmp_path)) == 3
    assert history.committed() == opened(tmp_path).committed() == upto(len(rows))
    assert held(history) == wanted(rows)
    assert opened(tmp_path).window("lamp-01", ["lamp-level"], NOON, NOON + 2 * DAY, 10_000) == before


def test_a_compacted_part_is_sorted_by_device_property_and_time(history: DeltaHistory, tmp_path: Path) -> None:
    grown(history, span=HOUR)
    history.compact()
    (part,) = parts(tmp_path)
    frame = pl.read_parquet(part).select("device", "property", "observed_at")
    assert frame.equals(frame.sort("device", "property", "observed_at"))


def test_compaction_tells_readers_that_no_data_changed(history: DeltaHistory, tmp_path: Path) -> None:
    grown(history, span=HOUR)
    history.compact()
    log = tmp_path / "history/_delta_log"
    merge = next(e for e in sorted(log.glob("*.json"), reverse=True) if '"remove"' in e.read_text())
    changes = [line for line in merge.read_text().splitlines() if line.startswith(('{"add"', '{"remove"'))]
    assert len(changes) == 13
    assert all('"dataChange":false' in line for line in changes)


def test_what_is_appended_during_compaction_is_held(tmp_path: Path) -> None:
    history, other = opened(tmp_path), opened(tmp_path)
    rows = grown(history, span=HOUR)
    more = made(5000, 1000, span=HOUR)

    def append() -> None:
        for start in range(0, 1000, 50):
            other.append(batch(more[start : start + 50]), upto(more[start][3] + 49))

    run_together([append, history.compact])
    assert held(opened(tmp_path)) == wanted(rows + more)
    assert opened(tmp_path).committed() == upto(5999)


def test_of_two_mergers_one_wins_and_nothing_is_held_twice(tmp_path: Path) -> None:
    history = opened(tmp_path)
    rows = grown(history)
    run_together([opened(tmp_path).compact for _ in range(3)])
    assert held(opened(tmp_path)) == wanted(rows)


def test_a_merger_that_saw_an_older_table_is_refused(tmp_path: Path) -> None:
    history = opened(tmp_path)
    rows = grown(history, span=HOUR)
    stale = DeltaTable(str(tmp_path / "history"))
    history.compact()
    assert merge_parts(lambda: stale, Shelf(str(tmp_path / "history")), 0) == 0
    assert held(opened(tmp_path)) == wanted(rows)
    assert len(parts(tmp_path)) == 1


def test_upkeep_forgets_what_is_superseded_and_old_and_nothing_else(tmp_path: Path) -> None:
    rows = grown(opened(tmp_path), span=HOUR)
    orphan = tmp_path / "history/day=2025-10-09/killed-before-its-commit.parquet"
    orphan.write_bytes(b"PAR1")
    opened(tmp_path).compact()
    assert len(list((tmp_path / "history").glob("day=*/*.parquet"))) == 12 + 1 + 1, (
        "young files stay for those who read"
    )
    age(tmp_path / "history", 5)
    opened(tmp_path, keep_hours=0).compact()
    assert len(list((tmp_path / "history").glob("day=*/*.parquet"))) == 1
    assert len(list((tmp_path / "history/_delta_log").glob("*.json"))) < 8
    late = opened(tmp_path)
    assert held(late) == wanted(rows)
    assert late.committed() == upto(len(rows))


def age(folder: Path, hours: int) -> None:
    """Let the files be older than they are."""
    then = time.time() - hours * 3600
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def test_sequences_outlive_checkpoints(history: DeltaHistory, tmp_path: Path) -> None:
    for seq in range(1, 61):
        history.append(batch([]), {seq % 3: seq})
    assert list((tmp_path / "history/_delta_log").glob("*.checkpoint.parquet"))
    assert opened(tmp_path).committed() == {0: 60, 1: 58, 2: 59}


def test_everything_a_reader_begins_with_outlasts_a_power_cut(
    history: DeltaHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()

    def noting(path: Path) -> None:
        sync(path)
        synced.add(path.name)

    monkeypatch.setattr(stored, "sync", noting)
    for n, row in enumerate(made(1, 45), start=1):
        history.append(batch([row]), upto(n))
    history.compact()
    log = next(tmp_path.rglob("_delta_log"))
    assert any("checkpoint.parquet" in name for name in synced)
    assert synced >= {entry.name for entry in log.iterdir() if entry.name != f"{0:020d}.json"}


# -- moments ----------------------------------------------------------------------------------------------------------


def newest_by(rows: list[ROW], since: int, until: int) -> dict[int, tuple[int, float]]:
    """Channel -> (when, what), looked for row by row."""
    found: dict[int, tuple[int, int, float]] = {}
    for channel, at, value, seq in rows:
        if since <= at < until and (at, seq) > found.get(channel, (-1, -1, 0.0))[:2]:
            found[channel] = (at, seq, value)
    return {channel: (at, value) for channel, (at, _, value) in found.items()}


@pytest.mark.parametrize("lately", [0, HOUR // 40, HOUR], ids=["all-silent", "some-silent", "none-asked-again"])
@pytest.mark.parametrize("chunk", [50, 1_000_000], ids=["many-chunks", "one-chunk"])
def test_a_moment_is_the_newest_of_each_channel_that_was_observed_by_then(
    history: DeltaHistory, monkeypatch: pytest.MonkeyPatch, chunk: int, lately: int
) -> None:
    monkeypatch.setattr(stored, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(stored, "LATELY_US", lately)
    rows = made(1, 300) + made(301, 300, seed=2)
    rows += [(0, NOON + HOUR // 2, 1.0, 601), (0, NOON + HOUR // 2, 2.0, 602)]  # of one time: the one held last
    for start in range(0, len(rows), 100):
        history.append(batch(rows[start : start + 100]), upto(min(start + 100, len(rows))))
    moments = (NOON + HOUR // 4, NOON + HOUR // 2 + 1, NOON + HOUR)
    for at in moments:
        for since in (NOON, at - HOUR // 8):
            channel, when, value = history.moment(since, at)
            told = {c: (w, v) for c, w, v in zip(channel.tolist(), when.tolist(), value.tolist(), strict=True)}
            assert told == newest_by(rows, since, at)
    assert newest_by(rows, NOON, moments[1])[0] == (NOON + HOUR // 2, 2.0)
    assert [len(column) for column in history.moment(NOON - DAY, NOON - HOUR)] == [0, 0, 0]


def test_going_on_from_moment_to_moment_gives_what_the_whole_gives(history: DeltaHistory) -> None:
    history.append(batch(made(1, 400)), upto(400))
    laid: dict[int, tuple[int, float]] = {}
    step = HOUR // 10
    for at in range(NOON, NOON + HOUR + 1, step):
        for since, into in ((at - step, laid), (NOON - step, {})):
            columns = history.moment(since, at)
            into.update({c: (w, v) for c, w, v in zip(*(column.tolist() for column in columns), strict=True)})
        assert laid == newest_by(made(1, 400), NOON - step, at)
