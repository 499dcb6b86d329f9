"""The demonstration city and its cascade, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cityward.place.loader import load
from cityward.place.model import Place
from cityward.reach.blast.cascade import Cascade
from cityward.reach.blast.wiring import compile_cascade

FOLDER = Path(__file__).parents[3] / "examples" / "doggerford"


@cache
def doggerford() -> tuple[Place, Cascade]:
    """(place, cascade)."""
    place = load("place.yaml", lambda name: (FOLDER / name).read_bytes(), None).place
    return place, compile_cascade(place)
