"""One job of one service, in a process of its own: `python -m cityward.adapters.works.child KIND SECONDS`.

The job's body comes in on standard input, the answer goes out on the standard output; what the service prints goes to the
standard error. The process bounds itself before it imports the service: memory, processor time, files, and a clock that ends it
also when nobody is left to stop it. It needs no network and no file of the city.

Does not live here: the parent's part, a deadline and a kill (`processes`).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import signal
import sys
from typing import Any

MOST_MEMORY = 2 << 30  # bytes of address space: PyVRP with SciPy maps some 600 MB before it begins
MOST_FILES = 64
SLOWER_BY = 10  # niceness: lamps come first
GRACE_S = 2
FAILED = 3


def main(arguments: list[str]) -> int:
    """Do the job; the exit code is 0, or `FAILED`."""
    kind, longest_s = arguments[0], float(arguments[1])
    give_up_resources(longest_s)
    out = os.dup(1)
    os.dup2(2, 1)  # what is printed is no answer
    body = sys.stdin.buffer.read()
    try:
        service: Any = importlib.import_module(f"cityward.services.{kind}").SERVICE
        answer = service.work(body)
        if not isinstance(answer, bytes):
            raise TypeError(f"work answers bytes, not {type(answer).__name__}")
    except Exception as error:  # whatever it was, it is told to the parent and ends here
        sys.stderr.write(f"{type(error).__name__}: {error}"[:500])
        return FAILED
    with os.fdopen(out, "wb") as pipe:
        pipe.write(answer)
    return 0


def give_up_resources(longest_s: float) -> None:
    """Bound memory, processor time, files and core dumps, for good; and end by itself after `longest_s`."""
    seconds = int(longest_s) + GRACE_S
    for what, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_NOFILE, MOST_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a system without one of them, or with a narrower one
            resource.setrlimit(what, (most, most))
    with contextlib.suppress(OSError):
        os.nice(SLOWER_BY)
    signal.alarm(seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
