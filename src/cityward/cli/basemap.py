"""`cityward basemap`: the map that the console draws the city on."""

from __future__ import annotations

from pathlib import Path

import click

from cityward.cli.groups import Group
from cityward.cli.options import JSON
from cityward.cli.words import lead, put_json, say

EXAMPLES = """
\b
Examples:
  cityward basemap import town.gpkg --place town
  cityward basemap import town.osm.pbf --place town --replace
  cityward basemap import streets.geojson --place town --layer streets=roads
\b
Needs the extra: pip install 'cityward[map]'. What each layer and column becomes: docs/basemap.md.
Exit 1: the map is made, and features of the file are not in it.
"""


@click.group("basemap", cls=Group, epilog=EXAMPLES)
def command() -> None:
    """The map of streets, water, parks and buildings under the city's devices."""


@command.command("import", epilog=EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--place",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The folder of the declaration; the map is put into its `map/city.pmtiles`.",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="THEIRS=OURS",
    help="A layer of the file is earth, water, landuse, buildings or roads. May be given many times.",
)
@click.option("--replace", is_flag=True, help="Put the new map in the stead of the one that is there.")
@JSON
@click.pass_context
def import_(ctx: click.Context, file: Path, place: Path, layers: tuple[str, ...], replace: bool, as_json: bool) -> None:
    """Make the map of FILE: a GeoPackage, GeoJSON, FlatGeobuf or OpenStreetMap extract (.osm.pbf)."""
    from cityward.compose.basemap import import_basemap

    named = dict(_pair(text) for text in layers)
    made = import_basemap(file, place, named, replace=replace)
    if as_json:
        put_json(
            {
                "path": str(made.path),
                "tiles": made.tiles,
                "bytes": made.size,
                "drawn": made.drawn,
                "unused": made.unused,
            }
        )
    else:
        lead(f"{made.path}: {made.tiles} tiles, {made.size / 1e6:.1f} MB.")
        for name, count in made.drawn.items():
            say(f"{name}: {count} shapes", mark="- ")
        for name, count in made.unused.items():
            say(f"not drawn: {count} features of layer {name}; --layer {name}=... says what they are", mark="- ")
    ctx.exit(1 if made.unused else 0)


def _pair(text: str) -> tuple[str, str]:
    theirs, _, ours = text.rpartition("=")
    if not theirs or not ours:
        raise click.BadParameter(f"`{text}` is not THEIRS=OURS", param_hint="--layer")
    return theirs, ours
