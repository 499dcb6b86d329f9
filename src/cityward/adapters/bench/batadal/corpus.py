"""The competition's files, and whose labels there are for each.

INVARIANT: labels are read by the scorer alone.

Source: rules and data of batadal.net (CC-BY-4.0). The data are EPANET simulations of C-Town.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cityward.errors import LinkError
from cityward.time import to_us

TOPIC = "poisoning_batadal"
FLAG, TIME = "ATT_FLAG", "DATETIME"
UNLABELLED = -999.0
LARGEST = 64_000_000
"""Bytes of a file that are read: six times the largest published."""

Hours = NDArray[np.bool_]

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


def is_scada(path: Path) -> bool:
    """Whether a file begins as the competition's do."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        return lines.readline(4096).startswith(TIME)
