"""A child that speaks without end holds its supervisor up for nobody."""

from __future__ import annotations

import socket

from cityward.runtime import supervisor


class Flood(socket.socket):
    reads = 0

    def recv(self, *_: int) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.reads += 1
        assert self.reads < 1_000, "it is read without end"
        return b"." * 4096


def test_a_child_that_speaks_without_end_is_not_read_without_end() -> None:
    with Flood() as flood:
        assert supervisor._spoke(flood)  # pyright: ignore[reportPrivateUsage]
