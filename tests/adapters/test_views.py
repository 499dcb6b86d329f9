"""The book of views, on the real database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cityward.adapters.stores.state import SqlState
from cityward.runtime.pictures.viewing import ViewRefusal, ViewRow, ViewState, grants_clear, may

ROW = ViewRow(
    "v1", "ada", "council", "quay", "safety", "a fight was called in", "live", "covered", 60, 100, 160, ViewState.OPEN,
    opened_at=100, record="viewing:1",
)  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Iterator[SqlState]:
    made = SqlState(f"sqlite:///{tmp_path / 'state.db'}")
    yield made
    made.dispose()


def test_keeps_a_view_as_it_was_last_put(state: SqlState) -> None:
    ended = replace(ROW, state=ViewState.ENDED, outcome="expired", pictures=7)

    state.views.put(ROW)
    assert state.views.under_way() == [ROW]
    state.views.put(ended)

    assert (state.views.view("v1"), state.views.view("v2")) == (ended, None)
    assert state.views.under_way() == []


def test_tells_views_by_camera_person_and_time_those_under_way_first(state: SqlState) -> None:
    rows = [
        replace(ROW, id="a", asked_at=10, state=ViewState.ENDED),
        replace(ROW, id="b", asked_at=20, state=ViewState.ENDED, camera="gate"),
        replace(ROW, id="c", asked_at=5, person="bo"),
    ]
    for row in rows:
        state.views.put(row)

    assert [row.id for row in state.views.views()] == ["c", "b", "a"]
    assert [row.id for row in state.views.views(camera="quay")] == ["c", "a"]
    assert [row.id for row in state.views.views(person="ada", since=11)] == ["b"]
    assert [row.id for row in state.views.views(1)] == ["c"]


def test_keeps_who_asked_and_got_nothing(state: SqlState) -> None:
    one = ViewRefusal(
        7, "ada", "council", "quay", "", "", "live", "clear", ("wrong-purpose", "no-reason"), "127.0.0.1", "viewing:2"
    )
    state.views.refuse(one)
    state.views.refuse(replace(one, at=9, record="viewing:3", person="bo"))

    assert [row.record for row in state.views.refusals()] == ["viewing:3", "viewing:2"]
    assert state.views.refusals(person="ada") == [one]


def test_a_view_goes_forward_only() -> None:
    assert may(ViewState.ASKED, ViewState.AGREED)
    assert not may(ViewState.ASKED, ViewState.OPEN)
    assert not any(may(ViewState.ENDED, state) for state in ViewState)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"cover": "covered"}, False),
        ({"second": ""}, False),
        ({"second": "ada"}, False),
        ({"camera": "gate"}, False),
        ({"state": ViewState.AGREED}, False),
        ({"ends_at": 120}, False),
    ],
)
def test_the_uncovered_picture_needs_an_open_view_of_this_camera_and_two_persons(
    changed: dict[str, object], holds: bool
) -> None:
    clear = replace(ROW, cover="clear", second="bo")

    assert grants_clear(replace(clear, **changed), "quay", 120) is holds  # type: ignore[arg-type]
    assert not grants_clear(None, "quay", 120)
