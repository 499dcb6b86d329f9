"""The state database on SQLite and on a real PostgreSQL server: what is applied once, what balances, what is bounded."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from cityward.adapters.stores import commands, readings, state
from cityward.adapters.stores.database import Database
from cityward.adapters.stores.state import SqlState
from cityward.errors import LinkError
from cityward.runtime.people import SessionRow
from cityward.runtime.ports import (
    BatchEffects,
    CommandRow,
    CredentialRow,
    DeviceSeen,
    ExpectedRow,
    FlowCount,
    HourlyRow,
    Latest,
    Quarantined,
)
from cityward.time import HOUR, MINUTE, SECOND


def refused(seq: int, device: str = "lamp-01", row: int = 0) -> Quarantined:
    return Quarantined(seq, row, device, "f", "lamp-level", "out-of-range", 900.0, seq * 10, seq * 10 + 1, b"{}")


def latest(seq: int, device: str = "lamp-01", at: int | None = None, prop: str = "lamp-level") -> Latest:
    return Latest(device, prop, float(seq), seq if at is None else at, seq + 1, seq)


# -- one batch, one transaction ---------------------------------------------------------------------------------------


def test_begins_empty(store: SqlState) -> None:
    assert (store.committed(), store.counts(), store.reasons(), store.latest(0, 10)) == ({}, [], {}, [])
    assert (store.rate_windows(), store.seen(), store.version()) == ({}, {}, 0)


def test_applies_all_of_a_batch(store: SqlState) -> None:
    effects = BatchEffects(
        upto={0: 9, 3: 9},
        counts=[FlowCount("f", 10, 7, 2, 1)],
        reasons={("f", "out-of-range"): 2, ("f", "rate-exceeded"): 1},
        quarantine=[refused(4), refused(5)],
        quarantine_dropped=1,
        latest=[latest(8)],
        hourly=[HourlyRow("lamp-level", "quay", HOUR, 2, 30.0, 10.0, 20.0)],
        seen=[DeviceSeen("lamp-01", 100, 60, 3)],
    )
    store.apply(effects)
    assert store.committed() == {0: 9, 3: 9}
    assert store.counts() == [FlowCount("f", 10, 7, 2, 1)]
    assert store.reasons() == {("f", "out-of-range"): 2, ("f", "rate-exceeded"): 1}
    assert store.quarantine(10) == [refused(5), refused(4)]
    assert store.not_kept() == {"dropped": 1, "pruned": 0}
    assert store.latest(0, 10) == [latest(8)]
    assert store.hourly(0, 2 * HOUR) == [HourlyRow("lamp-level", "quay", HOUR, 2, 30.0, 10.0, 20.0)]
    assert store.rate_windows() == {"lamp-01": (60, 3, 100)}
    assert store.seen() == {"lamp-01": 100}


def test_another_process_sees_what_was_applied(store: SqlState, url: str) -> None:
    store.apply(BatchEffects(upto={1: 5}, counts=[FlowCount("f", 3, 3, 0, 0)]))
    other = SqlState(url)
    assert (other.committed(), other.counts()) == ({1: 5}, [FlowCount("f", 3, 3, 0, 0)])
    other.dispose()


def test_hours_add_up_and_widen(store: SqlState) -> None:
    for seq, (low, high) in enumerate([(5.0, 6.0), (4.0, 5.0), (5.0, 9.0)], start=1):
        store.apply(BatchEffects(upto={0: seq}, hourly=[HourlyRow("no2", "quay", HOUR, 2, low + high, low, high)]))
    assert store.hourly(0, 9 * HOUR, "no2") == [HourlyRow("no2", "quay", HOUR, 6, 34.0, 4.0, 9.0)]


def test_the_latest_value_is_the_newest_observed(store: SqlState) -> None:
    store.apply(BatchEffects(upto={0: 5}, latest=[latest(5, at=500)]))
    store.apply(BatchEffects(upto={0: 6}, latest=[latest(6, at=400)]))  # a backlog, late
    assert store.latest_of(["lamp-01"]) == [latest(5, at=500)]
    store.apply(BatchEffects(upto={0: 7}, latest=[latest(7, at=501)]))
    assert store.latest_of(["lamp-01"]) == [latest(7, at=501)]


def test_a_batch_of_partitions_that_stand_apart_is_applied_and_takes_none_back(store: SqlState) -> None:
    store.apply(BatchEffects(upto={0: 100}, counts=[FlowCount("f", 1, 1, 0, 0)]))
    store.apply(BatchEffects(upto={0: 80, 1: 80}, counts=[FlowCount("f", 2, 2, 0, 0)]))
    assert store.committed() == {0: 100, 1: 80}
    assert store.counts() == [FlowCount("f", 3, 3, 0, 0)]


def test_counts_that_do_not_balance_change_nothing(store: SqlState) -> None:
    with pytest.raises(ValueError, match="do not balance"):
        store.apply(BatchEffects(upto={0: 5}, counts=[FlowCount("f", 3, 1, 1, 0)]))
    assert (store.committed(), store.counts()) == ({}, [])


flows = st.sampled_from(["lamps", "counts", "air"])
amounts = st.integers(0, 50)
batches = st.lists(
    st.tuples(
        st.lists(st.tuples(flows, amounts, amounts, amounts), max_size=4),
        st.lists(st.tuples(flows, st.sampled_from(["too-old", "replay"]), amounts), max_size=3),
        st.integers(0, 3),  # kept in quarantine
        st.integers(0, 2),  # how often it is repeated
    ),
    max_size=6,
)


def effects_of(partition: int, seq: int, drawn: tuple[list, list, int, int]) -> BatchEffects:
    counts, reasons, kept, _ = drawn
    return BatchEffects(
        upto={partition: seq},
        counts=[FlowCount(flow, a + r + s, a, r, s) for flow, a, r, s in counts],
        reasons={(flow, word): n for flow, word, n in reasons},
        quarantine=[refused(seq, row=i) for i in range(kept)],
        hourly=[HourlyRow("no2", "quay", 0, 1, float(seq), float(seq), float(seq))],
        latest=[latest(seq, device=f"d-{partition}")],
        seen=[DeviceSeen(f"d-{partition}", seq, seq // 3, seq % 3 + 1)],
    )


def everything(store: SqlState) -> tuple[object, ...]:
    return (
        store.committed(),
        store.counts(),
        store.reasons(),
        store.quarantine(1000),
        store.latest(0, 1000),
        store.hourly(0, 1),
        store.rate_windows(),
        store.not_kept(),
    )


@settings(max_examples=25, deadline=None)
@given(st.tuples(batches, batches), st.randoms(use_true_random=False))
def test_received_is_always_what_was_admitted_refused_and_shed(drawn: tuple[list, list], random: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SqlState(f"sqlite:///{folder}/state.db")
        queue = [[(p, seq, b) for seq, b in enumerate(mine, start=1)] for p, mine in enumerate(drawn)]
        total: Counter[tuple[str, str]] = Counter()
        done: list[BatchEffects] = []
        while any(queue):
            partition, seq, one = random.choice([q for q in queue if q]).pop(0)  # type: ignore[attr-defined]
            effects = effects_of(partition, seq, one)
            store.apply(effects)
            done.append(effects)
            for c in effects.counts:
                total.update({(c.flow, "received"): c.received, (c.flow, "admitted"): c.admitted})
                total.update({(c.flow, "refused"): c.refused, (c.flow, "shed"): c.shed})
            before = everything(store)
            for _ in range(one[3]):
                store.apply(random.choice(done))  # type: ignore[attr-defined]
                assert everything(store) == before
            for c in store.counts():
                assert c.received == c.admitted + c.refused + c.shed
                for name in ("received", "admitted", "refused", "shed"):
                    assert getattr(c, name) == total[c.flow, name]
        store.dispose()


# -- bounds -----------------------------------------------------------------------------------------------------------


def test_the_quarantine_keeps_the_newest_and_counts_the_others(
    store: SqlState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "QUARANTINE_KEPT", 10)
    for batch in range(4):
        rows = [refused(batch * 7 + i) for i in range(7)]
        store.apply(BatchEffects(upto={0: batch * 7 + 7}, quarantine=rows, quarantine_dropped=2))
    assert [q.seq for q in store.quarantine(100)] == list(range(27, 17, -1))
    assert store.not_kept() == {"dropped": 8, "pruned": 18}


def test_the_quarantine_is_read_by_device(store: SqlState) -> None:
    store.apply(BatchEffects(upto={0: 9}, quarantine=[refused(n, device=f"d-{n % 2}") for n in range(6)]))
    assert [q.seq for q in store.quarantine(2, "d-1")] == [5, 3]


def test_an_excerpt_is_cut(store: SqlState) -> None:
    row = Quarantined(1, 0, "", "undeclared", "", "not-json", None, None, 5, b"x" * 5000)
    store.apply(BatchEffects(upto={0: 1}, quarantine=[row]))
    (kept,) = store.quarantine(1)
    assert (kept.excerpt, kept.value, kept.observed_at) == (b"x" * 256, None, None)


def test_a_page_of_values_never_cuts_a_message_in_two(store: SqlState) -> None:
    rows = [latest(seq, prop=f"p-{i}") for seq in (1, 2, 3) for i in (seq * 10, seq * 10 + 1, seq * 10 + 2)]
    store.apply(BatchEffects(upto={0: 3}, latest=rows))
    seen: list[str] = []
    after = 0
    while page := store.latest(after, 2):
        assert len(page) == 3
        seen.extend(row.property for row in page)
        after = page[-1].seq
    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize("most", [-5, 0, 3, 10**9])
def test_every_page_is_bounded(store: SqlState, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(readings, "MOST", 4)
    store.apply(
        BatchEffects(
            upto={0: 9}, quarantine=[refused(n) for n in range(9)], latest=[latest(n, f"d-{n}") for n in range(1, 10)]
        )
    )
    for n in range(9):
        store.command_sent(command(f"c-{n}"))
    wanted = max(0, min(most, 4))
    assert len(store.quarantine(most)) == len(store.latest(0, most)) == len(store.commands(most)) == wanted


def test_more_devices_than_a_statement_takes_are_asked_for(store: SqlState) -> None:
    devices = [f"d-{n}" for n in range(2500)]
    store.apply(BatchEffects(upto={0: 1}, latest=[latest(1, device=d) for d in devices]))
    assert len(store.latest_of(devices)) == 2500


# -- several writers, failures ----------------------------------------------------------------------------------------


def hammer(url: str, partition: int, times: int) -> None:
    store = SqlState(url)
    for seq in range(1, times + 1):
        effects = BatchEffects(
            upto={partition: seq},
            counts=[FlowCount("b", 2, 1, 1, 0), FlowCount("a", 1, 1, 0, 0)],
            hourly=[HourlyRow("no2", area, 0, 1, 1.0, 1.0, 1.0) for area in ("x", "y")],
            quarantine=[refused(seq)],
        )
        store.apply(effects)
        store.apply(effects)
    store.dispose()


def test_processes_that_write_at_once_lose_nothing(url: str) -> None:
    here = Path(__file__).parent
    words = "import sys; from test_state import hammer; hammer(sys.argv[1], int(sys.argv[2]), 20)"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", words, url, str(p)], env={**os.environ, "PYTHONPATH": f"{here}:{here.parent}"}
        )
        for p in range(3)
    ]
    assert [w.wait(60) for w in workers] == [0, 0, 0]
    store = SqlState(url)
    assert store.committed() == {0: 20, 1: 20, 2: 20}
    assert store.counts() == [FlowCount("a", 60, 60, 0, 0), FlowCount("b", 120, 60, 60, 0)]
    assert [h.count for h in store.hourly(0, 1)] == [60, 60]
    assert len(store.quarantine(1000)) == 60
    store.dispose()


def together(*tasks: Callable[[], object]) -> list[object]:
    answers: list[object] = []
    threads = [threading.Thread(target=lambda task=task: answers.append(task())) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_of_two_workers_of_one_partition_one_is_heard(store: SqlState, url: str) -> None:
    other = SqlState(url)
    effects = BatchEffects(upto={0: 1}, counts=[FlowCount("f", 1, 1, 0, 0)])
    together(lambda: store.apply(effects), lambda: other.apply(effects))
    assert store.counts() == [FlowCount("f", 1, 1, 0, 0)]
    other.dispose()


def test_a_database_that_cannot_be_opened_is_a_link_error(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="could not be opened"):
        SqlState(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'state.db'}")


@pytest.mark.postgresql
def test_a_server_that_is_not_there_is_a_link_error_without_the_password(postgresql: str) -> None:
    with pytest.raises(LinkError, match="could not be opened") as caught:
        SqlState("postgresql://city:hunter2@127.0.0.1:1/nowhere")
    assert "hunter2" not in str(caught.value)


def test_tables_of_another_version_are_refused(store: SqlState, url: str) -> None:
    database = Database(url)
    with database.writing("be changed") as link:
        link.execute(text("UPDATE tally SET count = 99 WHERE name = 'schema'"))
    database.dispose()
    with pytest.raises(LinkError, match="version 99"):
        SqlState(url)


def test_a_full_database_is_a_link_error_and_trying_again_works(tmp_path: Path) -> None:
    store = SqlState(f"sqlite:///{tmp_path / 'state.db'}")
    pages = _pragma(store, "PRAGMA page_count")
    _pragma(store, f"PRAGMA max_page_count = {pages + 2}")  # SQLite's own way to be on a full disk
    effects = BatchEffects(
        upto={0: 1}, counts=[FlowCount("f", 500, 0, 500, 0)], quarantine=[refused(n) for n in range(500)]
    )
    with pytest.raises(LinkError, match="full"):
        store.apply(effects)
    assert (store.committed(), store.counts()) == ({}, [])
    _pragma(store, "PRAGMA max_page_count = 1000000")
    store.apply(effects)
    assert store.counts() == [FlowCount("f", 500, 0, 500, 0)]
    store.dispose()


def _pragma(store: SqlState, words: str) -> int:
    with store._db.reading("be asked") as link:
        return link.execute(text(words)).scalar_one()


def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    SqlState(f"sqlite:///{tmp_path / 'state.db'}").dispose()
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


# -- commands, expected ranges ----------------------------------------------------------------------------------------


def command(command_id: str, device: str = "lamp-01", state: str = "sent") -> CommandRow:
    return CommandRow(command_id, "lighting", device, "dim", 40.0, {"illuminance": "3 lx"}, "service:7", state, 1000)


STILL_HELD = """
import sqlite3, sys
link = sqlite3.connect(sys.argv[1], timeout=0)
try:
    link.execute("PRAGMA journal_mode = DELETE")  # nobody else may be connected
except sqlite3.OperationalError as error:
    print(error)
"""


def test_opening_it_again_keeps_the_locks_that_the_process_holds(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    one = SqlState(f"sqlite:///{path}")
    one.counts()  # its connection stays open
    again = SqlState(f"sqlite:///{path}")
    again.dispose()
    other = subprocess.run(
        [sys.executable, "-c", STILL_HELD, str(path)], check=True, capture_output=True, text=True, timeout=30
    )
    one.dispose()
    assert other.stdout.strip() == "database is locked"


def test_a_command_is_open_until_it_is_settled_and_settles_once(store: SqlState) -> None:
    store.command_sent(command("c-1"))
    store.command_sent(command("c-1"))
    store.command_sent(command("c-2", device="lamp-02"))
    assert [c.command_id for c in store.open_commands()] == ["c-1", "c-2"]
    store.command_settled("c-1", "acknowledged", 2000)
    store.command_settled("c-1", "timed-out", 3000)
    assert store.open_commands() == [command("c-2", device="lamp-02")]
    (settled,) = store.commands(10, "lamp-01")
    assert (settled.state, settled.settled_at, settled.cause) == ("acknowledged", 2000, {"illuminance": "3 lx"})
    assert [c.command_id for c in store.commands(10)] == ["c-2", "c-1"]


def test_commands_of_a_span_are_told_by_service_and_minute(store: SqlState) -> None:
    sent = [
        ("lighting", "lamp-01", 0), ("lighting", "lamp-02", 10 * SECOND), ("lighting", "lamp-02", 20 * SECOND),
        ("waste", "lamp-03", 0), ("lighting", "lamp-01", MINUTE), ("lighting", "lamp-01", 60 * MINUTE),
    ]  # fmt: skip
    begin = 30_000_000 * MINUTE
    for n, (service, device, after) in enumerate(sent):
        store.command_sent(replace(command(f"c-{n}", device=device), service=service, sent_at=begin + after))
    told, total = store.steps({"lighting"}, begin, begin + 60 * MINUTE, 10)
    assert [(row.command_id, devices) for row, devices in told] == [("c-4", 1), ("c-2", 2)]
    assert total == 2
    assert store.steps({"lighting", "waste"}, begin, begin + 61 * MINUTE, 1)[1] == 4
    assert store.steps(set(), begin, begin + HOUR, 10) == ([], 0)


def test_old_commands_go_but_open_ones_stay(store: SqlState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "COMMANDS_KEPT", 3)
    store.command_sent(command("open"))
    for n in range(6):
        store.command_sent(command(f"c-{n}"))
        store.command_settled(f"c-{n}", "acknowledged", n)
    assert [c.command_id for c in store.commands(10)] == ["c-5", "c-4", "c-3", "open"]


def test_expected_ranges_replace_those_before(store: SqlState) -> None:
    store.set_expected([ExpectedRow("d-1", "no2", 3, 1.0, 2.0, 20), ExpectedRow("d-2", "no2", 3, 1.0, 2.0, 20)])
    newer = [ExpectedRow("d-1", "no2", 4, 1.0, 2.0, 20), ExpectedRow("d-1", "pm10", 4, 1.0, 2.0, 20)]
    store.set_expected(newer)
    store.set_expected([])
    assert store.expected("d-1") == newer
    assert store.expected("d-2") == []


# -- credentials, sign-in ---------------------------------------------------------------------------------------------


def sha(word: str) -> bytes:
    return hashlib.sha256(word.encode()).digest()


def credential(device: str, key: str | None = None) -> CredentialRow:
    return CredentialRow(device, "$2b$12$hash", sha(key) if key else None, None, "active", 1000)


def test_credentials_are_issued_replaced_and_revoked_and_the_version_grows(store: SqlState) -> None:
    store.issue([credential("a", "key-a"), credential("b")])
    versions = [store.version()]
    assert store.device_of_key(sha("key-a")) == "a"
    store.issue([credential("a", "key-new")])
    versions.append(store.version())
    assert (store.device_of_key(sha("key-a")), store.device_of_key(sha("key-new"))) == (None, "a")
    assert store.revoke("a", 2000)
    versions.append(store.version())
    assert versions == sorted(set(versions))
    assert store.device_of_key(sha("key-new")) is None
    a, b = store.all()
    assert (a.device, a.state, a.revoked_at, b.state) == ("a", "revoked", 2000, "active")


def test_there_is_nothing_to_revoke_twice(store: SqlState) -> None:
    store.issue([credential("a")])
    assert [store.revoke("a", 1), store.revoke("a", 2), store.revoke("nobody", 3)] == [True, False, False]
    assert store.version() == 2


def test_a_link_works_once_even_under_two_requests_at_a_time(store: SqlState) -> None:
    store.add_link(sha("token"), "operator", 1000)
    answers = together(*[lambda: store.redeem_link(sha("token"), 5)] * 4)
    assert sorted(map(str, answers)) == ["None", "None", "None", "operator"]


def test_a_link_that_has_expired_or_was_never_made_works_for_nobody(store: SqlState) -> None:
    store.add_link(sha("token"), "operator", 1000)
    assert store.redeem_link(sha("other"), 5) is None
    assert store.redeem_link(sha("token"), 1000) is None
    assert store.redeem_link(sha("token"), 5) is None, "what has expired is forgotten"


def test_a_session_is_found_until_it_expires_or_is_closed(store: SqlState) -> None:
    store.open(SessionRow(sha("s"), "operator", 1000))
    found = [store.find(sha("s"), 999), store.find(sha("s"), 1000), store.find(sha("t"), 1)]
    assert [row and row.who for row in found] == ["operator", None, None]
    store.close(sha("s"))
    assert store.find(sha("s"), 1) is None


def test_many_sessions_are_found_in_one_question(store: SqlState) -> None:
    for n in range(1200):  # more than one question may name
        store.open(SessionRow(sha(f"s{n}"), f"person-{n}", 1000 if n % 2 else 2000))
    names = [sha(f"s{n}") for n in range(1200)] + [sha("unknown")]
    assert set(store.find_all(names, 999)) == set(names[:-1])
    late = store.find_all(names, 1000)
    assert late == {sha(f"s{n}"): SessionRow(sha(f"s{n}"), f"person-{n}", 2000) for n in range(0, 1200, 2)}
    assert store.find_all([], 1) == {}


def test_a_new_secret_alone_brings_no_stolen_device_back_whatever_its_maker_had_seen(store: SqlState) -> None:
    store.issue([credential("lamp-01", "a" * 16)])
    store.take_away("lamp-01", "stolen", 2000, "ada")  # between the look at it and the new secret
    store.issue([credential("lamp-01", "b" * 16)])
    assert [row.state for row in store.all()] == ["stolen"]
    assert [(bar.why, bar.until_us) for bar in store.bars()] == [("stolen", None)]
    assert store.device_of_key(sha("b" * 16)) is None
    assert store.give_back("lamp-01", 3000)
    assert [row.state for row in store.all()] == ["active"]
