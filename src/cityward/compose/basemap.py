"""Making the map that lies beside a declaration: `map/city.pmtiles`, of a file that the council has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cityward.adapters.basemap.kinds import LAYERS
from cityward.adapters.basemap.reading import read_map
from cityward.adapters.basemap.tiling import write_tiles
from cityward.compose.places import load_place
from cityward.errors import LinkError, PlaceError


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeMap:
    """What became of a file. drawn: shapes by layer. unused: features by layer of the file. size: of the archive, in bytes."""

    path: Path
    tiles: int
    size: int
    drawn: Mapping[str, int]
    unused: Mapping[str, int]


def import_basemap(file: Path, place: Path, named: Mapping[str, str], *, replace: bool) -> MadeMap:
    """Make `map/city.pmtiles` beside the declaration of a place; nothing is there, or what was there, until it is whole.

    Raises:
        PlaceError: the place is not declared, has a map already, or a layer is named that the console does not draw.
        LinkError: as `read_map`, `write_tiles`.
    """
    unknown = sorted(set(named.values()) - set(LAYERS))
    if unknown:
        raise PlaceError(f"the console draws no layer `{unknown[0]}`", mend=f"name one of: {', '.join(LAYERS)}")
    loaded = load_place(place)
    folder = (place if place.is_dir() else place.parent) / "map"
    path = folder / "city.pmtiles"
    if path.exists() and not replace:
        raise PlaceError("the place has a map already", where=str(path), mend="--replace puts the new one in its stead")
    read = read_map(file, named)
    try:
        folder.mkdir(exist_ok=True)
        beside = folder / ".city.pmtiles.new"
        tiles = write_tiles(read.layers, beside, loaded.place.name or loaded.place.place)
        beside.replace(path)
        size = path.stat().st_size
    except OSError as error:
        raise LinkError(f"the map cannot be written: {error.strerror}", where=str(path)) from error
    drawn = {name: len(some.kinds) for name, some in read.layers.items()}
    return MadeMap(path=path, tiles=tiles, size=size, drawn=drawn, unused=read.unused)
