"""Files of maps, read by GDAL: GeoPackage, GeoJSON, FlatGeobuf, OpenStreetMap (.osm.pbf). Shapes come out in Mercator, 0 to 1.

SECURITY: GDAL guesses a driver by content, and some drivers follow what a file names to other files and addresses. A file is
opened only when its first bytes are those of the format that its name says, so that none of those is guessed.

INVARIANTS
- Only layers and columns that a map is made of are read; names of people, owners or numbers in a council's file never are.
- At most `MOST_BYTES` of file, `MOST_FEATURES` of it, `MOST_POINTS` of all shapes together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.basemap.kinds import COLUMNS, LAYERS, kind_of
from cityward.errors import LinkError, PlaceError

MOST_BYTES = 2 << 30
MOST_FEATURES = 2_000_000
MOST_POINTS = 20_000_000
EXTRA = "pip install 'cityward[map]'"

_BEGINS: dict[str, tuple[bytes, ...]] = {
    ".gpkg": (b"SQLite format 3\x00",),
    ".geojson": (b"{", b"\xef\xbb\xbf{"),
    ".json": (b"{", b"\xef\xbb\xbf{"),
    ".fgb": (b"fgb",),
}
_MERCATOR_M = 40_075_016.685578488  # the side of the Web Mercator square


@dataclass(frozen=True, slots=True)
class Shapes:
    """What is drawn of one of our layers. shapes: (N,) shapely geometries, x and y from 0 to 1, y downwards. kinds: (N,)."""

    shapes: NDArray[Any]
    kinds: list[str]


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was read. layers: by our names. unused: layer of the file -> how many of its features nothing is made of."""

    layers: Mapping[str, Shapes]
    unused: Mapping[str, int]


def read_map(path: Path, named: Mapping[str, str]) -> Read:
    """The shapes of a file. `named`: layer of the file -> layer of ours.

    Raises:
        LinkError: the libraries are not installed, or the file cannot be read.
        PlaceError: it is no map of a known format, too large, or of an unknown place.
    """
    _refuse_strangers(path)
    found: dict[str, list[tuple[Any, str]]] = {name: [] for name in LAYERS}
    unused: dict[str, int] = {}
    points = features = 0
    for layer, shapes, rows in _layers(path):
        features += len(shapes)
        for shape, row in zip(shapes, rows, strict=True):
            kind = kind_of(named.get(layer, layer), row) if shape is not None and not shape.is_empty else None
            if kind is None or not _fits(kind[0], shape):
                unused[layer] = unused.get(layer, 0) + 1
                continue
            found[kind[0]].append((shape, kind[1]))
        points += int(_shapely().get_num_coordinates(shapes).sum())
        if features > MOST_FEATURES or points > MOST_POINTS:
            raise PlaceError(
                f"the map has more than {MOST_FEATURES:,} features or {MOST_POINTS:,} points",
                where=str(path),
                mend="cut it to the city, or leave layers out, and try again",
            )
    layers = {name: Shapes(_array([s for s, _ in some]), [k for _, k in some]) for name, some in found.items() if some}
    return Read(layers, unused)


def _refuse_strangers(path: Path) -> None:
    name = path.name.lower()
    begins = next((marks for suffix, marks in _BEGINS.items() if name.endswith(suffix)), None)
    is_osm = name.endswith(".osm.pbf")
    if begins is None and not is_osm:
        raise PlaceError(
            "this is no map that can be read", where=str(path), mend="give .gpkg, .geojson, .fgb or .osm.pbf"
        )
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64).lstrip(b" \t\r\n")
    except OSError as error:
        raise LinkError(f"the map cannot be read: {error.strerror}", where=str(path)) from error
    if size > MOST_BYTES:
        raise PlaceError(
            f"the map has {size:,} bytes; {MOST_BYTES:,} are read", where=str(path), mend="cut it to the city"
        )
    if not (b"OSMHeader" in head if is_osm else head.startswith(begins or ())):
        raise PlaceError(
            "its first bytes are not those of its format", where=str(path), mend="name the file as what it is"
        )


def _layers(path: Path) -> Iterator[tuple[str, NDArray[Any], list[dict[str, str]]]]:
    """(name, shapes in Mercator, columns of each) of every layer that has shapes."""
    pyogrio, shapely = _pyogrio(), _shapely()
    try:
        names = [(str(name), kind) for name, kind in pyogrio.list_layers(path) if kind is not None]
        for name, _ in names:
            info = pyogrio.read_info(path, layer=name)
            wanted = [column for column in info["fields"] if column in COLUMNS]
            meta, _, wkb, columns = pyogrio.raw.read(
                path, layer=name, columns=wanted, force_2d=True, max_features=MOST_FEATURES + 1
            )
            if wkb is None or len(wkb) == 0:
                continue
            shapes = shapely.transform(shapely.from_wkb(wkb), _to_square(meta["crs"], name))
            yield name, shapes, _rows(meta["fields"], columns, len(wkb))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
        raise PlaceError(
            f"the map cannot be read: {error}", where=str(path), mend="see that other programs open it"
        ) from error
    except shapely.errors.GEOSException as error:
        raise PlaceError(
            f"a shape of the map cannot be read: {error}", where=str(path), mend="repair its geometry"
        ) from error


def _rows(names: Any, columns: Any, count: int) -> list[dict[str, str]]:
    texts = [["" if cell is None else str(cell) for cell in column] for column in columns]
    return [{str(n): column[row] for n, column in zip(names, texts, strict=True)} for row in range(count)]


def _to_square(crs: str | None, layer: str) -> Any:
    """Coordinates of a layer -> the Mercator square, y downwards."""
    from pyproj import Transformer  # noqa: PLC0415 - an extra
    from pyproj.exceptions import CRSError  # noqa: PLC0415

    if crs is None:
        raise PlaceError(
            f"layer `{layer}` does not say in what coordinates it is", mend="set its coordinate reference system"
        )
    try:
        onto = Transformer.from_crs(crs, "EPSG:3857", always_xy=True)
    except CRSError as error:
        raise PlaceError(
            f"layer `{layer}` is in coordinates that are not known: {crs}", mend="save it as EPSG:4326"
        ) from error

    def square(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = onto.transform(points[:, 0], points[:, 1])
        return np.column_stack([0.5 + np.asarray(x) / _MERCATOR_M, 0.5 - np.asarray(y) / _MERCATOR_M])

    return square


def _fits(layer: str, shape: Any) -> bool:
    """Roads are lines, the rest are areas; a river may be a line, which is no area."""
    return ("LineString" in shape.geom_type) if layer == "roads" else ("Polygon" in shape.geom_type)


def _array(shapes: list[Any]) -> NDArray[Any]:
    out = np.empty(len(shapes), dtype=object)
    out[:] = shapes
    return out


def _pyogrio() -> Any:
    try:
        import pyogrio  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise LinkError("making a map needs pyogrio, shapely, pyproj and pmtiles", mend=EXTRA) from error
    return pyogrio


def _shapely() -> Any:
    try:
        import shapely  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise LinkError("making a map needs pyogrio, shapely, pyproj and pmtiles", mend=EXTRA) from error
    return shapely
