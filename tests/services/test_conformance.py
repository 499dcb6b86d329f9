"""What every service keeps to, whatever it does: found by scanning, shown cities of all kinds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityward.catalogue import PROPERTIES
from cityward.errors import PlaceError
from cityward.guard.permit import MOST_SOURCES, ActuatorRule, Issued, PermitReason, PermitRules, Refusal, permit
from cityward.place.independence import Traits
from cityward.place.things import CommandLimits
from cityward.services import find_services
from cityward.services.contract import Actuator, Commanded, Proposal, Reading, Service, View
from cityward.time import DAY, HOUR

SERVICES = find_services()
LIMITS = {"dim": CommandLimits(sets="lamp-level", low=10, high=100, per_hour=3600, fail_safe=100)}

OBSERVED = sorted(PROPERTIES)

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
numbers = st.one_of(st.floats(0, 200_000), st.sampled_from([0.0, -0.0, 1e-300, 1e300, -1.0]))
words = st.text(max_size=12)


def declared(service: Service[Any]) -> Any:
    read = service.read_settings(service.example, "example")
    assert not isinstance(read, PlaceError), read
    return read


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
    if not set(raw) & set(service.example):
        assert isinstance(service.read_settings(raw, "here"), PlaceError)


@every_service
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
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
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
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
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_source_is_a_unit_it_was_shown_a_reading_of(service: Service[Any], data: st.DataObject):
    view = data.draw(views(service))
    shown = {unit for unit, _ in view.readings}
    assert all(set(proposal.sources) <= shown for proposal in service.step(view, service.memory()).proposals)
