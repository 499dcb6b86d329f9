"""Budgets against a slow, obviously correct count of them, and against themselves cut into other batches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.guard.admit import AdmitState, screen, stamp
from cityward.guard.batch import Messages
from cityward.guard.budgets import Windows, told
from cityward.guard.reasons import SHED, Reason
from cityward.place.budgets import UNBOUNDED, Budget, fill
from cityward.place.data import Dataset, Flow, FlowLimits, Observability
from cityward.place.model import Place
from cityward.place.registry import Registry, number
from cityward.place.services import Function, Priority, Service
from cityward.place.things import Device, DeviceModel, Need, PropertyMapping
from cityward.time import MINUTE, SECOND

NOON = 1_760_000_040 * SECOND // MINUTE * MINUTE
LIMITS = FlowLimits(messages_per_minute=6, bytes_per_minute=600, max_message_bytes=100)
ALONE = FlowLimits(messages_per_minute=1000, bytes_per_minute=100_000, max_message_bytes=100)


def a_place(budgets: dict[str, Budget], limits: FlowLimits = LIMITS) -> Registry:
    """Units 0 `alarm` (critical), 1 and 2 the meters (important), 3 `toy` (routine); acme makes the meters and the toy."""

    def device(model: str, **more: object) -> Device:
        return Device(model=model, site="unknown", owner="unknown", **more)  # type: ignore[arg-type]

    def flow(source: str) -> Flow:
        return Flow(
            from_=source,
            to="platform",
            datasets=("light",),
            purpose="p",
            protocol="mqtt",
            observability=Observability.ENFORCED,
            limits=limits,
        )

    model = {"properties": {"illuminance": PropertyMapping()}}
    return number(
        Place(
            place="t",
            name="T",
            position=(2.3, 54.9),
            responsible="council",
            device_models={"a": DeviceModel(maker="council", **model), "b": DeviceModel(maker="acme", **model)},
            devices={"alarm": device("a"), "meter": device("b", positions=((2.3, 54.9),) * 2), "toy": device("b")},
            datasets={
                "light": Dataset(personal=False, sensitivity="public", retention_days=1, properties=("illuminance",))
            },
            services={"s": Service(kind="lighting", operator="council")},
            functions={
                "safe": Function(service="s", needs=(Need(of=("alarm",)),), essential=True),
                "nice": Function(service="s", needs=(Need(of=("meter",)),)),
            },
            flows={"a": flow("alarm"), "m": flow("meter"), "t": flow("toy")},
            budgets=budgets,
        )
    )


@dataclass(frozen=True)
class Said:
    unit: int
    second: int = 0
    size: int = 10


def verdicts(said: Sequence[Said], registry: Registry, state: AdmitState, first_seq: int = 1) -> list[Reason]:
    messages = Messages(
        unit=[s.unit for s in said],
        payload=[b"x" * s.size for s in said],
        received_at=[NOON + s.second * SECOND for s in said],
        seq=range(first_seq, first_seq + len(said)),
    )
    return [Reason(int(r)) for r in screen(stamp(messages, state), registry, state)]


def at_once(said: Sequence[Said], registry: Registry) -> list[Reason]:
    return verdicts(said, registry, AdmitState.empty(registry))


@dataclass
class Slow:
    """The budgets as one would explain them: message by message, with counters."""

    registry: Registry
    alone: dict[int, list[int]] = field(default_factory=dict)
    shared: dict[int, list[int]] = field(default_factory=dict)

    def judge(self, said: Said) -> Reason:
        minute = (NOON + said.second * SECOND) // MINUTE
        mine = self.alone.setdefault(said.unit, [minute, 0, 0])
        if mine[0] != minute:
            mine[:] = [minute, 0, 0]
        mine[1] += 1
        mine[2] += said.size
        messages, size = self.registry.unit_limits[said.unit]
        if mine[1] > messages:
            return Reason.RATE_EXCEEDED
        if mine[2] > size:
            return Reason.BYTES_EXCEEDED
        for b, budget in enumerate(self.registry.budgets):
            if said.unit in budget.covers and not self.has_room(b, said, minute):
                return Reason[f"{budget.kind.upper()}_BUDGET"]
        return Reason.ADMITTED

    def has_room(self, b: int, said: Said, minute: int) -> bool:
        budget, mine = self.registry.budgets[b], self.shared.setdefault(b, [minute, 0, 0, 3])
        if mine[0] != minute:
            mine[:] = [minute, 0, 0, 3]
        rank = int(self.registry.unit_priority[said.unit])
        while mine[3] > rank:
            lowest = mine[3] - 1
            if mine[1] + 1 <= budget.messages[lowest] and mine[2] + said.size <= budget.bytes[lowest]:
                mine[1] += 1
                mine[2] += said.size
                return True
            mine[3] = lowest
        return False


SAID = st.lists(
    st.builds(
        Said,
        unit=st.sampled_from([0, 1, 2, 3, 3]),
        second=st.sampled_from([0, 1, 59, 60, 61, 119, 120]),
        size=st.sampled_from([1, 10, 100]),
    ),
    max_size=60,
)
BUDGETS = st.fixed_dictionaries(
    {},
    optional={
        name: st.builds(
            Budget,
            of=st.just(of),
            messages_per_minute=st.none() | st.integers(1, 12),
            bytes_per_minute=st.none() | st.integers(16, 400),
        )
        for name, of in (("p", "place"), ("g", "meter"), ("f", "t"), ("a", "acme"), ("d", "toy"))
    },
)


@settings(deadline=None, max_examples=300)
@given(said=SAID, budgets=BUDGETS)
def test_agree_with_the_slow_count_on_anything(said: list[Said], budgets: dict[str, Budget]) -> None:
    registry = a_place(budgets)
    slow = Slow(registry)
    assert at_once(said, registry) == [slow.judge(s) for s in said]


@settings(deadline=None, max_examples=300)
@given(said=SAID, budgets=BUDGETS, cuts=st.lists(st.integers(0, 60), max_size=5))
def test_shed_alike_however_the_log_is_cut_and_wherever_the_gate_is_started_again(
    said: list[Said], budgets: dict[str, Budget], cuts: list[int]
) -> None:
    registry = a_place(budgets)
    whole = at_once(said, registry)
    state, parts = AdmitState.empty(registry), list[Reason]()
    for start, stop in itertools.pairwise([0, *sorted(min(c, len(said)) for c in cuts), len(said)]):
        parts += verdicts(said[start:stop], registry, state, start + 1)
        again = AdmitState.empty(registry)  # what a restart takes up
        again.now, again.windows = state.now, deepcopy(state.windows)
        state = again
    assert parts == whole


@settings(deadline=None, max_examples=200)
@given(said=SAID, budgets=BUDGETS)
def test_no_budget_lets_more_pass_than_declared(said: list[Said], budgets: dict[str, Budget]) -> None:
    registry = a_place(budgets)
    passed = [s for s, r in zip(said, at_once(said, registry), strict=True) if r is Reason.ADMITTED]
    if len({s.second // 60 for s in said}) > 1:
        return  # the log's clock may come back to a minute, which then begins anew
    for budget in registry.budgets:
        through = [s for s in passed if s.unit in budget.covers]
        assert len(through) <= budget.messages[0]
        assert sum(s.size for s in through) <= budget.bytes[0]


@settings(deadline=None, max_examples=200)
@given(
    said=SAID, flood=st.lists(st.builds(Said, unit=st.sampled_from([1, 2, 3]), size=st.integers(1, 100)), max_size=60)
)
def test_critical_messages_keep_the_room_that_is_kept_free_for_them(said: list[Said], flood: list[Said]) -> None:
    """Half of the place's twelve are kept free for the alarm, which may send six: whatever the others do, it sends them."""
    registry = a_place({"p": Budget(of="place", messages_per_minute=12)})
    calm = [Said(unit=0) for _ in range(6)]
    mixed = [x for pair in itertools.zip_longest(flood, calm) for x in pair if x is not None]
    got = at_once(mixed, registry)
    assert [r for s, r in zip(mixed, got, strict=True) if s.unit == 0] == [Reason.ADMITTED] * 6


def test_a_flood_of_one_device_uses_up_nothing_that_others_share() -> None:
    registry = a_place({"g": Budget(of="meter", messages_per_minute=12)})
    got = at_once([*[Said(1)] * 50, *[Said(2)] * 6], registry)
    assert got[:6] == [Reason.ADMITTED] * 6
    assert set(got[6:50]) == {Reason.RATE_EXCEEDED}
    assert got[50:] == [Reason.ADMITTED] * 6


def test_sheds_by_bytes_what_is_within_the_count() -> None:
    registry = a_place({})
    got = at_once([Said(3, size=100)] * 3 + [Said(3, size=100)] * 3, registry)
    assert got == [Reason.ADMITTED] * 6  # 600 bytes are all it may send
    tight = a_place({"d": Budget(of="toy", bytes_per_minute=250)})
    assert at_once([Said(3, size=100)] * 3, tight) == [Reason.ADMITTED] * 2 + [Reason.BYTES_EXCEEDED]


KINDS = {
    "group": ("meter", [1, 2], Reason.GROUP_BUDGET),
    "flow": ("m", [1, 2], Reason.FLOW_BUDGET),
    "party": ("acme", [1, 2, 3], Reason.PARTY_BUDGET),
    "place": ("place", [0, 1, 2, 3], Reason.PLACE_BUDGET),
}


@pytest.mark.parametrize(("of", "units", "reason"), KINDS.values(), ids=KINDS)
def test_each_kind_of_budget_covers_its_units_and_sheds_by_its_reason(
    of: str, units: list[int], reason: Reason
) -> None:
    registry = a_place({"b": Budget(of=of, messages_per_minute=1)}, ALONE)
    [budget] = registry.budgets
    assert budget.covers.tolist() == units
    assert at_once([Said(units[0]), Said(units[-1])], registry) == [Reason.ADMITTED, reason]
    assert reason in SHED


def test_a_new_minute_opens_every_budget_again() -> None:
    registry = a_place({"p": Budget(of="place", messages_per_minute=1)}, ALONE)
    got = at_once([Said(3, 0), Said(3, 1), Said(3, 60), Said(3, 61)], registry)
    assert got == [Reason.ADMITTED, Reason.PLACE_BUDGET] * 2


def test_what_is_kept_free_is_what_a_class_may_send_but_at_most_half_of_what_is_left() -> None:
    assert fill(100, [10, 20, 30]).tolist() == [100, 90, 70]
    assert fill(100, [1000, 1000, 5]).tolist() == [100, 50, 25]
    assert fill(1, [9, 9, 9]).tolist() == [1, 1, 1]
    assert fill(None, [9, 9, 9]).tolist() == [UNBOUNDED] * 3


def test_classes_are_read_off_the_functions() -> None:
    ranks = [Priority(int(p)) for p in a_place({}).unit_priority]
    assert ranks == [Priority.CRITICAL, Priority.IMPORTANT, Priority.IMPORTANT, Priority.ROUTINE]


def test_of_several_workers_each_keeps_its_part_of_a_shared_budget() -> None:
    registry = a_place({"p": Budget(of="place", messages_per_minute=8)}, ALONE)
    mine = np.array([False, True, False, False])
    one_of_four = Windows.empty(registry, mine)
    whole = Windows.empty(registry)
    assert whole.marks[0][:, 0].tolist() == [8, 4, 2]
    assert one_of_four.marks[0][:, 0].tolist() == [2, 1, 1]


def test_tells_its_windows_by_names_that_outlast_a_restart() -> None:
    registry = a_place({"p": Budget(of="place", messages_per_minute=8), "g": Budget(of="meter", messages_per_minute=8)})
    state = AdmitState.empty(registry)
    assert told(state.windows.shared, registry) == []
    verdicts([Said(3, size=7)], registry, state)
    [(name, window)] = told(state.windows.shared, registry)
    assert (name, window.messages, window.bytes, window.open_to) == ("place:place", 1, 7, 3)
