"""Who attacks: one folder per detector under `detectors/`; neutral facts in, signs out, judged to findings.

Lives here: the contract of a detector, the world it is told of, the grid it sees, and what becomes of its signs (findings,
incidents, trust). Pure and bounded: a detector keeps what its parameters say and no more.
Does not live here: reading facts and carrying out judgement (`runtime`), saying no (`guard`).

Detectors are found by scanning `detectors/`: the folder's name is the detector's id, its `DETECTOR` the detector. An import error
stops the start: a watch whose detector did not load must not look as if it watched.
"""

from __future__ import annotations

import importlib
import pkgutil

from cityward.watch import detectors as _folder
from cityward.watch.contract import Detector


def find_detectors() -> dict[str, Detector]:
    """Every detector, by id, in order of id.

    Raises:
        ImportError: a folder could not be imported, offers no `DETECTOR`, or one whose card has another id.
    """
    names = sorted(info.name for info in pkgutil.iter_modules(_folder.__path__) if info.ispkg)
    return {name.replace("_", "-"): _load(name) for name in names}


def _load(name: str) -> Detector:
    module = importlib.import_module(f"{_folder.__name__}.{name}")
    detector: Detector | None = getattr(module, "DETECTOR", None)
    if detector is None or detector.card.id != name.replace("_", "-"):
        raise ImportError(f"watch/detectors/{name}/__init__.py offers no `DETECTOR` of that id")
    return detector
