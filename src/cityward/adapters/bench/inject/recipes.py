"""The recipes: each writes one kind of attack into a series.

INVARIANTS
- A recipe changes readings of its targets within `[begin, end)` only (poisoning also those before it, which it names).
- A missing reading stays missing; nothing becomes infinite. Same series, attack and chance give the same result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cityward.adapters.bench.inject.series import FLATTEST, Attack, Attacked, Floats, Known, Series, median, or_else
from cityward.time import DAY, MINUTE

Recipe = Callable[[Series, Attack, Known, np.random.Generator], Attacked]


# -- the readings themselves -------------------------------------------------------------------------------------------


def _bias(series: Series, attack: Attack, known: Known, _rng: np.random.Generator) -> Attacked:
    """Size sigma more (or less) from `begin` on."""
    return _added(series, attack, attack.size * known.sigma)


def _drift(series: Series, attack: Attack, known: Known, _rng: np.random.Generator) -> Attacked:
    """Grows evenly to size sigma in `ramp_us`, then stays."""
    ramp = series.steps(attack.ramp_us)
    grown = np.minimum(np.arange(attack.end - attack.begin) / ramp, 1.0)[:, None]
    return _added(series, attack, attack.size * known.sigma * grown, whole_after=ramp)


def _scale(series: Series, attack: Attack, _known: Known, _rng: np.random.Generator) -> Attacked:
    """Multiplied by size."""
    return _mapped(series, attack, lambda x, _c: x * attack.size)


def _noise(series: Series, attack: Attack, known: Known, rng: np.random.Generator) -> Attacked:
    """Gaussian noise on top, of `size` times the usual change from one reading to the next."""
    quick = _quick(series)

    def noisy(x: Floats, channel: int) -> Floats:
        return x + rng.normal(0.0, attack.size * min(quick[channel], known.sigma[channel]), len(x))

    return _mapped(series, attack, noisy)


def _freeze(series: Series, attack: Attack, _known: Known, _rng: np.random.Generator) -> Attacked:
    """The last reading before it, again and again."""
    value = series.value.copy()
    for c in attack.targets:
        before = series.value[: attack.begin, c]
        seen = before[np.isfinite(before)]
        mine = value[attack.begin : attack.end, c]
        mine[np.isfinite(mine)] = seen[-1] if len(seen) else 0.0
    return _done(series, attack, value)


def _replay(series: Series, attack: Attack, _known: Known, _rng: np.random.Generator) -> Attacked:
    """What was read `size` days before, at the same time of day."""
    back = series.steps(round(attack.size * DAY))
    value = series.value.copy()
    rows = np.arange(attack.begin, attack.end)
    rows = rows[rows >= back]
    for c in attack.targets:
        old = series.value[rows - back, c]
        value[rows, c] = np.where(np.isfinite(old) & np.isfinite(value[rows, c]), old, value[rows, c])
    return _done(series, attack, value)


def _delay(series: Series, attack: Attack, _known: Known, _rng: np.random.Generator) -> Attacked:
    """Each reading is that of `size` steps of the grid earlier."""
    back = round(attack.size)
    value = series.value.copy()
    rows = np.arange(attack.begin, attack.end)
    rows = rows[rows >= back]
    for c in attack.targets:
        old = series.value[rows - back, c]
        value[rows, c] = np.where(np.isfinite(old) & np.isfinite(value[rows, c]), old, value[rows, c])
    return _done(series, attack, value)


def _clamp(series: Series, attack: Attack, _known: Known, _rng: np.random.Generator) -> Attacked:
    """Never above the quantile `size` of the channel's past."""

    def clamped(x: Floats, channel: int) -> Floats:
        past = series.value[: attack.begin, channel]
        past = past[np.isfinite(past)]
        return np.minimum(x, np.quantile(past, attack.size)) if len(past) else x

    return _mapped(series, attack, clamped)


def _spikes(series: Series, attack: Attack, known: Known, rng: np.random.Generator) -> Attacked:
    """One reading in twenty is `size` sigma off, up or down."""

    def spiked(x: Floats, channel: int) -> Floats:
        hit = rng.random(len(x)) < 0.05
        return x + hit * rng.choice((-1.0, 1.0), len(x)) * attack.size * known.sigma[channel]

    return _mapped(series, attack, spiked)


def _drop_out(series: Series, attack: Attack, _known: Known, rng: np.random.Generator) -> Attacked:
    """The share `size` of the readings never comes (a reading that is no number is refused by the gate: the same thing here)."""

    def holed(x: Floats, _channel: int) -> Floats:
        return np.where(rng.random(len(x)) < attack.size, np.nan, x)

    return _mapped(series, attack, holed)


def _zeroes(series: Series, attack: Attack, _known: Known, rng: np.random.Generator) -> Attacked:
    """The share `size` of the readings is nought."""

    def emptied(x: Floats, _channel: int) -> Floats:
        return np.where((rng.random(len(x)) < attack.size) & np.isfinite(x), 0.0, x)

    return _mapped(series, attack, emptied)


def _unit_swap(series: Series, attack: Attack, _known: Known, _rng: np.random.Generator) -> Attacked:
    """Told in another unit: size 0 km/h read as mph, 1 mph read as km/h, 2 Fahrenheit read as Celsius."""
    ways: tuple[Callable[[Floats], Floats], ...] = (
        lambda x: x * 1.609344,
        lambda x: x / 1.609344,
        lambda x: x * 1.8 + 32,
    )
    return _mapped(series, attack, lambda x, _c: ways[int(attack.size)](x))


# -- several at once ---------------------------------------------------------------------------------------------------


def _identity_swap(series: Series, attack: Attack, _known: Known, _rng: np.random.Generator) -> Attacked:
    """Targets two by two tell each other's readings. Size says nothing."""
    value = series.value.copy()
    for a, b in zip(attack.targets[::2], attack.targets[1::2], strict=True):
        value[attack.begin : attack.end, [a, b]] = series.value[attack.begin : attack.end, [b, a]]
    return _done(series, attack, value)


def _sybil(series: Series, attack: Attack, known: Known, rng: np.random.Generator) -> Attacked:
    """All targets tell what the first of them tells, less or more a jitter of `size` sigma."""
    value = series.value.copy()
    told = series.value[attack.begin : attack.end, attack.targets[0]]
    for c in attack.targets[1:]:
        mine = told + rng.normal(0.0, attack.size * known.sigma[c], len(told))
        value[attack.begin : attack.end, c] = np.where(np.isfinite(value[attack.begin : attack.end, c]), mine, np.nan)
    return _done(series, attack, value)


def _coordinated(series: Series, attack: Attack, known: Known, _rng: np.random.Generator) -> Attacked:
    """All targets move by the same offset, `size` times their median sigma: what is between them stays as it was."""
    common = float(np.median(known.sigma[list(attack.targets)]))
    return _added(series, attack, np.full(len(known.sigma), attack.size * common))


def _stealthy(series: Series, attack: Attack, known: Known, _rng: np.random.Generator) -> Attacked:
    """As far up as the attacker's own copy of a residual limit allows: reading less season stays below `size` sigma."""
    value = series.value.copy()
    for c in attack.targets:
        rows = slice(attack.begin, attack.end)
        limit = known.expected[rows, c] + attack.size * known.sigma[c]
        value[rows, c] = np.where(np.isfinite(value[rows, c]), np.maximum(value[rows, c], limit), np.nan)
    return _done(series, attack, value)


def _poisoned_bias(series: Series, attack: Attack, known: Known, rng: np.random.Generator) -> Attacked:
    """The share `size` of the past is pushed up by 3 sigma, a day here and a day there; then the bias of 3 sigma comes."""
    value = series.value.copy()
    days = np.arange(attack.begin) // series.steps(DAY)
    for c in attack.targets:
        poisoned = rng.random(int(days.max(initial=0)) + 1) < attack.size
        value[: attack.begin, c] += poisoned[days] * 3 * known.sigma[c]
        value[attack.begin : attack.end, c] += 3 * known.sigma[c]
    return _done(series, attack, value)


# -- their times -------------------------------------------------------------------------------------------------------


def _skew(series: Series, attack: Attack, _known: Known, _rng: np.random.Generator) -> Attacked:
    """The clock is `size` minutes off: what is read at t is said to be of t + size."""
    done = _done(series, attack, series.value.copy())
    done.moved[attack.begin : attack.end, list(attack.targets)] = round(attack.size * MINUTE)
    return done


def _duplicates(series: Series, attack: Attack, _known: Known, _rng: np.random.Generator) -> Attacked:
    """Every reading is sent `size` times more."""
    done = _done(series, attack, series.value.copy())
    done.copies[attack.begin : attack.end, list(attack.targets)] = int(attack.size)
    return done


RECIPES: dict[str, Recipe] = {
    "bias": _bias,
    "drift": _drift,
    "scale": _scale,
    "noise": _noise,
    "freeze": _freeze,
    "replay": _replay,
    "delay": _delay,
    "clamp": _clamp,
    "spikes": _spikes,
    "drop-out": _drop_out,
    "zeroes": _zeroes,
    "unit-swap": _unit_swap,
    "identity-swap": _identity_swap,
    "sybil": _sybil,
    "coordinated": _coordinated,
    "supplier": _coordinated,
    "stealthy": _stealthy,
    "poisoned-bias": _poisoned_bias,
    "skew": _skew,
    "duplicates": _duplicates,
}


def _added(series: Series, attack: Attack, offset: Floats, whole_after: int = 0) -> Attacked:
    """offset: (C,), or (length, C)."""
    value = series.value.copy()
    rows = slice(attack.begin, attack.end)
    columns = list(attack.targets)
    value[rows, columns] += np.broadcast_to(offset, (attack.end - attack.begin, value.shape[1]))[:, columns]
    return _done(series, attack, value, whole_after)


def _mapped(series: Series, attack: Attack, change: Callable[[Floats, int], Floats]) -> Attacked:
    value = series.value.copy()
    for c in attack.targets:
        value[attack.begin : attack.end, c] = change(value[attack.begin : attack.end, c], c)
    return _done(series, attack, value)


def _done(series: Series, attack: Attack, value: Floats, whole_after: int = 0) -> Attacked:
    full = np.full(value.shape[1], len(value), dtype=np.int64)
    full[list(attack.targets)] = min(attack.begin + whole_after, attack.end - 1)
    return Attacked(value, np.zeros(value.shape, np.int64), np.zeros(value.shape, np.int8), full)


def _quick(series: Series) -> Floats:
    """(C,) the usual size of a change from one reading to the next: 1.4826 times the median."""
    change = np.abs(np.diff(series.value, axis=0))
    usual = 1.4826 * or_else(median(change), np.zeros(series.value.shape[1]))
    largest = np.max(np.abs(np.where(np.isfinite(series.value), series.value, 0.0)), axis=0)
    return np.maximum(usual, FLATTEST * largest)
