"""What `cityward export` writes, `cityward import` reads: the two know the same formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cityward.compose.asking.exchange import export_model
from cityward.compose.asking.imports import File, Imported, import_model
from cityward.compose.places import load_place
from cityward.place.loader import Loaded

DOGGERFORD = Path(__file__).parents[4] / "examples" / "doggerford"


@pytest.mark.parametrize("format", ["threagile", "otm", "cyclonedx"])
def test_the_demo_city_exported_is_imported_and_loads(format: str, tiny: Loaded, include: Callable[[Imported], Loaded]):
    city = load_place(DOGGERFORD)
    imported = import_model(format, [File("city", export_model(format, city))], tiny.place)
    place = include(imported).place
    assert len(place.datasets) >= len(city.place.datasets) * 0.9
    assert {"cityward"} <= place.systems.keys()
    assert place.flows


@pytest.mark.parametrize("format", ["threagile", "otm"])
def test_ids_of_things_come_back_and_parties_among_them_keep_theirs(format: str):
    city = load_place(DOGGERFORD)
    fragment = import_model(format, [File("city", export_model(format, city))]).fragment
    assert set(city.place.systems) <= set(fragment["systems"])
    assert set(city.place.devices) <= set(fragment["devices"])
    assert "dogger-grid" in fragment["parties"]
    assert not {name for name in fragment["parties"] if name.endswith("-2")}
