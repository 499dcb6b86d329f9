"""Heartbeats: numbered without a gap, counting what was judged since."""

from __future__ import annotations

from cityward.evidence.heartbeats import Pulse, decided, last_beat
from cityward.evidence.records import (
    Admission,
    CommandRefused,
    Heartbeat,
    Lifecycle,
    Release,
    ReleaseRefused,
    decode,
    encode,
)


def admission(received: int, admitted: int, shed: int) -> Admission:
    return Admission(
        at=1,
        by="worker-0",
        stream="s",
        partitions=(0,),
        first_seq=1,
        last_seq=2,
        received=received,
        admitted=admitted,
        shed=shed,
        refused={},
        by_flow={},
        digest="",
        declaration="",
    )


def refused(count: int) -> ReleaseRefused:
    return ReleaseRefused(
        at=1, by="releasing", recipient="r", dataset="d", purpose="p", source="", reasons=(), count=count, rules=""
    )


def test_counts_from_one_and_tells_each_verdict_once():
    pulse = Pulse("admit", "worker-0", within=120)
    first = pulse.due("begun", 10)
    assert (first.beat, first.decided, first.within, first.state, first.at) == (1, {}, 120, "begun", 10)
    pulse.beaten(first)
    pulse.count([admission(10, 7, 1), admission(5, 5, 0)])
    second = pulse.due("alive", 20)
    assert (second.beat, second.decided) == (2, {"admitted": 12, "received": 15, "refused": 2, "shed": 1})
    pulse.count([admission(1, 1, 0)])  # while the second is being written
    pulse.beaten(second)
    assert pulse.due("stopped", 30).decided == {"admitted": 1, "received": 1}


def test_a_beat_that_was_not_written_is_due_again_under_its_number():
    pulse = Pulse("admit", "worker-0", within=120, last=41)
    pulse.count([admission(1, 0, 0)])
    assert pulse.due("alive", 1).beat == 42
    assert pulse.due("alive", 2) == Heartbeat(
        at=2, by="worker-0", gate="admit", beat=42, decided={"received": 1, "refused": 1}, within=120
    )


def test_counts_by_what_a_gate_judges():
    assert decided(refused(9)) == {"refused": 9}
    command = CommandRefused(at=1, by="service", service="s", device="d", command="c", value=1.0, reason="r")
    assert decided(command) == {"refused": 1}
    assert decided(Lifecycle(at=1, by="web", event="started", detail={})) == {"lifecycle": 1}
    release = Release(
        at=1, by="releasing", recipient="r", party="p", flow="f", agreement="a", datasets=(), purpose="p", way="query",
        to="", form={}, since=0, until=0, rows=8, units=1, units_digest="", digest="", withheld={"small": 2, "late": 1},
        rules="", posture="", declaration="",
    )  # fmt: skip
    assert decided(release) == {"released": 8, "withheld": 3}


def test_goes_on_from_the_newest_beat_of_its_own_gate():
    newest_first = [
        Lifecycle(at=9, by="web", event="started", detail={}),
        Heartbeat(at=8, by="w", gate="permit", beat=7, decided={}),
        Heartbeat(at=7, by="w", gate="admit", beat=3, decided={}),
        Heartbeat(at=6, by="w", gate="admit", beat=2, decided={}),
    ]
    assert last_beat(newest_first, "admit") == 3
    assert last_beat(newest_first, "watch") == 0


def test_a_beat_of_before_states_reads_as_alive():
    old = b'{"at":1,"beat":2,"by":"w","decided":{},"gate":"admit","kind":"heartbeat"}'
    beat = decode(old)
    assert beat == Heartbeat(at=1, by="w", gate="admit", beat=2, decided={}, within=0, state="alive")
    assert decode(encode(beat)) == beat
