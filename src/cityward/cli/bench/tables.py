"""What the benchmarks print: tables with their verdicts, and on which machine they were made."""

from __future__ import annotations

import os
import platform
from typing import Any

from cityward.cli.words import put


def machine() -> dict[str, Any]:
    """Figures of two machines are not to be compared."""
    return {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}


def listed(text: str) -> tuple[str, ...]:
    """The parts of a list by comma."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def print_table(table: Any) -> None:
    """A table with its verdict and notes, in columns."""
    rows = [table.head, *(tuple(_cell(cell) for cell in row) for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.head))]
    put(f"\n{table.title}")
    for row in rows:
        put("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if table.verdict:
        put(f"  = {table.verdict}")
    for note in table.notes:
        put(f"  {note}")


def _cell(cell: str | float | None) -> str:
    if cell is None:
        return "-"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
