"""A small town around the corridor of the demonstration city: its junctions, its net, nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

DEMO = Path(__file__).parents[1] / "examples" / "doggerford"
PLACE = """place: corridor-town
name: Corridor Town
position: [2.37, 54.9]
timezone: Europe/London
responsible: doggerford-council
platform: cityward
include: [junctions.yaml]
jurisdictions:
  gb: {code: GB, home: true}
  "no": {code: NO, home: true}
parties:
  doggerford-council: {name: Council, kind: public-body, incorporated_in: gb}
purposes:
  traffic-management: {}
areas:
  dockholme: {}
zones:
  street: {trust: 1}
sites:
  quay-street: {jurisdiction: gb}
systems:
  cityward: {kind: platform, site: quay-street, zone: street, operator: doggerford-council}
"""


def write_corridor(folder: Path, lost_after_s: int = 5, settings: str = "") -> Path:
    """The town's declaration, its net and its recordings. settings: further lines of the service's, `name: value`."""
    folder.mkdir(parents=True)
    (folder / "place.yaml").write_text(PLACE)
    declared = (DEMO / "junctions.yaml").read_text().replace("lost_after_s: 30", f"lost_after_s: {lost_after_s}")
    if settings:
        declared = declared.replace("    settings:\n", f"    settings:\n      {settings}\n", 1)
    (folder / "junctions.yaml").write_text(declared)
    shutil.copytree(DEMO / "signals", folder / "signals")
    shutil.copytree(DEMO / "recordings", folder / "recordings")
    return folder
