"""The intake chain with stores in memory that fail, and a worker that dies, wherever it hurts most."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cityward.adapters.protocols import codecs
from cityward.errors import LinkError
from cityward.evidence import admissions
from cityward.evidence.admissions import joined
from cityward.evidence.records import Admission, AdmissionPart, AnyRecord, Superseded, encode
from cityward.evidence.tiles import pack as pack_entries
from cityward.guard.admit import Admitted
from cityward.guard.batch import Claims, Messages
from cityward.ids import partition_of
from cityward.place.budgets import Budget
from cityward.place.data import Dataset, Flow, FlowLimits, Observability
from cityward.place.model import Place
from cityward.place.registry import Registry, number
from cityward.place.things import Device, DeviceModel, PropertyMapping
from cityward.runtime.intake import worker as intake
from cityward.runtime.intake.worker import Intake, IntakeSettings, Stores
from cityward.runtime.ports import BatchEffects, BudgetWindow, LogMessage
from cityward.time import HOUR, MINUTE, SECOND, CityClock

NOON = 1_760_000_000 * SECOND
PARTITIONS = (0, 1, 2, 3)


def two_meters(messages_per_minute: int = 1000, budgets: Mapping[str, Budget] | None = None) -> Registry:
    return number(a_place(messages_per_minute, budgets))


def a_place(messages_per_minute: int = 1000, budgets: Mapping[str, Budget] | None = None) -> Place:
    device = Device(model="m", site="unknown", owner="unknown")
    limits = FlowLimits(max_age_s=3600, messages_per_minute=messages_per_minute)
    return Place(
        place="t",
        name="T",
        position=(2.3, 54.9),
        responsible="c",
        device_models={"m": DeviceModel(maker="unknown", properties={"illuminance": PropertyMapping(high=1000)})},
        devices={"meter-a": device, "meter-b": device},
        datasets={"d": Dataset(personal=False, sensitivity="public", retention_days=1, properties=("illuminance",))},
        flows={
            f"f-{d}": Flow(
                from_=d,
                to="p",
                datasets=("d",),
                purpose="p",
                protocol="mqtt",
                observability=Observability.ENFORCED,
                limits=limits,
            )
            for d in ("meter-a", "meter-b")
        },
        budgets=dict(budgets or {}),
    )


class Crash(BaseException):
    """The worker is killed here."""


@dataclass
class World:
    """All that outlives a worker. `trouble` is asked at every step: it may raise."""

    log: list[LogMessage] = field(default_factory=list)
    entries: list[AnyRecord] = field(default_factory=list)
    rows: list[tuple[int, int, float, int]] = field(default_factory=list)  # channel, observed_at, value, seq
    history_at: dict[int, int] = field(default_factory=dict)
    state_at: dict[int, int] = field(default_factory=dict)
    counts: dict[str, list[int]] = field(default_factory=dict)
    windows: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    budgets: dict[tuple[str, str], BudgetWindow] = field(default_factory=dict)
    latest: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    steps: int = 0
    trouble: Mapping[int, type[BaseException]] = field(default_factory=dict)

    def step(self) -> None:
        """One thing was done to the world, or is about to be."""
        self.steps += 1
        if (kind := self.trouble.get(self.steps)) is not None:
            raise LinkError("the disk is full") if kind is LinkError else kind()

    def say(self, device: str, body: bytes, at: int = NOON) -> None:
        self.log.append(LogMessage(f"$MQTT.msgs.in.{partition_of(device, 4)}.{device}", body, len(self.log) + 1, at))


class MemoryLedger:
    def __init__(self, world: World) -> None:
        self.world = world

    def append(self, records: Sequence[AnyRecord]) -> Sequence[str]:
        pack_entries(encode(record) for record in records)  # as every ledger, it refuses what is too large for an entry
        self.world.step()
        self.world.entries += records
        ids = [f"worker-0:{i}" for i in range(len(self.world.entries) - len(records), len(self.world.entries))]
        self.world.step()
        return ids

    def tail(self, most: int) -> Sequence[tuple[str, AnyRecord]]:
        first = max(0, len(self.world.entries) - most)
        return [(f"worker-0:{i}", e) for i, e in enumerate(self.world.entries[first:], first)]


class MemoryHistory:
    def __init__(self, world: World) -> None:
        self.world = world

    def committed(self) -> Mapping[int, int]:
        return dict(self.world.history_at)

    def append(self, batch: Admitted, upto: Mapping[int, int]) -> None:
        assert isinstance(batch, Admitted)
        self.world.step()
        if all(self.world.history_at.get(p, 0) >= s for p, s in upto.items()):
            return
        columns = (batch.channel, batch.observed_at, batch.value, batch.seq)
        self.world.rows += zip(*(c.tolist() for c in columns), strict=True)
        self.world.history_at |= upto
        self.world.step()

    def tail(
        self, since_us: int, per_channel: int, upto: Mapping[int, int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        held = sorted((c, at) for c, at, _, seq in self.world.rows if at >= since_us and seq <= max(upto.values()))
        kept = [r for i, r in enumerate(held) if sum(c == r[0] for c, _ in held[i:]) <= per_channel]
        return np.array([c for c, _ in kept], dtype=np.int32), np.array([at for _, at in kept], dtype=np.int64)


class MemoryState:
    def __init__(self, world: World) -> None:
        self.world = world

    def committed(self) -> Mapping[int, int]:
        return dict(self.world.state_at)

    def rate_windows(self) -> Mapping[str, tuple[int, int, int]]:
        return dict(self.world.windows)

    def budget_windows(self) -> Sequence[BudgetWindow]:
        return list(self.world.budgets.values())

    def apply(self, effects: BatchEffects) -> None:
        self.world.step()
        if all(self.world.state_at.get(p, 0) >= s for p, s in effects.upto.items()):
            return
        for c in effects.counts:
            row = self.world.counts.setdefault(c.flow, [0, 0, 0, 0])
            for i, n in enumerate((c.received, c.admitted, c.refused, c.shed)):
                row[i] += n
        self.world.windows |= {s.device: (s.window, s.in_window, s.last_seen) for s in effects.seen}
        self.world.budgets |= {(b.owner, b.name): b for b in effects.budgets}
        for r in effects.latest:
            newest = max(self.world.latest.get((r.device, r.property), (0, 0.0)), (r.observed_at, r.value))
            self.world.latest[r.device, r.property] = newest
        self.world.state_at |= effects.upto
        self.world.step()


class MemoryReader:
    """Gives at most `most` of its partitions' messages at a time, then says that there is no more."""

    def __init__(
        self, world: World, start: int, most: int, stop: asyncio.Event, partitions: tuple[int, ...], stop_at: int | None
    ) -> None:
        self.world, self.next, self.most, self.stop = world, start, most, stop
        self.partitions, self.stop_at = partitions, stop_at

    async def fetch(self, most: int, wait_s: float) -> Sequence[LogMessage]:
        mine = [m for m in self.world.log if int(m.subject.split(".")[3]) in self.partitions]
        got = [m for m in mine if m.seq >= self.next][: min(most, self.most)]
        if got:
            self.next = got[-1].seq + 1
        if not got or got[-1].seq == self.stop_at:
            self.stop.set()
        await asyncio.sleep(0)
        return got

    async def close(self) -> None: ...


def work(
    world: World,
    registry: Registry,
    most: int,
    declaration: str = "d1",
    partitions: tuple[int, ...] = PARTITIONS,
    stop_at: int | None = None,
) -> bool:
    """A worker's life, until all is judged or message `stop_at` was handed out; False when it was killed."""

    async def life() -> None:
        stop = asyncio.Event()
        stores = Stores(MemoryLedger(world), MemoryHistory(world), MemoryState(world))  # type: ignore[arg-type]
        config = IntakeSettings(
            stream="s", partitions=partitions, by="worker-0", declaration=declaration, gather_s=0.0, most_messages=most
        )
        worker = Intake(
            registry,
            codecs(),
            stores,
            CityClock(),
            config,
            lambda s: MemoryReader(world, s, most, stop, partitions, stop_at),
        )
        await worker.run(stop)

    try:
        asyncio.run(life())
    except (Crash, ExceptionGroup):
        return False
    return True


def pack(*values: float, first: int = NOON) -> bytes:
    return json.dumps([{"n": "illuminance", "t": first / 1e6 + i, "v": v} for i, v in enumerate(values)]).encode()


def a_busy_log(world: World, messages: int = 12) -> None:
    for n in range(messages):
        device = "meter-a" if n % 3 else "meter-b"
        body = b"{" if n % 5 == 4 else pack(n, 5000, n, first=NOON - (n // 2) * 7 * SECOND)
        world.say(device, body, NOON + n * SECOND)
    world.say("meter-x", pack(1), NOON)


def untroubled(registry: Registry, most: int) -> World:
    world = World()
    a_busy_log(world)
    assert work(world, registry, most)
    return world


def test_holds_what_was_admitted_and_counts_the_rest() -> None:
    world = World()
    world.say("meter-a", pack(1, 2000, 3))
    world.say("meter-a", b"not json")
    world.say("stranger", pack(1))
    assert work(world, two_meters(), most=10)
    assert [(at - NOON, v) for _, at, v, _ in world.rows] == [(0, 1.0), (2 * SECOND, 3.0)]
    assert world.counts == {"f-meter-a": [4, 2, 2, 0], "undeclared": [1, 0, 1, 0]}
    assert world.latest == {("meter-a", "illuminance"): (NOON + 2 * SECOND, 3.0)}
    [entry] = world.entries
    assert isinstance(entry, Admission)
    assert (entry.received, entry.admitted, sum(entry.refused.values()), entry.shed) == (5, 2, 3, 0)


def test_evidence_comes_first_then_history_then_state() -> None:
    for step, stands in [
        (1, (0, 0, 0)),
        (2, (1, 0, 0)),
        (3, (1, 0, 0)),
        (4, (1, 1, 0)),
        (5, (1, 1, 0)),
        (6, (1, 1, 1)),
    ]:
        world = World(trouble={step: Crash})
        world.say("meter-a", pack(1))
        assert not work(world, two_meters(), most=10)
        assert (len(world.entries), len(world.rows), len(world.state_at) // 4) == stands


@pytest.mark.parametrize("most", [1, 3, 100])
@pytest.mark.parametrize("step", range(1, 31))
def test_a_worker_killed_at_any_step_and_started_again_comes_to_the_same_end(step: int, most: int) -> None:
    registry = two_meters(messages_per_minute=6)
    expected = untroubled(registry, most)
    world = World(trouble={step: Crash})
    a_busy_log(world)
    if not work(world, registry, most):
        assert work(world, registry, 7)  # the second life batches otherwise
    assert sorted(world.rows) == sorted(expected.rows)
    assert world.counts == expected.counts
    assert world.latest == expected.latest
    assert not [e for e in world.entries if isinstance(e, Superseded)]


BUDGETS = {
    "all": Budget(of="place", messages_per_minute=7),
    "b": Budget(of="f-meter-b", messages_per_minute=3, bytes_per_minute=450),
}


@settings(deadline=None, max_examples=60)
@given(
    troubles=st.lists(st.tuples(st.integers(1, 60), st.sampled_from([Crash, LinkError])), max_size=6),
    most=st.integers(1, 9),
)
def test_any_series_of_kills_and_full_disks_comes_to_the_same_end(
    troubles: list[tuple[int, type[BaseException]]], most: int
) -> None:
    registry = two_meters(messages_per_minute=6, budgets=BUDGETS)
    expected = untroubled(registry, 100)
    assert expected.counts["f-meter-a"][3] and expected.counts["f-meter-b"][3], "something is shed of each"
    world = World(trouble=dict(troubles))
    a_busy_log(world)
    while not work(world, registry, most):
        most = most % 9 + 1
    assert sorted(world.rows) == sorted(expected.rows)
    assert world.counts == expected.counts
    for received, admitted, refused, shed in world.counts.values():
        assert received == admitted + refused + shed


def many_meters(count: int) -> Registry:
    """As many devices, each with a flow of its own of a long name."""
    place, name = a_place(), "a-meter-at-the-corner-of-two-streets-{:05d}"
    device, flow = place.devices["meter-a"], place.flows["f-meter-a"]
    names = [name.format(n) for n in range(count)]
    return number(
        msgspec.structs.replace(
            place,
            devices=dict.fromkeys(names, device),
            flows={f"f-{n}": msgspec.structs.replace(flow, from_=n) for n in names},
        )
    )


def test_a_batch_of_more_flows_than_an_entry_holds_is_on_record_in_several() -> None:
    registry, world = many_meters(1500), World()
    for unit in registry.units:
        world.say(unit.id, pack(1, 5000))
    assert work(world, registry, most=2000)
    assert len(world.rows) == len(registry.units)
    assert {type(e) for e in world.entries} == {AdmissionPart, Admission}
    [(_, whole)] = joined(enumerate_entries(world))
    assert whole.by_flow == dict.fromkeys(registry.flows, (2, 1, 1, 0))
    assert whole.by_reason == {flow: {"out-of-range": 1} for flow in registry.flows}


@pytest.mark.parametrize("step", range(1, 25))
def test_a_worker_killed_with_an_admission_in_parts_comes_to_the_same_end(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admissions, "MOST", 1)  # a part for each flow
    registry = two_meters(messages_per_minute=6)
    expected = untroubled(registry, 5)
    world = World(trouble={step: Crash})
    a_busy_log(world)
    if not work(world, registry, 5):
        assert work(world, registry, 7)
    assert sorted(world.rows) == sorted(expected.rows)
    assert (world.counts, world.latest) == (expected.counts, expected.latest)
    assert not [e for e in world.entries if isinstance(e, Superseded)]
    counted: dict[str, list[int]] = {}
    for _, whole in joined(enumerate_entries(world)):
        for flow, numbers in whole.by_flow.items():
            counted[flow] = [a + b for a, b in zip(counted.get(flow, [0] * 4), numbers, strict=True)]
    assert counted == world.counts


def test_what_is_overtaken_is_superseded_with_all_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admissions, "MOST", 1)
    world = World(trouble={3: Crash})
    world.say("meter-a", pack(1))
    world.say("meter-b", pack(1))
    assert not work(world, two_meters(), most=10)
    changed = two_meters()
    changed.unit_active[:] = False
    assert work(world, changed, most=10, declaration="d2")
    kinds = [AdmissionPart, Admission, Superseded, Superseded, AdmissionPart, Admission]
    assert [type(e) for e in world.entries] == kinds
    assert [e.entry for e in world.entries if isinstance(e, Superseded)] == [0, 1]


def enumerate_entries(world: World) -> list[tuple[str, AnyRecord]]:
    return [(f"worker-0:{i}", entry) for i, entry in enumerate(world.entries)]


def test_every_row_in_history_is_covered_by_an_entry_that_stands() -> None:
    registry = two_meters()
    world = World(trouble={4: Crash, 13: Crash})
    a_busy_log(world)
    while not work(world, registry, 4):
        pass
    spans = [(e.first_seq, e.last_seq) for e in world.entries if isinstance(e, Admission)]
    assert spans == sorted(set(spans))
    assert all(any(a <= seq <= b for a, b in spans) for *_, seq in world.rows)


def test_an_entry_that_a_changed_declaration_overtook_is_superseded_on_record() -> None:
    world = World(trouble={3: Crash})
    world.say("meter-a", pack(1, 2))
    assert not work(world, two_meters(), most=10)
    changed = two_meters()
    changed.unit_active[:] = False
    assert work(world, changed, most=10, declaration="d2")
    assert [type(e) for e in world.entries] == [Admission, Superseded, Admission]
    assert world.rows == []
    assert world.counts == {"f-meter-a": [1, 0, 1, 0]}


def test_an_entry_whose_batch_history_holds_stands_whatever_the_declaration_says_now() -> None:
    world = World(trouble={5: Crash})  # history holds it, state does not yet
    world.say("meter-a", pack(1, 2000, 3))
    assert not work(world, two_meters(), most=10)
    changed = two_meters()
    changed.unit_active[:] = False
    world.say("meter-a", pack(4, first=NOON + MINUTE), NOON + MINUTE)
    assert work(world, changed, most=10, declaration="d2")
    assert [type(e) for e in world.entries] == [Admission, Admission]
    assert [v for *_, v, _ in world.rows] == [1.0, 3.0]
    assert world.counts == {"f-meter-a": [4, 2, 2, 0]}


def test_a_world_that_does_not_answer_stops_nothing_for_ever() -> None:
    world = World(trouble=dict.fromkeys(range(1, 5), LinkError))
    world.say("meter-a", pack(1))
    assert work(world, two_meters(), most=10)
    assert len(world.rows) == 1


class SlowCodec:
    """Reads as the real one, but not before it is told to."""

    def __init__(self) -> None:
        self.asked, self.may = threading.Event(), threading.Event()
        self._inner = codecs()["senml"]

    def decode(self, messages: Messages, registry: Registry) -> Claims:
        self.asked.set()
        assert self.may.wait(10)
        return self._inner.decode(messages, registry)


def test_the_log_is_read_on_while_a_batch_is_judged() -> None:
    world, codec = World(), SlowCodec()
    world.say("meter-a", pack(1))
    world.say("meter-b", pack(2))

    async def life() -> None:
        stop = asyncio.Event()
        stores = Stores(MemoryLedger(world), MemoryHistory(world), MemoryState(world))  # type: ignore[arg-type]
        config = IntakeSettings(
            stream="s", partitions=PARTITIONS, by="worker-0", declaration="d1", gather_s=0.0, most_messages=1
        )
        reader = MemoryReader(world, 1, 1, stop, PARTITIONS, None)
        worker = Intake(two_meters(), {"senml": codec}, stores, CityClock(), config, lambda _: reader)
        running = asyncio.create_task(worker.run(stop))
        assert await asyncio.to_thread(codec.asked.wait, 10)
        async with asyncio.timeout(10):
            while reader.next <= 2:
                await asyncio.sleep(0.001)
        assert not world.entries, "the first batch is still being judged"
        codec.may.set()
        await running

    asyncio.run(life())
    assert sorted(v for *_, v, _ in world.rows) == [1.0, 2.0]


def test_a_batch_that_was_given_up_at_the_stop_is_not_overtaken_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RETRY_S", (0.0,) * 4)
    world = World(trouble=dict.fromkeys(range(1, 6), LinkError))  # as often as a stopped worker tries
    world.say("meter-a", pack(1))
    world.say("meter-a", pack(2, first=NOON + SECOND))
    work(world, two_meters(), most=1, stop_at=2)
    assert work(world, two_meters(), most=1)
    assert [v for *_, v, _ in world.rows] == [1.0, 2.0]
    assert world.counts == {"f-meter-a": [2, 2, 0, 0]}


def test_superseding_survives_a_ledger_that_does_not_answer() -> None:
    world = World(trouble={3: Crash, 4: LinkError})
    world.say("meter-a", pack(1, 2))
    assert not work(world, two_meters(), most=10)
    changed = two_meters()
    changed.unit_active[:] = False
    assert work(world, changed, most=10, declaration="d2")
    assert [type(e) for e in world.entries] == [Admission, Superseded, Admission]


@pytest.mark.parametrize("partitions", [(partition_of("meter-a", 4),), PARTITIONS])
def test_a_worker_behind_the_others_judges_by_its_own_partitions_time(partitions: tuple[int, ...]) -> None:
    world = World()
    now = json.dumps([{"n": "illuminance", "v": 1}]).encode()  # it happened when the log took it
    for n in range(5):
        world.say("meter-a", now, NOON + n * SECOND)
    world.say("meter-b", now, NOON + HOUR)
    registry, ahead = two_meters(), World(log=[world.log[5]])
    assert work(ahead, registry, most=10)
    world.windows, world.state_at = ahead.windows, {partition_of("meter-b", 4): 6}
    assert work(world, registry, most=10, partitions=partitions)
    assert [(at - NOON) // SECOND for _, at, *_ in world.rows] == [0, 1, 2, 3, 4]
