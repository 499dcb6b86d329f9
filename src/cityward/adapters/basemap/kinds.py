"""What a feature of somebody's map is on ours: its layer and its kind, by the name of its layer and its columns. Pure.

Ours are five layers: `earth`, `water`, `landuse`, `buildings`, `roads`; roads have one of `ROADS`. OpenStreetMap's tags are
known; other maps say it by a column `kind`, or by the name of their layer.

Source: OpenStreetMap wiki, Key:highway, Key:natural, Key:landuse, Key:leisure, Key:waterway, Key:building.
"""

from __future__ import annotations

from collections.abc import Mapping

LAYERS = ("earth", "water", "landuse", "buildings", "roads")
ROADS = ("residential", "secondary", "primary", "motorway")
COLUMNS = ("kind", "highway", "building", "natural", "landuse", "leisure", "waterway", "place")
"""What is read of a feature; nothing else of it gets into the tiles."""

_ROAD_OF = {
    **dict.fromkeys(("motorway", "motorway_link", "trunk", "trunk_link"), "motorway"),
    **dict.fromkeys(("primary", "primary_link"), "primary"),
    **dict.fromkeys(("secondary", "secondary_link", "tertiary", "tertiary_link"), "secondary"),
    **dict.fromkeys(("residential", "unclassified", "living_street", "service", "pedestrian", "road"), "residential"),
}
_PARKS = frozenset(
    (
        "park",
        "garden",
        "nature_reserve",
        "recreation_ground",
        "grass",
        "forest",
        "wood",
        "cemetery",
        "village_green",
        "meadow",
    )
)
_WATERS = frozenset(("water", "bay", "riverbank", "river", "canal", "dock", "basin", "reservoir"))
_LANDS = frozenset(("island", "islet"))


def kind_of(layer: str, columns: Mapping[str, str]) -> tuple[str, str] | None:
    """(layer, kind) of a feature; None: it is nothing that is drawn. `layer`: one of `LAYERS`, or any other name."""
    if layer in LAYERS:
        return layer, _road(columns) if layer == "roads" else columns.get("kind", "")
    if road := _ROAD_OF.get(columns.get("highway", "")):
        return "roads", road
    if columns.get("building", "no") not in ("", "no"):
        return "buildings", ""
    return _area(columns)


def _road(columns: Mapping[str, str]) -> str:
    said = columns.get("kind") or columns.get("highway", "")
    return said if said in ROADS else _ROAD_OF.get(said, "residential")


def _area(columns: Mapping[str, str]) -> tuple[str, str] | None:
    said = [columns.get(name, "") for name in ("natural", "waterway", "landuse", "leisure")]
    if water := next((word for word in said if word in _WATERS), ""):
        return "water", water
    if park := next((word for word in said if word in _PARKS), ""):
        return "landuse", park
    return ("earth", "island") if columns.get("place", "") in _LANDS else None
