"""One file per control, each offering `CONTROL`. Found by scanning; an import error stops whoever asks.

A missing control must not look like a passed one.
"""

from __future__ import annotations

import importlib
import pkgutil

from cityward.assurance.control import Control


def find_controls() -> dict[str, Control]:
    """Every control, by id, in the order of the ids.

    Raises:
        ImportError: a file could not be imported, offers no `CONTROL`, or one that another file has.
    """
    found: dict[str, Control] = {}
    for info in pkgutil.iter_modules(__path__):
        control = getattr(importlib.import_module(f"{__name__}.{info.name}"), "CONTROL", None)
        if not isinstance(control, Control):
            raise ImportError(f"assurance/controls/{info.name}.py offers no `CONTROL`")
        if control.id in found:
            raise ImportError(f"assurance/controls/{info.name}.py: `{control.id}` stands in another file too")
        found[control.id] = control
    return dict(sorted(found.items()))
