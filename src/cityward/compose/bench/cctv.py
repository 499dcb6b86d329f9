"""`cityward bench cctv`: what is told of pictures, on recorded and annotated ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from cityward.adapters.bench.sight import SightBenchError, foreground_table
from cityward.adapters.bench.tables import Table

__all__ = ["Table", "run_bench_cctv"]

HIGHWAY = "cctv_cdnet_highway"


def run_bench_cctv(data: Path, tell: Callable[[str], None]) -> Sequence[Table]:
    """See `adapters.bench.sight`.

    Raises:
        SightBenchError: the annotated frames are not in the folder.
    """
    cv2.setNumThreads(1)
    if not (data / HIGHWAY).is_dir():
        raise SightBenchError(f"there is no folder `{HIGHWAY}`", mend="name the folder of recorded data with --data")
    return [foreground_table(data / HIGHWAY, tell)]
