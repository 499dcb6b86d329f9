"""Starts processes by forking: `python -m cityward.runtime.nursing OF MODULE...`. See `runtime/nursery.py`, which asks it.

Theory of operation
-------------------
It imports the modules, and then waits on its standard input, a socket of whole messages, for what to run: a command line
`python -m MODULE ...` with a descriptor that becomes the new process's standard input. It forks, and the child goes on as if it
had been started by that command line, with everything imported already. The end of each child is told. OF is for people: it
stands in the line of each child when processes are listed.

INVARIANTS
- One thread runs Python here; before a fork there is no event loop and no connection, and no secret was read: a child begins as
  clean as by `exec`.
- It ends when its socket does. Its children have sockets of their own and learn of their supervisor's end by these.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

MOST = 1 << 16  # bytes of a message
TITLE = 15  # what the kernel keeps of a name


def main(modules: Sequence[str]) -> None:
    """Until the socket ends; in a child: until what it runs has ended."""
    for name in modules:
        importlib.import_module(name)
    # some libraries have threads of their own by now, of allocators and of arithmetic: these know of forks, and rest
    warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
    gc.collect()
    gc.freeze()  # what is shared stays shared: the collector touches none of it
    argv = _nurse(socket.socket(fileno=0))
    if argv is not None:
        sys.argv = ["", *argv[1:]]
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)


def _nurse(control: socket.socket) -> Sequence[str] | None:
    """Fork what is asked for. In a child: the module it is to run and its arguments; here: None, at the end."""
    woken, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, _notice)
    signal.set_wakeup_fd(wakes)
    for number in (signal.SIGINT, signal.SIGTERM):  # for the children; this one ends with its supervisor
        signal.signal(number, signal.SIG_IGN)
    poll = select.poll()
    for one in (woken, control.fileno()):
        poll.register(one, select.POLLIN)
    while True:
        ready = [one for one, _ in poll.poll()]
        if woken in ready:
            os.read(woken, MOST)
            _tell_ended(control)
        if control.fileno() in ready:
            said, given, _, _ = socket.recv_fds(control, MOST, 1, socket.MSG_CMSG_CLOEXEC)
            if not said:
                return None
            asked = json.loads(said)
            if _fork(control, asked["nth"]) == 0:
                _begin(asked["name"], given[0])
                for one in (woken, wakes, *given):
                    os.close(one)
                control.detach()  # its descriptor is the child's own standard input now
                return asked["argv"]
            os.close(given[0])


def _notice(number: int, frame: object) -> None:
    """Only so that the signal wakes us."""


def _fork(control: socket.socket, nth: int) -> int:
    """0 in the child, else its number, which is told with a descriptor of it; -1: it could not be."""
    try:
        child = os.fork()
    except OSError as error:  # no memory, no process left
        with suppress(OSError):
            control.send(json.dumps({"nth": nth, "error": error.strerror}).encode())
        return -1
    if child:
        held = os.pidfd_open(child)
        with suppress(OSError):  # nobody there any more
            socket.send_fds(control, [json.dumps({"nth": nth, "pid": child}).encode()], [held])
        os.close(held)
    return child


def _begin(name: str, standard_input: int) -> None:
    """What a new process has of its own."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(standard_input, 0)
    with suppress(OSError):  # for who looks at the processes of the machine
        Path("/proc/self/comm").write_text(name[:TITLE])


def _tell_ended(control: socket.socket) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            code = os.waitstatus_to_exitcode(ended[1])
            with suppress(OSError):
                control.send(json.dumps({"pid": ended[0], "code": code}).encode())


if __name__ == "__main__":
    main(sys.argv[2:])
