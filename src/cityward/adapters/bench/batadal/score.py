"""The competition's score of an answer.

S = S_TTD / 2 + (TPR + TNR) / 4, with S_TTD = 1 - mean(time to detection / duration); an attack not seen while it lasts counts 1.
It can be gamed: an alarm that is always on scores .75. So TNR and the number of alarms a month are told beside it. Where no
hour is labelled safe, TNR and S are not a number.

Source: Taormina et al. 2018, "The Battle of the Attack Detection Algorithms" (doi:10.1061/(ASCE)WR.1943-5452.0000969).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cityward.adapters.bench.batadal.corpus import Hours

MONTH_HOURS = 730.0


@dataclass(frozen=True, slots=True)
class Score:
    """What an answer is worth. delays: hours from each attack's beginning to the first alarm in it; its length if there was
    none."""

    s: float
    s_ttd: float
    tpr: float
    tnr: float
    f1: float
    found: int
    delays: tuple[int, ...]
    lengths: tuple[int, ...]
    false_a_month: float


def attacks_in(attacked: Hours) -> list[tuple[int, int]]:
    """(first, past the last) of each unbroken run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], attacked.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def scored(alarm: Hours, attacked: Hours, counted: Hours) -> Score:
    """The competition's score of an answer. counted: the hours that are labelled; the others are left out of everything.

    False alarms are told in episodes: alarm hours with no attack in them, joined where nothing but alarm is between.
    """
    attacks = attacks_in(attacked)
    delays: list[int] = []
    for first, past in attacks:
        seen = np.flatnonzero(alarm[first:past])
        delays.append(int(seen[0]) if len(seen) else past - first)
    lengths = [past - first for first, past in attacks]
    found = sum(delay < length for delay, length in zip(delays, lengths, strict=True))
    safe = counted & ~attacked
    tp, fp = int((alarm & attacked).sum()), int((alarm & safe).sum())
    tpr = _share(tp, int(attacked.sum())) if attacks else math.nan
    tnr = 1.0 - _share(fp, int(safe.sum())) if safe.any() else math.nan
    s_ttd = 1.0 - float(np.mean([d / n for d, n in zip(delays, lengths, strict=True)])) if attacks else math.nan
    false = sum(not attacked[a:b].any() and bool(safe[a:b].any()) for a, b in attacks_in(alarm))
    return Score(
        s=0.5 * s_ttd + 0.25 * (tpr + tnr),
        s_ttd=s_ttd,
        tpr=tpr,
        tnr=tnr,
        f1=_share(2 * tp, int(attacked.sum()) + tp + fp) if attacks else math.nan,
        found=found,
        delays=tuple(delays),
        lengths=tuple(lengths),
        false_a_month=_share(false, float(safe.sum()) / MONTH_HOURS),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
