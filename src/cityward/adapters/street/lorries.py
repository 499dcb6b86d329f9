"""The lorries of the demonstration: where the city's plans send one, the container is empty when it comes.

What is thrown into a container goes on as it was recorded; what is taken out follows the plans that the city issued. A container
that no plan ever sent a lorry to is emptied as in its recording.

INVARIANT: the same recording and the same visits give the same levels, whoever asks, in however many steps.
Does not live here: which plans there are (`compose` reads the city's), sending (`run`).
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import structlog
from numpy.typing import NDArray

from cityward.adapters.recordings import WEEK, Recording, Report
from cityward.adapters.street.player import MONDAY, Source
from cityward.adapters.street.variation import Variation, variation_of
from cityward.errors import LinkError
from cityward.time import SECOND

LEVEL = "fill-level"
LEFT, FULL = 3.0, 100.0  # percent: what stays at the bottom, and where nothing more goes in

_log = structlog.get_logger(__name__)

Visits = Callable[[], Mapping[str, Sequence[int]]]
"""unit -> when a lorry came to it, city us, rising."""


class Rises:
    """What was thrown in, from a recorded week that is played week after week: falls are a lorry's, and count as nothing."""

    def __init__(self, at: NDArray[np.int64], levels: NDArray[np.float64], zone_s: int) -> None:
        """`at`: (R,) us since Monday 00:00, rising; `levels`: (R,) percent."""
        self._at, self._zone = at, zone_s * SECOND
        self._sum = np.concatenate(([0.0], np.cumsum(np.maximum(0.0, np.diff(levels)))))
        self._round = float(self._sum[-1] + max(0.0, levels[0] - levels[-1]))

    def upto(self, at: int) -> float:
        """Percent thrown in from a fixed moment long ago until `at`; between two recorded levels in proportion."""
        week, offset = divmod(at + self._zone + MONDAY, WEEK)
        return week * self._round + float(
            np.interp(
                offset,
                [self._at[-1] - WEEK, *self._at, self._at[0] + WEEK],
                [self._sum[-1] - self._round, *self._sum, self._round],
            )
        )


class EmptiedSource:
    """A container that says its recording until the first lorry comes, and from then on what was thrown in since the last."""

    def __init__(self, recorded: Source, unit: str, rises: Rises, variation: Variation, visits: Visits) -> None:
        """`variation`: of its level, as recorded; its noise is kept, its bounds become those of a level."""
        self._recorded, self._unit, self._rises, self._visits = recorded, unit, rises, visits
        self._variation = replace(variation, low=0.0, high=FULL)

    def due(self, after: int, upto: int, most: int) -> list[Report]:
        """See `Source`."""
        came = self._visits().get(self._unit, ())
        return [self._as_it_is(report, came) for report in self._recorded.due(after, upto, most)]

    def next_after(self, after: int) -> int:
        """See `Source`."""
        return self._recorded.next_after(after)

    def _as_it_is(self, report: Report, came: Sequence[int]) -> Report:
        nth = bisect_right(came, report.at)
        if nth == 0:
            return report
        since = self._rises.upto(report.at) - self._rises.upto(came[nth - 1])
        level = float(round(min(FULL, LEFT + since), self._variation.decimals))
        told = self._variation.varied(level, self._unit, LEVEL, report.at)
        return replace(
            report, readings=tuple((prop, told if prop == LEVEL else value) for prop, value in report.readings)
        )


def emptied(
    playing: Mapping[str, tuple[Source, Mapping[str, str]]],
    recordings: Sequence[Recording],
    zone_s: int,
    visits: Visits,
) -> dict[str, tuple[Source, Mapping[str, str]]]:
    """What plays, with every container among it emptied by the lorries that come."""
    found = dict(playing)
    for recording in recordings:
        if LEVEL not in recording.properties:
            continue
        week = recording.week()
        for number, unit in enumerate(week.units):
            own = week.take((week.unit == number) & (week.prop == week.properties.index(LEVEL)))
            if unit not in found or len(own) == 0:
                continue
            source, units = found[unit]
            rises, variation = Rises(own.at, own.value, zone_s), variation_of(LEVEL, own.value)
            found[unit] = (EmptiedSource(source, unit, rises, variation, visits), units)
    return found


class Known:
    """The visits that are known by now: asked for beside the street, so that no container waits for them."""

    def __init__(self) -> None:
        self._visits: Mapping[str, Sequence[int]] = {}

    def __call__(self) -> Mapping[str, Sequence[int]]:
        """See `Visits`."""
        return self._visits

    async def keep(self, ask: Visits, every_s: float, stop: asyncio.Event) -> None:
        """Ask every so many seconds of the machine, off the loop, until `stop`. While nobody answers, what was known holds."""
        while not stop.is_set():
            try:
                self._visits = await asyncio.to_thread(ask)
            except LinkError as problem:
                _log.warning("the lorries do not know where to go", problem=problem.what)
            await asyncio.sleep(every_s)
