"""The book of releases, on both engines: balance, whole transactions, atoms that never change, receipts by device and time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cityward.adapters.stores.state import SqlState
from cityward.guard.release import Atoms
from cityward.runtime.releasing.ports import (
    DELIVERED,
    QUEUED,
    SHED,
    Due,
    LaneAt,
    Receipt,
    RecipientRow,
    RefusedRow,
    ToldOtherwise,
)
from cityward.runtime.watching.ports import HistoryAt
from cityward.time import DAY, HOUR

NOON = 20_000 * DAY + 12 * HOUR


@pytest.fixture
def state(store: SqlState) -> SqlState:
    """Each engine (`conftest.store`)."""
    return store


def receipt(record: str, **changed: Any) -> Receipt:
    usual = Receipt(
        record=record, recipient="desk", party="acme", flow="out", agreement="deal", dataset="light", purpose="planning",
        way="query", at=NOON, since=NOON - HOUR, until=NOON, rows=10, units=2, devices=("meter-01", "meter-02"),
        digest="d" * 64, form={},
        rules="r" * 64, state=QUEUED,
    )  # fmt: skip
    return replace(usual, **changed)


def due(*receipts: Receipt, body: bytes | None = b"rows", **more: Any) -> Due:
    return Due("light/planning", LaneAt(until=5), tuple((one, body) for one in receipts), **more)


def atoms(*some: tuple[int, int, int]) -> Atoms:
    name, start, seen = zip(*some, strict=True)
    return Atoms(np.array(name, dtype=np.uint64), np.array(start, dtype=np.int64), np.array(seen, dtype=np.uint64))


def counted(state: SqlState, recipient: str = "desk") -> tuple[int, ...]:
    [one] = [count for count in state.releases.counts() if count.recipient == recipient]
    assert one.triggered == one.sent + one.queued + one.shed
    return one.triggered, one.sent, one.queued, one.shed, one.withheld, one.refused


def test_what_is_queued_sent_and_shed_is_in_balance(state: SqlState):
    state.releases.take("desk", due(receipt("r:1"), receipt("r:2", rows=5), withheld=3))
    assert counted(state) == (15, 0, 15, 0, 3, 0)
    assert state.releases.settled("r:1", DELIVERED, 1, NOON)
    assert state.releases.settled("r:2", SHED, 4, NOON, "queue-full")
    assert counted(state) == (15, 10, 0, 5, 3, 0)
    assert not state.releases.settled("r:1", SHED, 1, NOON)
    assert counted(state) == (15, 10, 0, 5, 3, 0)


def test_what_was_given_at_once_is_sent_and_waits_for_nobody(state: SqlState):
    state.releases.take("desk", due(receipt("r:1", state=DELIVERED), body=None))
    assert counted(state) == (10, 10, 0, 0, 0, 0)
    assert state.releases.waiting("desk", 9) == []


def test_position_and_bodies_are_there_together_and_oldest_first(state: SqlState):
    there = LaneAt(history=HistoryAt(version=7, upto={0: 3}), until=9)
    assert state.releases.position("desk", "light/planning") is None
    state.releases.take("desk", Due("light/planning", there, ((receipt("r:1"), b"one"), (receipt("r:2"), b"two"))))
    assert state.releases.position("desk", "light/planning") == there
    assert [(one.record, body) for one, body in state.releases.waiting("desk", 9)] == [("r:1", b"one"), ("r:2", b"two")]


def test_the_oldest_go_first_when_more_waits_than_declared_but_never_the_newest(state: SqlState):
    state.releases.take("desk", due(receipt("r:1"), receipt("r:2"), receipt("r:3")))
    assert [one.record for one in state.releases.over("desk", 20)] == ["r:1"]
    assert [one.record for one in state.releases.over("desk", 5)] == ["r:1", "r:2"]
    assert state.releases.over("desk", 30) == []


def test_an_atom_told_with_another_value_takes_nothing_of_the_transaction(state: SqlState):
    large = (1 << 64) - 3  # beyond what an int64 holds
    state.releases.take("desk", due(receipt("r:1"), atoms=[atoms((large, 60, 8))]))
    state.releases.take("desk", due(receipt("r:2"), atoms=[atoms((large, 60, 8), (large, 120, 9))]))
    with pytest.raises(ToldOtherwise):
        state.releases.take("desk", due(receipt("r:3"), atoms=[atoms((large, 120, 10))]))
    assert counted(state)[0] == 20
    told = state.releases.told(60, 121)
    assert sorted(zip(told.name.tolist(), told.start.tolist(), told.seen.tolist(), strict=True)) == [
        (large, 60, 8), (large, 120, 9),
    ]  # fmt: skip
    assert len(state.releases.told(0, 60).name) == 0


def test_receipts_are_found_by_device_and_by_the_time_of_what_was_observed(state: SqlState):
    late = receipt("r:2", devices=("meter-09",), since=NOON, until=NOON + HOUR)
    state.releases.take("desk", due(receipt("r:1"), late))
    found = state.releases.receipts(device="meter-01")
    assert [one.record for one in found] == ["r:1"]
    assert found[0].devices == ("meter-01", "meter-02")
    assert state.releases.receipts(device="meter-01", since_us=NOON) == []
    assert [one.record for one in state.releases.receipts(since_us=NOON)] == ["r:2"]
    assert [one.record for one in state.releases.receipts(after="r:2")] == ["r:1"]


def test_whoever_must_be_told_of_a_device_is_known_by_dataset_and_span(state: SqlState):
    state.releases.take("desk", due(receipt("r:1"), receipt("r:2", since=NOON, until=NOON + HOUR, at=NOON + HOUR)))
    [one] = state.releases.given_of("meter-02", NOON - HOUR, NOON + HOUR)
    assert (one.recipient, one.dataset, one.since, one.until, one.receipts) == (
        "desk",
        "light",
        NOON - HOUR,
        NOON + HOUR,
        2,
    )
    assert (one.first_at, one.last_at) == (NOON, NOON + HOUR)
    assert state.releases.given_of("meter-02", NOON + HOUR, NOON + DAY) == []
    assert state.releases.given_of("meter-07", 0, NOON) == []


def test_what_was_given_is_summed_by_day_for_budgets_and_statements(state: SqlState):
    state.releases.take("desk", due(receipt("r:1"), receipt("r:2", at=NOON + DAY)))
    assert state.releases.taken_on("desk", 20_000) == 10
    days = [(row.day, row.rows, row.receipts) for row in state.releases.given("desk", 20_000, 20_001)]
    assert days == [(20_000, 10, 1), (20_001, 10, 1)]
    assert state.releases.given(None, 20_000, 20_001, "another") == []


def test_refusals_are_counted_and_told_newest_first(state: SqlState):
    rows = [
        RefusedRow(NOON + n, "desk", "light", "spying", "192.0.2.9", ("undeclared", "pending"), 2, f"w:{n}")
        for n in (0, 1)
    ]
    state.releases.refuse(rows)
    assert state.releases.refusals("desk", 9) == rows[::-1]
    assert counted(state)[5] == 4


def test_old_receipts_are_forgotten_but_not_what_waits(state: SqlState):
    state.releases.take("desk", due(receipt("r:1"), receipt("r:2")))
    state.releases.settled("r:1", DELIVERED, 1, NOON)
    assert state.releases.forget(NOON + 1) == 1
    assert state.releases.known(["r:1", "r:2"]) == {"r:2"}


def test_a_changed_credential_changes_the_version_with_it(state: SqlState):
    row = RecipientRow("desk", "key", b"1" * 32, None, "", "active", 1, "ann")
    book = state.recipients
    assert book.version() == 0
    book.issue_to(row)
    assert (book.version(), book.recipients()) == (1, {"desk": row})
    assert book.revoke("desk")
    assert not book.revoke("desk")
    assert (book.version(), book.recipients()["desk"].state) == (2, "revoked")


def test_approvals_begin_once_in_the_life_of_a_city(state: SqlState):
    assert [state.recipients.begin(), state.recipients.begin()] == [True, False]
