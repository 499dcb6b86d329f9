"""What the city does: one folder per service, each a pure function from a view to proposals, never an action.

Services are found by scanning this package: the folder's name is the service's id (the declaration's `kind`), its `SERVICE` the
service. An import error stops the start: a city whose lighting did not load must not look as if it ran.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from cityward.services.contract import Service


def find_services() -> dict[str, Service[Any, Any]]:
    """Every service, by id.

    Raises:
        ImportError: a folder could not be imported, or offers no `SERVICE`.
    """
    return {info.name: _load(info.name) for info in pkgutil.iter_modules(__path__) if info.ispkg}


def _load(name: str) -> Service[Any, Any]:
    module = importlib.import_module(f"{__name__}.{name}")
    service = getattr(module, "SERVICE", None)
    if service is None:
        raise ImportError(f"services/{name}/__init__.py offers no `SERVICE`")
    return service
