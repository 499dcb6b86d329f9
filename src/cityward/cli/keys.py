"""What a person types while `cityward run` has the terminal."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

LOCAL = 3  # of what `tcgetattr` tells: the flags of the local modes


class Keys:
    """Enter, on a terminal that is ours: what is typed is not shown meanwhile. Ctrl-C stays what it is."""

    def __init__(self, keyboard: int) -> None:
        self._keyboard = keyboard
        self._before: list[Any] | None = None

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return self._before is not None

    def listen(self, asked: Callable[[], None]) -> None:
        """Tell of each Enter. Does nothing where nobody types, or where somebody else is being typed to."""
        with suppress(OSError, termios.error):
            if os.tcgetpgrp(self._keyboard) != os.getpgrp():
                return
            self._before = termios.tcgetattr(self._keyboard)
            now = termios.tcgetattr(self._keyboard)
            now[LOCAL] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(self._keyboard, termios.TCSANOW, now)
            asyncio.get_running_loop().add_reader(self._keyboard, self._read, asked)

    def close(self) -> None:
        """The terminal as it was."""
        if self._before is not None:
            with suppress(OSError, termios.error):
                termios.tcsetattr(self._keyboard, termios.TCSANOW, self._before)
            self._stop()

    def _read(self, asked: Callable[[], None]) -> None:
        try:
            typed = os.read(self._keyboard, 1024)
        except OSError:
            typed = b""
        if not typed:  # the terminal is gone
            self._stop()
        elif b"\n" in typed or b"\r" in typed:
            asked()

    def _stop(self) -> None:
        self._before = None
        with suppress(RuntimeError, ValueError):
            asyncio.get_event_loop().remove_reader(self._keyboard)
