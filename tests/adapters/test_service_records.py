"""What is kept of the services, on both engines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cityward.adapters.stores import service_records
from cityward.adapters.stores.service_records import ServiceRecords
from cityward.adapters.stores.state import SqlState
from cityward.runtime.serving.kept import NoticeRow, PlanRow, PublishedRow, ServiceEffects, ServiceStatus, StopRow
from cityward.runtime.watching.ports import AlertRow
from cityward.services.board import Board
from cityward.services.contract import Estimate

NOTICE = NoticeRow(service="a", id="n", subject="s", title="t", urgency="safety", since=1, first_at=5)
PLAN = PlanRow(
    plan_id="a.round.1",
    service="a",
    kind="round",
    crew="c",
    stops=(StopRow(subject="bin", position=(1.0, 2.0), due=9),),
    cause={"why": "full"},
    issued_at=7,
    expires_at=99,
)
ALL = ServiceEffects(
    at=10,
    memories={"a": b'{"x":1}'},
    boards={"a": b'{"summary":"fine"}'},
    statuses=[ServiceStatus(service="a", at=10, memory_bytes=7)],
    notices=[NOTICE],
    alerts=[AlertRow("mail", "notice-1", "opened", b"{}")],
    estimates=[("a", Estimate("bin", "fill", 20, 10, 3.0, 2.0, 4.0, model="m", sources=("x", "y"), missing=0.5))],
    published=[PublishedRow(service="a", name="feed.pb", body=b"\x00\xff", at=10)],
    plans=[PLAN],
)


@pytest.fixture
def records(store: SqlState) -> ServiceRecords:
    return store.services


def test_what_a_tick_tells_is_there_whole_and_the_same_again_changes_nothing(records: ServiceRecords, store: SqlState):
    for _ in range(2):
        records.keep(ALL)
    assert records.memories() == {"a": b'{"x":1}'}
    assert records.board("a") == Board(summary="fine") and records.board("b") is None
    assert records.statuses()["a"].memory_bytes == 7
    assert list(records.standing_notices(0)) == list(records.notices_of("a", 10)) == [NOTICE]
    assert records.notices_standing() == {"a": 1}
    assert [estimate for _, estimate in ALL.estimates] == list(records.estimates_of("a", 20, 10, "bin"))
    assert records.estimates_of("a", 21, 10) == [] == records.estimates_of("a", 0, 10, "other")
    assert records.published("a", "feed.pb") == ALL.published[0] and records.published("a", "none") is None
    assert records.published_names("a") == {"feed.pb": 10}
    assert records.plan("a.round.1") == PLAN == records.plans_of("a", 10)[0] and list(records.plans_since(8)) == []
    assert len(store.watch.alerts_due(1, 10)) == 1, "an alert is in the outbox once"
    assert records.commands_of("a", 10) == [] and records.commands_open() == {}


def test_a_newer_estimate_of_the_same_moment_takes_the_place_of_the_older(records: ServiceRecords):
    records.keep(ALL)
    newer = Estimate("bin", "fill", 20, 15, 5.0, 4.0, 6.0)
    records.keep(ServiceEffects(at=15, estimates=[("a", newer), ("b", newer)]))
    assert list(records.estimates_of("a", 0, 10)) == [newer] == list(records.estimates_of("b", 0, 10))


def test_each_service_keeps_so_many_and_the_oldest_go(records: ServiceRecords, monkeypatch: pytest.MonkeyPatch):
    for name in ("NOTICES_KEPT", "ESTIMATES_KEPT", "DOCUMENTS_KEPT", "PLANS_KEPT"):
        monkeypatch.setattr(service_records, name, 3)
    records.keep(ALL)
    for n in range(100, 106):
        ended = NoticeRow(
            service="a", id=str(n), subject="s", title="t", urgency="routine", since=1, first_at=n, ended_at=n
        )
        plan = PlanRow(plan_id=str(n), service="a", kind="k", crew="c", stops=(), cause={}, issued_at=n, expires_at=n)
        effects = ServiceEffects(
            at=n,
            notices=[ended],
            estimates=[("a", Estimate("s", "p", n, n, 1.0, 1.0, 1.0))],
            published=[PublishedRow(service="a", name=str(n), body=b"", at=n)],
            plans=[plan],
        )
        records.keep(effects)
    assert {row.id for row in records.notices_of("a", 99)} == {"n", "103", "104", "105"}, (
        "what stands is never forgotten"
    )
    assert [e.at for e in records.estimates_of("a", 0, 99)] == [103, 104, 105]
    assert set(records.published_names("a")) == {"103", "104", "105"}
    assert [row.plan_id for row in records.plans_of("a", 99)] == ["105", "104", "103"]


def test_memory_is_replaced_and_others_are_left_alone(records: ServiceRecords):
    records.keep(replace(ALL, memories={"a": b"1", "b": b"2"}))
    records.keep(ServiceEffects(at=11, memories={"a": b"3"}))
    assert records.memories() == {"a": b"3", "b": b"2"}
