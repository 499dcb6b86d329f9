"""Whether a camera still sees what it should: troubles from `Measures`, with memory as a struct.

Theory of operation
-------------------
Each picture is a suspicion of some troubles, told by the measures beside what is usual for this camera (`usual_*`, learned slowly
while there is no trouble). A trouble begins when its suspicion has held for its time, and ends after `CLEAR_S` without it.
`black` and `covered` hide the others. `looped`: the last fingerprints repeat an earlier run of the same length, and no other run
is like it: a quiet street, where all runs are alike, is never called a loop.

Fails when
- fog or rain blurs the picture as a lens does: it is called `defocused`, which it is;
- a street does not move and its stream is so compressed that nothing changes for ten seconds: it is called `frozen`, until
  something moves; after that, only when it stays so for twice as long (at most two minutes);
- a loop is longer than 512 pictures, or was changed a little in every round.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from cityward.insight.sight.seen import Measures, Trouble

HOLDS_S: dict[Trouble, float] = {
    "black": 1.0,
    "covered": 2.0,
    "defocused": 4.0,
    "re-aimed": 3.0,
    "frozen": 10.0,
    "looped": 3.0,
    "drifting": 30.0,
}
CLEAR_S = 5.0
RATE = 0.01
DARK, FLAT = 16.0, 6.0
PRINTS, RUN = 512, 20
SAME_BITS, OTHER_BITS = 4.0, 12.0
DRIFT_S = 5.0
SHIFTED = 0.02
HIDDEN = 0.6
LONGEST_STILL_S = 60.0


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered of one camera. since, seen: when a suspicion began, and was there last, by the stream's clock.
    same_since_s: since when nothing changes; longest_same_s: how long that lasted at most before something did.

    usual_detail: sharpness over contrast squared: the same at any light. offset_s: wall clock less stream clock, at first.
    """

    at_s: float = 0.0
    pictures: int = 0
    usual_detail: float = 0.0
    usual_contrast: float = 0.0
    usual_likeness: float = 1.0
    offset_s: float | None = None
    since: dict[Trouble, float] = {}
    seen: dict[Trouble, float] = {}
    troubles: tuple[Trouble, ...] = ()
    same_since_s: float | None = None
    longest_same_s: float = 0.0
    prints: Annotated[tuple[int, ...], Meta(max_length=PRINTS)] = ()


def judged(health: Health, measures: Measures, at_s: float, wall_s: float | None = None) -> Health:
    """What is remembered after this picture; `troubles` are those that hold now. Times in seconds."""
    if at_s < health.at_s:  # the stream began anew: times before it mean nothing
        health = msgspec.structs.replace(health, since={}, seen={}, offset_s=None, same_since_s=None)
    health = _stillness(health, measures, at_s)
    offset = health.offset_s
    if offset is None and wall_s is not None:
        offset = wall_s - at_s
    drift = 0.0 if offset is None or wall_s is None else wall_s - at_s - offset
    prints = (*health.prints[-(PRINTS - 1) :], measures.fingerprint)
    suspected = _suspected(health, measures, prints, drift, at_s)
    since = {t: health.since.get(t, at_s) for t in suspected}
    seen = {t: s for t, s in health.seen.items() if at_s - s <= CLEAR_S} | dict.fromkeys(suspected, at_s)
    held = {t for t in suspected if at_s - since[t] >= HOLDS_S[t]} | {t for t in health.troubles if t in seen}
    return _learned(
        msgspec.structs.replace(
            health,
            at_s=at_s,
            pictures=health.pictures + 1,
            offset_s=offset,
            since=since,
            seen=seen,
            troubles=tuple(sorted(held)),
            prints=prints,
        ),
        measures,
        bool(suspected),
    )


def _suspected(health: Health, m: Measures, prints: tuple[int, ...], drift: float, at_s: float) -> tuple[Trouble, ...]:
    found: list[Trouble] = []
    detail, less = _detail(m), health.usual_detail
    if m.light < DARK and m.contrast < FLAT:
        found.append("black")
    elif health.pictures and _hidden(health, m):
        found.append("covered")
    else:
        if health.pictures and detail < 0.35 * less:
            found.append("defocused")
        elif m.likeness < 0.5 * health.usual_likeness or _shifted(m):
            found.append("re-aimed")
        if m.noise == 0 or _too_long_the_same(health, m, at_s):
            found.append("frozen")
        elif not m.same and repeats(prints):
            found.append("looped")
    if abs(drift) > DRIFT_S:
        found.append("drifting")
    return tuple(found)


def _learned(health: Health, m: Measures, doubted: bool) -> Health:
    if doubted or health.troubles:
        return health
    rate = max(RATE, 1 / health.pictures)
    return msgspec.structs.replace(
        health,
        usual_detail=health.usual_detail + rate * (_detail(m) - health.usual_detail),
        usual_contrast=health.usual_contrast + rate * (m.contrast - health.usual_contrast),
        usual_likeness=health.usual_likeness + rate * (m.likeness - health.usual_likeness),
    )


def _stillness(health: Health, m: Measures, at_s: float) -> Health:
    """How long nothing has changed; a stillness that ended by itself was the street's own."""
    if m.same:
        return health if health.same_since_s is not None else msgspec.structs.replace(health, same_since_s=at_s)
    if health.same_since_s is None:
        return health
    lasted = min(max(health.longest_same_s, at_s - health.same_since_s), LONGEST_STILL_S)
    return msgspec.structs.replace(health, same_since_s=None, longest_same_s=lasted)


def _too_long_the_same(health: Health, m: Measures, at_s: float) -> bool:
    """From twice as long as this street was still before."""
    began = health.same_since_s
    return m.same and began is not None and at_s - began >= 2 * health.longest_same_s - HOLDS_S["frozen"]


def _hidden(health: Health, m: Measures) -> bool:
    flat = m.contrast < 0.35 * health.usual_contrast and m.likeness < 0.5 * health.usual_likeness
    return (
        flat
        or m.hidden > HIDDEN
        or (_detail(m) < 0.35 * health.usual_detail and m.likeness < 0.3 * health.usual_likeness)
    )


def _detail(m: Measures) -> float:
    return m.sharpness / max(m.contrast, 1.0) ** 2


def _shifted(m: Measures) -> bool:
    return m.likeness < 0.8 and max(abs(m.shift_x), abs(m.shift_y)) > SHIFTED


def repeats(prints: tuple[int, ...]) -> bool:
    """Whether the last 20 repeat an earlier run of 20, and most runs are unlike them."""
    count = len(prints)
    if count < 3 * RUN:
        return False
    bits = np.array(prints, np.uint64)
    lags = count - 2 * RUN + 1
    runs = np.lib.stride_tricks.sliding_window_view(bits[: count - RUN], RUN)[:lags]
    apart = np.bitwise_count(runs ^ bits[-RUN:]).mean(axis=1)
    return bool(apart.min() <= SAME_BITS and np.median(apart) >= OTHER_BITS)
