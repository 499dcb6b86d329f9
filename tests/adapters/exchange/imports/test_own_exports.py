"""What `cityward export` writes, `cityward import` reads: the two know the same formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cityward.compose.exchange import export_model
from cityward.compose.imports import File, Imported, import_model
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
