"""One file per scenario, each offering `SCENARIO`. Found by scanning; an import error stops whoever asks.

A missing scenario must not look like one that this place has nothing for.
"""

from __future__ import annotations

import importlib
import pkgutil

from cityward.exercises.scenario import Scenario


def find_scenarios() -> dict[str, Scenario]:
    """Every scenario, by id (`S-17`), in the order of the ids.

    Raises:
        ImportError: a file could not be imported, offers no `SCENARIO`, or one that another file has.
    """
    found: dict[str, Scenario] = {}
    for info in pkgutil.iter_modules(__path__):
        scenario = getattr(importlib.import_module(f"{__name__}.{info.name}"), "SCENARIO", None)
        if not isinstance(scenario, Scenario):
            raise ImportError(f"exercises/scenarios/{info.name}.py offers no `SCENARIO`")
        if scenario.id in found:
            raise ImportError(f"exercises/scenarios/{info.name}.py: `{scenario.id}` stands in another file too")
        found[scenario.id] = scenario
    return dict(sorted(found.items()))
