"""Processes forked from one that has everything imported: they are as if started by themselves, and nobody is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cityward.runtime.nursery import UNSEEN, Born, Nursery, can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="NO PIDFD ON THIS SYSTEM: processes are started by exec")

WITHIN_S = 60.0
TOLD = """
import json, os, signal, sys, threading
files = []
for one in range(3, 256):
    try:
        files.append(os.readlink(f"/proc/self/fd/{one}"))
    except OSError:
        pass
told = {
    "argv": sys.argv[1:], "name": __name__, "imported": "colorsys" in sys.modules, "threads": threading.active_count(),
    "files": files,
    "signals": [signal.getsignal(one) == signal.SIG_DFL for one in (signal.SIGTERM, signal.SIGCHLD)],
    "comm": open("/proc/self/comm").read().strip(), "mask": [int(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
}
with open(sys.argv[1], "w") as out:
    json.dump(told, out)
sys.exit(int(sys.stdin.readline()))
"""
WAITS = "import sys; sys.stdin.read()"


@asynccontextmanager
async def nursery(folder: Path) -> AsyncGenerator[Nursery]:
    """One that finds `told` and `waits`, modules in a folder."""
    (folder / "told.py").write_text(TOLD)
    (folder / "waits.py").write_text(WAITS)
    path, os.environ["PYTHONPATH"] = os.environ.get("PYTHONPATH", ""), str(folder)
    nursed = Nursery("nobody", ("colorsys",))
    try:
        yield nursed
    finally:
        nursed.close()
        os.environ["PYTHONPATH"] = path


async def start(nursed: Nursery, *argv: str) -> tuple[Born, socket.socket]:
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            return await nursed.start("a-child", [sys.executable, "-m", *argv], theirs.fileno()), ours
    except OSError:
        ours.close()
        raise


def go(body: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(WITHIN_S):
            await body()

    asyncio.run(bounded())


def test_a_child_is_as_if_started_by_itself_and_ends_with_its_code(tmp_path: Path) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as nursed:
            out = tmp_path / "out.json"
            child, ours = await start(nursed, "told", str(out), "--role", "x")
            assert child.returncode is None
            with ours:
                ours.send(b"7\n")
                assert await child.wait() == 7
            assert child.returncode == 7
            told = json.loads(out.read_text())
            assert told == {
                "argv": [str(out), "--role", "x"], "name": "__main__", "imported": True, "threads": 1, "files": [],
                "signals": [True, True], "comm": "a-child", "mask": [],
            }  # fmt: skip

    go(body)


def test_it_is_signalled_and_its_end_is_told_once(tmp_path: Path) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as nursed:
            (one, a), (other, b) = [await start(nursed, "waits") for _ in range(2)]
            with a, b:
                one.terminate()
                assert await one.wait() == -signal.SIGTERM
                assert other.returncode is None
                with pytest.raises(ProcessLookupError):
                    one.kill()
                other.kill()
                assert await other.wait() == -signal.SIGKILL

    go(body)


def test_who_ends_at_once_is_not_waited_for_in_vain(tmp_path: Path) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as nursed:
            for _ in range(20):
                child, ours = await start(nursed, "no_such_module")
                with ours:
                    assert await child.wait() == 1

    go(body)


def test_children_outlive_a_nursery_that_is_killed_and_the_next_start_begins_a_new_one(tmp_path: Path) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as nursed:
            old, ours = await start(nursed, "waits")
            parent = _parent_of(old.pid)
            os.kill(parent, signal.SIGKILL)
            new, others = await start_again(nursed)
            with others:
                assert old.returncode is None
                assert _parent_of(new.pid) not in (parent, os.getpid())
                ours.close()
                assert await old.wait() == UNSEEN
                new.kill()
                assert await new.wait() == -signal.SIGKILL

    async def start_again(nursed: Nursery) -> tuple[Born, socket.socket]:
        while True:  # the supervisor tries again, too
            try:
                return await start(nursed, "waits")
            except OSError:
                await asyncio.sleep(0)

    go(body)


def test_a_nursery_ends_with_who_asks_it_and_its_children_with_theirs(tmp_path: Path) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as nursed:
            child, ours = await start(nursed, "waits")
            parent = _parent_of(child.pid)
        assert not Path(f"/proc/{parent}").exists()
        assert child.returncode is None
        ours.close()
        assert await child.wait() == UNSEEN

    go(body)


def test_what_is_none_of_pythons_modules_or_too_long_is_not_started(tmp_path: Path) -> None:
    async def body() -> None:
        async with nursery(tmp_path) as nursed:
            for argv in (["/bin/true"], [sys.executable, "-c", "pass"], [sys.executable, "-m", "x" * 1_000_000]):
                with pytest.raises(OSError):
                    await nursed.start("no", argv, 0)
            child, ours = await start(nursed, "waits")  # and it goes on
            ours.close()
            assert await child.wait() == 0

    go(body)


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
