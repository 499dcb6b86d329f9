"""What the open data of Doggerford holds, worked out by hand from `examples/doggerford/data.yaml` and `release.yaml`."""

from __future__ import annotations

from pathlib import Path

from cityward.compose.places import load_place
from cityward.guard.layout import layout_of
from cityward.place.registry import number
from releases import KEYS, passed, rows_of, table

FOLDER = Path(__file__).parents[2] / "examples" / "doggerford"


def test_an_hour_of_a_district_is_told_where_five_loops_spoke_and_not_where_four_did():
    place = load_place(FOLDER).place
    layout = layout_of(place, number(place))
    units = [u for u in layout.registry.units if u.group == "ring-road-loops"]
    by_area = {area: [u.id for u in units if u.area == area] for area in ("dockholme", "oakwick", "quayford")}
    assert {area: len(some) for area, some in by_area.items()} == {"dockholme": 8, "oakwick": 9, "quayford": 7}
    five, four = by_area["dockholme"][:5], by_area["quayford"][:4]
    said = [
        (loop, 10.0, 8.0 + n, "vehicle-speed") for n, loop in enumerate(five)
    ]  # 8, 9, 10, 11, 12 m/s: 10 in the mean
    said += [(loop, 10.0, 8.0, "vehicle-speed") for loop in four]
    rows = rows_of(layout, *said)
    told = table(passed(rows, place.forms["hourly-cells"], layout, "city-indicators", recipient="open-data", keys=KEYS))
    assert [(row["area"], row["value"], row["count"]) for row in told] == [("dockholme", 10.0, 5)]
