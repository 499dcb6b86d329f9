"""A place, in the words of others: one module per format, found by scanning this package.

Lives here: the formats, what they share (`contract`, `texts`, `ends`, `crossing`), and how they are found. Does not live here:
files (bytes are returned), the clock, and what there is to tell (findings and answers are given as `Statement`).

INVARIANTS
- The same subject gives the same bytes.
- Whatever the declaration's texts hold (quotes, markup, line breaks, control and direction characters), they stay text: they
  end no string, open no element, and do not reorder what a person reads.
- `unknown` is exported as unknown, or named as missing; never as an empty value that reads like "none".
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import cast

from cityward.adapters.exchange.exports.contract import Export

SHARED = frozenset({"contract", "texts", "ends", "crossing"})


def find_exports() -> dict[str, Export]:
    """Every format, by its id, in the order of their names.

    Raises:
        ImportError: a module could not be imported, or offers no `FORMAT` and `write`.
    """
    names = (info.name for info in pkgutil.iter_modules(__path__) if info.name not in SHARED)
    modules = [_load(name) for name in names]
    return {module.FORMAT.id: module for module in sorted(modules, key=lambda module: module.FORMAT.id)}


def _load(name: str) -> Export:
    module = importlib.import_module(f"{__name__}.{name}")
    if not (hasattr(module, "FORMAT") and hasattr(module, "write")):
        raise ImportError(f"exports/{name}.py offers no `FORMAT` and `write`")
    return cast(Export, module)
