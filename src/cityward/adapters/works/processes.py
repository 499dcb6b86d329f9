"""Runs each job of a service in a child process: bytes in, bytes out, a deadline, and a kill for the whole group of processes.

INVARIANTS
- What a child answers is read up to `LARGEST_BODY` bytes and no further; its complaints up to `MOST_COMPLAINT`.
- After `longest_s`, on an error, and when whoever waits is cancelled, nothing of the child is left.
- A child is given no variable of our environment: no secret, no proxy, no path but the interpreter's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping

from cityward.errors import LinkError
from cityward.runtime.serving.jobs import LARGEST_BODY
from cityward.text import harmless

MOST_COMPLAINT = 2000
CHILD = "cityward.adapters.works.child"
ENVIRONMENT: Mapping[str, str] = {
    "PYTHONHASHSEED": "0",  # the same job gives the same answer
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
}


class ProcessWorks:
    """`runtime.serving.jobs.Works`. `module`: what runs in the child."""

    def __init__(self, module: str = CHILD) -> None:
        self._module = module

    async def work(self, kind: str, body: bytes, longest_s: float) -> bytes:
        """The answer of the service of this kind.

        Raises:
            LinkError: it failed, answered too much, or took longer than `longest_s`.
        """
        argv = [sys.executable, "-s", "-P", "-m", self._module, kind, f"{longest_s:g}"]
        pipe = asyncio.subprocess.PIPE
        try:
            child = await asyncio.create_subprocess_exec(
                *argv, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(ENVIRONMENT), cwd="/", start_new_session=True
            )
        except OSError as error:
            raise LinkError(f"a process for a job could not be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(longest_s):
                return await _answer(child, body, kind)
        except TimeoutError as error:
            raise LinkError(f"a job of `{kind}` took longer than {longest_s:g} s") from error
        finally:
            await _end(child)


async def _answer(child: asyncio.subprocess.Process, body: bytes, kind: str) -> bytes:
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    given = asyncio.create_task(_give(child.stdin, body))
    answer = asyncio.create_task(_upto(child.stdout, LARGEST_BODY, f"a job of `{kind}` answered more"))
    complaint = asyncio.create_task(_first(child.stderr, MOST_COMPLAINT))
    try:
        await asyncio.gather(given, answer, complaint)
    finally:
        for task in (given, answer, complaint):
            task.cancel()
        await asyncio.gather(given, answer, complaint, return_exceptions=True)
    if await child.wait() != 0:
        why = harmless(complaint.result().decode("utf-8", "replace")).strip()[-300:]
        raise LinkError(f"a job of `{kind}` ended with {child.returncode}: {why or 'it said nothing'}")
    return answer.result()


async def _give(pipe: asyncio.StreamWriter, body: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended before it had read all
        pipe.write(body)
        await pipe.drain()
    pipe.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await pipe.wait_closed()


async def _upto(pipe: asyncio.StreamReader, most: int, words: str) -> bytes:
    read = bytearray()
    while chunk := await pipe.read(1 << 16):
        read += chunk
        if len(read) > most:
            raise LinkError(f"{words} than {most} bytes")
    return bytes(read)


async def _first(pipe: asyncio.StreamReader, most: int) -> bytes:
    """The first bytes; the rest is read and thrown away, so that nobody waits to be heard."""
    read = b""
    while chunk := await pipe.read(1 << 16):
        read = (read + chunk)[:most]
    return read


async def _end(child: asyncio.subprocess.Process) -> None:
    """Kill the whole group, and wait: children of the child, too, are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    for pipe in (child.stdout, child.stderr):  # asyncio waits for a child until its pipes were read to their end
        if pipe is not None:
            await _first(pipe, 0)
    await child.wait()
