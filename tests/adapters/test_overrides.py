"""The book of overrides and consents, and what services remember, on both engines; also when the database is killed under it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from cityward.adapters.stores.state import SqlState
from cityward.errors import LinkError
from cityward.runtime.overriding import ConsentRow, OverrideRow, OverrideState
from cityward.runtime.serving.kept import ServiceEffects
from cityward.time import HOUR

NOON = 1_760_000_000_000_000
HELD = OverrideRow(
    id="o1", service="quay-lights", target="quay-lamps", devices=("lamp-01", "lamp-02"), command="dim", value=100.0,
    reason="a market", asked_by="ada", asked_at=NOON, seconds=3600, until=NOON + HOUR, state=OverrideState.HOLDING,
    begun_at=NOON,
)  # fmt: skip
WAITS = ConsentRow(
    id="c1", service="quay-lights", device="lamp-01", command="dim", value=10.0, cause={"why": "quiet"},
    sources=("counter-1",), asked_at=NOON, until=NOON + HOUR,
)  # fmt: skip


def test_overrides_are_given_as_they_were_put_those_under_way_first(store: SqlState):
    ended = replace(HELD, id="o2", asked_at=NOON + 1, state=OverrideState.UNDONE, ended_at=NOON + 2, ended_by="bo")
    asked = replace(HELD, id="o0", asked_at=NOON - 1, state=OverrideState.ASKED, begun_at=None)
    for row in (ended, HELD, asked):
        store.put_override(row)
    assert store.overrides() == [HELD, asked, ended]
    assert store.overrides_under_way() == [asked, HELD]
    assert store.overrides(service="bins") == []
    store.put_override(replace(HELD, state=OverrideState.UNDONE, ended_at=NOON + 5, ended_by="ada"))
    assert [row.id for row in store.overrides_under_way()] == ["o0"]


def test_of_two_who_settle_a_consent_at_once_one_does(store: SqlState):
    store.put_consents([WAITS, replace(WAITS, id="c2", asked_at=NOON - 1)])
    assert [row.id for row in store.consents_under_way()] == ["c2", "c1"]
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda n: store.settle_consent("c1", "approved", f"person-{n}"), range(8)))
    assert done.count(True) == 1
    [settled] = [row for row in store.consents() if row.id == "c1"]
    assert settled == replace(WAITS, state="approved", by=f"person-{done.index(True)}")


@pytest.mark.postgresql
def test_what_persons_hold_and_services_remember_outlives_a_killed_database(mortal_postgresql: Any):
    state = SqlState(mortal_postgresql.url)
    state.put_override(HELD)
    state.put_consents([WAITS])
    state.services.keep(ServiceEffects(at=NOON, memories={"quay-lights": b'{"at":7}'}))
    mortal_postgresql.kill()
    with pytest.raises(LinkError):
        state.overrides_under_way()
    mortal_postgresql.start()
    deadline = time.monotonic() + 30
    while True:
        try:
            held = state.overrides_under_way()
            break
        except LinkError:  # the pool finds its connections dead, one after another
            assert time.monotonic() < deadline
    assert held == [HELD] and state.consents_under_way() == [WAITS]
    assert state.services.memories() == {"quay-lights": b'{"at":7}'}
    state.dispose()
