"""The supervisor over real processes: it starts them again, tells of one that stands still, and leaves none behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from cityward.runtime.supervisor import GOES_ON, STANDS_STILL, Child, Supervisor

WITHIN_S = 60.0
SPEAKS = """
import asyncio, sys
from pathlib import Path
from cityward.runtime.supervisor import stop_with_parent, tell_alive

async def main():
    stop = asyncio.Event()
    tasks = [asyncio.create_task(stop_with_parent(stop)), asyncio.create_task(tell_alive())]
    await asyncio.sleep(0.1)
    Path(sys.argv[1]).touch()
    await stop.wait()
    for task in tasks:
        task.cancel()

asyncio.run(main())
"""
DUMB = "import sys; sys.stdin.read()"


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not so():
            await asyncio.sleep(0.02)


def test_one_that_stands_still_is_told_of_and_again_when_it_goes_on_and_one_that_never_spoke_is_not(
    tmp_path: Path,
) -> None:
    told: list[tuple[str, str]] = []
    said: list[str] = []
    alive = tmp_path / "alive"
    speaks = Child("speaks", [sys.executable, "-c", SPEAKS, str(alive)])
    dumb = Child("dumb", [sys.executable, "-c", DUMB])

    def tell(name: str, what: str) -> None:
        told.append((name, what))

    async def watch() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(Supervisor([speaks, dumb], said.append, tell).run(stop))
        await until(alive.exists)
        assert speaks.pid is not None
        os.kill(speaks.pid, signal.SIGSTOP)
        await until(lambda: ("speaks", STANDS_STILL) in told)
        os.kill(speaks.pid, signal.SIGCONT)
        await until(lambda: ("speaks", GOES_ON) in told)
        alive.unlink()
        os.kill(speaks.pid, signal.SIGKILL)
        await until(alive.exists)  # started again
        stop.set()
        await running

    asyncio.run(watch())
    assert [what for name, what in told if name == "speaks"] == ["", STANDS_STILL, GOES_ON, "-9", ""]
    assert [what for name, what in told if name == "dumb"] == [""]
    assert len(said) == 3 and "stands still" in said[0]
    assert (speaks.pid, dumb.pid, speaks.restarts) == (None, None, 1)


def test_a_child_ends_with_its_supervisor_however_that_ends(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    keeps = f"""
import asyncio, sys
from pathlib import Path
from cityward.runtime.supervisor import Child, Supervisor
child = Child("speaks", [sys.executable, "-c", sys.argv[1], {str(alive)!r}])
def told(name, what):
    Path(sys.argv[2]).write_text(str(child.pid))
asyncio.run(Supervisor([child], print, told).run(asyncio.Event()))
"""

    async def watch() -> None:
        written = str(tmp_path / "pid")
        supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", keeps, SPEAKS, written)
        await until(alive.exists)
        pid = int(Path(written).read_text())
        supervisor.kill()
        await supervisor.wait()
        await until(lambda: not _runs(pid))

    asyncio.run(watch())


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return (
        not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
    )  # ended, and not yet collected
