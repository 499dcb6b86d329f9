"""`cityward bench release`: what the release gate costs, per row and per decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cityward.adapters.bench.decide import decide_table
from cityward.adapters.bench.release import release_table
from cityward.adapters.bench.tables import Table
from cityward.adapters.outlets.encoding import ENCODINGS

__all__ = ["FORMATS", "Table", "run_bench_release"]

FORMATS = tuple(ENCODINGS)


def run_bench_release(
    folder: Path, *, rows: int, devices: int, encodings: Sequence[str], rounds: int, tell: Callable[[str], None]
) -> Sequence[Table]:
    """Rows, then decisions. See `adapters.bench.release` and `adapters.bench.decide`."""
    told = release_table(folder, rows=rows, devices=devices, encodings=encodings, rounds=rounds, tell=tell)
    return told, decide_table(rounds=rounds, tell=tell)
