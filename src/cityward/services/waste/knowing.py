"""What is known of each container: its level as it counts, its pace, and why nothing is known where nothing is.

Lives here: from a view's series and readings to `Known`. Does not live here: what is done about it (`choice`).
INVARIANTS
- Total: any readings, any series. A level that is stale, missing, standing still or left out is no level, and says which.
- `level` rests on levels as they count (`cleaning.believed`: at most what was measured, at most what the container's own past,
  without its newest days, allows), carried on by its own pace and nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cityward.services.contract import Series, View
from cityward.services.waste.cleaning import Levels, Rise, believed, clean
from cityward.services.waste.emptying import emptyings
from cityward.services.waste.filling import LEVEL_NOISE, Filling, Past, days_full, past_of, pooled
from cityward.services.waste.memory import Known
from cityward.services.waste.settings import MOST_CONTAINERS, Containers, WasteSettings
from cityward.time import DAY, HOUR

LEVEL, SHAKEN = "fill-level", "vibration-strength"
SETTLED = 3 * DAY  # a past so new does not widen its own bound
LOOK_BACK = 36 * HOUR  # readings so old still say something of the level now
SPREADS = 3.0  # standard deviations of a day that the bound allows above its mean


def containers_of(view: View[WasteSettings]) -> dict[str, Containers]:
    """Unit -> what it was declared as; a unit of two groups is of the first. At most `MOST_CONTAINERS`, in order."""
    found: dict[str, Containers] = {}
    for device, declared in view.settings.containers.items():
        for unit in view.members.get(device, ()):
            if len(found) < MOST_CONTAINERS:
                found.setdefault(unit, declared)
    return found


def groups_of(view: View[WasteSettings]) -> dict[str, str]:
    """Unit -> the device or group under which it was declared."""
    found: dict[str, str] = {}
    for device in view.settings.containers:
        for unit in view.members.get(device, ()):
            found.setdefault(unit, device)
    return found


def know(view: View[WasteSettings]) -> dict[str, Known]:
    """Every container, judged anew."""
    declared = containers_of(view)
    levels = {unit: _levels(view, unit) for unit in declared}
    free = {unit: Rise(one.most_daily_rise) for unit, one in declared.items()}
    pasts = {unit: _past(view, levels[unit], free[unit], settled=True) for unit in declared}
    settled = _by_kind(declared, pasts)
    rises = {unit: _rise(declared[unit], settled[unit]) for unit in declared}
    fillings = _by_kind(declared, {unit: _past(view, levels[unit], rises[unit], settled=False) for unit in declared})
    return {unit: _known(view, unit, levels[unit], rises[unit], fillings[unit]) for unit in declared}


def _levels(view: View[WasteSettings], unit: str) -> Levels:
    """The series with the newest reading at its end; nothing from the future."""
    series = view.series.get((unit, LEVEL)) or Series(np.zeros(0, np.int64), np.zeros(0))
    times, values = np.asarray(series.times, np.int64), np.asarray(series.values, np.float64)
    reading = view.readings.get((unit, LEVEL))
    if reading is not None:
        times, values = np.append(times, reading.observed_at), np.append(values, reading.value)
    now = times <= view.now_us
    return _hourly(clean(times[now], values[now], view.settings.stuck_h))


def _hourly(levels: Levels) -> Levels:
    """The last of each hour: what fills in days is not better known by the minute."""
    hours = levels.times // HOUR
    last = np.append(hours[1:] != hours[:-1], True) if len(levels) else np.zeros(0, np.bool_)
    return replace(levels, times=levels.times[last], values=levels.values[last])


def _past(view: View[WasteSettings], levels: Levels, rise: Rise, *, settled: bool) -> Past:
    if settled:
        old = levels.times < view.now_us - SETTLED
        levels = Levels(levels.times[old], levels.values[old], noise=levels.noise)
    return past_of(levels, believed(levels, rise))


def _by_kind(declared: Mapping[str, Containers], pasts: Mapping[str, Past]) -> dict[str, Filling]:
    found: dict[str, Filling] = {}
    for kind in dict.fromkeys(one.kind for one in declared.values()):
        mine = {unit: pasts[unit] for unit, one in declared.items() if one.kind == kind}
        usual = next(one.usual_daily_rise for one in declared.values() if one.kind == kind)
        found |= pooled(mine, usual)
    return found


def _rise(declared: Containers, filling: Filling) -> Rise:
    """What its own past allows, and never more than was declared."""
    own = filling.mean + SPREADS * math.sqrt(filling.spread + filling.unsure)
    return Rise(min(declared.most_daily_rise, max(own, 1.0)))


def _known(view: View[WasteSettings], unit: str, levels: Levels, rise: Rise, filling: Filling) -> Known:
    why = _why_unknown(view, unit, levels)
    counted = believed(levels, rise)
    emptied = emptyings(levels, _shaken(view, unit, levels))
    series = view.series.get((unit, LEVEL))
    last = emptied[-1].index if emptied else 0
    now, noise = _carried_on(view, levels, counted, last, filling)
    filling = replace(filling, noise=noise)
    level = None if why else now
    used = len(levels)
    unused = levels.dropped + (series.left_out if series is not None else 0)
    return Known(
        level=level,
        measured=float(levels.values[-1]) if used else None,
        at=int(levels.times[-1]) if used else 0,
        why=why,
        mean=filling.mean,
        unsure=filling.unsure,
        spread=filling.spread,
        noise=filling.noise,
        most=rise.daily,
        days=_days_full(view.settings, level, filling),
        emptied_at=int(levels.times[emptied[-1].index]) if emptied else 0,
        missing=1.0 if why else unused / max(1, used + unused),
    )


def _carried_on(
    view: View[WasteSettings], levels: Levels, counted: NDArray[np.float64], since: int, filling: Filling
) -> tuple[float, float]:
    """The level now and its standard deviation: the middle of what the readings since it was emptied, each carried on, say."""
    recent = np.arange(len(levels)) >= since
    recent &= levels.times >= (int(levels.times[-1]) if len(levels) else 0) - LOOK_BACK
    if not recent.any():
        return 0.0, filling.noise
    ages = np.clip((view.now_us - levels.times[recent]) / DAY, 0.0, 3.0)
    count = int(recent.sum())
    level = float(np.median(counted[recent] + filling.mean * ages))
    # each level is already the middle of five
    return min(100.0, level), max(LEVEL_NOISE, filling.noise * math.sqrt(5 / max(5, count)))


def _days_full(settings: WasteSettings, level: float | None, filling: Filling) -> tuple[float, float, float]:
    if level is None or settings.full - level <= 0.05:
        return 0.0, 0.0, 0.0
    low, middle, high = days_full(settings.full - level, filling, (0.1, 0.5, 0.9))
    return low, middle, high


def _why_unknown(view: View[WasteSettings], unit: str, levels: Levels) -> str:
    if (unit, LEVEL) in view.left_out:
        return f"not believed: {view.left_out[unit, LEVEL]}"
    if not len(levels):
        return "never heard"
    if view.now_us - int(levels.times[-1]) > view.settings.max_age_h * HOUR:
        return "stale"
    return "stands still" if levels.stuck else ""


def _shaken(view: View[WasteSettings], unit: str, levels: Levels) -> NDArray[np.float64] | None:
    """The vibration at each level's time, (n,): the newest of the hour before; None: it has no such sensor."""
    series = view.series.get((unit, SHAKEN))
    if series is None or not len(series.times):
        return None
    index = np.searchsorted(series.times, levels.times, side="right") - 1
    felt = np.where(index >= 0, series.values[np.maximum(index, 0)], np.nan)
    age = levels.times - series.times[np.maximum(index, 0)]
    return np.where(age <= HOUR, felt, np.nan)
