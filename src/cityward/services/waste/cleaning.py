"""Fill levels as they can be used: what a sensor in a container says, less what cannot be.

Lives here: cleaning one container's series. Does not live here: whether it was emptied (`emptying`), how fast it fills
(`filling`).

Theory of operation
-------------------
An ultrasonic or optical sensor in a lid errs in known ways. *Order*: radio packets come twice and out of order: sorted, the last
of one moment kept. *Out of range*: dropped, a little beyond is clipped. *Reflections* (a bag against the sensor, an empty wall)
and *temperature spikes* are single readings far from both neighbours that agree with each other: dropped. *Jitter*: a running
median of five, within what lies between two emptyings. *Stuck*: one value to the digit for longer than `stuck_h`: the
sensor says nothing any more, and its level is treated as not known.

The *bound*: no level is believed to rise faster than the container may (`Rise`): whoever writes 100 % into a container has it
counted as what its own past allows, and no more. What falls is believed at once, for it sends nobody anywhere; the declared
minimum round is what stands against a container that is talked empty.

INVARIANTS
- Total: any arrays of one length give levels within 0 to 100, times strictly rising; NaN, infinities and disorder included.
- A believed level never exceeds the measured one, nor the one before plus what the time allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.time import DAY, HOUR

BEYOND = 5.0  # percent outside 0 to 100 that is clipped and not dropped
SPIKE = 12.0  # percent from both neighbours
AGREE = 6.0  # percent between those neighbours
SLACK = 8.0  # percent that one reading may lie above the bound's line: a bag is thrown in at once
FALLS = 15.0  # percent: a lasting fall of so much ends a filling


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """One container's cleaned levels. times: (n,) int64 us, strictly rising; values: (n,) percent; dropped: how many were
    not used.
    """

    times: NDArray[np.int64]
    values: NDArray[np.float64]
    dropped: int = 0
    stuck: bool = False
    noise: float = 0.0

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class Rise:
    """What a container may do: percent a day, and percent at once."""

    daily: float
    at_once: float = SLACK


def clean(times: NDArray[np.int64], values: NDArray[np.float64], stuck_h: float = 96.0) -> Levels:
    """What is left of a series, smoothed. Arrays of one length, in any order, anything in them."""
    at, level = _in_order(np.asarray(times, np.int64), np.asarray(values, np.float64))
    kept = ~_spikes(level)
    at, level = at[kept], level[kept]
    return Levels(at, smooth(level), len(times) - len(at), is_stuck(at, level, stuck_h), noise_of(level))


def _in_order(times: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    with np.errstate(invalid="ignore"):
        good = np.isfinite(values) & (values >= -BEYOND) & (values <= 100 + BEYOND)
    times, values = times[good], np.clip(values[good], 0.0, 100.0)
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    last = np.append(times[1:] != times[:-1], True) if len(times) else np.zeros(0, np.bool_)
    return times[last], values[last]


def _spikes(level: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Single readings far from both neighbours, which agree."""
    spikes = np.zeros(len(level), np.bool_)
    if len(level) < 3:
        return spikes
    before, here, after = level[:-2], level[1:-1], level[2:]
    far = (np.abs(here - before) > SPIKE) & (np.abs(here - after) > SPIKE) & (np.abs(before - after) < AGREE)
    spikes[1:-1] = far & (np.sign(here - before) == np.sign(here - after))
    return spikes


def smooth(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """The running median of five; of fewer at the ends. A lasting step stays where it is."""
    if len(level) < 3:
        return level.copy()
    padded = np.concatenate([np.repeat(level[:1], 2), level, np.repeat(level[-1:], 2)])
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)


def noise_of(level: NDArray[np.float64]) -> float:
    """Of the cleaned levels, from the steps between readings: a running median of five leaves 0.54 of a normal jitter."""
    if len(level) < 6:
        return 0.0
    return float(0.54 * 1.4826 / np.sqrt(2) * np.median(np.abs(np.diff(level))))


def is_stuck(times: NDArray[np.int64], level: NDArray[np.float64], stuck_h: float) -> bool:
    """Whether the newest readings are one value to the digit, for so long. Empty and full may last."""
    if len(level) < 6 or not 1.0 < level[-1] < 99.0:
        return False
    others = np.flatnonzero(level != level[-1])
    since = times[others[-1] + 1] if len(others) else times[0]
    return bool(times[-1] - since >= stuck_h * HOUR)


def believed(levels: Levels, rise: Rise) -> NDArray[np.float64]:
    """What each level counts as, (n,): at most the one before it plus what the time between allows.

    `at_once` is spent and comes back at the daily pace, so that many readings in a row do not add it up.
    """
    counted, spare = np.empty(len(levels)), rise.at_once
    for i, level in enumerate(levels.values.tolist()):
        if i == 0:
            counted[0] = level
            continue
        grown = float(levels.times[i] - levels.times[i - 1]) / DAY * rise.daily
        counted[i] = min(level, counted[i - 1] + grown + spare)
        spare = min(rise.at_once, max(0.0, spare - (counted[i] - counted[i - 1] - grown)))
    return counted
