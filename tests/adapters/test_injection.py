"""Hostile texts in the databases, SQLite and PostgreSQL: every value stays a value, and no table comes, goes or grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select

from cityward.adapters.stores.containments import ContainmentBook
from cityward.adapters.stores.schema import METADATA
from cityward.adapters.stores.state import SqlState
from cityward.runtime.containing import ContainmentRow
from cityward.runtime.ports import BatchEffects, CommandRow, FlowCount, Quarantined
from cityward.runtime.watching.ports import AlertRow, HistoryAt, Position, WatchEffects
from cityward.text import harmless
from cityward.watch.contract import Phase, Severity
from cityward.watch.findings import DeviceStanding, Finding, Incident, IncidentState, Trust
from hostile import BYTES, FILE, LONE_SURROGATE, TEXTS

CLEAN = list(dict.fromkeys(harmless(text) for text in [*TEXTS.values(), LONE_SURROGATE]))
"""As they are when they reach a store: `events.cut`, `judging` and the doors make them so."""

RAW = [text for text in TEXTS.values() if "\x00" not in text]
"""As they would reach it if somebody forgot: PostgreSQL has no NUL in texts and says so, the doors refuse it."""


def tables(store: SqlState) -> Mapping[str, int]:
    """Table -> its rows, of all that are really there."""
    with store._db.reading("count") as link:
        there = set(inspect(link).get_table_names())
        assert there == {table.name for table in METADATA.sorted_tables}
        return {t.name: link.execute(select(func.count()).select_from(t)).scalar_one() for t in METADATA.sorted_tables}


def finding(text: str) -> Finding:
    return Finding(
        id=f"f-{text}", detector="freeze", kind="frozen", title=text, subject=text, property=text, severity=Severity.MEDIUM,
        phase=Phase.BEGAN, began_at=5, at=10, score=1.5, words=text, todo=text, incident=f"i-{text}",
    )  # fmt: skip


def incident(text: str) -> Incident:
    return Incident(
        id=f"i-{text}", title=text, shared=text, severity=Severity.MEDIUM, began_at=5, last_at=10, findings=1, subjects=1,
        first_subjects=(text,), kinds=(text,),
    )  # fmt: skip


def turn(text: str, events: int) -> WatchEffects:
    return WatchEffects(
        position=Position(history=HistoryAt(version=1, upto={0: 1}), events=events),
        findings=[finding(text)],
        incidents=[incident(text)],
        standings=[DeviceStanding(device=text, trust=0.4, state=Trust.SUSPECT, since=10, because=(text,))],
        alerts=[AlertRow(channel=text, incident=f"i-{text}", stage=text, body=text.encode())],
    )


@pytest.fixture
def held(store: SqlState) -> SqlState:
    """A store with a row in most tables, so that a statement of a stranger's would have something to break."""
    store.apply(BatchEffects(upto={0: 1}, counts=[FlowCount("f", 1, 1, 0, 0)], reasons={("f", "not-json"): 1}))
    store.watch.hold(turn("before", 1))
    return store


@pytest.mark.parametrize("texts", [CLEAN, RAW], ids=["clean", "raw"])
def test_findings_incidents_standings_and_alerts_keep_a_text_as_a_value(held: SqlState, texts: list[str]) -> None:
    before, watch = tables(held), held.watch
    for n, text in enumerate(texts, start=2):
        watch.hold(turn(text, n))
        assert list(watch.findings(device=text)) == list(watch.findings(incident=f"i-{text}")) == [finding(text)]
        assert watch.incident(f"i-{text}") == incident(text)
        assert watch.acknowledge(f"i-{text}", text, text, IncidentState.ACKNOWLEDGED)
        told = watch.incident(f"i-{text}")
        assert told is not None and (told.person, told.note) == (text, text)
    distinct, grown = len(texts), tables(held)
    assert {name: grown[name] - before[name] for name in ("finding", "incident", "standing", "alert")} == dict.fromkeys(
        ("finding", "incident", "standing", "alert"), distinct
    )
    assert watch.incident("i-before") == incident("before")
    assert [f.id for f in watch.findings(device="before")] == ["f-before"]


def test_a_text_that_is_asked_for_finds_itself_and_nothing_else(held: SqlState) -> None:
    for text in RAW:
        assert list(held.watch.findings(device=text)) == [] and held.watch.incident(text) is None
        assert not held.watch.acknowledge(text, "x", "x", IncidentState.CLOSED)
        assert held.quarantine(10, text) == [] and held.commands(10, text) == [] and held.latest_of([text]) == []
    assert held.watch.incident("i-before") == incident("before")


@pytest.mark.parametrize("texts", [CLEAN, RAW], ids=["clean", "raw"])
def test_containments_commands_and_refusals_keep_a_text_as_a_value(held: SqlState, texts: list[str]) -> None:
    before, book = tables(held), ContainmentBook(held._db)
    rows = [Quarantined(n, 0, t, t, t, t, None, None, n, t.encode()) for n, t in enumerate(texts, start=1)]
    held.apply(BatchEffects(upto={0: 2}, quarantine=rows))
    for n, text in enumerate(texts):
        row = ContainmentRow(
            id=f"c{n}", target=text, reason=text, asked_by=text, asked_at=n, seconds=60, units=(text,), ended_by=text
        )
        book.put_containment(row)
        assert book.containments(1) == [row]
        command = CommandRow(f"c{n}", text, text, text, 1.0, {text: text}, text, "sent", n)
        held.command_sent(command)
        assert list(held.commands(1, text)) == [command]
        assert {r.excerpt for r in held.quarantine(1000, text)} == {text.encode()[:256]}
    assert tables(held)["containment"] - before["containment"] == len(texts)
    assert tables(held)["quarantine"] - before["quarantine"] == len(texts)


def test_an_excerpt_keeps_bytes_that_are_no_text(held: SqlState) -> None:
    rows = [
        Quarantined(n, 0, "lamp-01", "f", "", "not-utf8", None, None, n, data) for n, data in enumerate(BYTES.values())
    ]
    held.apply(BatchEffects(upto={0: 2}, quarantine=[*rows, replace(rows[0], seq=99, excerpt=bytes(range(256)))]))
    assert {row.excerpt for row in held.quarantine(100, "lamp-01")} == {*BYTES.values(), bytes(range(256))}


def test_no_command_of_a_text_has_run(held: SqlState) -> None:
    for n, text in enumerate(RAW, start=2):
        held.watch.hold(turn(text, n))
    assert not Path(FILE).exists()
    assert held.counts() == [FlowCount("f", 1, 1, 0, 0)]
