"""Rows in an order that follows from what is told of them, and from nothing else: an order is a telling too.

Rows come from history in runs that are sorted already, so runs are put in order, not rows, wherever that is enough. Most of what
is left to pay is memory that was never touched before: columns are worked on in place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FITS = 1 << 62


def order_by(code: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.intp] | None:
    """(N,) the order of rows by code, then time; None where they are in it already. Of equal ones any order.

    Args:
        code: (N,) at least 0. at: (N,) us.
    """
    if len(code) < 2:
        return None
    low, codes = int(at.min()), int(code.max()) + 1
    span = int(at.max()) - low + 1
    if span * codes >= _FITS:
        return np.lexsort((at, code))
    key = code * span
    key += at
    key -= low
    falls = np.flatnonzero(key[1:] < key[:-1]) + 1
    if not len(falls):
        return None
    if len(falls) > len(key) // 8:
        return np.argsort(key)
    return _by_runs(key, code)


def _by_runs(key: NDArray[np.int64], code: NDArray[np.int64]) -> NDArray[np.intp]:
    """The order by key, of rows that come in long runs of one code."""
    starts = np.flatnonzero(np.r_[True, (code[1:] != code[:-1]) | (key[1:] < key[:-1])])
    sizes = np.diff(np.append(starts, len(key)))
    runs = np.argsort(key[starts], kind="stable")
    ends = np.cumsum(sizes[runs])
    first, last = starts[runs], starts[runs] + sizes[runs] - 1
    if bool((key[first[1:]] < key[last[:-1]]).any()):  # two runs lie in each other
        return np.argsort(key)
    order = np.ones(len(key), dtype=np.intp)
    order[0] = first[0]
    order[ends[:-1]] = first[1:] - last[:-1]
    return np.cumsum(order, out=order)


def sort_ties(value: NDArray[np.float64], code: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values with those of equal code and time (which stand together) in rising order."""
    if len(value) < 2:
        return value
    new = np.ones(len(value), dtype=np.bool_)
    np.not_equal(at[1:], at[:-1], out=new[1:])
    new[1:] |= code[1:] != code[:-1]
    if new.all():
        return value
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, len(value)))
    out = value.copy()
    for size in np.unique(sizes[sizes > 1]).tolist():  # at most sqrt(2 N) different ones
        first = starts[sizes == size]
        if size == 2:  # the usual one, and six times as fast
            one, other = value[first], value[first + 1]
            out[first], out[first + 1] = np.minimum(one, other), np.maximum(one, other)
            continue
        rows = first[:, None] + np.arange(size)
        out[rows] = np.sort(value[rows], axis=1)
    return out
