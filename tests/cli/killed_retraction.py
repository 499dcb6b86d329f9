"""A retraction in a process of its own that is killed after its n-th step: `python killed_retraction.py STATE SINCE UNTIL N`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cityward.adapters.ledgers.files import FileLedger
from cityward.adapters.stores.state import SqlState
from cityward.compose.proving.taint import retract

STEPS = ["begin_mark", "set_retraction", "list_hours", "make_hours", "make_latest", "set_expected_of", "end_mark"]


def deadly(inner: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def step(*args: Any, **kwargs: Any) -> Any:
        out = inner(*args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return out

    return step


def main(state: str, since: str, until: str, after: str) -> None:
    left = [int(after)]
    for owner, names in ((FileLedger, ["append"]), (SqlState, STEPS)):
        for name in names:
            setattr(owner, name, deadly(getattr(owner, name), left))
    retract(Path(state), "meter-02", (), int(since), int(until), why="drifted", person="ada")


if __name__ == "__main__":
    main(*sys.argv[1:])
