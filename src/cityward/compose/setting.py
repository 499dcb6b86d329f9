"""What every process of a running city begins with: the city file, the checked declaration, the numbers, the state store."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from cityward.adapters.keys.authority import signing_key
from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.stores.history import DeltaHistory
from cityward.adapters.stores.state import SqlState
from cityward.compose.bars import take_bars
from cityward.compose.home import CityFile, Exercise, Home, read_city_file
from cityward.compose.places import load_overlaid, load_place
from cityward.errors import LinkError
from cityward.place.loader import Loaded
from cityward.place.registry import Registry, number

LEDGER_FREE_S = 10.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What every role begins with."""

    home: Home
    city: CityFile
    loaded: Loaded
    registry: Registry
    state: SqlState

    @property
    def place_folder(self) -> Path:
        """Where the declaration lies, with what belongs to it (map, recordings)."""
        path = Path(self.city.place)
        return path if path.is_dir() else path.parent

    def now_us(self) -> int:
        """The city's time."""
        return self.city.city_clock.to_city_us(time.time_ns() // 1000)

    def ledger(self, role: str) -> FileLedger:
        """The role's evidence log, open for writing."""
        origin = self.city.ledger_origin(self.loaded.place.place, role)
        return FileLedger(self.home.ledger(role), origin, signing_key(self.home.keys, f"ledger-{role}"))

    def ledger_when_free(self, role: str) -> FileLedger:
        """A ledger that several commands write, once another one is done with it.

        Raises:
            LinkError: another holds it for long.
        """
        deadline = time.monotonic() + LEDGER_FREE_S
        while True:
            try:
                return self.ledger(role)
            except LinkError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def history(self) -> DeltaHistory:
        """The observations. What is learned from them leaves out what is marked."""
        return DeltaHistory(str(self.home.history), self.registry, marks=self.state.marks)


def declared(place: Path, exercise: Exercise | None) -> Loaded:
    """What a city runs by; of a twin with what the exercise lays over it.

    Raises:
        PlaceErrors: it is wrong.
    """
    if exercise is None or not exercise.overlay:
        return load_place(place)
    return load_overlaid(place, Path(exercise.overlay))


def open_setting(home: Home) -> Setting:
    """The setting of a started city.

    Raises:
        LinkError: none was started here.
        PlaceErrors: its declaration is wrong.
    """
    city = read_city_file(home)
    loaded = declared(Path(city.place), city.exercise)
    state = SqlState(home.state_url)
    registry = number(loaded.place)
    take_bars(registry, state, city.city_clock)
    return Setting(home, city, loaded, registry, state)
