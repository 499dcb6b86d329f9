"""Processes that are there at once: forked from one that has imported everything, instead of each importing it anew.

Theory of operation
-------------------
A process of the city spends two seconds of a processor on imports. So one process, the nursery (`runtime/nursing.py`), does it
once, beside its supervisor's own start, and is asked for each child over a socket of whole messages, with the descriptor that
shall be the child's standard input. The answer brings a descriptor of the child (a pidfd), by which it is signalled whatever
becomes of its number. The nursery tells how each child ended. Should it end itself, its children go on, their ends are seen by
their descriptors, and the next start begins a new one.

Where the system has no such descriptors, children are started by `exec`: slower, and else the same (ADR 21).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from cityward.runtime.nursing import MOST

ANSWERS_WITHIN_S = 60.0  # it imports meanwhile, and the machine may be busy
UNSEEN = "an end that nobody saw"


def can_fork() -> bool:
    """Whether this system can hold a process by a descriptor."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


@dataclass(slots=True)
class Born:
    """A process of the nursery."""

    pid: int
    held: int  # its descriptor
    ended: asyncio.Future[int | str]

    @property
    def returncode(self) -> int | str | None:
        """None while it runs."""
        return self.ended.result() if self.ended.done() else None

    async def wait(self) -> int | str:
        """How it ended: its code, minus the signal's number, or in words."""
        return await asyncio.shield(self.ended)

    def terminate(self) -> None:
        """Ask it to end. Raises ProcessLookupError where it has."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it. Raises ProcessLookupError where it has ended."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.ended.done():
            raise ProcessLookupError(self.pid)
        signal.pidfd_send_signal(self.held, number)


@dataclass(slots=True)
class Nursery:
    """See the module. of: whose processes, for people; modules: what each has imported.

    Used by one event loop; `begin` may be called before there is one.
    """

    of: str
    modules: Sequence[str]
    _process: subprocess.Popen[bytes] | None = None
    _control: socket.socket | None = None
    _heard_by: asyncio.AbstractEventLoop | None = None
    _asked: asyncio.Future[Born] | None = None
    _nth: int = 0
    _born: dict[int, Born] = field(default_factory=dict[int, Born])
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def begin(self) -> None:
        """Let it import; nobody waits for it. Raises OSError where it cannot be started."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            argv = [sys.executable, "-m", "cityward.runtime.nursing", self.of, *self.modules]
            self._process = subprocess.Popen(argv, stdin=theirs.fileno())  # noqa: S603 - ourselves
        self._control = ours

    async def start(self, name: str, argv: Sequence[str], standard_input: int) -> Born:
        """Start `python -m MODULE ...`. name: for who looks at the machine's processes.

        Raises:
            OSError: it could not be started.
        """
        async with self._turn:
            control = self._listening()
            self._asked, self._nth = asyncio.get_running_loop().create_future(), self._nth + 1
            try:
                asked = json.dumps({"nth": self._nth, "name": name, "argv": _after_m(argv)}).encode()
                socket.send_fds(control, [asked], [standard_input])
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    return await self._asked
            except TimeoutError as error:
                self._lose()
                raise OSError(0, "the nursery does not answer") from error
            finally:
                self._asked = None

    def close(self) -> None:
        """End it; children that still run learn of it by their own standard input."""
        self._lose()

    def _listening(self) -> socket.socket:
        if self._control is None:
            self.begin()
        assert self._control is not None
        if self._heard_by is None:
            self._heard_by = asyncio.get_running_loop()
            self._heard_by.add_reader(self._control, self._hear)
        return self._control

    def _hear(self) -> None:
        assert self._control is not None
        try:
            said, given, _, _ = socket.recv_fds(self._control, MOST, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            said, given = b"", []
        if not said:
            self._lose()
            return
        told = json.loads(said)
        if "code" in told:
            self._end(told["pid"], told["code"])
        elif self._asked is None or self._asked.done() or told["nth"] != self._nth:
            for one in given:  # nobody waits for it any more: it ends with its standard input
                os.close(one)
        elif "error" in told:
            self._asked.set_exception(OSError(0, told["error"]))
        else:  # known before its end can be told
            born = Born(told["pid"], given[0], asyncio.get_running_loop().create_future())
            self._born[born.pid] = born
            self._asked.set_result(born)

    def _end(self, pid: int, code: int | str) -> None:
        if (born := self._born.pop(pid, None)) is None:
            return
        os.close(born.held)
        if not born.ended.done():
            born.ended.set_result(code)

    def _lose(self) -> None:
        """The nursery has ended, or is ended. Who still runs is seen to its end by its descriptor."""
        loop, self._heard_by = self._heard_by, None
        if self._control is not None:
            if loop is not None:
                loop.remove_reader(self._control)
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(OSError(0, "the nursery ended"))
        for born in list(self._born.values()):
            if loop is not None and not loop.is_closed():
                loop.add_reader(born.held, self._saw_end, loop, born)

    def _saw_end(self, loop: asyncio.AbstractEventLoop, born: Born) -> None:
        loop.remove_reader(born.held)
        self._end(born.pid, UNSEEN)


def _after_m(argv: Sequence[str]) -> list[str]:
    """The module and its arguments. Raises OSError of a command line that is none of Python's modules."""
    if len(argv) < 3 or argv[0] != sys.executable or argv[1] != "-m":
        raise OSError(0, f"{argv[0]} is not of the nursery")
    return list(argv[2:])


def nursery_of(of: str, modules: Sequence[str]) -> Nursery | None:
    """One that has begun; None where the system cannot, or cannot now."""
    if not can_fork():
        return None
    nursery = Nursery(of, modules)
    with suppress(OSError):  # then the next start tries again, and says so if it cannot
        nursery.begin()
    return nursery
