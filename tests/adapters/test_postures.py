"""The book of postures on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

from dataclasses import replace

from cityward.adapters.stores.state import SqlState
from cityward.runtime.posturing import PostureRow, Turned

ROW = PostureRow("a1", "crisis", "flood", "ada", 10, 60, 100, Turned.ASKED)


def test_begins_empty(store: SqlState) -> None:
    assert (store.postures(), store.postures_under_way(), store.postures_in_force(0)) == ([], [], {})


def test_gives_back_what_was_put_and_replaces_it_by_its_id(store: SqlState) -> None:
    store.put_posture(ROW)
    assert store.postures() == [ROW]
    ended = replace(ROW, state=Turned.OFF, approved_by="bo", begun_at=11, end_asked_by="cy", ended_at=12, ended_by="bo")
    store.put_posture(ended)
    assert (store.postures(), store.postures_under_way()) == ([ended], [])


def test_what_is_asked_for_is_not_in_force_and_what_ends_still_is(store: SqlState) -> None:
    store.put_posture(ROW)
    store.put_posture(replace(ROW, id="a2", posture="storm", state=Turned.ON, until=200))
    store.put_posture(replace(ROW, id="a3", posture="flood", state=Turned.ENDING, until=300))
    assert store.postures_in_force(99) == {"storm": 200, "flood": 300}
    assert store.postures_in_force(200) == {"flood": 300}, "until is the first moment without it"


def test_what_is_under_way_is_told_before_what_ended_however_much_ended(store: SqlState) -> None:
    store.put_posture(ROW)
    for n in range(20):
        store.put_posture(replace(ROW, id=f"old-{n:02}", asked_at=20 + n, state=Turned.EXPIRED))
    assert [row.id for row in store.postures(3)] == ["a1", "old-19", "old-18"]
