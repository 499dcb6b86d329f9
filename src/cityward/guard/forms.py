"""Readings in their form: which fields, which names, how coarse in time and place, marked for whom.

Every telling here can be worked out from that of any laxer form (names and marks: by whoever has the recipient's keys), and rows
stand in an order that follows from what is told.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from cityward.guard.columns import Coded, Column, Rows, coded, width_of
from cityward.guard.ladder import rotation_us, squares, step_us
from cityward.guard.layout import Layout, degrees
from cityward.guard.ordering import order_by, sort_ties
from cityward.guard.watermark import marked
from cityward.place.release import Form, ReleaseField

FIELDS: tuple[str, ...] = get_args(ReleaseField)
NAME_CHARACTERS = 16  # 64 bits: of a million names two are alike once in 37 million places

_WORDS = ("device", "property", "unit", "area", "longitude", "latitude")
_DENSE = 1 << 23


@dataclass(frozen=True, slots=True)
class RecipientKeys:
    """One recipient's keys, 32 bytes each: `names` makes its pseudonyms, `mark` its watermark."""

    names: bytes = field(repr=False)
    mark: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.names) < 32 or len(self.mark) < 32:
            raise ValueError("a recipient's keys have 32 bytes each")


def pseudonym(unit: str, epoch: int, key: bytes) -> str:
    """What a recipient is told instead of a device's id. Keyed HMAC-SHA-256: nobody without the key can try names.

    Args:
        unit: the device. epoch: which rotation it is, counted since 1970. key: the recipient's.
    """
    told = hmac.new(key, f"cityward pseudonym 1\n{epoch}\n{unit}".encode(), "sha256").hexdigest()
    return f"p-{told[:NAME_CHARACTERS]}"


def readings(rows: Rows, form: Form, layout: Layout, keys: RecipientKeys) -> dict[str, Column]:
    """The told columns of rows that may leave, in the order of `ReleaseField`.

    Args:
        rows: known channels, finite values, times of this era.
        form: without `aggregate`.
    """
    hidden = hidden_by(form)
    if not len(rows):
        return {name: _empty(name) for name in FIELDS if name not in hidden}
    raw, numbers, channels, epochs = _combinations(rows, form, layout)
    ranks, kinds = _ranked(_words(channels, epochs, form, layout, keys), hidden)
    code = ranks[numbers][raw]
    at = _times(rows, form)
    value = _values(rows, form, layout, at, keys)
    order = order_by(code, at)
    if order is not None:
        code, at, value = code[order], at[order], value[order]
    many = np.bincount(code)  # rows stand by code now: a code once and how often costs less than to look each row's up
    said = {name: Coded(np.repeat(column.codes, many), column.words) for name, column in kinds.items()}
    said |= {"value": sort_ties(value, code, at), "observed_at": at}
    return {name: said[name] for name in FIELDS if name not in hidden}


def hidden_by(form: Form) -> frozenset[str]:
    """The fields that a form does not tell: those it drops, and those that would tell more than it leaves.

    A name that changes within a step of time would part the rows of the step; one coordinate says in which row of squares the
    other lies.
    """
    hidden: set[str] = set(form.drop)
    step = step_us(form.coarsen_time_s)
    if form.pseudonymise and step and rotation_us(form.rotate_days) % step:
        hidden.add("device")
    if form.coarsen_place_m and hidden & {"longitude", "latitude"}:
        hidden |= {"longitude", "latitude"}
    return frozenset(hidden)


def _empty(name: str) -> Column:
    if name in _WORDS:
        return Coded(np.empty(0, dtype=width_of(0)), ())
    return np.empty(0, dtype=np.float64 if name == "value" else np.int64)


def _combinations(
    rows: Rows, form: Form, layout: Layout
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """What rows have in common, K of (channel, rotation): (N,) a code of each row's; by code, its number; (K,) each."""
    if not form.pseudonymise:
        raw, used, numbers = _numbered(rows.channel, len(layout.rank))
        return raw, numbers, used, np.zeros(len(used), dtype=np.int64)
    epoch = rows.observed_at // rotation_us(form.rotate_days)
    first = int(epoch.min())
    epochs = int(epoch.max()) - first + 1
    if epochs == 1:
        raw, used, numbers = _numbered(rows.channel, len(layout.rank))
        return raw, numbers, used, np.full(len(used), first, dtype=np.int64)
    raw, used, numbers = _numbered(rows.channel * epochs + (epoch - first), len(layout.rank) * epochs)
    return raw, numbers, used // epochs, used % epochs + first


def _numbered(code: NDArray[Any], size: int) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """(N,) codes below `size`, maybe others than were given; those that were given, rising; by code, its place among them."""
    if size > _DENSE:
        used, place = np.unique(code, return_inverse=True)
        return place, used.astype(np.int64), np.arange(len(used))
    seen = np.zeros(size, dtype=np.bool_)
    seen[code] = True
    used = np.flatnonzero(seen)
    number = np.zeros(size, dtype=np.int64)
    number[used] = np.arange(len(used))
    return code, used, number


def _words(
    channels: NDArray[np.int64], epochs: NDArray[np.int64], form: Form, layout: Layout, keys: RecipientKeys
) -> dict[str, Sequence[str]]:
    """For each combination what is told of it, by field."""
    some: list[int] = channels.tolist()
    if some == list(range(len(layout.rank))):  # all of them: nothing to pick
        words: dict[str, Sequence[str]] = dict(layout.words)
    else:
        words = {name: [all_[c] for c in some] for name, all_ in layout.words.items()}
    if form.pseudonymise:
        pairs = list(zip(words["device"], epochs.tolist(), strict=True))
        names = {pair: pseudonym(*pair, keys.names) for pair in set(pairs)}
        words["device"] = [names[pair] for pair in pairs]
    if form.coarsen_place_m:
        unit = layout.registry.channel_unit[channels]
        longitude, latitude = (degrees(c) for c in squares(layout.longitude, layout.latitude, form.coarsen_place_m))
        words |= {"longitude": [longitude[u] for u in unit.tolist()], "latitude": [latitude[u] for u in unit.tolist()]}
    return words


def _ranked(words: Mapping[str, Sequence[str]], hidden: frozenset[str]) -> tuple[NDArray[np.int64], dict[str, Coded]]:
    """(K,) the rank of what is told of each combination by words, and by field the word of each rank."""
    told = [name for name in _WORDS if name not in hidden]
    tuples = list(zip(*(words[name] for name in told), strict=True)) if told else [()] * len(words["device"])
    ranks = {one: n for n, one in enumerate(sorted(set(tuples)))}
    rank = np.array([ranks[one] for one in tuples], dtype=np.int64)
    numbers = np.arange(len(ranks))
    return rank, {name: coded(numbers, [one[i] for one in ranks]) for i, name in enumerate(told)}


def _times(rows: Rows, form: Form) -> NDArray[np.int64]:
    """As they are told: the beginning of their step; 0 where times are not told."""
    if "observed_at" in form.drop:
        return np.zeros(len(rows), dtype=np.int64)
    step = step_us(form.coarsen_time_s)
    return rows.observed_at // step * step if step else rows.observed_at


def _values(rows: Rows, form: Form, layout: Layout, at: NDArray[np.int64], keys: RecipientKeys) -> NDArray[np.float64]:
    if not form.watermark:
        return rows.value
    names, of_channel = property_codes(layout.registry.channel_property)
    return marked(rows.value, names, of_channel[rows.channel], at, keys.mark)


def property_codes(properties: Sequence[str]) -> tuple[list[str], NDArray[np.int32]]:
    """Properties, each once, and (C,) the number of each channel's among them."""
    names = sorted(set(properties))
    number = {name: n for n, name in enumerate(names)}
    return names, np.array([number[name] for name in properties], dtype=np.int32)
