"""What nobody recorded: the same for the same moment, within what is declared, nothing twice and nothing left out."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cityward.adapters.exercising.synthetic import SHAPES, Synthetic
from cityward.adapters.recordings import Report
from cityward.adapters.street.wire import Wire
from cityward.catalogue import PROPERTIES
from cityward.compose.places import demo_place, load_place
from cityward.place.registry import Registry, number
from cityward.time import DAY, HOUR, MINUTE
from places import QUAY, tiny_registry

BEGAN = 1_790_000_000_000_000


def of(name: str, registry: Registry | None = None) -> Synthetic:
    known = registry or tiny_registry()
    return Synthetic(known, known.units[known.unit_index[name]], QUAY, 5 * MINUTE)


def test_two_spans_give_what_the_whole_gives() -> None:
    one = of("counter-1")
    whole = one.due(BEGAN, BEGAN + DAY, 10_000)
    halves = one.due(BEGAN, BEGAN + DAY // 3, 10_000) + one.due(BEGAN + DAY // 3, BEGAN + DAY, 10_000)
    assert whole == halves
    assert len(whole) == 288
    assert all(later.at - earlier.at == 5 * MINUTE for earlier, later in pairwise(whole))


def test_it_goes_on_where_as_many_as_were_asked_for_ended() -> None:
    one = of("counter-1")
    first = one.due(BEGAN, BEGAN + DAY, 10)
    assert one.due(first[-1].at, BEGAN + DAY, 1)[0].at == one.next_after(first[-1].at)


def test_two_units_are_not_one_source() -> None:
    first, second = (of(name).due(BEGAN, BEGAN + HOUR, 20) for name in ("counter-1", "counter-2"))
    assert [one.readings for one in first] != [one.readings for one in second]


@pytest.mark.parametrize("prop", SHAPES)
def test_every_shape_lies_where_its_property_can(prop: str) -> None:
    shape, known = SHAPES[prop], PROPERTIES[prop]
    assert known.low <= shape.middle - abs(shape.swing) <= shape.middle + abs(shape.swing) <= known.high


def test_every_device_of_the_demo_says_what_its_city_would_take() -> None:
    registry = number(load_place(demo_place()).place)
    spoke = 0
    for unit in registry.units:
        one = Synthetic(registry, unit, QUAY, HOUR)
        if one.is_mute or unit.format not in ("senml", "json", "ngsi-ld"):
            continue
        bounds = {
            registry.channel_property[c]: (registry.channel_low[c], registry.channel_high[c]) for c in unit.channels
        }
        reports = one.due(BEGAN, BEGAN + DAY, 24)
        assert all(bounds[p][0] <= value <= bounds[p][1] for r in reports for p, value in r.readings)
        assert Wire(registry, unit, {}).messages(reports)
        spoke += 1
    assert spoke > 80


def test_what_no_flow_carries_is_not_said() -> None:
    registry = number(load_place(demo_place()).place)
    assert of("market-road-lamps-01", registry).is_mute
    assert of("market-road-lamps-01", registry).due(BEGAN, BEGAN + HOUR, 1) in ([], [_nothing(registry)])


def _nothing(registry: Registry) -> Report:
    return Report("market-road-lamps-01", of("market-road-lamps-01", registry).next_after(BEGAN), ())
