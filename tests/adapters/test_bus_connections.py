"""Who is in: the table, and the keeper's judgement with what it remembers. `tests/city/test_doors.py` has the real wire."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

from cityward.adapters.bus import connections, keeper
from cityward.adapters.bus.connections import Gone, Open, Presence
from cityward.adapters.bus.entry import Caller, Entry, Refusal, Roll, Why
from cityward.adapters.bus.keeper import MOST_ALIKE, MOST_ENTRIES, Keeper
from cityward.runtime.ports import BarRow, ConnectionRow, CredentialRow
from cityward.time import CityClock
from cityward.watch.events import Event, EventKind, decode, encode

NOW = 1_000_000_000


@dataclass
class Sink:
    """`EventSink`."""

    told: list[Event] = field(default_factory=list[Event])

    def tell(self, event: Event) -> None:
        self.told.append(event)


def roll() -> Roll:
    devices = [f"lamp-{n}" for n in range(1000)]
    rows = {d: CredentialRow(d, None, sha256(d.encode()).digest(), None, "active", 0) for d in devices}
    return Roll(status=dict.fromkeys(devices, "active"), credentials=rows, bars={}, spent={})


def a_keeper() -> tuple[Keeper, Sink]:
    sink = Sink()
    clock = CityClock(NOW, 5 * NOW, 1.0)
    return Keeper(roll(), Presence(), sink, clock, lambda: NOW, tls=True, roles=frozenset({"steward"})), sink


def caller(device: str, connection: int = 1, secret: str | None = None, client_id: str | None = None) -> Caller:
    return Caller("mqtt", device, secret or device, client_id or device, "192.0.2.7", connection)


def opened(connection: int, device: str = "lamp-1", client_id: str = "lamp-1", since: int = NOW) -> Open:
    return Open(connection, device, "192.0.2.7", client_id, since)


def test_the_table_counts_what_each_device_sends_over_all_its_connections() -> None:
    presence = Presence()
    assert presence.come(opened(1))
    assert presence.come(replace(opened(2, client_id="lamp-1:2"), messages=5, size=50))
    presence.count(1, 3, 30)
    presence.count(1, 7, 70)
    presence.count(1, 6, 60)  # told late
    assert presence.take_sent() == {"lamp-1": (12, 120)}
    assert presence.take_sent() == {}
    assert presence.go(1) is not None
    assert presence.clients_of("lamp-1") == {"lamp-1:2"}
    assert presence.go(2) is not None
    assert presence.go(2) is None
    assert (presence.open, presence.of_device) == ({}, {})


def test_a_connection_that_is_known_does_not_come_twice() -> None:
    presence = Presence()
    assert [presence.come(opened(1)), presence.come(opened(1))] == [True, False]


def test_the_table_is_bounded_and_counts_what_it_does_not_hold(monkeypatch) -> None:
    monkeypatch.setattr(connections, "MOST_OPEN", 2)
    presence = Presence()
    assert [presence.come(opened(n)) for n in range(4)] == [True, True, False, False]
    assert presence.unheld == 2


def test_what_came_and_went_is_told_in_the_citys_time() -> None:
    door, sink = a_keeper()
    door.presence.come(opened(1))
    door.came(opened(1))
    assert door.take_moved() == [ConnectionRow("lamp-1", "192.0.2.7", "lamp-1", 5 * NOW, None)]
    door.presence.count(1, 3, 30)
    was = door.presence.go(1)
    assert was is not None
    door.gone(Gone(was, "Client Closed", NOW + 7_500_000))
    assert door.take_moved() == [ConnectionRow("lamp-1", "192.0.2.7", "lamp-1", 5 * NOW, 5 * NOW + 7_500_000)]
    came, gone = sink.told
    assert (came.kind, came.at, came.subject, came.source) == (EventKind.CONNECTED, 5 * NOW, "lamp-1", "192.0.2.7")
    assert came.detail == {"client_id": "lamp-1", "connection": "1", "tls": "yes"}
    counts = {"seconds": "7", "messages_in": "3", "bytes_in": "30"}
    assert gone.detail == {"client_id": "lamp-1", "connection": "1", "why": "Client Closed", **counts}


def test_what_is_alike_is_told_once_with_its_count() -> None:
    door, sink = a_keeper()
    for _ in range(40):
        assert door.judge(caller("lamp-1", secret="wrong")) == Refusal(Why.WRONG_SECRET, "lamp-1")
    assert door.judge(caller("nobody")) == Refusal(Why.UNKNOWN, "nobody")
    assert sink.told == []
    door.tell_turned_away()
    assert [(e.subject, e.detail["why"], e.detail["count"]) for e in sink.told] == [
        ("lamp-1", "wrong-secret", "40"),
        ("nobody", "unknown-device", "1"),
    ]
    door.tell_turned_away()
    assert len(sink.told) == 2


def test_a_storm_of_names_is_told_in_few_events_and_none_is_forgotten() -> None:
    door, sink = a_keeper()
    for n in range(10_000):
        door.judge(caller(f"nobody-{n}" + "x" * 1000))
    door.tell_turned_away()
    assert len(sink.told) == MOST_ALIKE + 1
    assert sum(int(e.detail["count"]) for e in sink.told) == 10_000
    assert max(len(e.subject) for e in sink.told) <= 256


def test_who_comes_too_often_in_a_minute_is_refused_until_the_next() -> None:
    door, _ = a_keeper()
    said = [door.judge(caller("lamp-1", n)) for n in range(MOST_ENTRIES + 1)]
    assert said == [Entry("lamp-1")] * MOST_ENTRIES + [Refusal(Why.TOO_OFTEN, "lamp-1")]
    assert door.judge(caller("lamp-2")) == Entry("lamp-2")
    door.machine_us = lambda: NOW + 60_000_000
    assert door.judge(caller("lamp-1")) == Entry("lamp-1")


def test_a_change_of_secret_ends_the_stay_of_who_came_with_the_old_one() -> None:
    door, _ = a_keeper()
    assert door.judge(caller("lamp-1", 1)) == Entry("lamp-1")
    assert door.may_stay(opened(1))
    fresh = replace(door.roll.credentials["lamp-1"], key_sha256=b"n" * 32, issued_at=NOW - 5)
    door.roll = replace(door.roll, credentials={**door.roll.credentials, "lamp-1": fresh})
    assert not door.may_stay(opened(1))
    assert door.may_stay(opened(2, since=NOW))  # of before this door was opened: it came after the new secret was given
    assert not door.may_stay(opened(3, since=NOW - 6))


def test_a_bar_a_state_and_a_status_end_a_stay() -> None:
    door, _ = a_keeper()
    whole = door.roll
    assert door.may_stay(opened(1))
    door.roll = replace(whole, bars={"lamp-1": (BarRow("lamp-1", "isolated", NOW, None, ""),)})
    assert not door.may_stay(opened(1))
    lost = replace(whole.credentials["lamp-1"], state="lost")
    door.roll = replace(whole, credentials={**whole.credentials, "lamp-1": lost})
    assert not door.may_stay(opened(1))
    door.roll = replace(whole, status={**whole.status, "lamp-1": "maintenance"})
    assert not door.may_stay(opened(1))
    door.roll = replace(whole, credentials={})
    assert not door.may_stay(opened(1))


def test_who_uses_a_stolen_secret_does_not_hide_in_a_storm_of_made_up_names() -> None:
    door, sink = a_keeper()
    stolen = replace(door.roll.credentials["lamp-1"], state="stolen")
    door.roll = replace(door.roll, credentials={**door.roll.credentials, "lamp-1": stolen})
    for n in range(4 * MOST_ALIKE):
        door.judge(replace(caller(f"ghost-{n}", n), source=f"192.0.2.{n % 256}"))
    door.judge(caller("lamp-1"))
    door.tell_turned_away()
    late = [(e.subject, e.detail["state"]) for e in sink.told if e.kind is EventKind.LATE_USE]
    assert late == [("lamp-1", "stolen")]
    assert len(sink.told) <= 2 * MOST_ALIKE + 2


def test_who_comes_with_the_name_of_a_role_is_told() -> None:
    door, sink = a_keeper()
    door.refused("steward", "192.0.2.7", "x", 1)
    door.refused("lamp-1", "192.0.2.7", "x", 2)  # told by the judgement already
    door.tell_turned_away()
    assert [(e.subject, e.source) for e in sink.told] == [("role:steward", "192.0.2.7")]


def test_a_client_id_as_long_as_the_protocol_allows_is_cut_before_it_is_told() -> None:
    door, sink = a_keeper()
    door.refused("steward", "192.0.2.7", "x" * 65_535, 1)
    door.tell_turned_away()
    assert [decode(encode(told)) for told in sink.told] == sink.told


def test_what_is_remembered_of_entries_that_never_became_connections_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(keeper, "MOST_OPEN", 10)
    door, _ = a_keeper()
    for n in range(500):
        assert isinstance(door.judge(caller(f"lamp-{n}", n)), Entry)
    assert len(door._entered) <= 22
