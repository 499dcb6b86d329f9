"""What every service keeps to, whatever it does: found by scanning, shown cities of all kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityward.catalogue import PROPERTIES
from cityward.errors import PlaceError, PlaceErrors
from cityward.guard.permit import MOST_SOURCES, ActuatorRule, Issued, PermitReason, PermitRules, Refusal, permit
from cityward.guard.plans import PlanReason
from cityward.place.independence import Traits
from cityward.place.junctions import Conflict, Junction, Link, PlanStep, PriorityCall, SignalGroup
from cityward.place.things import CommandLimits
from cityward.services import find_services
from cityward.services.board import Board, clipped
from cityward.services.contract import (
    MOST_MEMORY,
    NOT_ON_RECORD,
    Actuator,
    Commanded,
    Document,
    KnowsJunctions,
    Proposal,
    Reading,
    Series,
    Service,
    View,
)
from cityward.time import DAY, HOUR, MINUTE

SERVICES = find_services()
LIMITS = {
    "dim": CommandLimits(sets="lamp-level", low=10, high=100, per_hour=3600, fail_safe=100),
    "signal-stage": CommandLimits(sets="signal-stage", low=-1, high=63, per_hour=3600, fail_safe=-1),
}

OBSERVED = sorted(PROPERTIES)

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
numbers = st.one_of(st.floats(0, 200_000), st.sampled_from([0.0, -0.0, 1e-300, 1e300, -1.0]))
words = st.text(max_size=12)


def declared(service: Service[Any]) -> Any:
    read = service.read_settings(service.example, "example")
    assert not isinstance(read, PlaceError), read
    if isinstance(service, KnowsJunctions):
        read = service.with_junctions(read, JUNCTIONS, "example")
        assert not isinstance(read, PlaceErrors), read
    return read


def _bridge(name: str, other: str) -> Junction:
    """A junction of two ways, each unit of a group of its own, linked with the other."""
    return Junction(
        device=name,
        groups={"along": SignalGroup(lanes=(f"{name}-a",)), "across": SignalGroup(lanes=(f"{name}-b",))},
        conflicts=(Conflict(first="along", then="across"),),
        stages={"along": ("along",), "across": ("across",)},
        plan=(PlanStep(stage="along", seconds=30), PlanStep(stage="across", seconds=20)),
        calls=(PriorityCall(devices=("bus",), groups=("along",), kind="bus"),),
        links=(Link(group="along", to=other, lanes=(f"{other}-a",), seconds=20),),
        detectors={f"{name}-radar": (f"{name}-a",), f"{name}-loop": (f"{name}-b",)},
    )


JUNCTIONS = {"old-bridge": _bridge("old-bridge", "new-bridge"), "new-bridge": _bridge("new-bridge", "old-bridge")}


@st.composite
def views(draw: st.DrawFn, service: Service[Any]) -> View[Any]:
    """A city as the service might see it: sensors gone, stale or absurd, any time, any place."""
    read = declared(service)
    named = dict.fromkeys([*service.reads(read), *service.commands(read)])
    members = {name: [f"{name}-{n:02d}" for n in range(1, draw(st.integers(0, 3)) + 1)] for name in named}
    units = [unit for group in members.values() for unit in group]
    now = draw(st.integers(0, 4_000_000_000_000_000))
    ages = st.one_of(st.integers(0, 2 * HOUR), st.integers(0, 400 * DAY))
    keys = st.tuples(st.sampled_from(units or ["none"]), st.sampled_from(OBSERVED))
    drawn = draw(st.dictionaries(keys, st.tuples(numbers, ages), max_size=12))
    readings = {key: Reading(value, now - age, age) for key, (value, age) in drawn.items()}
    mine = [unit for name in service.commands(read) for unit in members[name]]
    causes = st.dictionaries(st.sampled_from(["sky", "traffic", "street"]), st.one_of(words, st.just("night")))
    states = st.sampled_from(["sent", "acknowledged", "timed-out", "rejected", "?"])
    commanded = st.builds(
        Commanded, st.sampled_from(["dim", "other"]), numbers, causes, states, st.integers(now - DAY, now + DAY)
    )
    return View(
        now_us=now,
        position=(draw(st.floats(-180, 180)), draw(st.floats(-90, 90))),
        settings=read,
        members=members,
        readings=readings,
        actuators={unit: Actuator(LIMITS) for unit in mine if draw(st.booleans())},
        last_commands={unit: draw(commanded) for unit in mine if draw(st.booleans())},
    )


def vouched_for(view: View[Any]) -> dict[str, Traits]:
    """Every unit, as a source the gate knows."""
    return {unit: Traits(None, None, None) for units in view.members.values() for unit in units}


def test_lighting_is_found():
    assert "lighting" in SERVICES


@every_service
def test_its_example_settings_are_good_and_their_type_is_the_declared_one(service: Service[Any]):
    assert isinstance(declared(service), service.settings)


@every_service
@given(raw=st.dictionaries(words, st.one_of(st.none(), st.integers(), words, st.lists(words)), max_size=3))
def test_it_answers_bad_settings_and_does_not_raise(service: Service[Any], raw: dict[str, Any]):
    if raw and not set(raw) & set(service.example):
        assert isinstance(service.read_settings(raw, "here"), PlaceError)


@every_service
@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_the_same_view_gives_the_same_proposals_and_every_one_is_fit_for_the_gate(
    service: Service[Any], data: st.DataObject
):
    view = data.draw(views(service))
    proposals = list(service.step(view, service.memory()).proposals)
    assert proposals == list(service.step(view, service.memory()).proposals), (
        "it remembers something that is not in the view"
    )
    rules = PermitRules("it", {unit: ActuatorRule(True, LIMITS) for unit in view.actuators}, vouched_for(view))
    recent: list[Issued] = []
    for proposal in proposals:
        assert isinstance(proposal, Proposal)
        assert proposal.device in view.actuators
        assert proposal.made_at == view.now_us
        verdict = permit(proposal, rules, recent, view.now_us)
        assert not isinstance(verdict, Refusal) or verdict.reason is PermitReason.RATE_EXCEEDED, verdict
    assert len({(p.device, p.command) for p in proposals}) == len(proposals), "one word to a device at a time"


@every_service
@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_value_follows_from_the_readings_of_its_sources_alone(service: Service[Any], data: st.DataObject):
    view = data.draw(views(service))
    for proposal in service.step(view, service.memory()).proposals:
        assert len(proposal.sources) <= MOST_SOURCES and len(set(proposal.sources)) == len(proposal.sources)
        # actuators' own reports say when to speak, not what
        shown = {key: r for key, r in view.readings.items() if key[0] in proposal.sources or key[0] in view.actuators}
        again = {
            (p.device, p.command): p for p in service.step(replace(view, readings=shown), service.memory()).proposals
        }
        twin = again.get((proposal.device, proposal.command))
        assert twin is not None and twin.value == proposal.value and twin.sources == proposal.sources


@every_service
@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_source_is_a_unit_it_was_shown_a_reading_of(service: Service[Any], data: st.DataObject):
    view = data.draw(views(service))
    shown = {unit for unit, _ in view.readings}
    assert all(set(proposal.sources) <= shown for proposal in service.step(view, service.memory()).proposals)


# -- whole turns, over many random views ------------------------------------------------------------------------------

GATES = {
    PermitReason.MALFORMED,
    PermitReason.OUT_OF_BOUNDS,
    PermitReason.NOT_AN_ACTUATOR,
    PermitReason.UNDECLARED_COMMAND,
}
PLANS = ("round", "maintenance", "early")  # two kinds and a crew of the examples
NO = (*(reason.value for reason in PlanReason), NOT_ON_RECORD)
REFUSED = tuple(reason.value for reason in PermitReason)
ABSURD = np.array([0.0, -0.0, -1.0, 1e300, -1e300, 1e-300, np.nan, np.inf, 1e9])


def random_view(service: Service[Any, Any], read: Any, now: int, rng: np.random.Generator) -> View[Any]:
    """A city of chance: what is there, how old it is and what it says; a tenth of the values are absurd."""
    named = list(dict.fromkeys([*service.reads(read), *service.commands(read)]))
    members = {name: [f"{name}-{n:02d}" for n in range(1, int(rng.integers(0, 4)) + 1)] for name in named}
    units = [unit for group in members.values() for unit in group]
    mine = [unit for name in service.commands(read) for unit in members[name]]
    readings = {key: _reading(now, rng) for key in _some(units, rng)}
    series = {key: _series(now, rng) for key in _some(units[:3], rng)}
    flows = list(service.documents(read))
    return View(
        now_us=now,
        position=(float(rng.uniform(-180, 180)), float(rng.uniform(-90, 90))),
        settings=read,
        members=members,
        readings=readings,
        actuators={unit: Actuator(LIMITS) for unit in mine if rng.random() < 0.8},
        last_commands={unit: _commanded(now, rng) for unit in mine if rng.random() < 0.5},
        positions={
            unit: (float(rng.uniform(2, 3)), float(rng.uniform(54, 55))) for unit in units if rng.random() < 0.7
        },
        series=series,
        documents={flow: Document(rng.bytes(int(rng.integers(0, 64))), now, 0) for flow in flows if rng.random() < 0.3},
        held=frozenset(unit for unit in mine if rng.random() < 0.1),
        done={"job": rng.bytes(16)} if rng.random() < 0.02 else {},
        refused={(unit, "dim"): REFUSED[rng.integers(len(REFUSED))] for unit in mine if rng.random() < 0.1},
        refused_plans={(PLANS[n], PLANS[-1]): NO[rng.integers(len(NO))] for n in range(int(rng.integers(0, 3)))},
    )


def _some(units: Sequence[str], rng: np.random.Generator) -> list[tuple[str, str]]:
    if not units:
        return []
    return [(units[rng.integers(len(units))], OBSERVED[rng.integers(len(OBSERVED))]) for _ in range(rng.integers(0, 8))]


def _value(rng: np.random.Generator) -> float:
    return float(ABSURD[rng.integers(len(ABSURD))] if rng.random() < 0.1 else rng.uniform(0, 120))


def _reading(now: int, rng: np.random.Generator) -> Reading:
    age = int(rng.integers(0, 2 * HOUR) if rng.random() < 0.8 else rng.integers(0, 400 * DAY))
    return Reading(_value(rng), now - age, age)


def _series(now: int, rng: np.random.Generator) -> Series:
    count = int(rng.integers(0, 20))
    times = np.sort(now - rng.integers(0, 20 * DAY, count)).astype(np.int64)
    return Series(times, np.array([_value(rng) for _ in range(count)], dtype=np.float64))


def _commanded(now: int, rng: np.random.Generator) -> Commanded:
    state = ("sent", "acknowledged", "timed-out", "rejected", "?")[rng.integers(5)]
    return Commanded(
        "dim", float(rng.uniform(0, 100)), {"sky": "night", "traffic": "quiet"}, state, now - int(rng.integers(0, HOUR))
    )


def hold(service: Service[Any, Any], many: int) -> None:
    """So many random views in a row, with what is remembered between: nothing leaves its limits, nothing grows without end."""
    read, rng = declared(service), np.random.default_rng(14)
    memory, now = service.memory(), 1_760_000_000_000_000
    for n in range(many):
        now += int(rng.integers(1, 30 * MINUTE)) if n % 50 else int(rng.integers(-DAY, 30 * DAY))
        view = random_view(service, read, now, rng)
        turn = service.step(view, memory)
        rules = PermitRules("it", {unit: ActuatorRule(True, LIMITS) for unit in view.actuators}, vouched_for(view))
        for proposal in turn.proposals:
            assert proposal.device not in view.held, "a person's word stands"
            verdict = permit(proposal, rules, [], now)
            assert not isinstance(verdict, Refusal) or verdict.reason not in GATES, verdict
        kept = msgspec.json.encode(turn.memory)  # builtin types only: a NumPy number could not be kept
        if n % 20 == 0:
            assert len(kept) <= MOST_MEMORY
            again = msgspec.json.decode(kept, type=service.memory)
            assert msgspec.json.encode(again) == kept
            assert turn_of(service.step(view, memory)) == turn_of(turn), "it remembers something that is in no memory"
        memory = turn.memory


def turn_of(turn: Any) -> tuple[Any, ...]:
    """A turn as it can be compared: NaN is NaN."""
    board = None if turn.board is None else msgspec.json.encode(clipped(turn.board))
    told = (turn.proposals, turn.plans, turn.estimates, turn.notices, turn.jobs, sorted(turn.published.items()))
    return msgspec.json.encode(turn.memory), repr(told), board


@every_service
def test_nothing_leaves_its_limits_and_memory_stays_bounded_under_random_views(service: Service[Any, Any]):
    hold(service, 300)


@pytest.mark.slow
@every_service
def test_nothing_leaves_its_limits_under_100_000_random_views(service: Service[Any, Any]):
    hold(service, 100_000)


@every_service
def test_what_it_asks_to_be_shown_is_named_and_bounded(service: Service[Any, Any]):
    read = declared(service)
    named = {*service.reads(read), *service.commands(read)}
    assert {window.device for window in service.windows(read)} <= named, "a past is shown only of what it reads"
    assert all(0 < window.span_us <= 400 * DAY for window in service.windows(read))


@every_service
@given(body=st.binary(max_size=200))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=30)
def test_a_job_that_is_none_of_its_own_is_a_value_error(service: Service[Any, Any], body: bytes):
    try:
        answer = service.work(body)
    except ValueError:
        return
    assert isinstance(answer, bytes)


def test_a_board_is_held_to_its_bounds_and_what_is_no_board_is_refused():
    board = Board(summary="x" * 1000, lines=())
    assert len(clipped(board).summary) == 300
    with pytest.raises(msgspec.ValidationError):
        clipped(Board(summary=7))  # type: ignore[arg-type]
