"""BATADAL: a town's water system under attack; the competition's score, the naive answers beside it, and what ours says.

Lives here: the run and its tables. In `corpus`: the files and their labels; in `score`: S; in `answers`: `system-consistency`,
fed as the watch would feed it (the clean year read to learn from, then each labelled file hour by hour), and PCA. What a
detector is stands in `watch`.

INVARIANT: hours that nobody labelled (-999) count neither for nor against; where labels were published later, both readings are
told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityward.adapters.bench.batadal.answers import alarms, by_pca, one_site, watched
from cityward.adapters.bench.batadal.corpus import TOPIC, Hours, Scada, is_scada, labels_of, read
from cityward.adapters.bench.batadal.score import Score, scored
from cityward.adapters.bench.tables import Cell, Table
from cityward.errors import LinkError
from cityward.watch import find_detectors

__all__ = ["measured", "run"]

SEED = 4

PUBLISHED = (
    ("Housh & Ohar (hydraulic model)", 0.970),
    ("Abokifa", 0.949),
    ("Giacomoni", 0.927),
    ("Brentan", 0.894),
    ("Chandy", 0.802),
    ("Pasha", 0.773),
    ("Aghashahi", 0.534),
)
"""S on the competition's test file. SPEC: Taormina et al. 2018, table 5."""
NOTES = (
    "Published, S on the competition's test file, which is another than these: "
    + ", ".join(f"{name} {s:.3f}" for name, s in PUBLISHED)
    + ".",
)
AIM_S, AIM_TNR = 0.93, 0.97


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to one file. labels: whose."""

    file: str
    labels: str
    answer: str
    score: Score


def run(data: Path, say: Callable[[str], None], detector_id: str = "system-consistency") -> list[Table]:
    """The scores as tables, with what was published beside them. Arguments and errors as `measured`."""
    return list(_tables(measured(data, say, detector_id), detector_id))


def measured(data: Path, say: Callable[[str], None], detector_id: str = "system-consistency") -> list[Row]:
    """Score every labelled file of the folder, and the clean year's own false alarms.

    Args:
        data: the folder with the competition's files, or one that has it as `poisoning_batadal`.
        say: told what goes on, and where nothing can be scored.

    Raises:
        LinkError: there is no clean file (all hours labelled 0) to learn from.
    """
    folder = data / TOPIC if (data / TOPIC).is_dir() else data
    files = [read(path) for path in sorted(folder.glob("*.csv")) if is_scada(path)]
    clean = next((file for file in files if len(file) and (file.flag == 0.0).all()), None)
    if clean is None:
        raise LinkError(
            "no clean year to learn from", where=str(folder), mend="name a folder with BATADAL_dataset03.csv"
        )
    rows = list(_clean_rows(clean, detector_id, say))
    for file in files:
        labels = list(labels_of(file, folder)) if file.columns == clean.columns else []
        if not labels and file is not clean:
            say(f"{file.name}: no labels of the clean year's columns; not scored")
        if labels:
            rows += _file_rows(clean, file, labels, detector_id, say)
    return rows


def _clean_rows(clean: Scada, detector_id: str, say: Callable[[str], None]) -> Iterator[Row]:
    say(f"{clean.name}: {len(clean)} hours; each judged before it is learned")
    alarm = alarms(watched(find_detectors()[detector_id], one_site(clean.columns)), clean, learning=True)
    half = len(clean) // 2
    none, all_ = np.zeros(len(clean) - half, dtype=np.bool_), np.ones(len(clean) - half, dtype=np.bool_)
    yield Row(clean.name, "clean, second half", detector_id, scored(alarm[half:], none, all_))


def _file_rows(
    clean: Scada, file: Scada, labels: Sequence[tuple[str, Hours, Hours]], detector_id: str, say: Callable[[str], None]
) -> Iterator[Row]:
    say(f"{file.name}: {len(file)} hours")
    ours = watched(find_detectors()[detector_id], one_site(clean.columns))
    alarms(ours, clean, learning=True)
    ours.open.clear()
    coin = np.random.default_rng(SEED).random(len(file)) < 0.5
    answers = {
        detector_id: alarms(ours, file, learning=False),
        "PCA(8), 6 h mean": by_pca(clean, file),
        "always an alarm": np.ones(len(file), dtype=np.bool_),
        "a coin each hour": coin,
        "never an alarm": np.zeros(len(file), dtype=np.bool_),
    }
    for whose, attacked, counted in labels:
        for name, alarm in answers.items():
            yield Row(file.name, whose, name, scored(alarm, attacked, counted))


def _tables(rows: Sequence[Row], detector_id: str) -> Iterator[Table]:
    """A table for each file and whose labels; delays are hours of each attack's length."""
    for file, labels in dict.fromkeys((row.file, row.labels) for row in rows):
        mine = [row for row in rows if (row.file, row.labels) == (file, labels)]
        yield Table(
            title=f"BATADAL: {file}, {labels}",
            head=("answer", "S", "S_TTD", "TPR", "TNR", "F1", "found", "of", "false/month", "delays, h"),
            rows=tuple(_cells(row) for row in mine),
            verdict=_verdict(mine, detector_id),
            notes=NOTES,
        )


def _cells(row: Row) -> tuple[Cell, ...]:
    score = row.score
    delays = " ".join(f"{d}/{n}" for d, n in zip(score.delays, score.lengths, strict=True))
    shares = (_told(share) for share in (score.s, score.s_ttd, score.tpr, score.tnr, score.f1))
    return (row.answer, *shares, score.found, len(score.lengths), round(score.false_a_month, 2), delays)


def _told(share: float) -> Cell:
    return None if math.isnan(share) else round(share, 3)


def _verdict(rows: Sequence[Row], detector_id: str) -> str:
    scores = {row.answer: row.score for row in rows}
    ours, always = scores[detector_id], scores.get("always an alarm")
    if always is None:
        return f"{ours.false_a_month:.2f} false episodes a month, TNR {ours.tnr:.3f}"
    if math.isnan(ours.s):
        return f"no hour is labelled safe: S and TNR are not told; {ours.found} of {len(ours.lengths)} attacks found"
    met = ours.s >= AIM_S and ours.tnr >= AIM_TNR
    return (
        f"aim {'met' if met else 'not met'}: S {ours.s:.3f} with TNR {ours.tnr:.3f} (aim: {AIM_S} with {AIM_TNR}); "
        f"an alarm that is always on: S {always.s:.3f} with TNR {always.tnr:.3f}"
    )
