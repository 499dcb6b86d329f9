"""BATADAL: a town's water system under attack; the competition's score, the naive answers beside it, and what ours says.

Lives here: reading its files, its score S, baselines, and `system-consistency` fed as the watch would feed it: the clean year
read to learn from, then each labelled file hour by hour. What a detector is stands in `watch`.

INVARIANTS
- Labels are read by the scorer alone. Nothing is chosen on a labelled file: ours and PCA's thresholds come from the clean year.
- Hours that nobody labelled (-999) count neither for nor against; where labels were published later, both readings are told.

S = S_TTD / 2 + (TPR + TNR) / 4, with S_TTD = 1 - mean(time to detection / duration); an attack not seen while it lasts counts 1.
It can be gamed: an alarm that is always on scores .75. So TNR and the number of alarms a month are told beside it. Where no
hour is labelled safe, TNR and S are not a number.

Source: Taormina et al. 2018, "The Battle of the Attack Detection Algorithms" (doi:10.1061/(ASCE)WR.1943-5452.0000969); rules and
data of batadal.net (CC-BY-4.0). The data are EPANET simulations of C-Town.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.adapters.bench.tables import Cell, Table
from cityward.errors import LinkError
from cityward.place.loader import load
from cityward.place.registry import number
from cityward.time import HOUR, to_us
from cityward.watch import find_detectors
from cityward.watch.contract import STEP_US, Detector, Phase, Step
from cityward.watch.world import World, world_of

TOPIC = "poisoning_batadal"
FLAG, TIME = "ATT_FLAG", "DATETIME"
UNLABELLED = -999.0
MONTH_HOURS = 730.0
LARGEST = 64_000_000
"""Bytes of a file that are read: six times the largest published."""
PCA_PARTS, PCA_HOURS, PCA_QUANTILE = 8, 6, 0.999
SEED = 4

Hours = NDArray[np.bool_]

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

LATER_LABELS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "BATADAL_dataset04": (
        ("2016-09-13 23", "2016-09-16 00"),
        ("2016-09-26 11", "2016-09-27 10"),
        ("2016-10-09 09", "2016-10-11 20"),
        ("2016-10-29 19", "2016-11-02 16"),
        ("2016-11-26 17", "2016-11-29 04"),
        ("2016-12-06 07", "2016-12-10 04"),
        ("2016-12-14 15", "2016-12-19 04"),
    )
}
"""First and last hour of each attack, as batadal.net published them when the competition was over."""


@dataclass(frozen=True, slots=True)
class Scada:
    """One file: at (N,) city us, value (N, C), flag (N,): 1 attack, 0 safe, -999 not labelled."""

    name: str
    columns: tuple[str, ...]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    flag: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at)


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


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to one file. labels: whose."""

    file: str
    labels: str
    answer: str
    score: Score


# -- the score ---------------------------------------------------------------------------------------------------------


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


# -- the files ---------------------------------------------------------------------------------------------------------


def read(path: Path) -> Scada:
    """One file of the competition's format.

    Raises:
        LinkError: too large, or not of that format.
    """
    if path.stat().st_size > LARGEST:
        raise LinkError("file is too large", where=str(path), mend="name a folder with the competition's own files")
    with path.open(newline="", encoding="utf-8", errors="replace") as lines:
        table = csv.reader(lines, skipinitialspace=True)
        head = [name.strip() for name in next(table, [])]
        if head[:1] != [TIME] or len(head) < 3:
            raise LinkError(
                f"no `{TIME}` in the first line", where=str(path), mend="name a folder with BATADAL's files"
            )
        try:
            rows = [(_at(row[0]), [float(cell) for cell in row[1:]]) for row in table if row]
            body = np.array([values for _, values in rows]).reshape(len(rows), len(head) - 1)
        except (ValueError, IndexError) as error:
            raise LinkError(f"a row cannot be read: {error}", where=str(path), mend="fetch the file again") from error
    labelled = head[-1] == FLAG
    return Scada(
        name=path.stem,
        columns=tuple(head[1:-1] if labelled else head[1:]),
        at=np.array([at for at, _ in rows], dtype=np.int64),
        value=body[:, :-1] if labelled else body,
        flag=body[:, -1] if labelled else np.full(len(rows), UNLABELLED),
    )


def _at(text: str) -> int:
    return to_us(datetime.strptime(text.strip(), "%d/%m/%y %H").replace(tzinfo=UTC))


def labels_of(file: Scada, folder: Path) -> Iterator[tuple[str, Hours, Hours]]:
    """(whose labels, attacked, counted) of a file: its own; those published later; those of `<name>.attacks.csv` beside it.

    That file has a line for each attack: its first and last hour, as `2016-09-13 23,2016-09-16 00`.
    """
    attacked = file.flag == 1.0
    if attacked.any():
        yield "its own labels", attacked, file.flag != UNLABELLED
    beside = folder / f"{file.name}.attacks.csv"
    later = LATER_LABELS.get(file.name, ())
    if beside.is_file():
        with beside.open(newline="", encoding="utf-8") as lines:
            later = tuple((row[0], row[1]) for row in csv.reader(lines) if len(row) == 2)
    if later:
        yield "labels published later", _between(file.at, later), np.ones(len(file), dtype=np.bool_)


def _between(at: NDArray[np.int64], spans: Sequence[tuple[str, str]]) -> Hours:
    out = np.zeros(len(at), dtype=np.bool_)
    for first, last in spans:
        begin, end = (to_us(datetime.strptime(t.strip(), "%Y-%m-%d %H").replace(tzinfo=UTC)) for t in (first, last))
        out |= (at >= begin) & (at <= end)
    return out


# -- the answers -------------------------------------------------------------------------------------------------------


def by_pca(clean: Scada, file: Scada) -> Hours:
    """What most would write: largest residual of 8 principal components, mean of 6 hours, beyond 999 in 1,000 clean hours."""
    moves = clean.value.std(axis=0) > 0
    mean, sd = clean.value[:, moves].mean(axis=0), clean.value[:, moves].std(axis=0)
    parts = np.linalg.svd((clean.value[:, moves] - mean) / sd, full_matrices=False)[2][:PCA_PARTS]

    def left(value: NDArray[np.float64]) -> NDArray[np.float64]:
        z = (value[:, moves] - mean) / sd
        largest = np.abs(z - z @ parts.T @ parts).max(axis=1)
        return np.convolve(largest, np.full(PCA_HOURS, 1 / PCA_HOURS))[: len(largest)]

    alarm: Hours = left(file.value) > np.quantile(left(clean.value), PCA_QUANTILE)
    return alarm


@dataclass(slots=True)
class Watched:
    """A detector under way: open episodes by key."""

    detector: Detector
    world: World
    state: object
    open: set[tuple[str, int, int]]


def watched(detector: Detector, world: World) -> Watched:
    """Before the first hour."""
    return Watched(detector, world, detector.begin(world), set())


def alarms(run: Watched, file: Scada, *, learning: bool) -> Hours:
    """(N,) whether an episode was open when each hour's readings were in; each hour is a step with readings and eleven
    without."""
    nothing = np.full(run.world.channels, np.nan)
    none = np.zeros(run.world.channels, dtype=np.int32)
    out = np.zeros(len(file), dtype=np.bool_)
    for i, at in enumerate(file.at.tolist()):
        for before in range(HOUR // STEP_US - 1, 0, -1):
            tell(run, Step(at - before * STEP_US, nothing, nothing, none, learning))
        value = file.value[i]
        tell(run, Step(at, value, value, np.isfinite(value).astype(np.int32), learning))
        out[i] = bool(run.open)
    return out


def tell(run: Watched, step: Step) -> None:
    """A step more: what it begins and ends."""
    for sign in run.detector.step(run.state, step, run.world):
        key = (sign.kind, sign.channel, sign.began_at)
        if sign.phase is Phase.ENDED:
            run.open.discard(key)
        else:
            run.open.add(key)


def one_site(columns: Sequence[str]) -> World:
    """The place as the watch is told of it: one site, one device for each column of the file."""
    devices = {_id(name): {"model": "gauge", "site": "works", "owner": "utility", "zone": "plant"} for name in columns}
    flows = {
        f"{device}-in": {
            "from": device, "to": "scada", "datasets": ["readings"], "purpose": "supply", "protocol": "mqtt",
            "observability": "enforced",
        }
        for device in devices
    }  # fmt: skip
    declared = {
        "place": "water-town",
        "name": "Water town",
        "position": [2.3, 54.9],
        "responsible": "utility",
        "platform": "scada",
        "jurisdictions": {"xa": {"code": "XA", "home": True}},
        "parties": {"utility": {"kind": "public-body", "incorporated_in": "xa"}},
        "purposes": {"supply": {}},
        "sites": {"works": {"jurisdiction": "xa"}},
        "zones": {"plant": {"trust": 4}},
        "systems": {"scada": {"kind": "platform", "site": "works", "zone": "plant", "operator": "utility"}},
        "device_models": {"gauge": {"maker": "utility", "properties": {"water-level": {}}}},
        "devices": devices,
        "datasets": {
            "readings": {
                "personal": False,
                "sensitivity": "internal",
                "retention_days": 365,
                "properties": ["water-level"],
            }
        },
        "flows": flows,
    }
    place = load("place.yaml", lambda _: msgspec.yaml.encode(declared)).place
    assert place is not None
    return world_of(place, number(place))


def _id(column: str) -> str:
    return column.lower().replace("_", "-")


# -- the run -----------------------------------------------------------------------------------------------------------


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
    files = [read(path) for path in sorted(folder.glob("*.csv")) if _is_scada(path)]
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


def _is_scada(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline(4096).startswith(TIME)


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
