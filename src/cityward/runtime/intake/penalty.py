"""Who says far more than declared is kept out for a while.

Theory of operation
-------------------
The gate sheds what is over a device's budget, and that is enough for one that stutters. One that floods still costs the broker
its memory and the worker its time, and every other device its answer. So the door counts what each device sends by what the
broker tells of its connections. Each device has a bucket, in minutes' worth of its budget (messages or bytes, whichever is more):
it drains at `FACTOR` times the budget, and a device that fills it to `ALLOWANCE` is barred: for `FIRST_US`, and twice as long
each time again, up to `LONGEST_US`. A device that kept to its budget for `FORGIVEN_US` begins anew. A penalty ends by itself.

So a device that comes back with a short backlog is let through, and one that sends a minute's budget every second is out within
two seconds, before the broker's queues are full.

INVARIANTS
- Pure: time and counts are arguments. The state is bounded by the number of devices.
- A device within `FACTOR` of its budget is never barred here, however long.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cityward.time import DAY, HOUR, MINUTE, SECOND

FACTOR = 4.0
"""PRECEDENT: a burst of a few times the mean is what traffic shapers allow (RFC 2697: CBS, EBS)."""
ALLOWANCE = 1.0
"""Minutes' worth at once: at the default 600 messages, ten hours of a reading a minute that were kept back."""
FIRST_US = MINUTE
LONGEST_US = HOUR
FORGIVEN_US = DAY
LINGERS_US = 5 * SECOND
"""So long after a penalty a busy broker may still tell of what was sent before it: that is no second offence."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a device is declared to send, a second of the machine."""

    messages_s: float
    bytes_s: float


@dataclass(frozen=True, slots=True)
class Penalty:
    """A device is to be barred until then (machine us). `nth`: how many in a row. `times`: by how much it was over."""

    device: str
    until_us: int
    nth: int
    times: float


@dataclass(slots=True)
class _Record:
    level: float = 0.0  # minutes' worth
    nth: int = 0
    ended_at: int = 0
    deaf_until: int = 0


@dataclass(slots=True)
class Penalties:
    """What is remembered of each device."""

    _records: dict[str, _Record] = field(default_factory=dict[str, _Record])

    def remember(self, device: str, nth: int, ended_at: int) -> None:
        """Take up an earlier penalty, after a restart."""
        self._records[device] = _Record(nth=nth, ended_at=ended_at)

    def look(self, device: str, budget: Budget, messages: int, size: int, since_us: int, now_us: int) -> Penalty | None:
        """Judge what a device sent from `since_us` to `now_us`: so many messages, of `size` bytes altogether."""
        took_s = (now_us - since_us) / SECOND
        if took_s <= 0:
            return None
        times = max(messages / took_s / budget.messages_s, size / took_s / budget.bytes_s)
        record = self._records.setdefault(device, _Record())
        if now_us < record.deaf_until:
            return None
        record.level = max(0.0, record.level + (times - FACTOR) * took_s / 60)
        if record.level >= ALLOWANCE:
            return self._bar(device, record, times, now_us)
        if record.level == 0.0 and now_us - record.ended_at >= FORGIVEN_US:
            del self._records[device]
        return None

    def _bar(self, device: str, record: _Record, times: float, now_us: int) -> Penalty:
        again = record.nth > 0 and now_us - record.ended_at < FORGIVEN_US
        record.nth = record.nth + 1 if again else 1
        lasts = min(FIRST_US << min(record.nth - 1, 16), LONGEST_US)
        record.level, record.ended_at, record.deaf_until = 0.0, now_us + lasts, now_us + LINGERS_US
        return Penalty(device, record.ended_at, record.nth, times)
