"""The Numenta Anomaly Benchmark: the learned detector on the files at hand, beside baselines and the published detectors.

Three ways of setting the threshold are told apart, for NAB's own is generous:
- *published rule*: the one threshold that is best over all files scored, labels known (every published number is such a one);
- *left out*: for each file the one best over the other files;
- *fixed*: `FIXED_BITS`, written down before the files that will judge it were seen.

The city's part is realTraffic and realKnownCause. The files at hand may be a part of the 58: published detectors are then set
beside ours on the same files, their thresholds best over all 58.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.nab.corpus import Series, read_corpus
from cityward.adapters.bench.nab.detectors import Detect, knn_cad, resonance, windowed_gaussian
from cityward.adapters.bench.nab.published import COLUMNS, ON_ALL_58, published_rows, published_score
from cityward.adapters.bench.nab.score import (
    OUTSIDE,
    PROFILES,
    STANDARD,
    Profile,
    best_threshold,
    normalised,
    raw_score,
    weigh,
)
from cityward.adapters.bench.tables import Cell, Table

__all__ = ["run"]

FIXED_BITS = 4.0
"""News as rare as one block in sixteen, agreed on by three scales of five."""
ALL_FILES = 58
TO_BEAT = {"all": ("ARTime", 74.9), "realTraffic": ("CAD OSE", 91.2)}
SUBSETS: Mapping[str, frozenset[str] | None] = {
    "all": None,
    "realTraffic": frozenset({"realTraffic"}),
    "realKnownCause": frozenset({"realKnownCause"}),
    "city": frozenset({"realTraffic", "realKnownCause"}),
}
BASELINES: Mapping[str, Detect] = {"windowed Gaussian (our run)": windowed_gaussian, "KNN-CAD (our run)": knn_cad}

Floats = NDArray[np.float64]


def run(data: Path, say: Callable[[str], None]) -> list[Table]:
    """Score the corpus under `data`, one table for each profile, and one by file.

    Raises:
        LinkError: there is no corpus.
    """
    corpus = read_corpus(data)
    if len(corpus) < ALL_FILES:
        say(f"{len(corpus)} of NAB's {ALL_FILES} files are here; published detectors are compared on these same files")
    values = [series.value for series in corpus]
    say("resonance over all files")
    ours = resonance(values)
    others: dict[str, list[Floats]] = {}
    for name, detect in BASELINES.items():
        say(f"{name} over all files")
        others[name] = detect(values)
    return [*(_table(corpus, ours, others, profile) for profile in PROFILES), _files(corpus, ours)]


def _table(
    corpus: Sequence[Series], ours: Sequence[Floats], others: Mapping[str, Sequence[Floats]], profile: Profile
) -> Table:
    best, _ = best_threshold(corpus, ours, profile)
    rows = [
        _row("resonance", "published rule", corpus, [best] * len(corpus), ours, profile),
        _row("resonance", "left out", corpus, left_out(corpus, ours, profile), ours, profile),
        _row("resonance", "fixed", corpus, [FIXED_BITS] * len(corpus), ours, profile),
    ]
    for name, scores in others.items():
        top, _ = best_threshold(corpus, scores, profile)
        rows.append(_row(name, "published rule", corpus, [top] * len(corpus), scores, profile))
    rows.append(("says nothing", "none", *[0.0] * len(SUBSETS), None))
    rows += [_published(name, corpus, profile) for name, mine in COLUMNS if mine is profile]
    windows = {name: sum(len(s.windows) for s in part(corpus, name)) for name in SUBSETS}
    return Table(
        title=f"NAB, {len(corpus)} files, profile {profile.name}",
        head=("detector", "threshold by", *(f"{name} ({windows[name]} windows)" for name in SUBSETS), "threshold"),
        rows=tuple(rows),
        verdict=_verdict(rows, profile),
        notes=(
            "0: says nothing; 100: each window found at its first row and nothing else.",
            "Published rows: raw scores NAB published for these same files, their threshold best over all 58.",
            "Published on all 58 (standard): "
            + ", ".join(f"{name} {score}" for name, score in ON_ALL_58.items())
            + ".",
            "Like the published ones, ours is told each file's least and largest value and its length.",
        ),
    )


def _row(
    name: str,
    how: str,
    corpus: Sequence[Series],
    thresholds: Sequence[float],
    scores: Sequence[Floats],
    profile: Profile,
) -> tuple[Cell, ...]:
    raw = [
        raw_score(weigh(series, profile), score >= threshold, profile)
        for series, score, threshold in zip(corpus, scores, thresholds, strict=True)
    ]
    cells: list[Cell] = []
    for subset in SUBSETS:
        held = [i for i, series in enumerate(corpus) if _is_in(series, subset)]
        windows = sum(len(corpus[i].windows) for i in held)
        cells.append(round(normalised(sum(raw[i] for i in held), windows, profile), 1))
    return (name, how, *cells, round(float(np.median(thresholds)), 4))


def _files(corpus: Sequence[Series], ours: Sequence[Floats]) -> Table:
    """Ours and the two to beat, file by file, standard profile."""
    best, _ = best_threshold(corpus, ours, STANDARD)
    rows = [
        _file(series, score, (best, alone), published_rows().get(series.name))
        for series, score, alone in zip(corpus, ours, left_out(corpus, ours, STANDARD), strict=True)
        if len(series.windows)
    ]
    return Table(
        title="NAB by file, profile standard",
        head=("file", "windows", "found", "false", "published rule", "left out", "ARTime", "CAD OSE"),
        rows=tuple(rows),
        notes=("found, false: of resonance by the published rule; of the published detectors: as published.",),
    )


def _file(
    series: Series, score: Floats, thresholds: tuple[float, float], published: tuple[float, ...] | None
) -> tuple[Cell, ...]:
    weights, windows = weigh(series, STANDARD), len(series.windows)
    called = weights.window[score >= thresholds[0]]
    mine = [raw_score(weights, score >= threshold, STANDARD) for threshold in thresholds]
    theirs = [published[COLUMNS.index((name, STANDARD))] if published else None for name in ("ARTime", "CAD OSE")]
    found, false = len(np.unique(called[called >= 0])), int((called == OUTSIDE).sum())
    cells = [None if raw is None else round(normalised(raw, windows, STANDARD), 1) for raw in (*mine, *theirs)]
    return (series.name.removesuffix(".csv"), windows, found, false, *cells)


def left_out(corpus: Sequence[Series], scores: Sequence[Floats], profile: Profile) -> list[float]:
    """For each file the threshold that is best over the others."""
    out: list[float] = []
    for i in range(len(corpus)):
        rest = [j for j in range(len(corpus)) if j != i]
        out.append(best_threshold([corpus[j] for j in rest], [scores[j] for j in rest], profile)[0] if rest else 0.0)
    return out


def _published(name: str, corpus: Sequence[Series], profile: Profile) -> tuple[Cell, ...]:
    scores = [published_score(name, profile, part(corpus, subset)) for subset in SUBSETS]
    return (f"{name} (published)", "published rule", *(None if s is None else round(s, 1) for s in scores), None)


def part(corpus: Sequence[Series], subset: str) -> list[Series]:
    """The files of a subset."""
    return [series for series in corpus if _is_in(series, subset)]


def _is_in(series: Series, subset: str) -> bool:
    categories = SUBSETS[subset]
    return categories is None or series.category in categories


def _verdict(rows: Sequence[tuple[Cell, ...]], profile: Profile) -> str:
    ours, rival = rows[0], next((row for row in rows if row[0] == "ARTime (published)"), None)
    if rival is None:
        return ""
    beside = f"resonance {ours[2]} on all, {ours[5]} on the city's; ARTime {rival[2]} and {rival[5]} on the same files"
    if profile is not STANDARD:
        return beside
    return beside + "; to beat on all 58: " + ", ".join(f"{n} {s} on {where}" for where, (n, s) in TO_BEAT.items())
