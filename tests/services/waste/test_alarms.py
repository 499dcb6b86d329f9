"""Fire and tilt: signs, their quorum, and when an alarm ends."""

from __future__ import annotations

import pytest

from cityward.guard.permit import Urgency
from cityward.services.contract import Notice
from cityward.time import HOUR, MINUTE
from waste import Town, settings_of

HEAT = "container-temperature"


def told(town: Town) -> dict[str, Notice]:
    return {one.id: one for one in town.step().notices}


def test_a_hot_container_is_a_fire_until_it_was_cool_for_a_while():
    town = Town().sees("quay-01", 25, property_id=HEAT)
    assert told(town) == {}
    town.now += 10 * MINUTE
    assert told(town.sees("quay-01", 80, property_id=HEAT))["fire:quay-01"].urgency is Urgency.SAFETY
    since = town.memory.alarms["fire:quay-01"].since
    town.now += MINUTE
    assert told(town.sees("quay-01", 60, property_id=HEAT))["fire:quay-01"].since == since, (
        "between cool and hot: as before"
    )
    town.now += MINUTE
    assert told(town.sees("quay-01", 30, property_id=HEAT)), "cool, but not for long enough"
    town.now += 10 * MINUTE
    assert told(town.sees("quay-01", 28, property_id=HEAT)) == {}


def test_a_fire_whose_sensor_falls_silent_stands_for_an_hour():
    town = Town().sees("quay-01", 90, property_id=HEAT)
    told(town)
    del town.readings["quay-01", HEAT]
    town.now += 10 * MINUTE
    assert "fire:quay-01" in told(town)
    town.now += 50 * MINUTE
    assert "fire:quay-01" in told(town)
    town.now += HOUR
    assert told(town) == {}


@pytest.mark.parametrize(
    ("first", "then", "beside", "urgency"),
    [
        (60.0, 75.0, None, Urgency.ROUTINE),  # hot alone, after an hour: one sign of two
        (30.0, 75.0, 75.0, Urgency.SAFETY),  # hot, and another beside it
        (30.0, 120.0, None, Urgency.SAFETY),  # no sun does that
    ],
    ids=["one sign", "two signs", "too hot to doubt"],
)
def test_with_a_quorum_declared_one_sign_alone_is_looked_at(
    first: float, then: float, beside: float | None, urgency: Urgency
):
    town = Town(settings=settings_of(alarms={"fire_signs": 2, "near_m": 400})).sees("quay-01", first, property_id=HEAT)
    told(town)
    town.now += HOUR
    town.sees("quay-01", then, property_id=HEAT)
    if beside is not None:
        town.sees("quay-02", beside, property_id=HEAT)
    assert told(town)["fire:quay-01"].urgency is urgency


def test_growing_hotter_fast_is_a_sign():
    town = Town(settings=settings_of(alarms={"fire_signs": 2})).sees("quay-01", 30, property_id=HEAT)
    told(town)
    town.now += 5 * MINUTE
    notice = told(town.sees("quay-01", 75, property_id=HEAT))["fire:quay-01"]
    assert notice.urgency is Urgency.SAFETY and "hot, growing hotter fast" in notice.title


def test_a_tilted_container_is_told_until_it_stands():
    town = Town().sees("quay-01", 80, property_id="tilt")
    assert told(town)["tilt:quay-01"].urgency is Urgency.ROUTINE
    town.now += MINUTE
    assert told(town.sees("quay-01", 5, property_id="tilt")), "not for long enough"
    town.now += 10 * MINUTE
    assert told(town) == {}


def test_a_temperature_that_is_old_or_no_number_is_no_sign():
    town = Town().sees("quay-01", 200, property_id=HEAT).sees("quay-02", float("nan"), property_id=HEAT)
    town.now += 2 * HOUR
    assert told(town) == {}
