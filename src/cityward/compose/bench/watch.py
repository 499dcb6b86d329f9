"""`cityward bench watch`: its parts, each the work of one module of `adapters.bench`, loaded when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cityward.adapters.bench.tables import Table, table_of

__all__ = ["PARTS", "Table", "run_watch"]

PARTS = {
    "city": ("watch_tables", "attacks on recorded cities"),
    "nab": ("nab", "Numenta Anomaly Benchmark"),
    "vus": ("vus", "sub-sequence VUS-PR"),
    "batadal": ("batadal", "BATADAL"),
    "skab": ("skab", "SKAB"),
    "cost": ("watch_cost", "what the watch costs"),
}
"""Part -> (module of `adapters.bench` that offers `run(data, tell)`, its title)."""


def run_watch(part: str, data: Path, tell: Callable[[str], None], **options: object) -> Sequence[Table]:
    """Measure one part on the recorded data under `data`. Rows that are no tables are made one.

    Raises:
        KeyError: no such part.
        LinkError: its data are not there.
    """
    module, title = PARTS[part]
    run: Callable[..., Any] = importlib.import_module(f"cityward.adapters.bench.{module}").run
    found = run(data, tell, **options)
    if isinstance(found, Table):
        return (found,)
    rows = list(found)
    if all(isinstance(row, Table) for row in rows):
        return rows
    return (table_of(title, rows),)
