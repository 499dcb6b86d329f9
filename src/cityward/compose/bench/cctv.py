"""`cityward bench cctv`: what is told of pictures, on recorded, annotated and spoilt ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from cityward.adapters.bench.sight import SightBenchError
from cityward.adapters.bench.sight.counting import counting_table
from cityward.adapters.bench.sight.foreground import foreground_table
from cityward.adapters.bench.sight.heads import heads_table
from cityward.adapters.bench.sight.plates import plates_table
from cityward.adapters.bench.sight.speed import speed_table
from cityward.adapters.bench.sight.tampering import tamper_table
from cityward.adapters.bench.tables import Table

__all__ = ["PARTS", "Table", "run_bench_cctv"]

HIGHWAY = "cctv_cdnet_highway"

Part = Callable[[Path, Callable[[str], None]], Table]


def _foreground(data: Path, tell: Callable[[str], None]) -> Table:
    if not (data / HIGHWAY).is_dir():
        raise SightBenchError(f"there is no folder `{HIGHWAY}`", mend="name the folder of recorded data with --data")
    return foreground_table(data / HIGHWAY, tell)


PARTS: dict[str, Part] = {
    "foreground": _foreground,
    "counting": counting_table,
    "heads": heads_table,
    "plates": plates_table,
    "tampering": tamper_table,
    "speed": speed_table,
}


def run_bench_cctv(data: Path, parts: Sequence[str], tell: Callable[[str], None]) -> Sequence[Table]:
    """The tables of these parts, in their order; all, where none is named. See `adapters.bench.sight`.

    Raises:
        SightBenchError: pictures are not in the folder.
    """
    cv2.setNumThreads(1)
    return [PARTS[part](data, tell) for part in parts or PARTS]
