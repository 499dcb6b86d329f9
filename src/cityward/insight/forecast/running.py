"""Forecasts of a running place: which series are forecast together, and what an hour's turn makes of their past.

Theory of operation
-------------------
    past -> grid -> (learn) -> each model says -> `Made`  |  settle: score what came -> the best model of each series speaks

`make` changes nothing that is kept, so what was made of a past that turned out to be doubtful is thrown away; `settle` scores
earlier estimates against what came, takes note of the new ones of every model, and gives those of the model that speaks.
Models are learned again once a day, and at once when the series, their pace or the marks of their past are others, or while a
series is silent.

INVARIANTS
- A device that is not believed is no column: nothing is said of it, and nobody is told by it.
- At most `MOST_MOMENTS` moments ahead of a series, and `MOST_SCORED` of them are scored.
- The newest step is not scored yet: its reading may be under way.

Fails when: readings come later than a step and an hour; they are learned from, and not scored against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cityward.insight.accuracy import Accuracy, KeptAccuracy
from cityward.insight.estimate import Estimate
from cityward.insight.forecast.device import FIRST, PACES_US, PAST_DAYS, TRIED, Past, series_of
from cityward.insight.forecast.making import Learned, Series, Silence, learn, say
from cityward.insight.forecast.panel import Panel, panel_of, without_stuck
from cityward.insight.marks import Mark
from cityward.place.model import Place
from cityward.place.registry import Registry
from cityward.time import DAY, HOUR

LEARN_EVERY_US = DAY
MOST_MOMENTS = 24
MOST_SCORED = 6
NOTHING_READ = f"nothing was read in {PAST_DAYS} days"


@dataclass(frozen=True, slots=True)
class Together:
    """A declared forecast: `channels` of the registry, what each is, and how far ahead, in us."""

    id: str
    channels: tuple[int, ...]
    series: tuple[Series, ...]
    ahead_us: int


def forecasts_of(place: Place, registry: Registry) -> tuple[Together, ...]:
    """What the place declares."""
    units: dict[str, list[int]] = {}
    for n, unit in enumerate(registry.units):
        units.setdefault(unit.id, []).append(n)
        if unit.group != unit.id:
            units.setdefault(unit.group, []).append(n)
    out: list[Together] = []
    for name, declared in place.forecasts.items():
        numbers = dict.fromkeys(n for device in declared.devices for n in units.get(device, ()))
        channels = tuple(
            c for n in numbers if (c := registry.channel_by_property.get((n, declared.property))) is not None
        )
        series = tuple(series_of(registry, c) for c in channels)
        out.append(Together(name, channels, series, declared.horizon_hours * HOUR))
    return tuple(out)


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What one turn made. `panel` has a column for each of `columns`; `said`: of every model."""

    panel: Panel | None
    columns: tuple[int, ...]
    said: Sequence[Estimate]
    silent: tuple[Silence, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """The estimates of the models that speak, silences, and how many estimates were scored."""

    estimates: tuple[Estimate, ...]
    silent: tuple[Silence, ...]
    scored: int


_Doubted = frozenset[tuple[str, int, int, tuple[str, ...]]]


@dataclass(slots=True)
class _Lesson:
    """What was learned, and of what."""

    at: int
    columns: tuple[int, ...]
    pace_us: int
    marks: _Doubted
    models: tuple[Learned, ...] = field(default=())


class Running:
    """One declared forecast over time. Not for two threads at once."""

    def __init__(self, together: Together, kept: KeptAccuracy | None = None) -> None:
        self.together = together
        self.accuracy = Accuracy(FIRST, _declared(together, kept or KeptAccuracy()))
        self._lesson: _Lesson | None = None
        self._scored_to: int | None = None

    def make(self, past: Past, marks: Sequence[Mark], disbelieved: Mapping[str, str], now_us: int) -> Made:
        """What every model says now.

        Args:
            past: (channel, observed_at, value) without what `marks` cover; other channels are passed over.
            disbelieved: device -> the word why nothing of it is to be used.
        """
        silent: list[Silence] = []
        columns: list[int] = []
        present = set(np.unique(past[0]).tolist())
        for n, (channel, one) in enumerate(zip(self.together.channels, self.together.series, strict=True)):
            if (word := disbelieved.get(one.unit)) is not None:
                silent.append(Silence(one, f"the device is {word}"))
            elif channel not in present:
                silent.append(Silence(one, NOTHING_READ))
            else:
                columns.append(n)
        if not columns:
            return Made(None, (), (), tuple(silent))
        panel = self._panel(past, columns, now_us)
        kept = [n for s, n in enumerate(columns) if np.isfinite(panel.value[:, s]).any()]
        silent += [Silence(self.together.series[n], NOTHING_READ) for n in columns if n not in kept]
        if not kept:
            return Made(None, (), (), tuple(silent))
        panel = self._panel(past, kept, now_us) if kept != columns else panel
        said, silences = self._say(panel, tuple(kept), _about(marks, self.together.series), now_us)
        return Made(panel, tuple(kept), said, (*silent, *silences))

    def settle(self, made: Made) -> Settled:
        """Score what came, take note of what was said, and let the best model of each series speak."""
        scored = self._score(made)
        by_series: dict[tuple[str, str], dict[str, list[Estimate]]] = {}
        for one in made.said:
            by_series.setdefault((one.subject, one.property), {}).setdefault(one.model, []).append(one)
        out: list[Estimate] = []
        for (subject, property_id), models in by_series.items():
            last = self._last(made, subject)
            for estimates in models.values():
                self.accuracy.note([estimates[n] for n in _to_score(len(estimates))], last)
            best = self.accuracy.best(subject, property_id)
            out += models.get(best) or models.get(FIRST) or next(iter(models.values()))
        return Settled(tuple(out), made.silent, scored)

    def _panel(self, past: Past, columns: Sequence[int], now_us: int) -> Panel:
        channel, at, value = past
        number = {self.together.channels[n]: s for s, n in enumerate(columns)}
        rows = np.flatnonzero(np.isin(channel, list(number)) & (at >= now_us - PAST_DAYS * DAY) & (at < now_us))
        mine = np.array([number[c] for c in channel[rows].tolist()], dtype=np.int32)
        times = at[rows]
        begin = int(times.min()) if len(times) else now_us - HOUR
        pace = _pace(mine, times, len(number))
        return panel_of(mine, times, value[rows], count=len(number), begin=begin, end=now_us, pace_us=pace)

    def _say(
        self, panel: Panel, columns: tuple[int, ...], marks: _Doubted, now_us: int
    ) -> tuple[list[Estimate], tuple[Silence, ...]]:
        lesson = self._lesson
        stale = (
            lesson is None
            or not 0 <= now_us - lesson.at < LEARN_EVERY_US
            or (lesson.columns, lesson.pace_us, lesson.marks) != (columns, panel.pace_us, marks)
        )
        if lesson is None or stale:
            series, steps = [self.together.series[n] for n in columns], self._steps(panel.pace_us)
            models = tuple(learn(model, panel, series, steps) for model in TRIED)
            lesson = self._lesson = _Lesson(now_us, columns, panel.pace_us, marks, models)
        said: list[Estimate] = []
        silent: dict[tuple[str, str], Silence] = {}
        for model in lesson.models:
            estimates, silences = say(model, panel)
            said += estimates
            silent.update({(one.series.unit, one.series.property): one for one in silences})
        spoken = {(one.subject, one.property) for one in said}
        left = tuple(one for key, one in silent.items() if key not in spoken)
        if left:
            self._lesson = None  # a series that begins to speak is not kept waiting for a day
        return said, left

    def _steps(self, pace_us: int) -> range:
        most = max(1, self.together.ahead_us // pace_us)
        apart = -(-most // MOST_MOMENTS)
        return range(apart, most + 1, apart)

    def _score(self, made: Made) -> int:
        """Hold what waits against what came since the last time, but for the newest step."""
        if made.panel is None:
            return 0
        panel = without_stuck(made.panel)
        end = panel.first + len(panel.value) - 1
        since = end * panel.pace_us if self._scored_to is None else self._scored_to  # at first nothing waits
        begin = max(panel.first, -(-since // panel.pace_us))
        before = self.accuracy.scored
        for step in range(begin, end):
            row = panel.value[step - panel.first]
            for s in np.flatnonzero(np.isfinite(row)).tolist():
                one = self.together.series[made.columns[s]]
                self.accuracy.came(one.unit, one.property, step * panel.pace_us, float(row[s]))
        self._scored_to = end * panel.pace_us
        return self.accuracy.scored - before

    def _last(self, made: Made, subject: str) -> float:
        """The last value of a series that is there."""
        assert made.panel is not None
        s = next(s for s, n in enumerate(made.columns) if self.together.series[n].unit == subject)
        column = made.panel.value[:, s]
        there = np.flatnonzero(np.isfinite(column))
        return float(column[there[-1]]) if len(there) else float("nan")


def _declared(together: Together, kept: KeptAccuracy) -> KeptAccuracy:
    """What is kept of series that are still declared."""
    mine = {(one.unit, one.property) for one in together.series}
    return KeptAccuracy(
        scores=tuple(one for one in kept.scores if (one.subject, one.property) in mine and one.model in TRIED),
        choices=tuple(one for one in kept.choices if (one.subject, one.property) in mine and one.model in TRIED),
    )


def _about(marks: Sequence[Mark], series: Sequence[Series]) -> _Doubted:
    mine = {one.unit for one in series}
    return frozenset((m.device, m.since, m.until, m.properties) for m in marks if m.device in mine)


def _pace(
    column: np.ndarray[tuple[int], np.dtype[np.int32]], at: np.ndarray[tuple[int], np.dtype[np.int64]], count: int
) -> int:
    """The finest grid that half of the series fill at their usual pace."""
    usual: list[float] = []
    for s in range(count):
        times = np.unique(at[column == s])
        if len(times) > 1:
            usual.append(float(np.median(np.diff(times))))
    wanted = float(np.median(usual)) if usual else float(HOUR)
    return next((pace for pace in PACES_US if pace >= wanted), PACES_US[-1])


def _to_score(count: int) -> list[int]:
    """Which of so many moments ahead are scored: the first, and about twice as far each time, and the last."""
    chosen = [n for n in (0, 1, 3, 7, 15) if n < count][: MOST_SCORED - 1]
    return sorted({*chosen, count - 1})
