"""The watch's book on SQLite and PostgreSQL, and how tables grow by columns."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import Column, String, text

from cityward.adapters.stores import database, watch_book
from cityward.adapters.stores.schema import ADDED, SEEN, VERSION
from cityward.adapters.stores.state import SqlState
from cityward.runtime.ports import BatchEffects, FlowCount
from cityward.runtime.watching.ports import AlertRow, HistoryAt, Position, WatchEffects
from cityward.watch.contract import Phase, Severity
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState, Trust
from cityward.watch.hands import Hand


def test_a_database_of_an_older_version_gets_the_columns_that_came_since_and_keeps_its_rows(
    store: SqlState, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.apply(BatchEffects(upto={0: 1}, counts=[FlowCount("f", 1, 1, 0, 0)]))
    added = Column("colour", String, server_default="grey")
    SEEN.append_column(added)
    try:
        monkeypatch.setattr(database, "VERSION", VERSION + 1)
        monkeypatch.setattr(database, "ADDED", {**ADDED, VERSION + 1: (added,)})
        for _ in range(2):  # once up to date, it stays so
            grown = SqlState(url)
            assert [(c.flow, c.admitted) for c in grown.counts()] == [("f", 1)]
            with grown._db.reading("look") as link:
                assert link.execute(text("SELECT colour FROM seen")).all() == []
                assert link.execute(text("SELECT count FROM tally WHERE name = 'schema'")).scalar() == VERSION + 1
            grown.dispose()
    finally:
        SEEN._columns.remove(added)


def a_finding(id_: str = "f1", at: int = 10, ended_at: int | None = None, incident: str = "i1") -> Finding:
    return Finding(
        id=id_, detector="freeze", kind="frozen", title="Value does not move", subject="meter-01", property="illuminance",
        severity=Severity.MEDIUM, phase=Phase.BEGAN, began_at=5, at=at, ended_at=ended_at, score=1.5, words="w.",
        todo="look", incident=incident,
    )  # fmt: skip


def an_incident(id_: str = "i1", severity: Severity = Severity.MEDIUM, last_at: int = 10) -> Incident:
    return Incident(
        id=id_, title="Value does not move", shared="device:meter-01", severity=severity, began_at=5, last_at=last_at,
        findings=1, subjects=1, first_subjects=("meter-01",), kinds=("freeze/frozen",),
    )  # fmt: skip


def a_turn(events: int, **more: Any) -> WatchEffects:
    return WatchEffects(position=Position(history=HistoryAt(version=3, upto={0: 7, 2: 9}), events=events), **more)


def test_a_turn_of_the_watch_is_held_with_its_position_and_again_changes_nothing(store: SqlState) -> None:
    watch = store.watch
    assert watch.watch_position() is None and watch.standings() == {}
    standing = DeviceStanding(device="meter-01", trust=0.4, state=Trust.QUARANTINED, since=10, because=("f1",))
    alert = AlertRow(channel="desk", incident="i1", stage="opened", body=b"{}")
    turn = a_turn(
        5, findings=[a_finding()], incidents=[an_incident()], standings=[standing], alerts=[alert], counts={"x": 2}
    )
    for _ in range(2):
        watch.hold(turn)
    assert watch.watch_position() == turn.position
    assert (
        list(watch.findings(incident="i1")) == list(watch.findings(device="meter-01", going_on=True)) == [a_finding()]
    )
    assert list(watch.incidents(IncidentState.OPEN)) == [an_incident()] and watch.open_incidents() == 1
    assert watch.standings() == {"meter-01": standing} == watch.standings()
    (due,) = watch.alerts_due(0, 10)
    assert (due.channel, due.stage, due.body, due.state) == ("desk", "opened", b"{}", "waiting")
    watch.alert_settled(due.ordinal, "sent", 1, 0)
    assert list(watch.alerts_due(0, 10)) == []
    watch.hold(a_turn(6, trusted=["meter-01"]))
    assert watch.standings() == {}


def test_an_older_word_of_a_finding_changes_nothing_and_what_ended_stays_ended(store: SqlState) -> None:
    watch = store.watch
    watch.hold(a_turn(1, findings=[a_finding(at=10)]))
    watch.hold(a_turn(2, findings=[a_finding(at=20, ended_at=20)]))
    watch.hold(a_turn(3, findings=[a_finding(at=10)]))
    (kept,) = watch.findings(device="meter-01")
    assert (kept.at, kept.ended_at) == (20, 20)
    assert list(watch.findings_since(21, 10)) == [] and len(watch.findings_since(20, 10)) == 1


def test_what_a_person_said_stays_until_it_grows_worse_than_the_person_saw(store: SqlState) -> None:
    watch = store.watch
    watch.hold(a_turn(1, incidents=[an_incident()]))
    assert watch.acknowledge("i1", "operator", "on it", IncidentState.ACKNOWLEDGED)
    assert not watch.acknowledge("i9", "operator", "", IncidentState.CLOSED)
    watch.hold(a_turn(2, incidents=[an_incident(last_at=30)]))
    (kept,) = watch.incidents()
    assert (kept.state, kept.person, kept.note, kept.last_at) == (IncidentState.ACKNOWLEDGED, "operator", "on it", 30)
    watch.hold(a_turn(3, incidents=[an_incident(severity=Severity.HIGH)]))
    assert watch.incidents()[0].state is IncidentState.OPEN
    watch.acknowledge("i1", "operator", "done", IncidentState.CLOSED)
    watch.hold(a_turn(4, incidents=[an_incident(severity=Severity.CRITICAL)]))
    assert watch.words_on(["i1", "i9"]) == {"i1": (IncidentState.CLOSED, "operator", "done")}


def test_its_version_grows_with_what_is_told_of_incidents_and_with_nothing_else(store: SqlState) -> None:
    watch, seen = store.watch, [store.watch.version()]
    watch.hold(a_turn(1))
    watch.hold(a_turn(2, findings=[a_finding()]))
    assert watch.version() == seen[0]
    for change in (
        lambda: watch.hold(a_turn(3, incidents=[an_incident()])),
        lambda: watch.acknowledge("i1", "ada", "", IncidentState.ACKNOWLEDGED),
        lambda: store.hands.put_hand(Hand(incident="i1", assigned_to="ada"), at=4),
        lambda: watch.hold(a_turn(5, trusted=["lamp-01"])),
    ):
        change()
        seen.append(watch.version())
    assert seen == sorted(set(seen))


def test_the_book_of_the_watch_keeps_what_goes_on_and_counts_what_it_forgets(
    store: SqlState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_book, "FINDINGS_KEPT", 3)
    watch = store.watch
    watch.hold(a_turn(1, findings=[a_finding("goes-on")]))
    for n in range(6):
        watch.hold(a_turn(2 + n, findings=[a_finding(f"f{n}", at=20 + n, ended_at=20 + n)]))
    assert [f.id for f in watch.findings(device="meter-01")] == ["f5", "f4", "f3", "goes-on"]
    assert watch.not_kept()["findings-pruned"] == 3


def test_a_channel_with_many_alerts_waiting_hides_no_other_channels_alert(store: SqlState) -> None:
    many = [AlertRow(channel="dead", incident=f"i{n}", stage="opened", body=b"{}") for n in range(60)]
    store.watch.hold(a_turn(1, alerts=many))
    store.watch.hold(a_turn(2, alerts=[AlertRow(channel="desk", incident="i60", stage="opened", body=b"{}")]))
    due = store.watch.alerts_due(0, 50)
    assert [(row.channel, row.incident) for row in due[:3]] == [("dead", "i0"), ("desk", "i60"), ("dead", "i1")]
    assert [row.incident for row in due if row.channel == "dead"] == [f"i{n}" for n in range(49)]


def test_the_pages_of_incidents_hold_each_once_the_worst_first_then_the_newest(store: SqlState) -> None:
    severities = [Severity.CRITICAL, Severity.LOW, Severity.HIGH]
    many = [an_incident(f"i{n:03}", severities[n % 3], last_at=n // 6) for n in range(250)]  # some at the same time
    store.watch.hold(a_turn(1, incidents=many))
    store.watch.acknowledge("i000", "ada", "", IncidentState.ACKNOWLEDGED)
    pages, after = list[list[Incident]](), None
    while page := store.watch.incidents(IncidentState.OPEN, 100, after):
        pages.append(list(page))
        after = page[-1].id
    told = [incident for page in pages for incident in page]
    assert [len(page) for page in pages] == [100, 100, 49]
    assert [i.id for i in told] == [
        i.id for i in sorted(many, key=lambda i: (-i.severity.rank, -i.last_at, i.id)) if i.id != "i000"
    ]
    assert store.watch.incidents(IncidentState.OPEN, 100, "nobody") == []
    assert store.watch.incident_counts() == {
        IncidentState.OPEN: {Severity.CRITICAL: 83, Severity.LOW: 83, Severity.HIGH: 83},
        IncidentState.ACKNOWLEDGED: {Severity.CRITICAL: 1},
    }


def test_pairs_that_are_one_source_are_those_of_copies_that_go_on(store: SqlState) -> None:
    def copies(id_: str, subject: str, *others: str, **more: Any) -> Finding:
        kind = {"detector": "crowd-of-one", "kind": "copies", "subject": subject, "others": others}
        return msgspec.structs.replace(a_finding(id_), **(kind | more))

    others_word = copies("f4", "meter-08", "meter-09", detector="freeze", facts={"x": '"copies"'})
    findings = [copies("f1", "meter-01", "meter-02", "meter-03"), copies("f2", "meter-05", "meter-06"), others_word]
    store.watch.hold(a_turn(1, findings=findings))
    store.watch.hold(a_turn(2, findings=[copies("f2", "meter-05", "meter-06", at=20, ended_at=20)]))

    assert store.watch.one_source() == {frozenset({"meter-01", "meter-02"}), frozenset({"meter-01", "meter-03"})}
