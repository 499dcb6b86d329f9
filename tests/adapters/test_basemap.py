"""A council's map made into tiles, and read back by GDAL, which knows nothing of ours."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from cityward.adapters.basemap import mvt, reading
from cityward.adapters.basemap.kinds import kind_of
from cityward.cli.basemap import command
from cityward.compose.basemap import import_basemap
from cityward.errors import PlaceError
from towns import write_town

pyogrio = pytest.importorskip("pyogrio")
shapely = pytest.importorskip("shapely")

WEST, SOUTH = 2.300, 54.900  # nowhere: the sea
ISLAND = shapely.box(WEST + 0.001, SOUTH + 0.003, WEST + 0.003, SOUTH + 0.005)
TAGS = [
    ({"highway": "primary"}, shapely.LineString([(WEST, SOUTH), (WEST + 0.02, SOUTH)])),
    ({"highway": "residential"}, shapely.LineString([(WEST, SOUTH), (WEST, SOUTH + 0.01)])),
    ({"highway": "footway"}, shapely.LineString([(WEST, SOUTH), (WEST, SOUTH + 0.005)])),
    ({"building": "yes", "owner": "M. Exemplar"}, shapely.box(WEST + 0.001, SOUTH + 0.001, WEST + 0.002, SOUTH + 0.002)),
    ({"natural": "water"}, shapely.box(WEST, SOUTH + 0.002, WEST + 0.004, SOUTH + 0.006) - ISLAND),
    ({"leisure": "park"}, shapely.box(WEST + 0.01, SOUTH, WEST + 0.02, SOUTH + 0.01)),
    ({"amenity": "bench"}, shapely.Point(WEST, SOUTH)),
]  # fmt: skip


@pytest.fixture
def town(tmp_path: Path) -> Path:
    folder = tmp_path / "town"
    folder.mkdir()
    write_town(folder, 1)
    return folder


def geojson(path: Path, features: list[tuple[dict[str, str], Any]]) -> Path:
    rows = [{"type": "Feature", "properties": p, "geometry": json.loads(shapely.to_geojson(g))} for p, g in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    return path


def drawn(path: Path, layer: str, zoom: int = 14) -> tuple[list[str], Any]:
    """The kinds and shapes (longitude, latitude) of a layer, as GDAL reads the archive at a zoom."""
    from pyproj import Transformer

    meta, _, wkb, columns = pyogrio.raw.read(path, layer=layer, ZOOM_LEVEL=str(zoom))
    onto = Transformer.from_crs(meta["crs"], "EPSG:4326", always_xy=True)
    shapes = shapely.transform(shapely.from_wkb(wkb), lambda p: np.column_stack(onto.transform(p[:, 0], p[:, 1])))
    names = list(meta["fields"])
    return (list(columns[names.index("kind")]) if "kind" in names else []), shapes


def test_an_extract_of_openstreetmap_becomes_the_layers_that_are_drawn(town: Path, tmp_path: Path) -> None:
    made = import_basemap(geojson(tmp_path / "map.geojson", TAGS), town, {}, replace=False)
    assert made.drawn == {"water": 1, "landuse": 1, "buildings": 1, "roads": 2}
    assert made.unused == {"map": 2}  # the path and the bench
    kinds, roads = drawn(made.path, "roads")
    assert set(kinds) == {"primary", "residential"}
    assert shapely.hausdorff_distance(shapely.union_all(roads), shapely.union_all([TAGS[0][1], TAGS[1][1]])) < 0.0001
    assert set(drawn(made.path, "roads", 10)[0]) == {"primary"}
    _, water = drawn(made.path, "water")
    lake = shapely.union_all(shapely.make_valid(water))
    assert shapely.area(lake.symmetric_difference(TAGS[4][1])) < 0.02 * TAGS[4][1].area  # the island is left out of it
    assert drawn(made.path, "earth")[0][0] == "assumed"
    assert b"Exemplar" not in made.path.read_bytes()
    assert (
        "buildings" not in {name for name, _ in pyogrio.list_layers(made.path)}
        or len(drawn(made.path, "buildings")[1]) >= 1
    )


def test_a_geopackage_in_the_councils_own_grid_lands_where_it_is(town: Path, tmp_path: Path) -> None:
    from pyproj import Transformer

    path = tmp_path / "town.gpkg"
    onto = Transformer.from_crs("EPSG:4326", "EPSG:32631", always_xy=True)
    there = shapely.transform(TAGS[5][1], lambda p: np.column_stack(onto.transform(p[:, 0], p[:, 1])))
    wkb = shapely.to_wkb(np.array([there]))
    pyogrio.raw.write(path, wkb, [], [], layer="green", geometry_type="Polygon", crs="EPSG:32631")
    made = import_basemap(path, town, {"green": "landuse"}, replace=False)
    _, parks = drawn(made.path, "landuse")
    assert (
        shapely.area(shapely.union_all(shapely.make_valid(parks)).symmetric_difference(TAGS[5][1]))
        < 0.02 * TAGS[5][1].area
    )


def test_the_same_file_gives_the_same_tiles_and_an_old_map_stays_unless_it_is_replaced(
    town: Path, tmp_path: Path
) -> None:
    file = geojson(tmp_path / "map.geojson", TAGS)
    first = hashlib.sha256(import_basemap(file, town, {}, replace=False).path.read_bytes()).digest()
    with pytest.raises(PlaceError, match="has a map already"):
        import_basemap(file, town, {}, replace=False)
    assert hashlib.sha256(import_basemap(file, town, {}, replace=True).path.read_bytes()).digest() == first
    with pytest.raises(PlaceError, match="draws no layer `trees`"):
        import_basemap(file, town, {"map": "trees"}, replace=True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("map.gpkg", b"<OGRVRTDataSource><OGRVRTLayer><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>"),
        ("map.osm.pbf", b"{}"),
        ("map.vrt", b"<OGRVRTDataSource/>"),
        ("map.geojson", b"no map"),
    ],
    ids=["a file that leads elsewhere", "another format", "an unknown name", "no format"],
)  # fmt: skip
def test_what_is_no_map_is_not_opened(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PlaceError):
        reading.read_map(tmp_path / name, {})


def test_bounds_hold(town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = geojson(tmp_path / "wide.geojson", [({"natural": "water"}, shapely.box(-60, -60, 60, 60))])
    with pytest.raises(PlaceError, match="too wide"):
        import_basemap(wide, town, {}, replace=False)
    assert not list((town / "map").glob("*.pmtiles"))
    monkeypatch.setattr(reading, "MOST_FEATURES", 3)
    with pytest.raises(PlaceError, match="more than 3 features"):
        reading.read_map(geojson(tmp_path / "many.geojson", TAGS), {})


def test_an_empty_or_collapsed_shape_is_left_out_of_a_tile() -> None:
    assert mvt.polygon([[[(0, 0), (1, 1), (0, 0)]]]) == b""
    assert mvt.line([[(5, 5), (5, 5)]]) == b""
    assert mvt.tile({"roads": []}) == b""


def test_tags_that_say_nothing_drawn_are_nothing() -> None:
    assert kind_of("lines", {"highway": "motorway_link"}) == ("roads", "motorway")
    assert kind_of("multipolygons", {"building": "no", "landuse": "forest"}) == ("landuse", "forest")
    assert kind_of("lines", {"highway": "footway"}) is None
    assert kind_of("roads", {"kind": "boulevard"}) == ("roads", "residential")


def test_the_command_says_what_it_drew_and_what_not(town: Path, tmp_path: Path) -> None:
    file = geojson(tmp_path / "map.geojson", TAGS)
    asked = ["import", str(file), "--place", str(town), "--json"]
    told = CliRunner().invoke(command, asked)
    assert told.exit_code == 1  # two features are not drawn
    assert json.loads(told.stdout)["unused"] == {"map": 2}
    named = CliRunner().invoke(command, [*asked, "--replace", "--layer", "map"])
    assert named.exit_code == 2 and "THEIRS=OURS" in named.output
