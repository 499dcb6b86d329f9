"""`cityward bench services waste`: its parts, each the work of one module of `adapters.bench`, loaded when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cityward.adapters.bench.tables import Table
from cityward.errors import LinkError

PARTS = {"emptying": "waste_emptying", "dispatch": "waste_dispatch", "routing": "waste_routing"}
"""Part -> the module of `adapters.bench` that offers `run(data, tell, **options)`."""


def run_bench_waste(
    data: Path, tell: Callable[[str], None], parts: Sequence[str] = (), **options: object
) -> Sequence[Table]:
    """The parts' tables; all parts where none is named. What is not there is left out, aloud.

    Raises:
        KeyError: no such part.
        LinkError: nothing of what was asked for is there.
    """
    found: list[Table] = []
    missing: list[LinkError] = []
    for part in parts or PARTS:
        run: Callable[..., Any] = importlib.import_module(f"cityward.adapters.bench.{PARTS[part]}").run
        try:
            found += run(data, tell, **options)
        except LinkError as error:
            missing.append(error)
            tell(f"left out: {error}")
    if missing and not found:
        raise missing[0]
    return found
