"""The one deadline of a whole send. A socket's own timeout begins anew with every byte, so a receiver that answers one now and
then would hold its channel for as long as it likes.

SECURITY: what is cut is the connection itself; no thread is left waiting on it.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Timer

WHOLE_S = 45.0
"""So long a send may take, with every answer. Less than `runtime.alerting.SEND_S`: it ends before it is given up."""


@contextmanager
def cut_off_in_time(current: Callable[[], socket.socket | None]) -> Generator[None]:
    """Within the block, the connection is cut when `WHOLE_S` are over; whoever reads from it then meets its end.

    Args:
        current: the connection at that moment (TLS may have taken its place meanwhile); None where there is none.
    """
    timer = Timer(WHOLE_S, _cut, [current])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(current: Callable[[], socket.socket | None]) -> None:
    link = current()
    if link is not None:
        with contextlib.suppress(OSError):  # it ended by itself
            socket.socket.shutdown(link, socket.SHUT_RDWR)  # below TLS, which would wait for the other side
