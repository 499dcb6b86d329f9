"""The corpus of the Numenta Anomaly Benchmark: files of one measured value, and the windows in which something was wrong.

INVARIANT: labels are read by the scorer alone; no detector is given a `Series`, only its times and values.

Source: github.com/numenta/NAB (MIT).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from cityward.errors import LinkError

TOPIC = "anomaly_nab"
LABELS = Path("labels") / "combined_windows.json"
PROBATION = 0.15
PROBATION_ROWS = 5_000
"""SPEC: NAB takes the probation of no more than so many rows."""
LARGEST = 64_000_000
"""Bytes of a file that are read: a hundred times the largest published."""
NAIVE_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Series:
    """One file: `at` (N,) int64 microseconds as written, `value` (N,), `windows` (W, 2) first and last row of each."""

    name: str
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    windows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.value)

    @property
    def category(self) -> str:
        """`realTraffic` of `realTraffic/speed_6005.csv`."""
        return self.name.split("/")[0]

    @property
    def probation(self) -> int:
        """How many rows at the beginning are not scored."""
        return probation_of(len(self))


def probation_of(rows: int) -> int:
    """Rows of a file of this many that are not scored."""
    return math.ceil(min(math.floor(PROBATION * rows), PROBATION * PROBATION_ROWS))


def read_corpus(data: Path) -> list[Series]:
    """Every file below `data/data` that has its windows in `data/labels/combined_windows.json`, by name.

    Args:
        data: the corpus, or a folder that has it as `anomaly_nab`.

    Raises:
        LinkError: there is no such corpus, or it is not of its form.
    """
    folder = data / TOPIC if (data / TOPIC).is_dir() else data
    try:
        labels = msgspec.json.decode(_bounded(folder / LABELS), type=dict[str, list[tuple[str, str]]])
        found = [(name, folder / "data" / name) for name in sorted(labels)]
        corpus = [_read_series(path, name, labels[name]) for name, path in found if path.is_file()]
    except (OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
        raise LinkError(
            f"cannot read the corpus: {error}", where=str(folder), mend="name a folder with NAB's data/ and labels/"
        ) from None
    if not corpus:
        raise LinkError("none of the labelled files is here", where=str(folder), mend="name a folder with NAB's data/")
    return corpus


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST)


def _read_series(path: Path, name: str, windows: Sequence[tuple[str, str]]) -> Series:
    rows = list(csv.DictReader(_bounded(path).decode().splitlines()))
    at = np.array([_micros(row["timestamp"]) for row in rows], dtype=np.int64)
    value = np.array([float(row["value"]) for row in rows])
    bounds = [(_row_of(at, first), _row_of(at, last)) for first, last in windows]
    return Series(name, at, value, np.array(bounds, dtype=np.int64).reshape(-1, 2))


def _micros(text: str) -> int:
    return round((datetime.fromisoformat(text) - NAIVE_EPOCH).total_seconds()) * 1_000_000


def _row_of(at: NDArray[np.int64], text: str) -> int:
    """The first row of that time; NAB's windows begin and end at times that occur."""
    found = np.flatnonzero(at == _micros(text))
    if not len(found):
        raise ValueError(f"no row at {text}")
    return int(found[0])
