"""How fast one device may speak: within its flow's limit, with room to spare, so that nothing of its own is shed. Pure."""

from __future__ import annotations

from cityward.time import MINUTE


class Pace:
    """A leaky bucket (GCRA) in city time: three quarters of the limit steadily, a fifth of it at once.

    INVARIANT: less than the limit in any minute, wherever the minute begins.
    """

    def __init__(self, messages_per_minute: int) -> None:
        self._gap = round(MINUTE / (0.75 * messages_per_minute))
        self._burst = self._gap * max(0, round(0.2 * messages_per_minute) - 1)
        self._due = 0

    def wait_us(self, now: int) -> int:
        """How long the next message must wait at city time `now`; 0: it is counted, and may go."""
        ahead = self._due - now
        # a clock that went back must not silence a device
        if ahead > self._burst + self._gap:
            self._due = now + self._burst
            return 0
        if ahead > self._burst:
            return ahead - self._burst
        self._due = max(self._due, now) + self._gap
        return 0
