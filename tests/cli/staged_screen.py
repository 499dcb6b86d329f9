"""A screen of `cityward run` on a real terminal, over a city that is played: for tests/cli/test_screens.py."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cityward.cli import screens
from cityward.cli.above import logs_above
from cityward.errors import PlaceError
from cityward.runtime.ports import FlowCount


class Desk:
    """Makes links; the third is refused."""

    made = 1

    def __init__(self, setting: object) -> None: ...

    def link(self, who: str, by: str) -> str:
        """A token that tells which one it is."""
        Desk.made += 1
        if Desk.made > 2:
            raise PlaceError("the account is locked")
        return f"token-{Desk.made}"


def running(counts: list[FlowCount], root: Path, who: str = "operator") -> Any:
    """A city that runs."""
    city = SimpleNamespace(console="http://localhost:8080", city_clock=SimpleNamespace(speed=60.0))
    state = SimpleNamespace(counts=lambda: counts, watch=SimpleNamespace(open_incidents=lambda: 0))
    setting = SimpleNamespace(
        city=city,
        state=state,
        loaded=SimpleNamespace(place=SimpleNamespace(name="Test\x1b[2J Town")),
        home=SimpleNamespace(root=root),
        now_us=lambda: 1_794_851_000_000_000,
    )
    link = "http://localhost:8080/sign-in" + ("?token=token-1" if who else "")
    return SimpleNamespace(setting=setting, sign_in=link, mqtt="mqtts://127.0.0.1:8883", who=who, pids=dict)


async def play() -> None:
    """A tick for each letter that comes by the descriptor 3; `s`: started, `c`: something was received, `l`: a process logs."""
    counts = list[FlowCount]()
    with logs_above() as above:
        screen = screens.screen_for(False, above)
        city = running(counts, Path.cwd() / "state")
        screen.tick(city)
        while step := await asyncio.get_running_loop().run_in_executor(None, os.read, 3, 1):
            if step == b"s":
                screen.started(city)
            elif step == b"c":
                counts[:] = [FlowCount(f"flow-{n}", 1000 + n, 1000 + n, 0, 0) for n in range(20)]
            elif step == b"l":
                _log('timestamp=2026-11-23T18:29:53.1Z level=warning role=feeds event="a \\"feed\\" failed" flow=x')
            screen.tick(city)
        screen.end()
    _log("said after the end")


def _log(line: str) -> None:
    """As a process of the city does."""
    subprocess.run([sys.executable, "-c", f"import sys; print({line!r}, file=sys.stderr)"], check=True)


if __name__ == "__main__":
    screens.PeopleDesk = Desk  # type: ignore[misc,assignment]
    asyncio.run(play())
