"""The book of marks in both engines: what is in force, what is applied beside it, what a command rests on."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from cityward.adapters.stores import commands as kept
from cityward.adapters.stores.state import SqlState
from cityward.insight.hourly import HourlyRow
from cityward.insight.marks import OPEN, Mark, MarkState
from cityward.runtime.ports import BatchEffects, CommandRow, Latest, SourceSpan
from cityward.runtime.undoing.mark_ports import RetractionRow
from cityward.time import HOUR

MARK = Mark(
    id="m1", device="loop", properties=("vehicle-speed",), since=5, until=HOUR, state=MarkState.RETRACTED, why="drift",
    person="ada", made_at=99, record="taint:0",
)  # fmt: skip
HOURS = [("vehicle-speed", "quay", 0)]


def command(id_: str, sent_at: int, *spans: SourceSpan) -> CommandRow:
    return CommandRow(id_, "lights", "lamp", "dim", 40.0, {"why": "quiet"}, "service:1", "sent", sent_at, None, spans)


def test_a_mark_goes_from_making_to_in_force_to_cleared(store: SqlState):
    store.begin_mark(MARK, 7, "abc")
    assert store.marks() == store.marks("loop") == [MARK] and not store.marks("lux")
    assert [(r.mark, r.rows, r.digest, r.phase) for r in store.unfinished_marks()] == [(MARK, 7, "abc", "making")]
    store.list_hours(HOURS)
    store.end_mark("m1")
    assert store.stale_hours(10) == HOURS and store.mark_rows(id_="m1")[0].phase == "in-force"
    assert store.retraction("m1") == RetractionRow("m1", 0, 0, "") and store.unfinished_marks()
    store.set_retraction(RetractionRow("m1", 1, 24, "taint:1"))
    assert not store.unfinished_marks()
    store.begin_clear("m1", 120)
    assert not store.marks() and store.unfinished_marks()[0].phase == "clearing"
    store.end_mark("m1")
    row = store.mark_rows("loop")[0]
    assert (row.phase, row.ended_at) == ("cleared", 120) and not store.unfinished_marks()


def test_hours_are_made_of_what_is_given_the_positions_and_the_retractions(store: SqlState):
    store.apply(BatchEffects({0: 3, 2: 9}, hourly=[HourlyRow("vehicle-speed", "quay", 0, 5, 50.0, 1.0, 30.0)]))
    store.begin_mark(MARK, 0, "")
    store.list_hours([*HOURS, ("vehicle-speed", "hill", 0)])
    asked: list[tuple[Mapping[int, int], Sequence[Mark]]] = []

    def made(upto: Mapping[int, int], marks: Sequence[Mark]) -> Sequence[HourlyRow]:
        asked.append((upto, marks))
        beside = HourlyRow("vehicle-speed", "elsewhere", 0, 1, 1.0, 1.0, 1.0)
        return [HourlyRow("vehicle-speed", "quay", 0, 2, 20.0, 9.0, 11.0), beside]

    store.make_hours(store.stale_hours(10), made)
    assert asked == [({0: 3, 2: 9}, [MARK])]
    assert store.hourly(0, HOUR) == [HourlyRow("vehicle-speed", "quay", 0, 2, 20.0, 9.0, 11.0)]
    assert not store.stale_hours(10)


def test_what_is_applied_asks_for_the_retractions_in_force(store: SqlState):
    all_of_it = HourlyRow("vehicle-speed", "quay", 0, 5, 50.0, 1.0, 30.0)
    rest = HourlyRow("vehicle-speed", "quay", 0, 4, 20.0, 1.0, 9.0)
    latest = Latest("loop", "vehicle-speed", 30.0, 50, 51, 1)
    asked: list[Sequence[Mark]] = []

    def without(marks: Sequence[Mark]) -> tuple[Sequence[Latest], Sequence[HourlyRow]]:
        asked.append(marks)
        return [replace(latest, value=9.0, observed_at=4)], [rest]

    store.put_suspects([replace_mark(MARK, id="s1", state=MarkState.SUSPECT)])
    store.apply(BatchEffects({0: 1}, latest=[latest], hourly=[all_of_it], without=without))
    assert not asked and store.hourly(0, HOUR) == [all_of_it]
    store.begin_mark(MARK, 0, "")
    store.apply(BatchEffects({0: 2}, latest=[latest], hourly=[all_of_it], without=without))
    assert asked == [[MARK]] and [row.count for row in store.hourly(0, HOUR)] == [9]
    store.make_latest("loop", lambda upto, marks: [replace(latest, value=8.0, observed_at=3, seq=1)])
    assert [(row.value, row.observed_at) for row in store.latest_of(["loop"])] == [(8.0, 3)]


def replace_mark(mark: Mark, **changes: object) -> Mark:
    return Mark(**{name: getattr(mark, name) for name in Mark.__struct_fields__} | changes)


def test_suspect_marks_without_an_end_get_one(store: SqlState):
    mark = replace_mark(MARK, id="s1", properties=(), until=OPEN, state=MarkState.SUSPECT)
    store.put_suspects([mark])
    store.put_suspects([mark])
    assert store.open_suspects() == [mark]
    store.put_suspects([replace_mark(mark, until=77)])
    assert not store.open_suspects() and store.marks()[0].until == 77


def test_commands_are_found_by_what_they_rest_on_and_when_it_was_read(store: SqlState):
    store.command_sent(command("c1", 100, SourceSpan("loop", 40, 90), SourceSpan("lux", 95, 95)))
    store.command_sent(command("c2", 200, SourceSpan("loop", 150, 190)))
    store.command_sent(command("c3", 300))
    found, count = store.commands_from("loop", 0, 400, 1)
    assert ([row.command_id for row in found], count) == (["c2"], 2)
    spans = {(0, 41): ["c1"], (91, 150): [], (90, 91): ["c1"], (190, 191): ["c2"], (191, 400): []}
    for (since, until), ids in spans.items():
        assert [row.command_id for row in store.commands_from("loop", since, until, 9)[0]] == ids, (since, until)
    assert [len(row.sources) for row in store.commands(9)] == [0, 1, 2]
    assert store.command("c1") is not None and store.command("c9") is None and store.oldest_command() == 100


def test_sources_go_with_their_command(store: SqlState, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept, "COMMANDS_KEPT", 2)
    for n in range(5):
        store.command_sent(command(f"c{n}", n, SourceSpan("loop", n, n)))
        store.command_settled(f"c{n}", "acknowledged", n)
    assert store.commands_from("loop", 0, 99, 9)[1] == len(store.commands(9)) == 2


@pytest.mark.parametrize("clears", [False, True])
def test_hours_are_exact_while_batches_are_applied_beside_them(store: SqlState, clears: bool):
    """Each batch brings one good and one bad reading to the hour; `held` is what history has, always first."""
    held: list[int] = []
    applied = threading.Semaphore(0)

    def hours(rows: int, bad: bool) -> HourlyRow:
        return HourlyRow("vehicle-speed", "quay", 0, rows * (2 if bad else 1), 0.0, 0.0, 99.0 if bad else 1.0)

    def work() -> None:
        for seq in range(1, 61):
            held.append(seq)
            store.apply(BatchEffects({0: seq}, hourly=[hours(1, True)], without=lambda marks: ((), [hours(1, False)])))
            applied.release()

    def made(upto: Mapping[int, int], marks: Sequence[Mark]) -> Sequence[HourlyRow]:
        while applied.acquire(blocking=False):
            pass
        # whoever may apply meanwhile has the time to: the one that was under way, and another
        applied.acquire(timeout=0.3)
        applied.acquire(timeout=0.3)
        rows = sum(1 for seq in list(held) if seq <= upto.get(0, 0))
        return [hours(rows, not marks)] if rows else []

    worker = threading.Thread(target=work)
    worker.start()
    applied.acquire(timeout=10)
    store.begin_mark(MARK, 0, "")
    store.list_hours(HOURS)
    store.make_hours(HOURS, made)
    if clears:
        store.begin_clear("m1", 1)
        store.list_hours(HOURS)
        store.make_hours(HOURS, made)
    worker.join()
    assert [(row.count, row.high) for row in store.hourly(0, HOUR)] == [(120, 99.0) if clears else (60, 1.0)]
