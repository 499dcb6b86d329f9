"""`cityward bench services transport arrivals`: predicted arrivals beside the agency's own, on a recorded sequence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityward.adapters.bench.arrivals import arrival_tables
from cityward.adapters.bench.tables import Table

__all__ = ["Table", "run_bench_arrivals"]


def run_bench_arrivals(folder: Path, *, history: Path | None = None, warm_up_s: int = 300) -> Sequence[Table]:
    """See `adapters.bench.arrivals`.

    Raises:
        CitywardError: no sequence of feeds can be read there.
    """
    return arrival_tables(folder, history, warm_up_s)
