"""Retraction beside a real history and a real database: exact whatever arrives in between, and after a crash at any step."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.evidence.records import AnyRecord, Marked, Retracted, decode, encode
from cityward.guard.admit import Admitted, Judged
from cityward.ids import partition_of
from cityward.insight.hourly import by_hour
from cityward.insight.marks import Mark, MarkState, covered, digest_of
from cityward.runtime.ports import BatchEffects, CommandRow, Latest, SourceSpan
from cityward.runtime.undoing.retraction import RetractionPorts, Retractions
from cityward.time import DAY, HOUR, MINUTE, SECOND
from places import tiny_registry

REGISTRY = tiny_registry()
CHANNELS = len(REGISTRY.channel_unit)
PARTITION = np.array([partition_of(REGISTRY.units[u].id, 4) for u in REGISTRY.channel_unit.tolist()])
NOON = 1_760_011_200 * SECOND
NOW = NOON + 2 * DAY
DEVICE = REGISTRY.units[int(REGISTRY.channel_unit[0])].id
Row = tuple[int, int, float, int]  # channel, observed_at, value, seq


class KilledError(Exception):
    """The process is killed here."""


class Ledger:
    """The log, as bytes and back."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        first = len(self.entries)
        self.entries += [encode(record) for record in records]
        return [f"taint:{n}" for n in range(first, len(self.entries))]

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        return [(f"taint:{n}", decode(data)) for n, data in enumerate(self.entries)][-most:]

    def of(self, kind: type[Any]) -> list[Any]:
        return [record for _, record in self.tail(1000) if isinstance(record, kind)]


@dataclass
class Town:
    """A history and a state beside it. `pending` batches are held and not yet applied: what a worker has in hand."""

    folder: Path
    ledger: Ledger = field(default_factory=Ledger)
    rows: list[Row] = field(default_factory=list[Row])
    pending: list[tuple[list[Row], int]] = field(default_factory=list[tuple[list[Row], int]])
    applied: int = 0

    def __post_init__(self) -> None:
        self.history = DeltaHistory(str(self.folder / "history"), REGISTRY)
        self.state = SqlState(f"sqlite:///{self.folder / 'state.db'}")

    def hold(self, rows: Sequence[tuple[int, int, float]]) -> None:
        """A batch gets into history."""
        first = len(self.rows) + 1
        numbered = [(c, at, v, first + i) for i, (c, at, v) in enumerate(rows)]
        self.rows += numbered
        self.history.append(admitted(numbered), dict.fromkeys(range(4), len(self.rows)))
        self.pending.append((numbered, len(self.rows)))

    def apply(self) -> None:
        """The oldest batch in hand gets into state."""
        rows, upto = self.pending.pop(0)
        self.state.apply(effects_of(rows, upto))
        self.applied = upto

    def arrive(self, rows: Sequence[tuple[int, int, float]]) -> None:
        self.hold(rows)
        while self.pending:
            self.apply()

    def retractions(self, book: Any = None, ledger: Any = None) -> Retractions:
        ports = RetractionPorts(
            book=book or self.state,
            history=self.history,
            ledger=ledger or self.ledger,
            tell=lambda device: ("planner", "university"),
            now_us=lambda: NOW,
        )
        return Retractions(ports, REGISTRY)

    # -- what should be there

    def unretracted(self) -> list[Row]:
        marks = [m for m in self.state.marks() if m.state is MarkState.RETRACTED]
        rows = [row for row in self.rows if row[3] <= self.applied]
        return [row for row in rows if not any(covers(mark, row) for mark in marks)]

    def check(self) -> None:
        rows = self.unretracted()
        wanted = {(r.property, r.area, r.hour_us): r for r in by_hour(*columns(rows), REGISTRY)}
        found = {(r.property, r.area, r.hour_us): r for r in self.state.hourly(0, NOW + DAY)}
        assert {k: (r.count, r.low, r.high) for k, r in found.items()} == {
            k: (r.count, r.low, r.high) for k, r in wanted.items()
        }
        assert all(found[k].total == pytest.approx(wanted[k].total) for k in wanted)
        newest: dict[int, Row] = {}
        for row in rows:
            if row[0] not in newest or (row[1], row[3]) > (newest[row[0]][1], newest[row[0]][3]):
                newest[row[0]] = row
        devices = [unit.id for unit in REGISTRY.units]
        assert {(r.device, r.property): (r.value, r.observed_at) for r in self.state.latest_of(devices)} == {
            name_of(c): (v, at) for c, at, v, _ in newest.values()
        }


def covers(mark: Mark, row: Row) -> bool:
    device, property_id = name_of(row[0])
    return device == mark.device and mark.covers(property_id, row[1])


def name_of(channel: int) -> tuple[str, str]:
    return REGISTRY.units[int(REGISTRY.channel_unit[channel])].id, REGISTRY.channel_property[channel]


def columns(rows: Sequence[Row]) -> tuple[Any, Any, Any]:
    """(channel, value, observed_at)."""
    return (
        np.array([r[0] for r in rows], dtype=np.int32),
        np.array([r[2] for r in rows], dtype=np.float64),
        np.array([r[1] for r in rows], dtype=np.int64),
    )


def admitted(rows: Sequence[Row]) -> Admitted:
    channel, value, at = columns(rows)
    n = len(rows)
    return Judged(
        message=np.arange(n, dtype=np.int32),
        unit=REGISTRY.channel_unit[channel].astype(np.int32),
        channel=channel,
        value=value,
        observed_at=at,
        received_at=at + 5,
        seq=np.array([r[3] for r in rows], dtype=np.int64),
        flow=np.zeros(n, dtype=np.int32),
        reason=np.zeros(n, dtype=np.uint8),
    ).seal("worker-0:1")


def effects_of(rows: Sequence[Row], upto: int) -> BatchEffects:
    def made(kept: Sequence[Row]) -> tuple[Sequence[Latest], Any]:
        newest = {r[0]: r for r in sorted(kept, key=lambda r: r[1])}
        latest = [Latest(*name_of(c), v, at, at + 5, seq) for c, at, v, seq in newest.values()]
        return latest, by_hour(*columns(kept), REGISTRY)

    def without(marks: Sequence[Mark]) -> tuple[Sequence[Latest], Any]:
        return made([row for row in rows if not any(covers(mark, row) for mark in marks)])

    latest, hourly = made(rows)
    return BatchEffects(dict.fromkeys(range(4), upto), latest=latest, hourly=hourly, without=without)


class Meddled:
    """A book or a log between whose calls the world goes on, and at one of which the process is killed."""

    def __init__(self, inner: Any, meddle: Callable[[str], None]) -> None:
        self._inner, self._meddle = inner, meddle

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*args: Any, **more: Any) -> Any:
            self._meddle(f"before {name}")
            result = method(*args, **more)
            self._meddle(f"after {name}")
            return result

        return call


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def some_rows(random: Random, count: int, late: bool = True) -> list[tuple[int, int, float]]:
    span = 6 * HOUR if late else HOUR
    return [
        (random.randrange(CHANNELS), NOON + random.randrange(span), round(random.gauss(20, 5), 2)) for _ in range(count)
    ]


def test_hours_and_newest_values_are_those_of_the_other_rows(town: Town):
    town.arrive(some_rows(Random(1), 300))
    before = town.state.hourly(0, NOW)
    row = town.retractions().retract(DEVICE, (), NOON + HOUR, NOON + 3 * HOUR, why="drifted", person="ada")
    assert row.phase == "in-force" and row.rows > 0
    assert town.state.hourly(0, NOW) != before
    town.check()


def test_evidence_says_which_rows_and_who_must_be_told(town: Town):
    town.arrive(some_rows(Random(2), 200))
    town.state.command_sent(
        CommandRow("c1", "lights", "lamp", "dim", 40.0, {"why": "quiet"}, "service:1", "sent", NOON + 2 * HOUR, None,
                   [SourceSpan(DEVICE, NOON + HOUR, NOON + HOUR)])
    )  # fmt: skip
    row = town.retractions().retract(DEVICE, (), NOON, NOON + 6 * HOUR, why="drifted", person="ada")
    marked, retracted = town.ledger.of(Marked)[0], town.ledger.of(Retracted)[0]
    mine = [r for r in town.rows if name_of(r[0])[0] == DEVICE]
    channel, value, at = columns(mine)
    names = [REGISTRY.channel_property[c] for c in channel.tolist()]
    digest = digest_of(names, at, at + 5, value, np.array([r[3] for r in mine], dtype=np.int64))
    assert (marked.rows, marked.digest, marked.person, marked.state) == (len(mine), digest, "ada", "retracted")
    assert (retracted.marks, retracted.commands, retracted.tell) == ((row.mark.id,), ("c1",), ("planner", "university"))
    hours = {(REGISTRY.channel_property[r[0]], REGISTRY.channel_area[r[0]], r[1] // HOUR) for r in mine}
    assert retracted.hours == len(hours)


def test_asking_twice_is_asking_once(town: Town):
    town.arrive(some_rows(Random(3), 100))
    first = town.retractions().retract(DEVICE, (), NOON, NOON + HOUR, why="a", person="ada")
    entries = len(town.ledger.entries)
    assert town.retractions().retract(DEVICE, (), NOON, NOON + HOUR, why="b", person="bob") == first
    assert len(town.ledger.entries) == entries


def test_what_arrives_late_into_a_retracted_span_is_held_and_counts_nowhere(town: Town):
    town.arrive(some_rows(Random(4), 100))
    town.retractions().retract(DEVICE, (), NOON, NOON + 6 * HOUR, why="a", person="ada")
    hourly = town.state.hourly(0, NOW)
    town.arrive([(0, NOON + HOUR, 35.0), (0, NOON + 2 * HOUR, 36.0)])
    assert town.state.hourly(0, NOW) == hourly
    town.check()
    assert len(town.history.rows_of(DEVICE, NOON, NOON + 6 * HOUR)) == sum(
        1 for r in town.rows if name_of(r[0])[0] == DEVICE
    )


def test_clearing_gives_back_all_of_it_also_what_came_late(town: Town):
    town.arrive(some_rows(Random(5), 100))
    before = town.state.hourly(0, NOW)
    id_ = town.retractions().retract(DEVICE, (), NOON, NOON + 6 * HOUR, why="a", person="ada").mark.id
    town.arrive([(0, NOON + 5 * HOUR, 35.0)])
    cleared = town.retractions().clear(id_, why="it was right", person="bob")
    assert cleared is not None and cleared.phase == "cleared"
    town.check()
    assert sum(r.count for r in town.state.hourly(0, NOW)) == sum(r.count for r in before) + 1
    assert [m.state for m in town.ledger.of(Marked)] == ["retracted", "cleared"]
    again = town.retractions().retract(DEVICE, (), NOON, NOON + 6 * HOUR, why="c", person="ada")
    assert (again.mark.id, again.phase, again.mark.why) == (id_, "in-force", "c")
    town.check()


def test_one_property_can_be_retracted_alone(town: Town):
    town.arrive(some_rows(Random(6), 200))
    property_id = REGISTRY.channel_property[0]
    town.retractions().retract(DEVICE, (property_id,), NOON, NOON + 6 * HOUR, why="a", person="ada")
    town.check()


def test_what_is_learned_from_the_past_leaves_out_marked_rows(town: Town):
    town.arrive(some_rows(Random(7), 200))
    town.retractions().retract(DEVICE, (), NOON, NOON + 6 * HOUR, why="a", person="ada")
    history = DeltaHistory(str(town.folder / "history"), REGISTRY, marks=town.state.marks)
    channel, _, _ = history.past(0, NOW)
    assert len(channel) == len(town.unretracted()) and not set(REGISTRY.channels_of(0)) & set(channel.tolist())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.integers(0, 1 << 30), st.integers(0, 90), st.booleans())
@example(3286, 60, True)  # killed after the hours of a cleared mark were listed, before its newest values were made
def test_exact_whatever_arrives_in_between_and_wherever_it_is_killed(seed: int, killed_at: int, clears: bool):
    """A random city: batches are held and applied between any two steps, one step is the last of its process."""
    random = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        town = Town(Path(folder))
        town.arrive(some_rows(random, 60))
        steps = 0

        def meddle(step: str) -> None:
            nonlocal steps
            steps += 1
            if steps == killed_at:
                raise KilledError(step)
            if random.random() < 0.15:
                town.hold(some_rows(random, 5))
            if town.pending and random.random() < 0.3:
                town.apply()

        def go(retractions: Retractions) -> None:
            since = NOON + HOUR + 7 * MINUTE
            row = retractions.retract(DEVICE, (), since, NOON + 4 * HOUR, why="drift", person="ada")
            if clears:
                retractions.clear(row.mark.id, why="no", person="ada")

        def another() -> Retractions:
            return town.retractions(Meddled(town.state, meddle), Meddled(town.ledger, meddle))

        try:
            go(another())
        except KilledError:
            another().resume()
            town.check()
            go(another())
        town.check()
        while town.pending:
            town.apply()
        town.check()
        assert not town.state.stale_hours(1) and not town.state.unfinished_marks()
        assert len(town.ledger.of(Retracted)) >= 1
        town.state.dispose()


@given(st.data())
def test_covered_is_what_the_marks_say_row_by_row(data: st.DataObject):
    channels = data.draw(st.lists(st.integers(0, CHANNELS - 1), max_size=30))
    at = data.draw(st.lists(st.integers(0, 20), min_size=len(channels), max_size=len(channels)))
    devices = st.sampled_from([*(unit.id for unit in REGISTRY.units), "nobody"])
    properties = st.lists(st.sampled_from(sorted(set(REGISTRY.channel_property))), max_size=2).map(tuple)
    one = st.builds(
        Mark, id=st.just("m"), device=devices, properties=properties, since=st.integers(0, 20), until=st.integers(0, 20),
        state=st.sampled_from(MarkState),
    )  # fmt: skip
    marks = data.draw(st.lists(one, max_size=6))
    found = covered(np.array(channels, dtype=np.int32), np.array(at, dtype=np.int64), marks, REGISTRY)
    wanted = [any(covers(m, (c, t, 0.0, 0)) for m in marks) for c, t in zip(channels, at, strict=True)]
    assert found.tolist() == wanted
