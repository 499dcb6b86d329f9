"""`cityward bench services lighting`: a year of nights, and faults injected into what a lighting line drew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cityward.adapters.bench.lighting import lighting_tables
from cityward.adapters.bench.lighting_line import line_tables
from cityward.adapters.bench.tables import Table

__all__ = ["Table", "run_bench_lighting"]


def run_bench_lighting(data: Path, tell: Callable[[str], None]) -> Sequence[Table]:
    """See `adapters.bench.lighting` and `adapters.bench.lighting_line`.

    Raises:
        CitywardError: there is no recorded traffic in the folder.
    """
    return [*lighting_tables(data, tell), *line_tables(data, tell)]
