"""One file per framework, each offering `PACK`: clause ids, our own words, and the controls behind each. Found by scanning.

No text of a framework is here. A pack says where its ids come from, and what was left out because it was not sure.
"""

from __future__ import annotations

import importlib
import pkgutil

from cityward.assurance.packs.telling import Pack

NOT_PACKS = frozenset({"telling"})


def find_packs() -> dict[str, Pack]:
    """Every pack, by its short name (`caf`).

    Raises:
        ImportError: a file could not be imported, or offers no `PACK`.
    """
    found: dict[str, Pack] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name in NOT_PACKS:
            continue
        pack = getattr(importlib.import_module(f"{__name__}.{info.name}"), "PACK", None)
        if not isinstance(pack, Pack):
            raise ImportError(f"assurance/packs/{info.name}.py offers no `PACK`")
        found[pack.id] = pack
    return dict(sorted(found.items()))
