"""The monitor over many looks at once, as column arithmetic. Gives what one look at a time gives (`monitor`), some hundred
times faster.

Everything that `monitor` remembers from look to look is here a column filled forward: when a colour began, when a green ended,
since when red is counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.guard.signals.breaches import (
    MAY_FOLLOW,
    MOST_BETWEEN_LOOKS_S,
    MOST_CLOCK_S,
    NO_COLOUR,
    TINY_S,
    Fault,
    Tables,
)
from cityward.guard.signals.colours import Colour

Times = NDArray[np.float64]
Colours = NDArray[np.int64]
Mask = NDArray[np.bool_]
Found = tuple[
    Fault, int, int, NDArray[np.int64], Times, float
]  # fault, group, other, looks, how long, how long at least


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """What the monitor knows between two looks; columns (g,)."""

    t: float
    clock: float
    colours: Colours
    since: Times
    ended: Times
    waits: Times
    told_red: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The first breaches as (look, fault, group, other, was_s, least_s), all of them by number, and what is remembered."""

    first: list[tuple[int, Fault, int, int, float, float]]
    counts: dict[Fault, int]
    after: Remembered


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """One run of looks, (t, g) but `t` (t,). before: the colour at the look before. since, ended, waits: as known before each
    look."""

    t: Times
    colours: Colours
    before: Colours
    since: Times
    ended: Times
    waits: Times


def judge_columns(tables: Tables, known: Remembered, colours: NDArray[np.int8], times: Times, most: int) -> Judged:
    """Judge looks, colours (t, g) and times (t,), after what is known. most: breaches told one by one."""
    if not len(times):
        return Judged([], {}, known)
    t, clock = _counted(known, np.asarray(times, dtype=np.float64))
    shown = np.asarray(colours).astype(np.int64)
    shown = np.where((shown >= Colour.RED) & (shown <= Colour.FLASHING), shown, NO_COLOUR)
    before = np.vstack((known.colours[None, :], shown[:-1]))
    changed = before != shown
    at = np.broadcast_to(t[:, None], shown.shape)
    since = _forward(changed, np.where(before == NO_COLOUR, -math.inf, at), known.since)
    ended = _forward(changed & (before == Colour.GREEN), at, known.ended)
    waits = _forward(changed & (shown == Colour.RED), at, known.waits)
    columns = _Columns(t, shown, before, since[:-1], ended[:-1], waits[:-1])
    over = _over(tables, columns)
    found = [*_sequence(tables, columns), *_against(tables, columns), *_longest(tables, columns, over, known.told_red)]
    last = (column[-1].copy() for column in (shown, since, ended, waits, over))
    return Judged(_first(found, most), _counts(found), Remembered(float(t[-1]), clock, *last))


def _counted(known: Remembered, times: Times) -> tuple[Times, float]:
    """The seconds counted up to each look, and what the clock said last. A clock that says no number stands still."""
    told = np.concatenate(([known.clock], times))
    last = np.maximum.accumulate(np.where(np.abs(told) < MOST_CLOCK_S, np.arange(len(told)), 0))
    told = told[last]
    with np.errstate(invalid="ignore"):
        steps = np.clip(np.diff(told), 0.0, MOST_BETWEEN_LOOKS_S)
    steps[np.isnan(steps)] = 0.0  # nothing was known before
    return np.cumsum(np.concatenate(([known.t], steps)))[1:], float(told[-1])


def _forward(where: Mask, values: Times, known: Times) -> Times:
    """(t + 1, g): the value of the last row before, where there was one; the first row is what was known."""
    rows = np.arange(1, len(where) + 1)[:, None]
    last = np.maximum.accumulate(np.where(where, rows, 0), axis=0)
    table = np.vstack((known[None, :], values))
    return np.vstack((known[None, :], np.take_along_axis(table, last, axis=0)))


def _rows(mask: Mask) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """(group, looks) of every column with anything in it."""
    for group in np.flatnonzero(mask.any(axis=0)):
        yield int(group), np.flatnonzero(mask[:, group])


def _sequence(tables: Tables, seen: _Columns) -> Iterator[Found]:
    colours, before = seen.colours, seen.before
    known = (colours != NO_COLOUR) & (before != NO_COLOUR)
    wrong = ~MAY_FOLLOW[before, colours] & known
    flashes = (colours == Colour.FLASHING) & (colours == Colour.GREEN).any(axis=1)[:, None]
    for group, looks in _rows((colours == NO_COLOUR) | flashes | wrong):
        yield Fault.COLOUR, group, -1, looks, np.zeros(len(looks)), 0.0
    ends = known & (colours != before)
    from_green, to_red = ends & (before == Colour.GREEN) & (colours != Colour.FLASHING), ends & (colours == Colour.RED)
    yield from _too_short(Fault.GREEN, from_green, tables.min_green, seen)
    yield from _too_short(Fault.AMBER, to_red & (before == Colour.AMBER), tables.amber, seen)
    for group, looks in _rows(from_green & to_red & (tables.amber > 0)):
        yield Fault.NO_AMBER, group, -1, looks, np.zeros(len(looks)), float(tables.amber[group])


def _too_short(fault: Fault, ends: Mask, least: Times, seen: _Columns) -> Iterator[Found]:
    for group, looks in _rows(ends):
        lasted = seen.t[looks] - seen.since[looks, group]
        short = lasted < least[group] - TINY_S
        if short.any():
            yield fault, group, -1, looks[short], lasted[short], float(least[group])


def _against(tables: Tables, seen: _Columns) -> Iterator[Found]:
    green, amber = seen.colours == Colour.GREEN, seen.colours == Colour.AMBER
    begins = green & (seen.before != Colour.GREEN) & (seen.before != NO_COLOUR)
    for first, then, seconds in tables.pairs:
        if first < then:
            yield from _together(Fault.CONFLICT, first, then, green[:, first] & green[:, then])
        yield from _together(Fault.AMBER_CONFLICT, first, then, amber[:, first] & green[:, then])
        looks = np.flatnonzero(begins[:, then] & ~green[:, first])
        just_ended = seen.before[looks, first] == Colour.GREEN
        between = np.where(just_ended, 0.0, seen.t[looks] - seen.ended[looks, first])
        short = between < seconds - TINY_S
        if short.any():
            yield Fault.INTERGREEN, first, then, looks[short], between[short], seconds


def _together(fault: Fault, first: int, then: int, both: Mask) -> Iterator[Found]:
    if both.any():
        looks = np.flatnonzero(both)
        yield fault, first, then, looks, np.zeros(len(looks)), 0.0


def _over(tables: Tables, seen: _Columns) -> Mask:
    """Where a red lasts too long."""
    red = (seen.colours == Colour.RED) & (seen.before == Colour.RED)
    return red & (seen.t[:, None] - seen.waits > tables.max_red + TINY_S)


def _longest(tables: Tables, seen: _Columns, over: Mask, told: Mask) -> Iterator[Found]:
    """Each red that lasts too long, once."""
    for group, looks in _rows(over & ~np.vstack((told[None, :], over[:-1]))):
        yield Fault.RED, group, -1, looks, seen.t[looks] - seen.waits[looks, group], float(tables.max_red[group])


def _counts(found: list[Found]) -> dict[Fault, int]:
    counts: dict[Fault, int] = {}
    for fault, _, _, looks, _, _ in found:
        counts[fault] = counts.get(fault, 0) + len(looks)
    return counts


def _first(found: list[Found], most: int) -> list[tuple[int, Fault, int, int, float, float]]:
    """The breaches of the earliest looks."""
    if not found:
        return []
    which = np.repeat(np.arange(len(found)), [len(looks) for _, _, _, looks, _, _ in found])
    looks = np.concatenate([looks for _, _, _, looks, _, _ in found])
    was_s = np.concatenate([was for _, _, _, _, was, _ in found])
    told: list[tuple[int, Fault, int, int, float, float]] = []
    for nth in np.argsort(looks, kind="stable")[: max(most, 0)]:
        fault, group, other, _, _, least_s = found[int(which[nth])]
        told.append((int(looks[nth]), fault, group, other, round(float(was_s[nth]), 6), least_s))
    return told
