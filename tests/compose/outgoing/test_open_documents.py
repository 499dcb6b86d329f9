"""What documents that are open to anybody rest on: worked out by hand from Doggerford's `services.yaml` and `data.yaml`."""

from __future__ import annotations

from pathlib import Path

from cityward.compose.outgoing.open_documents import datasets_under
from cityward.compose.places import load_place
from cityward.place.registry import number

FOLDER = Path(__file__).parents[3] / "examples" / "doggerford"


def test_stop_pages_rest_on_the_datasets_of_the_feeds_that_the_service_looks_at():
    place = load_place(FOLDER).place
    registry = number(place)
    [service] = [name for name, one in place.services.items() if one.kind == "transport"]
    # the timetable and the feed of positions both carry `bus-positions`
    assert "bus-positions" in datasets_under(place, registry, service)
    assert datasets_under(place, registry, None) == frozenset()
    [lighting] = [name for name, one in place.services.items() if one.kind == "lighting"]
    under = datasets_under(place, registry, lighting)
    assert {"loop-speeds", "illuminance"} <= under and "street-video" not in under
