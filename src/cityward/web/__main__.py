"""The web process of a running city: `python -m cityward.web STATE`. Started by `cityward run`."""

import sys
from pathlib import Path

from cityward.compose.home import Home
from cityward.compose.roles import run_process
from cityward.web.door import ROLE, run_web

if __name__ == "__main__":
    run_process(Home(Path(sys.argv[1])), run_web, ROLE)
