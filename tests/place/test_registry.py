"""Numbering: dense, stable, each number leading back to its name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.catalogue import PROPERTIES
from cityward.place.registry import Registry, members, number
from cityward.place.things import Device
from declarations import loaded, town


@pytest.fixture
def registry() -> Registry:
    return number(loaded().place)


def test_units_and_their_numbers_lead_to_each_other(registry: Registry):
    assert [unit.id for unit in registry.units] == ["counter-1", "lamps-01", "lamps-02"]
    assert all(registry.unit_index[unit.id] == i for i, unit in enumerate(registry.units))


def test_channels_lead_to_their_unit_and_back(registry: Registry):
    for channel, unit in enumerate(registry.channel_unit.tolist()):
        assert channel in registry.channels_of(unit)
        assert registry.channel_by_property[(unit, registry.channel_property[channel])] == channel
    assert sum(len(unit.channels) for unit in registry.units) == len(registry.channel_property)


def test_all_columns_over_channels_are_as_long():
    registry = number(loaded().place)
    columns = [name for name in Registry.__slots__ if name.startswith("channel_") and "_by_" not in name]
    assert len(columns) >= 8
    assert {len(getattr(registry, name)) for name in columns} == {len(registry.channel_property)}


def test_limits_are_the_models_where_it_has_some_and_the_catalogues_elsewhere(registry: Registry):
    speed, count = registry.channel_by_key[(0, "speed")], registry.channel_by_key[(0, "count")]
    assert (registry.channel_low[speed], registry.channel_high[speed]) == (0, 40)
    assert registry.channel_high[count] == PROPERTIES["vehicle-count"].high
    assert (registry.channel_sent_unit[speed], registry.channel_unit_symbol[speed]) == ("km/h", "m/s")


def test_a_channel_without_an_enforced_flow_has_none():
    registry = number(loaded(town(("[vehicle-speed, vehicle-count]", "[vehicle-speed]"))).place)
    assert registry.channel_flow.tolist() == [0, -1, 1, 1]
    imported = (
        "planning, protocol: mqtt, observability: enforced",
        "planning, protocol: mqtt, observability: imported",
    )
    observed = number(loaded(town(imported)).place)
    assert observed.channel_flow.tolist() == [-1, -1, 0, 0]
    assert observed.unit_flow.tolist() == [-1, 0, 0]


def test_the_same_declaration_is_numbered_alike(registry: Registry):
    again = number(loaded().place)
    assert again.units == registry.units
    assert again.channel_by_key == registry.channel_by_key
    assert np.array_equal(again.channel_flow, registry.channel_flow)


@given(st.integers(1, 300))
def test_members_are_numbered_from_one_in_order_with_as_many_digits_as_needed(count: int):
    group = Device(model="m", site="s", owner="o", positions=tuple((0.0, n / 10) for n in range(count)))
    ids = [unit for unit, _, _ in members("lamps", group)]
    assert ids == sorted(ids)
    assert len(set(ids)) == count
    assert int(ids[-1].removeprefix("lamps-")) == count
