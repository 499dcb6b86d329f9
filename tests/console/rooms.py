"""Small cities in which pages have something to show, for whoever looks at all pages: each with the pages that it fills.

The fixtures are those of the tests that know these pages; a module that uses `room` imports all of `FIXTURES` beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from console.test_alerts import city as alerted_city
from console.test_datum import city as followed_city
from console.test_exercises import OUTCOME, PROGRESS, Now, Played, board
from console.test_out import city as out_city
from console.test_services import city as served_city
from web.house import House, house, opened
from web.watching import MemoryBook

FIXTURES = (alerted_city, board, followed_city, out_city, served_city)

ROOMS: dict[str, tuple[str, ...]] = {
    "out": ("#/out", "#/out/dataset/counts", "#/out/recipient/acme-desk", "#/out/book/attempts", "#/out/book/processing"),
    "alerted": (
        "#/watch", "#/watch/incident/i1", "#/watch/contain/device:counter-1", "#/incidents", "#/incidents/f0",
        "#/device/counter-1",
    ),
    "served": ("#/services/lighting",),
    "followed": ("#/datum/counter-1/vehicle-speed",),
    "tried": ("#/exercises", "#/exercises/S-18"),
    "trying": ("#/exercises",),
}  # fmt: skip


@pytest.fixture(params=list(ROOMS))
def room(request: pytest.FixtureRequest) -> Iterator[tuple[House, tuple[str, ...]]]:
    """A door with a city behind it, and the pages that show much of it."""
    name = request.param
    with ExitStack() as open_:
        if name in ("tried", "trying"):
            door = open_.enter_context(_exercised(request.getfixturevalue("board"), name == "trying"))
        else:
            made: Any = request.getfixturevalue(f"{name}_city")
            door = made if isinstance(made, House) else made[0] if isinstance(made, tuple) else made.house
        yield door, ROOMS[name]


def _exercised(board: bytes, running: bool) -> Any:
    made = house(watch=MemoryBook())
    told: Any = {"progress": PROGRESS} if running else {"outcome": OUTCOME}
    now = Now(state="running" if running else "over", scenario="S-18", seed=7, person="ada", **told)
    made.doors = replace(made.doors, exercises=Played(board, now))
    return opened(made, files("cityward.web") / "console")
