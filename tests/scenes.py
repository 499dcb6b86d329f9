"""The scenes of SUMO that tests run: our own small ones, and the recorded cities where the data are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SCENES = Path(__file__).parent / "adapters/sumo/scenes"
CORRIDOR, LANE = SCENES / "corridor", SCENES / "lane"
CITIES = ("cologne1", "cologne3", "ingolstadt1", "ingolstadt7", "acosta")


def city(name: str) -> Path:
    """The folder of a recorded city's scenario; the test is skipped, loudly, where it is not here."""
    data = Path(os.environ.get("CITYWARD_DATA", Path(__file__).parents[2] / "shared/data"))
    for path in (data / "signals_resco" / name, data / "signals_sumo_epl/bologna" / name):
        if path.is_dir():
            return path
    pytest.skip(f"NOT TESTED ON THE REAL CITY {name}: the data are not here (CITYWARD_DATA)")
