"""What lighting remembers: who was about, energy of tonight and the month, what looks wrong, what a line usually draws.

INVARIANT: bounded, far below the runtime's limit: streets and lines are as many as declared, suspicions at most `MOST_SUSPECTED`,
a line keeps one value for each five minutes of the day.
"""

from __future__ import annotations

import msgspec

MOST_SUSPECTED = 1000
BINS = 288  # of five minutes in a day


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Energy in kWh, beside the same lamps at full level from dusk to dawn; seconds dark, and of those below the class."""

    kwh: float = 0.0
    baseline_kwh: float = 0.0
    dark_s: float = 0.0
    under_s: float = 0.0


class StreetMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one street. night, month: which one the accounts are of (days since 1970 at noon, months since year 0)."""

    presence_until: int = 0
    night: int = 0
    month: int = 0
    tonight: Account = Account()
    this_month: Account = Account()
    last_night: Account = Account()


class Suspicion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that looks wrong. since: city us. told: it has lasted long enough."""

    kind: str
    since: int
    seen: float
    expected: float
    told: bool = False


class LineMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one line. usual: W at each five minutes of the UTC day, -1 where not known; nights: how many it has learned from.

    recent: the last few (time us, W). offset: W by which this night lies above the usual. on_since: 0 while it is off.
    missing: lamps' worth of power that was told missing.
    """

    usual: tuple[float, ...] = ()
    recent: tuple[tuple[int, float], ...] = ()
    offset: float = 0.0
    on_since: int = 0
    wanted: str = ""
    wanted_since: int = 0
    suspected: dict[str, Suspicion] = {}


class Held(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the permit gate refused a lamp. why: the gate's word. at, since: when last and when first, city us."""

    why: str
    at: int
    since: int


class LightingMemory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. at: when the last turn was, city us. held: lamp -> what it was refused last, and not let have since."""

    at: int = 0
    streets: dict[str, StreetMemory] = {}
    suspected: dict[str, Suspicion] = {}
    lines: dict[str, LineMemory] = {}
    held: dict[str, Held] = {}
