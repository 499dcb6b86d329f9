"""A child process that is asked one thing: given bytes, read within bounds, ended when it takes too long or nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from cityward.errors import LinkError

DEVNULL, PIPE = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a child may take and how many bytes it may say; how what it is asked for is called in errors, and their mend."""

    said: str
    mend: str
    child_s: float
    most_bytes: int


async def said_by(program: Sequence[str], bounds: Bounds, raw: bytes | None = None) -> bytes:
    """What a program says on its standard output, to its end. raw: what it is given; None: nothing, not even an end.

    Raises:
        LinkError: it could not be started, took too long, or said too much.
    """
    given = DEVNULL if raw is None else PIPE
    try:
        child = await asyncio.create_subprocess_exec(*program, stdin=given, stdout=PIPE, stderr=DEVNULL)
    except OSError as error:  # no memory, no process left
        raise LinkError(f"{bounds.said} could not be started: {error.strerror}", mend=bounds.mend) from error
    try:
        async with asyncio.timeout(bounds.child_s):
            if raw is not None:
                await _give(child, raw)
            return await _all_of(child, bounds)
    except TimeoutError:
        raise LinkError(f"{bounds.said} was not made within {bounds.child_s:.0f} s", mend=bounds.mend) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def _give(child: asyncio.subprocess.Process, raw: bytes) -> None:
    assert child.stdin is not None
    with suppress(ConnectionError):  # it ended early: what it said tells why
        child.stdin.write(raw)
        await child.stdin.drain()
    child.stdin.close()


async def _all_of(child: asyncio.subprocess.Process, bounds: Bounds) -> bytes:
    assert child.stdout is not None
    data = bytearray()
    while part := await child.stdout.read(1 << 20):
        data += part
        if len(data) > bounds.most_bytes:
            raise LinkError(f"{bounds.said} is too long", mend=bounds.mend)
    await child.wait()
    return bytes(data)
