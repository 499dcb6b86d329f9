"""What the waste service remembers from turn to turn: forecasts until they are due again, visits, the day's plan, open alarms.

INVARIANT: bounded by the containers that are declared: what is not in the view is forgotten, and no list grows with time.
"""

from __future__ import annotations

import msgspec

from cityward.place.things import Position
from cityward.services.waste.routing import RoutingJob


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One container, as it was judged last. Levels in percent; `why` says why its level is not known; times in us.

    level: as it counts; None: not known. measured: the newest cleaned level. mean, unsure, spread, noise: its pace
    (`filling.Filling`). most: percent a day that it may rise. missing: share of its readings that could not be used. days:
    until it is full with 10, 50 and 90 %, from when it was judged.
    """

    level: float | None = None
    measured: float | None = None
    at: int = 0
    why: str = "never heard"
    mean: float = 0.0
    unsure: float = 0.0
    spread: float = 1.0
    noise: float = 3.0
    most: float = 0.0
    days: tuple[float, float, float] = (0.0, 0.0, 0.0)
    emptied_at: int = 0
    missing: float = 1.0


class StopKept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stop that was chosen. by_level: it rests on its container's readings."""

    unit: str
    why: str
    by_level: bool = False
    chance: float = 0.0


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job under way. `day`: of the round, days since 1970. blind: share of levels not known when the stops were chosen.
    instead: it is the fixed round, in place of one that was refused.
    """

    job: str
    at: int
    day: int
    work: RoutingJob
    stops: tuple[StopKept, ...]
    blind: float = 0.0
    instead: bool = False


class CrewDay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one crew does on the day. due: of each stop, us, beside it in `stops`; trips likewise, from 1."""

    crew: str
    stops: tuple[StopKept, ...]
    due: tuple[int, ...]
    trips: tuple[int, ...]
    metres: int
    seconds: int
    load: int
    way: tuple[Position, ...] = ()


class Day(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The round that was made last. instead: some of it is the fixed round, in place of what was refused."""

    day: int
    made_at: int
    crews: tuple[CrewDay, ...] = ()
    left_out: tuple[str, ...] = ()
    blind: float = 0.0
    by: str = ""
    instead: bool = False


class Warmth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A container's newest temperature, and the one before it, to tell how fast it rises."""

    at: int
    value: float
    per_minute: float = 0.0


class Alarm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something open at a container. signs: what spoke for it when it was last seen; calm_since: 0 while it still speaks."""

    since: int
    signs: tuple[str, ...] = ()
    sure: bool = False
    calm_since: int = 0


class WasteMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. began: when its first turn was, us. visited: container -> when it was last in a round, us. alarms: `fire:<unit>`
    or `tilt:<unit>`. refused: crew -> why the gate did not let its round of the day pass. before: container of the day's rounds
    -> its visit before. fixed_day: for which the fixed round was asked for in place of a refused one; instead: the crews that
    were given it.
    """

    began: int = 0
    known: dict[str, Known] = {}
    known_at: int = 0
    visited: dict[str, int] = {}
    planned_day: int = -1
    asked: Asked | None = None
    today: Day | None = None
    warmth: dict[str, Warmth] = {}
    alarms: dict[str, Alarm] = {}
    refused: dict[str, str] = {}
    before: dict[str, int] = {}
    fixed_day: int = -1
    instead: tuple[str, ...] = ()
