"""How many passed a line: the eye's counts beside what a person saw (`looked`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cityward.adapters.bench.sight.clips import FOLDER, shown
from cityward.adapters.bench.sight.looked import PASSINGS, WARM_UP, Passing, Times
from cityward.adapters.bench.tables import Table, table_of
from cityward.insight.sight.eye import Eye, EyeSettings
from cityward.place.cameras import CountLine

WITHIN = 15  # pictures: a box's centre passes a line when somebody's shoulder does not yet
RATES = (10.0, 5.0)


def counting_table(data: Path, tell: Callable[[str], None]) -> Table:
    """A row for each line and rate.

    Raises:
        SightBenchError: a clip is not in `data/cctv`.
    """
    rows: list[dict[str, object]] = []
    for passing in PASSINGS:
        for per_s in RATES:
            tell(f"counting: {passing.name}, {per_s:g} pictures a second")
            forward, back = _told(data / FOLDER / passing.clip, passing, per_s)
            rows.append({"line": passing.name, "per s": per_s, **judged(passing, forward, back)})
    return table_of(
        "Counting, beside counts by hand",
        rows,
        notes=(
            f"matched: told within {WITHIN} pictures of when a person saw it, in its direction where that was looked at",
            "the second line was looked at after the tracks were written; nothing was fitted to it",
        ),
    )


def judged(passing: Passing, forward: Times, back: Times) -> dict[str, object]:
    """by hand, told, their difference in percent, and how many are the same passings."""
    told = len(forward) + len(back)
    same = (
        matched(passing.either, (*forward, *back))
        if passing.either
        else matched(passing.forward, forward) + matched(passing.back, back)
    )
    error = round(100 * (told - passing.all) / passing.all, 1)
    return {"by hand": passing.all, "told": told, "error %": error, "matched": same, "untrue": told - same}


def matched(seen: Sequence[int], told: Sequence[int]) -> int:
    """How many of what was seen were told, each once, the nearest first."""
    pairs = sorted((abs(s - t), n, m) for n, s in enumerate(seen) for m, t in enumerate(told) if abs(s - t) <= WITHIN)
    used: tuple[set[int], set[int]] = set(), set()
    for _, n, m in pairs:
        if n not in used[0] and m not in used[1]:
            used[0].add(n)
            used[1].add(m)
    return len(used[0])


def _told(clip: Path, passing: Passing, per_s: float) -> tuple[Times, Times]:
    eye = Eye(EyeSettings({"line": CountLine(begin=passing.begin, end=passing.end)}, frames_per_s=per_s))
    forward: list[int] = []
    back: list[int] = []
    for one in shown(clip, per_s):
        for passed in eye.look(one.image, one.at_s).passed:
            if one.number > WARM_UP:
                forward += [one.number] * passed.forward
                back += [one.number] * passed.back
    return tuple(forward), tuple(back)
