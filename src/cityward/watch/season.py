"""What a channel usually says at this time of day: a robust profile that learns as it goes, in bounded memory.

Lives here: half-hour slots of the grid (`Slots`), the profile over them (`Season`). Not here: what follows from a deviation.

Theory of operation
-------------------
Steps are gathered to half-hours (`gather`): a channel's mean in it, and how much it moved from reading to reading. A profile
(`Season`) keeps, per channel and half-hour of the day, a level for weekdays, one for weekends and one for all days, and a
spread. A level seen on few days of its kind is drawn towards that of all days. The levels learn by a step that is clipped at
`CLIP` spreads, so that one strange day, or a share of poisoned ones, moves them little; the spread learns from its half-hour
and the three on either side, so that a few days are enough for it. Channels that are `held` learn nothing: what is suspect is
not learned from.

INVARIANTS
- State is (C, 48) arrays; time of day is the sun's (from the mean longitude), so that no time zone data are needed.
- Hourly channels fill every second half-hour, missing steps leave a slot empty: an empty slot neither judges nor teaches.

Fails when: a city's clock changes (summer time) the profile is an hour off until it has learned anew; all channels of a property
are so at once, which is why detectors compare with neighbours too. Public holidays look like weekdays here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR, MINUTE
from cityward.watch.contract import STEP_US, Step
from cityward.watch.world import World

Floats = NDArray[np.float64]

SLOT_US = 30 * MINUTE
SLOTS = DAY // SLOT_US
WEEKDAY, WEEKEND, ANY = 0, 1, 2
LARGEST = 1e15
"""No reading counts as larger: squares and sums of it stay numbers."""
CLIP = 2.5
SLOWEST = 1 / 20
"""The profile's memory, in days of a kind: a month of weekdays, five months of weekends."""
SPREAD_SLOWEST = 1 / 30
AWAY = np.arange(-3, 4)
SHARE = np.array([0.1, 0.3, 0.6, 1.0, 0.6, 0.3, 0.1])[:, None]
"""(7, 1) the share by which a deviation teaches the spread of the half-hours so far `AWAY`."""
MAD_TO_SIGMA = 1.2533
"""Standard deviation of a normal variable over its mean absolute deviation."""


@dataclass(slots=True)
class Slots:
    """The half-hour being gathered.

    number: which (since 1970, local). rows: (6, C) its steps' means, NaN where nobody spoke or the step has not been. last: (C,)
    newest reading before it, NaN before the first.
    """

    number: int
    zone_us: int
    rows: Floats
    last: Floats


@dataclass(frozen=True, slots=True)
class Slot:
    """One finished half-hour.

    at: its end (city us). of_day: 0 to 47. mean: (C,), NaN where nobody spoke. rough: (C,) mean size of a change from reading to
    reading, NaN where there was none.
    """

    at: int
    of_day: int
    weekend: bool
    mean: Floats
    rough: Floats


def begin_slots(world: World) -> Slots:
    """Before the first step."""
    c = world.channels
    return Slots(-1, solar_us(world), np.full((SLOT_US // STEP_US, c), np.nan), np.full(c, np.nan))


def solar_us(world: World) -> int:
    """Local time less UTC in whole hours, by the mean longitude of the units (0 where none is declared)."""
    lon = world.lon_lat[:, 0]
    lon = lon[np.isfinite(lon)]
    return round(float(lon.mean()) / 15) * HOUR if len(lon) else 0


def gather(slots: Slots, step: Step) -> Slot | None:
    """Add a step; the half-hour, where this step is its last. Until then a step is put by, no more: it comes often."""
    began = step.at - STEP_US + slots.zone_us
    if began // SLOT_US != slots.number:
        _summed(slots)  # where steps are missing, the last reading before them is still the last
        slots.number = began // SLOT_US
    slots.rows[began // STEP_US % len(slots.rows)] = step.mean
    return _finished(slots, step.at) if (began + STEP_US) % SLOT_US == 0 else None


def _finished(slots: Slots, at: int) -> Slot:
    local = slots.number * SLOT_US
    mean, rough = _summed(slots)
    slots.number += 1
    return Slot(
        at=at,
        of_day=int(local % DAY // SLOT_US),
        weekend=(local // DAY + 3) % 7 >= 5,  # 1 January 1970 was a Thursday
        mean=mean,
        rough=rough,
    )


def _summed(slots: Slots) -> tuple[Floats, Floats]:
    """(C,) the mean of what was put by, and the mean size of a change; the rows are empty after it."""
    seen = np.isfinite(slots.rows)
    x = np.minimum(np.maximum(slots.rows, -LARGEST), LARGEST)
    before = np.empty_like(x)
    for row in range(len(x)):
        before[row] = slots.last
        np.copyto(slots.last, x[row], where=seen[row])
    slots.rows[:] = np.nan
    moved = seen & np.isfinite(before)
    return _mean(x, seen), _mean(np.abs(x - before), moved)


def middle_of(x: Floats) -> float:
    """The median of some finite numbers, at least one; NumPy's own takes five times as long for a few hundred."""
    ordered = np.sort(x)
    return float(ordered[(len(x) - 1) // 2] + ordered[len(x) // 2]) / 2


def _mean(x: Floats, there: NDArray[np.bool_]) -> Floats:
    """(C,) over the rows that are there; NaN where none is."""
    count = there.sum(axis=0)
    total = np.where(there, x, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(slots=True)
class Season:
    """level: (3, 48, C) by `WEEKDAY`, `WEEKEND`, `ANY`. days: (3, 48, C) how many taught it.

    spread: (48, C) mean absolute error. taught: (48, C) by how many days. least: (C,) the channel's smallest believable spread.
    """

    level: Floats
    days: Floats
    spread: Floats
    taught: Floats
    least: Floats


def begin_season(channels: int) -> Season:
    """Before the first half-hour."""
    shape = (3, SLOTS, channels)
    return Season(
        np.zeros(shape), np.zeros(shape), np.zeros((SLOTS, channels)), np.zeros((SLOTS, channels)), np.zeros(channels)
    )


def expected(season: Season, slot: Slot) -> tuple[Floats, Floats]:
    """(C,) level and (C,) spread for this half-hour: NaN where they have not been learned yet."""
    return level_at(season, slot.of_day, slot.weekend), spread_at(season, slot.of_day)


def level_at(season: Season, of_day: int, weekend: bool) -> Floats:
    """(C,) the level of a half-hour on a weekday or weekend; NaN where it was never seen."""
    kind = WEEKEND if weekend else WEEKDAY
    n = season.days[kind, of_day]
    mine = n / (n + 0.5)
    level = mine * season.level[kind, of_day] + (1 - mine) * season.level[ANY, of_day]
    return np.where(season.days[ANY, of_day] > 0, level, np.nan)


def spread_at(season: Season, of_day: int) -> Floats:
    """(C,) the spread of a half-hour; NaN where fewer than two days taught it."""
    spread = np.maximum(season.spread[of_day] * MAD_TO_SIGMA, season.least)
    return np.where((season.taught[of_day] > 0) & (spread > 0), spread, np.nan)


def familiar(season: Season, slot: Slot) -> NDArray[np.bool_]:
    """(C,) whether this half-hour was seen on such a day before, weekday or weekend."""
    return season.days[WEEKEND if slot.weekend else WEEKDAY, slot.of_day] > 0


def learn(season: Season, slot: Slot, held: NDArray[np.bool_]) -> None:
    """Learn from a half-hour, but not from channels that are held."""
    seen = np.isfinite(slot.mean) & ~held
    if not seen.any():
        return
    x = np.where(seen, slot.mean, 0.0)
    _learn_spread(season, slot, x, seen)
    for kind in (WEEKEND if slot.weekend else WEEKDAY, ANY):
        level, days = season.level[kind, slot.of_day], season.days[kind, slot.of_day]
        reach = CLIP * np.maximum(season.spread[slot.of_day] * MAD_TO_SIGMA, season.least)
        error = x - level
        bounded = np.where(days >= 3, np.clip(error, -reach, reach), error)
        level += np.where(seen, np.maximum(1 / (days + 1), SLOWEST) * bounded, 0.0)
        days += seen


def _learn_spread(season: Season, slot: Slot, x: Floats, seen: NDArray[np.bool_]) -> None:
    """From the error of the level as it was before this half-hour taught it; not while a kind of day is new."""
    error = np.abs(x - level_at(season, slot.of_day, slot.weekend))
    known = seen & np.isfinite(error) & familiar(season, slot)
    season.least = np.maximum(season.least, np.where(known & (season.least == 0.0), 1e-6 * np.abs(x), 0.0))
    if not known.any():
        return
    rows = (slot.of_day + AWAY) % SLOTS
    spread, taught = season.spread[rows], season.taught[rows]
    limit = np.where(taught > 3, 6 * np.maximum(spread, season.least), np.inf)
    rate = SHARE * np.maximum(1 / (taught + 1), SPREAD_SLOWEST)
    nearer = rate * (np.minimum(np.where(known, error, 0.0), limit) - spread)
    season.spread[rows] = spread + np.where(known, nearer, 0.0)
    season.taught[rows] = taught + np.where(known, SHARE, 0.0)


def forget_season(season: Season, channel: int) -> None:
    """A channel's levels are learned anew; its spread stays."""
    season.days[:, :, channel] = 0.0
