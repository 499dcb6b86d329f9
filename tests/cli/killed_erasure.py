"""An erasure in a process of its own that is killed after its n-th step: `python killed_erasure.py STATE N`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.stores.erasing import HistoryErasure
from cityward.adapters.stores.erasures import ErasureBook
from cityward.adapters.stores.state import SqlState
from cityward.compose.keeping import erasure

STEPS = (
    (ErasureBook, ("begin", "found", "erase_of_device", "scrub", "end")),
    (HistoryErasure, ("_replace", "forget")),
    (SqlState, ("list_hours", "make_hours", "make_latest", "set_expected_of")),
    (FileLedger, ("append",)),
)


def deadly(inner: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def step(*args: Any, **kwargs: Any) -> Any:
        out = inner(*args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return out

    return step


def main(state: str, after: str) -> None:
    left = [int(after)]
    for owner, names in STEPS:
        for name in names:
            setattr(owner, name, deadly(getattr(owner, name), left))
    erasure.PAUSE_S = 0.0
    erasure.erase(Path(state), "meter-02", "", 0, None, reason="asked", person="ada")


if __name__ == "__main__":
    main(*sys.argv[1:])
