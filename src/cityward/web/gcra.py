"""Rate limits: the generic cell rate algorithm, one number per key.

Theory of operation: each key has a theoretical arrival time (TAT), the time at which it has paid for everything it took. A
request of cost c is let through while TAT stays within `burst` intervals of now, and moves it c intervals on.
Source: ITU-T I.371 annex A (virtual scheduling).

INVARIANT: memory is bounded by `most_keys`; a key whose TAT has passed is the same as an unknown one, so forgetting it changes
nothing. When all keys are busy the one least recently used is forgotten: a limit may then be too mild, never too strict.
"""

from __future__ import annotations

from collections import OrderedDict


class Gcra:
    """Counts many keys. `now_us` is any clock that does not go back."""

    def __init__(self, most_keys: int) -> None:
        self._most_keys = most_keys
        self._arrival: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._arrival)

    def wait(self, key: str, now_us: int, every_us: int, burst: int, cost: int = 1) -> int:
        """What `take` would answer, without taking."""
        arrival = max(self._arrival.get(key, 0), now_us) + cost * every_us
        return max(0, arrival - burst * every_us - now_us)

    def take(self, key: str, now_us: int, every_us: int, burst: int, cost: int = 1) -> int:
        """0 when let through, else how many us to wait. One unit per `every_us`, at most `burst` at once."""
        wait = self.wait(key, now_us, every_us, burst, cost)
        if wait:
            return wait
        self._arrival[key] = max(self._arrival.get(key, 0), now_us) + cost * every_us
        self._arrival.move_to_end(key)
        if len(self._arrival) > self._most_keys:
            self._forget(now_us)
        return 0

    def _forget(self, now_us: int) -> None:
        """Drop keys from the least recently used on: those that have paid, and one in any case."""
        self._arrival.popitem(last=False)
        while self._arrival:
            key, arrival = next(iter(self._arrival.items()))
            if arrival > now_us:
                return
            del self._arrival[key]
