"""Cuts the samples of `system-consistency`: `python tests/watch/cut_system_samples.py --data DIR` writes them where they belong.
detector.

Eight readings of BATADAL's clean year, of the part of C-Town between two pumping stations: two tank levels, two pumps' flows,
a valve's flow and three pressures. The sample town has no flows and pressures of water: they stand as the works' gauges 01 to
08.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

FILE = "poisoning_batadal/BATADAL_dataset03.csv"
COLUMNS = ("L_T1", "L_T2", "F_PU1", "F_PU2", "F_V2", "P_J280", "P_J269", "P_J14")
BEGINS = datetime(2014, 1, 6, tzinfo=UTC)
HOURS = 12 * 7 * 24
ATTACK = range(1_960, 2_000)
FORGED = "L_T2"
BACK = 100
SAMPLES = Path(__file__).parents[2] / "src/cityward/watch/detectors/system_consistency/samples"


def cut(data: Path) -> list[list[str]]:
    """The rows, in two digits as the competition's later files."""
    with (data / FILE).open(newline="", encoding="utf-8") as lines:
        return [
            [f"{float(row[c]):.2f}" for c in COLUMNS]
            for row, _ in zip(csv.DictReader(lines), range(HOURS), strict=False)
        ]


def replayed(rows: list[list[str]]) -> list[list[str]]:
    """The same, but a tank's level says in the attack's hours what it said 100 hours before."""
    out, forged = [list(row) for row in rows], COLUMNS.index(FORGED)
    for i in ATTACK:
        out[i][forged] = rows[i - BACK][forged]
    return out


def write(name: str, rows: list[list[str]]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["observed_at", *(f"works-{n:02d}/water-level" for n in range(1, len(COLUMNS) + 1))])
    for i, row in enumerate(rows):
        table.writerow([(BEGINS + timedelta(hours=i)).strftime("%Y-%m-%dT%H:%M:%SZ"), *row])
    (SAMPLES / name).write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    rows = cut(parser.parse_args().data)
    write("benign-waterworks.csv.gz", rows)
    write("attack-replayed-level.csv.gz", replayed(rows))
