"""Measures forecasts on recorded public series, against the last value, the seasons and published numbers.

*LOS-loop* as published: 12 steps in, 12 out, 80 % of the rows learned from. The published "15, 30, 45, 60 minutes" are errors
pooled over all steps until then; the error of the last step alone is told beside them. Where no judged rows are named, the
learned rows are split 80:20 again, and the title says so: the published numbers are then of other rows.

*The others*: each later row is an origin; the models learn again every `AGAIN_DAYS` from the `PAST_DAYS` before, as a city would.
Intervals are made of errors within that past, and steered by errors as they become known. Errors count where every model and
the reading are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.cities import cities
from cityward.adapters.bench.inject.series import Series
from cityward.adapters.bench.tables import Cell, Table
from cityward.adapters.recordings import RecordingError
from cityward.errors import LinkError
from cityward.insight.forecast.bands import Bands, bands_of, rehearsed, steered
from cityward.insight.forecast.models import MODELS, Fit
from cityward.insight.forecast.panel import Panel
from cityward.time import HOUR, MINUTE

Floats = NDArray[np.float64]

LOS = "los-loop"
LOS_TOPIC = "sensors_los_loop"
LOS_STEPS = (3, 6, 9, 12)
LOS_BEGINS_US = 1_330_560_000_000_000  # 2012-03-01 00:00, as the file counts its rows
SPLIT = 0.8
MOST_BYTES = 256 << 20
PUBLISHED: Mapping[str, tuple[float, float, float, float]] = {
    "T-GCN, published": (5.13, 6.06, 6.71, 7.27),
    "GRU, published": (5.22, 6.28, 7.03, 7.66),
}
OTHERS: Mapping[str, tuple[int, ...]] = {
    "pedestrian": (1, 3, 6, 24),
    "metro": (1, 3, 6, 24),
    "beijing-air": (1, 3, 6, 24),
    "birmingham": (1, 2, 4, 8),
}
YARDSTICKS = ("last-value", "seasonal")
PAST_DAYS, AGAIN_DAYS = 56, 7


def forecast_tables(
    data: Path,
    tell: Callable[[str], None],
    *,
    los_judged: Path | None = None,
    only: Sequence[str] = (),
    more: Mapping[str, Fit] | None = None,
) -> Iterator[Table]:
    """A table for LOS-loop, one for the others. `more`: models beside our own.

    Raises:
        LinkError: none of the data is there. RecordingError: the judged rows are not of the same roads.
    """
    models = {**MODELS, **(more or {})}
    found = False
    if (not only or LOS in only) and (data / LOS_TOPIC).is_dir():
        found = True
        yield _los_table(data / LOS_TOPIC / "los_speed_train.csv", los_judged, models)
    names = [name for name in OTHERS if not only or name in only]
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        try:
            city = next(cities(data, (name,)))
        except LinkError:
            tell(f"{name}: not there, left out")
            continue
        tell(f"{name}: {city.series.value.shape[0]} steps of {city.series.value.shape[1]} series")
        rows += _other_rows(name, city.series, city.learned, models)
    if rows:
        found = True
        yield _others_table(rows)
    if not found:
        raise LinkError("no recorded series was found", where=str(data), mend=f"name a folder with {LOS_TOPIC}, ...")


# -- LOS-loop ----------------------------------------------------------------------------------------------------------


def _los_table(path: Path, judged: Path | None, models: Mapping[str, Fit]) -> Table:
    value = _speeds(path)
    learned = len(value)
    if judged is None:
        learned = int(len(value) * SPLIT)
        which = "split again WITHIN the learned rows"
    else:
        value = np.concatenate([value, _speeds(judged, value.shape[1])])
        which = "the published split"
    panel = Panel(LOS_BEGINS_US // (5 * MINUTE), 5 * MINUTE, value)
    origins = np.arange(learned + 11, len(value) - 12, dtype=np.int64)
    came = np.stack([value[origins + h] for h in range(1, 13)], axis=1)
    rows = [_los_row(_YARDSTICK, _yardstick(value, learned, origins) - came)]
    for name, fit in models.items():
        if name != "seasonal":
            model = fit(panel.until(learned), range(1, 13))
            rows.append(_los_row(name, model.predict(panel, origins) - came))
    by_name = {row[0]: row for row in rows}
    better = all(
        _less(by_name["pooled"][i], by_name[name][i]) for name in (_YARDSTICK, "last-value") for i in range(1, 5)
    )
    published: list[tuple[Cell, ...]] = [(name, *numbers, *(None,) * 8) for name, numbers in PUBLISHED.items()]
    return Table(
        title=f"LOS-loop, mph: {which} ({learned} rows learned from, {len(origins)} origins of {value.shape[1]} roads)",
        head=("model", *(f"RMSE {5 * h} min" for h in LOS_STEPS), *(f"last {5 * h}" for h in LOS_STEPS), *_MAE),
        rows=(*rows, *published),
        verdict=f"pooled {'is' if better else 'IS NOT'} better than profile + AR(1) and the last value at all four horizons",
        notes=(
            "RMSE and MAE are pooled over all steps until then, as published; `last` is the RMSE of that step alone.",
            "Published numbers are of the published split's judged rows"
            + (": NOT of the rows judged here." if judged is None else "."),
        ),
    )


_MAE = tuple(f"MAE {5 * h}" for h in LOS_STEPS)
_YARDSTICK = "daily profile + AR(1), plain"


def _yardstick(value: Floats, learned: int, origins: NDArray[np.int64]) -> Floats:
    """The five lines of the published yardstick: the mean day smoothed over half an hour, and one AR(1) of the deviation each."""
    per_day = 288
    padded = np.full((-(-learned // per_day) * per_day, value.shape[1]), np.nan)
    padded[:learned] = value[:learned]
    day = np.nanmean(padded.reshape(-1, per_day, value.shape[1]), axis=0)
    day = np.mean([np.roll(day, shift, axis=0) for shift in range(-6, 7)], axis=0)
    deviation = value - day[np.arange(len(value)) % per_day]
    past = deviation[:learned]
    keeps = (past[:-1] * past[1:]).sum(axis=0) / (past[:-1] ** 2).sum(axis=0)
    return np.stack([day[(origins + h) % per_day] + keeps**h * deviation[origins] for h in range(1, 13)], axis=1)


def _los_row(name: str, error: Floats) -> tuple[Cell, ...]:
    pooled = [float(np.sqrt(np.mean(error[:, :h] ** 2))) for h in LOS_STEPS]
    last = [float(np.sqrt(np.mean(error[:, h - 1] ** 2))) for h in LOS_STEPS]
    mae = [float(np.mean(np.abs(error[:, :h]))) for h in LOS_STEPS]
    return (name, *pooled, *last, *mae)


def _less(one: Cell, other: Cell) -> bool:
    return isinstance(one, float) and isinstance(other, float) and one < other


def _speeds(path: Path, roads: int = 0) -> Floats:
    """(T, roads) of a file with a line of names. Raises: RecordingError."""
    if path.stat().st_size > MOST_BYTES:
        raise RecordingError(f"the file has {path.stat().st_size} bytes, {MOST_BYTES} are read", where=str(path))
    try:
        value = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    except ValueError as error:
        raise RecordingError(f"no table of numbers: {error}", where=str(path)) from None
    if roads and value.shape[1] != roads:
        raise RecordingError(f"{value.shape[1]} roads, {roads} were learned", where=str(path))
    return value


# -- the others --------------------------------------------------------------------------------------------------------


def _other_rows(name: str, series: Series, learned: int, models: Mapping[str, Fit]) -> Iterator[tuple[Cell, ...]]:
    panel = Panel(int(series.at[0]) // series.pace_us, series.pace_us, series.value, series.zone_us)
    horizons = OTHERS[name]
    origins = np.arange(learned, len(series.value) - max(horizons), dtype=np.int64)
    came = np.stack([panel.value[origins + h] for h in horizons], axis=1)
    said, bands = _played(panel, origins, horizons, models)
    counted = np.isfinite(came) & np.all([np.isfinite(one) for one in said.values()], axis=0)
    spread = np.maximum(np.nanstd(panel.value[:learned], axis=0), 1e-9)
    for model in models:
        if model in YARDSTICKS:
            continue
        held = _held(bands[model], came - said[model], origins, horizons)
        for h, horizon in enumerate(horizons):
            at = counted[:, h]
            error = {key: ((one[:, h] - came[:, h]) / spread)[at] for key, one in said.items()}
            squares = {key: float(np.sqrt(np.mean(one**2))) for key, one in error.items()}
            sizes = {key: float(np.mean(np.abs(one))) for key, one in error.items()}
            yield (
                f"{name} ({panel.value.shape[1]} series)",
                model,
                f"{horizon * series.pace_us / HOUR:g} h",
                int(at.sum()),
                *(1 - squares[model] / squares[key] for key in YARDSTICKS),
                *(1 - sizes[model] / sizes[key] for key in YARDSTICKS),
                float(held[:, h][at].mean()),
            )


def _played(
    panel: Panel, origins: NDArray[np.int64], horizons: tuple[int, ...], models: Mapping[str, Fit]
) -> tuple[dict[str, Floats], dict[str, Bands]]:
    """What each model said at each origin (O, H, S), learned before it, and its first bands."""
    said: dict[str, list[Floats]] = {model: [] for model in models}
    bands: dict[str, Bands] = {}
    for begin in range(0, len(origins), AGAIN_DAYS * panel.per_day):
        part = origins[begin : begin + AGAIN_DAYS * panel.per_day]
        after = max(int(part[0]) - PAST_DAYS * panel.per_day, 0)
        past = replace(panel, first=panel.first + after, value=panel.value[after : part[0]])
        shown = replace(past, value=panel.value[after : int(part[-1]) + 1])
        for model, fit in models.items():
            said[model].append(fit(past, horizons).predict(shown, part - after))
            if not begin and model not in YARDSTICKS:
                bands[model] = bands_of(rehearsed(fit, past, horizons)[1])
    return {model: np.concatenate(parts) for model, parts in said.items()}, bands


def _held(bands: Bands, error: Floats, origins: NDArray[np.int64], horizons: tuple[int, ...]) -> NDArray[np.bool_]:
    """(O, H, S) whether the reading lay within the interval as it was when the forecast was made."""
    out = np.zeros(error.shape, dtype=np.bool_)
    for o in range(len(origins)):
        known = np.full(error.shape[1:], np.nan)
        for h, horizon in enumerate(horizons):
            if o >= horizon:
                known[h] = error[o - horizon, h]
        bands = steered(bands, known)
        out[o] = (error[o] >= bands.low) & (error[o] <= bands.high)
    return out


def _others_table(rows: Sequence[tuple[Cell, ...]]) -> Table:
    return Table(
        title="Other recorded series: skill is 1 less the ratio of errors, each series in its own spread",
        head=("series", "model", "ahead", "forecasts", *_SKILLS, "80 % interval held"),
        rows=tuple(rows),
        notes=(
            f"Learned again every {AGAIN_DAYS} days from the {PAST_DAYS} days before; intervals are steered by what came.",
            "`seasonal` is what was read a week before, a day before where that is missing.",
        ),
    )


_SKILLS = ("RMSE skill to last", "to seasonal", "MAE skill to last", "to seasonal (MAE)")
