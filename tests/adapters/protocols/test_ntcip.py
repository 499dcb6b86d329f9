"""Objects of signal controllers: names and numbers, stages as control objects, colours as the monitor is shown them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.adapters.protocols.ntcip.objects import OBJECTS, instance_of, oid_of
from cityward.adapters.protocols.ntcip.orders import (
    CONTROLS,
    as_varbinds,
    backup_s,
    lights_of,
    orders_for,
    phases_of,
)
from cityward.guard.signals.colours import Colour
from cityward.guard.signals.monitor import Monitor
from cityward.guard.signals.rules import PLAN, JunctionRules
from cityward.place.controller_objects import phase_bit, read_object_path
from declarations import errors_of, loaded, town
from junctions import CROSSING

PHASES = phases_of(CROSSING)
MAIN, NORTH_ONLY, SIDE, WALKING = range(4)
COUNTER = (
    "    maker: acme\n    properties:\n      vehicle-speed: {key: speed, unit: km/h, low: 0, high: 40}\n"
    "      vehicle-count: {key: count}\n"
)


def asked(stage: int, *on: str) -> dict[str, int]:
    """Control object -> what is written to its first row."""
    return {name: value for (name, row), value in orders_for(CROSSING, PHASES, stage, on) if row == 1}


def test_a_stage_is_called_and_held_what_is_on_ends_and_nothing_else_is_served():
    # north, south, east, walk are phases 1 to 4: bits 1, 2, 4, 8
    assert asked(SIDE, "north", "south") == {
        "phaseControlGroupVehCall": 4,
        "phaseControlGroupPedCall": 0,
        "phaseControlGroupPhaseOmit": 1 + 2,
        "phaseControlGroupPedOmit": 8,
        "phaseControlGroupHold": 4,
        "phaseControlGroupForceOff": 1 + 2,
    }


def test_what_stays_green_is_not_forced_off():
    assert asked(NORTH_ONLY, "north", "south")["phaseControlGroupForceOff"] == 2


def test_pedestrians_are_called_as_such():
    found = asked(WALKING, "east")
    assert (found["phaseControlGroupPedCall"], found["phaseControlGroupVehCall"]) == (8, 0)
    assert (found["phaseControlGroupPedOmit"], found["phaseControlGroupPhaseOmit"]) == (0, 7)


def test_the_plan_lets_the_controller_run_by_itself():
    assert asked(PLAN, "north") == dict.fromkeys(CONTROLS, 0)


@pytest.mark.parametrize("stage", [-2, 4])
def test_there_are_no_orders_for_a_stage_that_is_not_there(stage: int):
    with pytest.raises(ValueError, match="stages up to 3"):
        orders_for(CROSSING, PHASES, stage, ())


def test_phases_above_eight_stand_in_the_next_row():
    phases = {"north": 2, "south": 9, "east": 16, "walk": 10}
    orders = dict(orders_for(CROSSING, phases, MAIN, ("east",)))
    assert orders["phaseControlGroupHold", 1] == 2
    assert orders["phaseControlGroupHold", 2] == 1
    assert orders["phaseControlGroupForceOff", 2] == 128
    assert phase_bit(8) == (1, 128)


def test_orders_travel_by_number():
    assert as_varbinds([(("phaseControlGroupForceOff", 2), 128)]) == {"1.3.6.1.4.1.1206.4.2.1.1.5.1.5.2": 128}


def test_the_controller_forgets_a_silent_centre_as_declared():
    half = msgspec.structs.replace(CROSSING, lost_after_s=7.5)
    assert backup_s(half) == (("unitBackupTime", 0), 8)


def test_colours_are_those_of_the_phases():
    held = {
        ("phaseStatusGroupReds", 1): 0b0101,
        ("phaseStatusGroupYellows", 1): 0b0010,
        ("phaseStatusGroupGreens", 1): 0,
        ("phaseStatusGroupWalks", 1): 0b1000,
    }
    assert lights_of(CROSSING, PHASES, held) == {
        "north": Colour.RED,
        "south": Colour.AMBER,
        "east": Colour.RED,
        "walk": Colour.GREEN,
    }


def test_pedestrians_who_are_cleared_do_not_walk():
    assert lights_of(CROSSING, PHASES, {("phaseStatusGroupPedClears", 1): 8})["walk"] is Colour.RED


def test_what_contradicts_itself_or_is_dark_is_no_colour_and_the_monitor_says_so():
    held = {("phaseStatusGroupReds", 1): 0b0011, ("phaseStatusGroupGreens", 1): 0b0001}
    lights = lights_of(CROSSING, PHASES, held)
    assert lights == {"north": None, "south": Colour.RED, "east": None, "walk": None}
    found = Monitor(JunctionRules.of(CROSSING)).see(lights, 0)
    assert [breach.group for breach in found] == ["east", "north", "walk"]


@pytest.mark.parametrize(("status", "flashes"), [(2, False), (3, True), (6, True)])
def test_a_controller_that_flashes_flashes_as_a_whole(status: int, flashes: bool):
    found = lights_of(CROSSING, PHASES, {("unitFlashStatus", 0): status})
    assert (set(found.values()) == {Colour.FLASHING}) is flashes


@pytest.mark.parametrize("name", OBJECTS)
def test_a_name_and_its_number_are_the_same_object(name: str):
    instance = (name, 3 if OBJECTS[name].rows else 0)
    assert instance_of(oid_of(instance)) == instance == instance_of(f"{name}.{instance[1]}")


def test_no_two_objects_have_one_number():
    assert len({one.oid for one in OBJECTS.values()}) == len(OBJECTS)


@given(
    st.one_of(
        st.text(max_size=40), st.from_regex(r"(phaseStatusGroupReds|1\.3\.6\.1)\.?[0-9²]*\.?[0-9]*", fullmatch=True)
    )
)
def test_any_name_is_an_object_or_none(name: str):
    try:
        instance = instance_of(name)
    except ValueError:
        return
    assert instance[0] in OBJECTS


@pytest.mark.parametrize(
    "path", ["", "phase:2", "phase:0:colour", "phase:256:colour", "phase:²:colour", "phase:2:volume", "detector:x:volume",
             "unit:mood", "holding:1:u16", "phase:99999999:colour"]
)  # fmt: skip
def test_what_names_no_object_is_refused(path: str):
    with pytest.raises(ValueError, match=r"written|a number from"):
        read_object_path(path)


def test_the_declaration_says_where_each_property_stands():
    good = COUNTER.replace("key: speed", 'path: "detector:1:occupancy"').replace(
        "key: count", 'path: "detector:1:volume"'
    )
    assert loaded(town((COUNTER, "    format: ntcip\n" + good)))
    found = errors_of(town((COUNTER, "    format: ntcip\n" + COUNTER.replace("key: count", 'path: "loop:1"'))))
    assert any("`loop:1` is in no object" in error for error in found)
