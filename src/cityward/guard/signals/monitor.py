"""The monitor: is shown what the lamps of a junction show, second by second, and says what must not be.

Theory of operation
-------------------
It knows the declaration and nothing of how the colours came about: no stage, no wish, no plan. That is on purpose a second
implementation of the same rules (ADR 16). It keeps, of each group, the last colour, when that began, and when its last green
ended; each new look is held against them. Time is counted as the declaration's seconds are meant, by looks: one counts as long
as the clock moved, at most `MOST_BETWEEN_LOOKS_S`, never backwards: a jump of the clock is no served intergreen.

Two forms give the same: `see` one look, as a conflict monitor in a cabinet; `see_many` a column of looks, as a test bench
(`monitor_columns`), which shares only the tables with the first.

What it has not seen it does not hold against anybody: greens and reds that stood at the first look have no beginning.

INVARIANTS
- Total: colours and times may be anything.
- A conflict latches: from then on the junction belongs into its safe state (`safe_lights`) until a person says otherwise.
- `totals` counts every breach, also those of `see_many` that are not told one by one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.guard.signals.breaches import (
    LATCHING,
    MAY_FOLLOW,
    MOST_BETWEEN_LOOKS_S,
    MOST_CLOCK_S,
    MOST_TOLD,
    NO_COLOUR,
    TINY_S,
    Breach,
    Fault,
    tables_of,
)
from cityward.guard.signals.colours import Colour, Lights
from cityward.guard.signals.monitor_columns import Remembered, judge_columns
from cityward.guard.signals.rules import JunctionRules

__all__ = ["LATCHING", "MOST_TOLD", "Breach", "Fault", "Monitor"]

LOOKS_AT_ONCE = 1 << 16  # rows of `see_many` judged together: bounds its memory


class Monitor:
    """See the module. One per junction."""

    def __init__(self, rules: JunctionRules) -> None:
        self._tables = tables_of(rules.junction)
        self._number = {group: nth for nth, group in enumerate(self._tables.groups)}
        count = len(self._number)
        self._looks, self._t, self._clock = 0, 0.0, math.nan
        self._colours = np.full(count, NO_COLOUR, dtype=np.int64)
        self._since = np.full(count, -math.inf)  # when the colour began; -inf: it stood at the first look
        self._ended = np.full(count, -math.inf)  # when the last green ended
        self._waits = np.zeros(count)  # since when red is counted
        self._told_red = np.zeros(count, dtype=np.bool_)
        self.totals: Counter[Fault] = Counter()
        self.latched = False

    @property
    def groups(self) -> tuple[str, ...]:
        """The order of the columns of `see_many`."""
        return self._tables.groups

    @property
    def looks(self) -> int:
        """How often it looked."""
        return self._looks

    @property
    def seconds(self) -> float:
        """The seconds it counted."""
        return self._t

    @property
    def safe_lights(self) -> Lights:
        """What a junction shows whose monitor has latched."""
        return dict.fromkeys(self._tables.groups, Colour.FLASHING)

    def reset(self) -> None:
        """A person found out why, and lets it go on. What was seen and counted stays: out of flashing only red may come."""
        self.latched = False

    def see(self, lights: Mapping[str, Any], now_s: float) -> tuple[Breach, ...]:
        """One look: group -> what it shows now.

        Returns:
            What must not be, in the order of `Breach`. A conflict is told at each look, a long red once.
        """
        self._pass(now_s)
        row = [_colour(lights.get(group)) for group in self._tables.groups]
        found = [Breach(self._looks, Fault.UNKNOWN, str(group)[:64]) for group in lights if group not in self._number]
        found += [self._breach(*one) for one in self._judge(row)]
        self._looks += 1
        return self._count(found)

    def see_many(self, colours: NDArray[np.int8], times: NDArray[np.float64]) -> tuple[Breach, ...]:
        """Many looks: colours (t, g) as `Colour`, columns as `groups`; times (t,) seconds. The same as `see` of each row.

        Returns:
            The first `MOST_TOLD` breaches, in the order of `Breach`; `totals` counts them all.
        """
        told: list[Breach] = []
        for start in range(0, len(times), LOOKS_AT_ONCE):
            rows = slice(start, start + LOOKS_AT_ONCE)
            found = judge_columns(self._tables, self._state(), colours[rows], times[rows], MOST_TOLD - len(told))
            told += [
                Breach(
                    look + self._looks,
                    fault,
                    self.groups[group],
                    self.groups[other] if other >= 0 else "",
                    was_s,
                    least_s,
                )
                for look, fault, group, other, was_s, least_s in found.first
            ]
            self.totals.update(found.counts)
            self.latched = self.latched or not LATCHING.isdisjoint(found.counts)
            self._take_over(found.after, len(times[rows]))
        return tuple(sorted(told))

    def _state(self) -> Remembered:
        return Remembered(self._t, self._clock, self._colours, self._since, self._ended, self._waits, self._told_red)

    def _take_over(self, after: Remembered, looks: int) -> None:
        self._looks += looks
        self._t, self._clock, self._colours = after.t, after.clock, after.colours
        self._since, self._ended, self._waits, self._told_red = after.since, after.ended, after.waits, after.told_red

    def _pass(self, now_s: Any) -> None:
        known = isinstance(now_s, int | float) and -MOST_CLOCK_S < now_s < MOST_CLOCK_S
        if known and not math.isnan(self._clock):
            self._t += min(max(now_s - self._clock, 0.0), MOST_BETWEEN_LOOKS_S)
        if known:
            self._clock = float(now_s)

    def _breach(self, fault: Fault, group: int, other: int = -1, was_s: float = 0.0, least_s: float = 0.0) -> Breach:
        groups = self._tables.groups
        return Breach(self._looks, fault, groups[group], groups[other] if other >= 0 else "", round(was_s, 6), least_s)

    def _count(self, found: list[Breach]) -> tuple[Breach, ...]:
        self.totals.update(breach.fault for breach in found)
        self.latched = self.latched or any(breach.fault in LATCHING for breach in found)
        return tuple(sorted(found))

    def _judge(self, row: list[int]) -> Iterator[tuple[Any, ...]]:
        """The breaches of one look, and then what is remembered of it."""
        for group, colour in enumerate(row):
            yield from self._sequence(group, int(self._colours[group]), colour, row)
        yield from self._against(row)
        for group, colour in enumerate(row):
            yield from self._longest(group, colour)
            self._remember(group, int(self._colours[group]), colour)

    def _sequence(self, group: int, before: int, colour: int, row: list[int]) -> Iterator[tuple[Any, ...]]:
        """A colour that is none, one that may not follow, and one that ended too soon."""
        tables, lasted = self._tables, self._t - float(self._since[group])
        known = NO_COLOUR not in (colour, before)
        flashes = colour == Colour.FLASHING and Colour.GREEN in row
        if colour == NO_COLOUR or flashes or (known and not MAY_FOLLOW[before, colour]):
            yield Fault.COLOUR, group
        if not known or colour == before:
            return
        if before == Colour.GREEN and colour != Colour.FLASHING:
            if lasted < tables.min_green[group] - TINY_S:
                yield Fault.GREEN, group, -1, lasted, float(tables.min_green[group])
            if colour == Colour.RED and tables.amber[group] > 0:
                yield Fault.NO_AMBER, group, -1, 0.0, float(tables.amber[group])
        if before == Colour.AMBER and colour == Colour.RED and lasted < tables.amber[group] - TINY_S:
            yield Fault.AMBER, group, -1, lasted, float(tables.amber[group])

    def _against(self, row: list[int]) -> Iterator[tuple[Any, ...]]:
        """What is green together with, or too soon after, what it conflicts with."""
        for first, then, seconds in self._tables.pairs:
            if row[then] != Colour.GREEN:
                continue
            if row[first] == Colour.GREEN:
                if first < then:
                    yield Fault.CONFLICT, first, then
            elif row[first] == Colour.AMBER:
                yield Fault.AMBER_CONFLICT, first, then
            if self._colours[then] not in (Colour.GREEN, NO_COLOUR) and row[first] != Colour.GREEN:
                just_ended = self._colours[first] == Colour.GREEN
                between = 0.0 if just_ended else self._t - float(self._ended[first])
                if between < seconds - TINY_S:
                    yield Fault.INTERGREEN, first, then, between, seconds

    def _longest(self, group: int, colour: int) -> Iterator[tuple[Any, ...]]:
        longest = float(self._tables.max_red[group])
        if colour != Colour.RED:
            self._told_red[group] = False
        elif self._colours[group] == Colour.RED and not self._told_red[group]:
            waited = self._t - float(self._waits[group])
            if waited > longest + TINY_S:
                self._told_red[group] = True
                yield Fault.RED, group, -1, waited, longest

    def _remember(self, group: int, before: int, colour: int) -> None:
        if colour == before:
            return
        if before == Colour.GREEN:
            self._ended[group] = self._t
        if colour == Colour.RED:
            self._waits[group] = self._t
        self._since[group] = -math.inf if before == NO_COLOUR else self._t
        self._colours[group] = colour


def _colour(shown: Any) -> int:
    # SECURITY: what a lamp says may be anything; a truth value is no colour
    whole = isinstance(shown, int | np.integer) and not isinstance(shown, bool)
    return int(shown) if whole and Colour.RED <= shown <= Colour.FLASHING else NO_COLOUR
