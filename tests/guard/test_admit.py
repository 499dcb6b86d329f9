"""The admit gate against a slow, obviously correct one, and against itself cut into other batches."""

from __future__ import annotations

import itertools
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.guard.admit import (
    UNDECLARED,
    WINDOW,
    AdmitState,
    Admitted,
    Judged,
    by_class,
    digest,
    judge,
    screen,
    stamp,
    tally,
)
from cityward.guard.batch import Claims, Messages
from cityward.guard.reasons import SHED, Reason
from cityward.place.data import Dataset, Flow, FlowLimits, Observability
from cityward.place.model import Place
from cityward.place.registry import Registry, number
from cityward.place.things import Device, DeviceModel, DeviceStatus, PropertyMapping
from cityward.time import HOUR, MINUTE, SECOND

NOON = 1_760_000_000 * SECOND
LIMITS = FlowLimits(max_age_s=3600, max_future_s=60, messages_per_minute=5, max_message_bytes=100)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return small_registry()


def small_registry() -> Registry:
    """Units: meter (active, illuminance carried, air-temperature in no flow), stolen, stray (no flow at all)."""
    model = DeviceModel(
        maker="unknown",
        properties={"illuminance": PropertyMapping(low=0, high=1000), "air-temperature": PropertyMapping()},
    )
    device = {"model": "m", "site": "unknown", "owner": "unknown"}
    flow = {
        "to": "platform",
        "datasets": ("light",),
        "purpose": "p",
        "protocol": "mqtt",
        "observability": Observability.ENFORCED,
        "limits": LIMITS,
    }
    return number(
        Place(
            place="t",
            name="T",
            position=(2.3, 54.9),
            responsible="council",
            device_models={"m": model},
            devices={
                "meter": Device(**device),
                "stolen": Device(**device, status=DeviceStatus.STOLEN),
                "stray": Device(**device),
            },
            datasets={
                "light": Dataset(personal=False, sensitivity="public", retention_days=1, properties=("illuminance",))
            },
            flows={"a": Flow(from_="meter", **flow), "b": Flow(from_="stolen", **flow)},
        )
    )


@dataclass
class Row:
    """One message with one claim."""

    unit: int = 0
    channel: int = 0
    value: float = 1.0
    observed_at: int = NOON
    received_at: int = NOON
    fault: int = 0
    size: int = 10


@dataclass
class Slow:
    """The gate as one would explain it: row by row, with sets."""

    registry: Registry
    most: int = LIMITS.messages_per_minute
    now: int = -(2**62)
    minute: dict[int, tuple[int, int]] = field(default_factory=dict)
    known: dict[int, list[int]] = field(default_factory=dict)

    def judge(self, row: Row) -> Reason:
        self.now = max(self.now + 1, row.received_at)
        if row.unit < 0:
            return Reason.UNKNOWN_DEVICE
        minute, count = self.minute.get(row.unit, (None, 0))
        count = count + 1 if minute == row.received_at // MINUTE else 1
        self.minute[row.unit] = (row.received_at // MINUTE, count)
        if not self.registry.unit_active[row.unit]:
            return Reason.INACTIVE_DEVICE
        if self.registry.unit_flow[row.unit] < 0:
            return Reason.NO_FLOW
        if count > self.most:
            return Reason.RATE_EXCEEDED
        if row.size > LIMITS.max_message_bytes:
            return Reason.TOO_LARGE
        if row.fault:
            return Reason(row.fault)
        return self.judge_claim(row)

    def judge_claim(self, row: Row) -> Reason:
        if self.registry.channel_flow[row.channel] < 0:
            return Reason.NO_FLOW
        if not np.isfinite(row.value):
            return Reason.NOT_FINITE
        if not self.registry.channel_low[row.channel] <= row.value <= self.registry.channel_high[row.channel]:
            return Reason.OUT_OF_RANGE
        if row.observed_at > self.now + LIMITS.max_future_s * SECOND:
            return Reason.IN_THE_FUTURE
        if row.observed_at < row.received_at - LIMITS.max_age_s * SECOND:
            return Reason.TOO_OLD
        known = self.known.setdefault(row.channel, [])
        if row.observed_at in known:
            return Reason.DUPLICATE
        if len(known) == WINDOW and row.observed_at < min(known):
            return Reason.REPLAY
        known.append(row.observed_at)
        known.sort()
        del known[:-WINDOW]
        return Reason.ADMITTED


def run(rows: list[Row], registry: Registry, state: AdmitState, first_seq: int = 1) -> Judged:
    messages = Messages(
        unit=[r.unit for r in rows],
        payload=[b"x" * r.size for r in rows],
        received_at=[r.received_at for r in rows],
        seq=list(range(first_seq, first_seq + len(rows))),
    )
    messages = stamp(messages, state)
    screened = screen(messages, registry, state)
    read = [i for i in range(len(rows)) if not screened[i]]
    claims = Claims(
        message=np.array(read, dtype=np.int32),
        channel=np.array([-1 if rows[i].fault else rows[i].channel for i in read], dtype=np.int32),
        value=np.array([np.nan if rows[i].fault else rows[i].value for i in read], dtype=np.float64),
        observed_at=np.array([0 if rows[i].fault else rows[i].observed_at for i in read], dtype=np.int64),
        fault=np.array([rows[i].fault for i in read], dtype=np.uint8),
    )
    return judge(messages, screened, claims, registry, state)


def reasons(rows: list[Row], registry: Registry) -> list[Reason]:
    return [Reason(int(r)) for r in run(rows, registry, AdmitState.empty(registry)).reason]


CASES = {
    "a good reading": (Row(), Reason.ADMITTED),
    "an unknown device": (Row(unit=-1), Reason.UNKNOWN_DEVICE),
    "a stolen device": (Row(unit=1, channel=2), Reason.INACTIVE_DEVICE),
    "a device without a flow": (Row(unit=2, channel=4), Reason.NO_FLOW),
    "a property without a flow": (Row(channel=1), Reason.NO_FLOW),
    "what the codec could not read": (Row(fault=Reason.NOT_JSON), Reason.NOT_JSON),
    "a message too large": (Row(size=101), Reason.TOO_LARGE),
    "infinity": (Row(value=float("inf")), Reason.NOT_FINITE),
    "not a number": (Row(value=float("nan")), Reason.NOT_FINITE),
    "below the range": (Row(value=-0.1), Reason.OUT_OF_RANGE),
    "above the range": (Row(value=1000.1), Reason.OUT_OF_RANGE),
    "the far future": (Row(observed_at=NOON + 61 * SECOND), Reason.IN_THE_FUTURE),
    "the near future": (Row(observed_at=NOON + 60 * SECOND), Reason.ADMITTED),
    "long ago": (Row(observed_at=NOON - HOUR - 1), Reason.TOO_OLD),
    "just not too old": (Row(observed_at=NOON - HOUR), Reason.ADMITTED),
}


@pytest.mark.parametrize(("row", "expected"), CASES.values(), ids=CASES.keys())
def test_gives_each_row_its_one_reason(row: Row, expected: Reason, registry: Registry) -> None:
    assert reasons([row], registry) == [expected]


def test_refuses_what_was_admitted_before_also_within_a_batch(registry: Registry) -> None:
    rows = [Row(), Row(), Row(observed_at=NOON - 1), Row(observed_at=NOON - 1)]
    assert reasons(rows, registry) == [Reason.ADMITTED, Reason.DUPLICATE, Reason.ADMITTED, Reason.DUPLICATE]


def test_sheds_a_flood_without_starving_other_devices() -> None:
    registry = small_registry()
    flood = [Row(unit=0, observed_at=NOON + i) for i in range(50)]
    got = reasons([*flood, Row(unit=-1)], registry)
    assert got[:5] == [Reason.ADMITTED] * 5
    assert set(got[5:50]) == {Reason.RATE_EXCEEDED}
    assert got[50] is Reason.UNKNOWN_DEVICE


def test_a_clock_that_jumps_back_makes_no_reading_future(registry: Registry) -> None:
    rows = [Row(received_at=NOON), Row(received_at=NOON - HOUR, observed_at=NOON + SECOND)]
    assert reasons(rows, registry) == [Reason.ADMITTED, Reason.ADMITTED]


def test_a_clock_that_was_far_ahead_and_jumps_back_starves_nobody(registry: Registry) -> None:
    ahead = Row(received_at=NOON + 24 * HOUR, observed_at=NOON + 24 * HOUR)
    after = [Row(received_at=NOON + i * MINUTE, observed_at=NOON + i * MINUTE) for i in range(20)]
    assert reasons([ahead, *after], registry) == [Reason.ADMITTED] * 21


def test_times_only_rise_so_that_readings_without_one_are_told_apart(registry: Registry) -> None:
    state = AdmitState.empty(registry)
    stamps = [NOON, NOON - HOUR, NOON - HOUR, NOON + 1, NOON + HOUR]
    messages = stamp(Messages(unit=[0] * 5, payload=[b""] * 5, received_at=stamps, seq=range(5)), state)
    assert list(messages.received_at) == [NOON, NOON + 1, NOON + 2, NOON + 3, NOON + HOUR]
    assert list(messages.take([1, 3]).logged_at) == [NOON - HOUR, NOON + 1]


def test_takes_a_short_backlog_late_but_refuses_what_lies_before_its_window(registry: Registry) -> None:
    state = AdmitState.empty(registry)
    channel = np.zeros(WINDOW, dtype=np.int32)
    state.remember(channel, NOON - np.arange(WINDOW, 0, -1, dtype=np.int64) * 2 * SECOND)
    late = run([Row(observed_at=NOON - 3 * SECOND)], registry, state)
    before_all = run([Row(observed_at=NOON - WINDOW * 2 * SECOND - SECOND)], registry, state)
    assert late.reason.tolist() == [Reason.ADMITTED]
    assert before_all.reason.tolist() == [Reason.REPLAY]


def test_refuses_a_revoked_device_from_that_moment_on_by_the_logs_time() -> None:
    registry = small_registry()
    registry.unit_barred_from[0, 0] = NOON
    rows = [Row(received_at=NOON - 1, observed_at=NOON - 1), Row(received_at=NOON, observed_at=NOON)]
    assert reasons(rows, registry) == [Reason.ADMITTED, Reason.INACTIVE_DEVICE]


def test_refuses_a_barred_device_until_the_bar_ends_and_never_another() -> None:
    registry = small_registry()
    registry.unit_barred_from[0, 1:3] = NOON + 10, NOON + 30
    registry.unit_barred_until[0, 1:3] = NOON + 20, NOON + 31
    times = [NOON + n for n in (9, 10, 20, 30, 31)]
    said = reasons([Row(received_at=at, observed_at=at) for at in times], registry)
    barred, let_in = Reason.INACTIVE_DEVICE, Reason.ADMITTED
    assert said == [let_in, barred, let_in, barred, let_in]


def test_counts_by_the_class_of_the_device(registry: Registry) -> None:
    registry = small_registry()
    registry.unit_priority[:] = [0, 2, 1]  # meter, stolen, stray
    rows = [
        Row(),
        Row(observed_at=NOON + SECOND),
        Row(value=-1.0),
        Row(unit=1, channel=2),
        Row(unit=2, channel=4),
        Row(unit=-1),
    ]
    assert by_class(run(rows, registry, AdmitState.empty(registry)), registry) == {
        "critical": {"admitted": 2, "out-of-range": 1},
        "important": {"no-flow": 1},
        "routine": {"inactive-device": 1},
        "undeclared": {"unknown-device": 1},
    }


def test_only_the_gate_makes_admitted(registry: Registry) -> None:
    judged = run([Row()], registry, AdmitState.empty(registry))
    assert len(judged.seal("worker-0:0")) == 1
    empty = np.empty(0)
    with pytest.raises(TypeError, match="only the admit gate"):
        Admitted(empty, empty, empty, empty, empty, "x", object())  # type: ignore[arg-type]


def test_the_digest_does_not_depend_on_the_order_of_rows_within_a_message(registry: Registry) -> None:
    judged = run([Row(observed_at=NOON), Row(observed_at=NOON + 1)], registry, AdmitState.empty(registry))
    swapped = Judged(**{f: getattr(judged, f)[::-1].copy() for f in Judged.__slots__})
    assert digest(judged, registry) == digest(swapped, registry)
    judged.value[0] += 1e-9
    assert digest(judged, registry) != digest(swapped, registry)


ROWS = st.lists(
    st.builds(
        Row,
        unit=st.sampled_from([0, 0, 0, 0, 1, 2, -1]),
        channel=st.sampled_from([0, 0, 0, 1]),
        value=st.sampled_from([0.0, 5.0, 1000.0, 1001.0, float("nan"), float("inf")]),
        observed_at=st.integers(-8, 8).map(lambda n: NOON + n * 37 * SECOND)
        | st.integers(-2, 2).map(lambda n: NOON + n * HOUR),
        received_at=st.integers(-3, 20).map(lambda n: NOON + n * 11 * SECOND),
        fault=st.sampled_from([0, 0, 0, 0, Reason.NOT_JSON, Reason.UNKNOWN_PROPERTY]),
        size=st.sampled_from([1, 100, 101]),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=300)
@given(rows=ROWS)
def test_agrees_with_the_slow_gate_on_anything(rows: list[Row]) -> None:
    registry = small_registry()
    rows = [r if r.unit == 0 else Row(**{**r.__dict__, "channel": max(0, r.unit * 2)}) for r in rows]
    slow = Slow(registry)
    assert reasons(rows, registry) == [slow.judge(r) for r in rows]


RUNS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 200), st.sampled_from([1, 1, 2, 3])), min_size=1, max_size=6
)


@settings(deadline=None, max_examples=60)
@given(runs=RUNS)
def test_agrees_with_the_slow_gate_on_packs_sent_again_and_again(runs: list[tuple[int, int, int]]) -> None:
    registry = small_registry()
    registry.unit_limits[:] = 10_000_000  # messages and bytes a minute
    times = [first + n * step for first, length, step in runs for n in range(length)]
    rows = [Row(observed_at=NOON - HOUR + at * SECOND) for at in times]
    slow = Slow(registry, most=10_000)
    assert reasons(rows, registry) == [slow.judge(r) for r in rows]


@settings(deadline=None, max_examples=300)
@given(rows=ROWS, cuts=st.lists(st.integers(0, 40), max_size=5))
def test_judges_alike_however_the_log_is_cut_into_batches(rows: list[Row], cuts: list[int]) -> None:
    registry = small_registry()
    rows = [r if r.unit == 0 else Row(**{**r.__dict__, "channel": max(0, r.unit * 2)}) for r in rows]
    whole = run(rows, registry, AdmitState.empty(registry)).reason.tolist()
    state = AdmitState.empty(registry)
    bounds = [0, *sorted(min(c, len(rows)) for c in cuts), len(rows)]
    parts: list[int] = []
    for start, stop in itertools.pairwise(bounds):
        parts += run(rows[start:stop], registry, state, start + 1).reason.tolist()
    assert parts == whole


@settings(deadline=None, max_examples=100)
@given(rows=ROWS)
def test_received_is_admitted_plus_refused_plus_shed(rows: list[Row]) -> None:
    registry = small_registry()
    counted = tally(run(rows, registry, AdmitState.empty(registry)), registry)
    assert counted.received == len(rows) == counted.admitted + sum(counted.refused.values()) + counted.shed
    for received, admitted, refused, shed in counted.by_flow.values():
        assert received == admitted + refused + shed
    assert set(counted.by_flow) <= {*registry.flows, UNDECLARED}
    assert {Reason(r).word for r in SHED}.isdisjoint(counted.refused)


@settings(deadline=None, max_examples=100)
@given(times=st.lists(st.integers(0, 1500), max_size=400), restart_at=st.integers(0, 400))
def test_a_gate_rebuilt_from_history_judges_like_one_that_never_stopped(times: list[int], restart_at: int) -> None:
    registry = small_registry()
    minute = (
        Row(observed_at=NOON + t * SECOND, received_at=NOON + 25 * MINUTE + i * 12 * SECOND)
        for i, t in enumerate(times)
    )
    rows = [Row(**{**r.__dict__, "observed_at": min(r.observed_at, r.received_at)}) for r in minute]
    state = AdmitState.empty(registry)
    before = run(rows[:restart_at], registry, state)
    rebuilt = AdmitState.empty(registry)
    held = np.sort(before.observed_at[before.passed])[-WINDOW:]
    rebuilt.remember(np.zeros(len(held), dtype=np.int32), held)
    rebuilt.now, rebuilt.windows = state.now, deepcopy(state.windows)
    rest = rows[restart_at:]
    assert run(rest, registry, state).reason.tolist() == run(rest, registry, rebuilt).reason.tolist()
