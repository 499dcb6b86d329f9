"""Shapes cut into tiles and written as one PMTiles archive.

Theory of operation: for each zoom the layers that are drawn there are simplified to what a screen shows, and every tile that a
shape touches is cut out of it, with a margin so that lines go on beyond the edge. A tile in which nothing is left is
not written: the console draws its ground there.

INVARIANTS
- The same shapes give the same archive.
- At most `MOST_TILES` tiles; beyond that the map is refused before it is made, not when the disk is full.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cityward.adapters.basemap import mvt
from cityward.adapters.basemap.reading import EXTRA, Shapes
from cityward.errors import LinkError, PlaceError

FIRST, LAST = 5, 14
FROM = {"earth": 5, "water": 8, "landuse": 10, "roads": 10, "buildings": 13}
"""From which zoom a layer is drawn; streets from `STREETS`, main roads before them."""
STREETS = 11
MOST_TILES = 50_000
_MARGIN = 64 / mvt.EXTENT  # of a tile
_FINE = 3 / mvt.EXTENT  # what a line may be moved by: less than half a point of a screen


def write_tiles(layers: Mapping[str, Shapes], into: Path, name: str) -> int:
    """Write the archive; how many tiles it has.

    Raises:
        PlaceError: the map is too wide, or shows nothing.
        LinkError: the library is not installed, or the disk does not take it.
    """
    try:
        from pmtiles.tile import Compression, TileType, zxy_to_tileid  # noqa: PLC0415 - an extra
        from pmtiles.writer import Writer  # noqa: PLC0415
    except ImportError as error:
        raise LinkError("making a map needs pyogrio, shapely, pyproj and pmtiles", mend=EXTRA) from error
    box = _bounds(layers)
    layers = layers if "earth" in layers else {"earth": _land(box), **layers}
    if sum(_across(box, zoom) for zoom in range(FIRST, LAST + 1)) > MOST_TILES:
        raise PlaceError(f"the map is too wide: more than {MOST_TILES:,} tiles", mend="cut it to the city")
    made = {
        zxy_to_tileid(zoom, x, y): gzip.compress(data, mtime=0)
        for zoom in range(FIRST, LAST + 1)
        for x, y, data in _tiles(layers, zoom)
    }
    west, north, east, south = box[0], box[1], box[2], box[3]
    header: dict[str, Any] = {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        **dict(zip(("min_lon_e7", "max_lat_e7"), _e7(west, north), strict=True)),
        **dict(zip(("max_lon_e7", "min_lat_e7"), _e7(east, south), strict=True)),
        **dict(zip(("center_lon_e7", "center_lat_e7"), _e7((west + east) / 2, (north + south) / 2), strict=True)),
        "center_zoom": 12,
    }
    described = [{"id": of, "minzoom": FROM[of], "maxzoom": LAST, "fields": {"kind": "String"}} for of in layers]
    try:
        with into.open("wb") as file:
            writer: Any = Writer(file)
            for tile_id in sorted(made):
                writer.write_tile(tile_id, made[tile_id])
            writer.finalize(header, {"name": name, "vector_layers": described})
    except OSError as error:
        raise LinkError(f"the map cannot be written: {error.strerror}", where=str(into)) from error
    return len(made)


def _bounds(layers: Mapping[str, Shapes]) -> tuple[float, float, float, float]:
    import shapely  # noqa: PLC0415 - an extra

    if not layers:
        raise PlaceError(
            "nothing of the map can be drawn", mend="name its layers: --layer THEIRS=roads (docs/basemap.md)"
        )
    west, north, east, south = shapely.total_bounds(np.concatenate([some.shapes for some in layers.values()]))
    if not (0 <= west <= east <= 1 and 0 <= north <= south <= 1):
        raise PlaceError(
            "shapes of the map lie outside the world", mend="see what coordinates its layers say they are in"
        )
    return float(west), float(north), float(east), float(south)


def _land(box: tuple[float, float, float, float]) -> Shapes:
    """Where a map says nothing of coasts, all within its bounds is land."""
    import shapely  # noqa: PLC0415 - an extra

    return Shapes(np.array([shapely.box(*box)], dtype=object), ["assumed"])


def _across(box: tuple[float, float, float, float], zoom: int) -> int:
    n = 1 << zoom
    return (int(box[2] * n) - int(box[0] * n) + 1) * (int(box[3] * n) - int(box[1] * n) + 1)


def _tiles(layers: Mapping[str, Shapes], zoom: int) -> Iterator[tuple[int, int, bytes]]:
    """(x, y, bytes) of the tiles of a zoom that have something in them."""
    n = 1 << zoom
    found: dict[tuple[int, int], dict[str, list[tuple[str, bytes]]]] = {}
    for name, some in layers.items():
        for at, kind, shape in _pieces(_drawn(name, some, zoom), n):
            if shape:
                found.setdefault(at, {}).setdefault(name, []).append((kind, shape))
    for (x, y), content in sorted(found.items()):
        yield x, y, mvt.tile(content)


def _drawn(name: str, some: Shapes, zoom: int) -> Shapes:
    """What of a layer is drawn at a zoom, no finer than is seen."""
    import shapely  # noqa: PLC0415 - an extra

    if zoom < FROM[name]:
        return Shapes(some.shapes[:0], [])
    keep = [at for at, kind in enumerate(some.kinds) if name != "roads" or kind != "residential" or zoom >= STREETS]
    simple = shapely.simplify(some.shapes[keep], _FINE / (1 << zoom), preserve_topology=True)
    return Shapes(simple, [some.kinds[at] for at in keep])


def _pieces(some: Shapes, n: int) -> Iterator[tuple[tuple[int, int], str, bytes]]:
    """((x, y), kind, feature) for every tile that a shape touches."""
    import shapely  # noqa: PLC0415 - an extra

    for shape, kind, (west, north, east, south) in zip(
        some.shapes, some.kinds, shapely.bounds(some.shapes), strict=True
    ):
        if not np.isfinite(west):
            continue  # simplified to nothing
        for x in range(int((west * n) - _MARGIN), min(n - 1, int(east * n + _MARGIN)) + 1):
            for y in range(int((north * n) - _MARGIN), min(n - 1, int(south * n + _MARGIN)) + 1):
                box = ((x - _MARGIN) / n, (y - _MARGIN) / n, (x + 1 + _MARGIN) / n, (y + 1 + _MARGIN) / n)
                cut = shapely.clip_by_rect(shape, *box)
                if not cut.is_empty:
                    yield (x, y), kind, _encoded(cut, x, y, n)


def _encoded(cut: Any, x: int, y: int, n: int) -> bytes:
    parts = list(getattr(cut, "geoms", [cut]))
    areas = [part for part in parts if part.geom_type == "Polygon"]
    if areas:
        return mvt.polygon([[_points(ring, x, y, n) for ring in (area.exterior, *area.interiors)] for area in areas])
    return mvt.line(_points(part, x, y, n) for part in parts if part.geom_type in ("LineString", "LinearRing"))


def _points(line: Any, x: int, y: int, n: int) -> list[tuple[int, int]]:
    on_tile = (np.asarray(line.coords)[:, :2] * n - (x, y)) * mvt.EXTENT
    return [(px, py) for px, py in np.rint(on_tile).astype(int).tolist()]


def _e7(x: float, y: float) -> tuple[int, int]:
    """Longitude and latitude of a place on the square, in 1e-7 degrees."""
    latitude = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * y))))
    return round((x * 360 - 180) * 1e7), round(float(latitude) * 1e7)
