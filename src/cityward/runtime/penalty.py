"""Who says far more than declared, for long, is kept out for a while.

Theory of operation
-------------------
The gate sheds what is over a device's budget, and that is enough for one that stutters. One that floods still costs the broker
its disk and the worker its time. So the door counts what each device sends by what the broker tells of its connections, and a
device that says more than `FACTOR` times its budget, in messages or in bytes, in every look for `SUSTAINED_US`, is barred: for
`FIRST_US`, and twice as long each time again, up to `LONGEST_US`. A device that kept to its budget for `FORGIVEN_US` begins anew.
A penalty ends by itself.

Looks come every few seconds, and each tells what was sent since the last one. What is between two looks is taken as even.

INVARIANTS
- Pure: time and counts are arguments. The state is bounded by the number of devices.
- A device within `FACTOR` of its budget is never barred here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cityward.time import DAY, HOUR, MINUTE, SECOND

FACTOR = (
    4.0  # PRECEDENT: a token bucket of a few times the mean is what traffic shapers allow as burst (RFC 2697: CBS, EBS)
)
SUSTAINED_US = 10 * SECOND
FIRST_US = MINUTE
LONGEST_US = HOUR
FORGIVEN_US = DAY
STALE_US = MINUTE  # two looks further apart than this tell nothing of what went on between


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
    looked_at: int
    over_since: int | None = None
    nth: int = 0
    ended_at: int = 0


@dataclass(slots=True)
class Penalties:
    """What is remembered of each device."""

    _records: dict[str, _Record] = field(default_factory=dict[str, _Record])

    def remember(self, device: str, nth: int, ended_at: int) -> None:
        """Take up an earlier penalty, after a restart."""
        self._records[device] = _Record(looked_at=ended_at, nth=nth, ended_at=ended_at)

    def look(self, device: str, budget: Budget, messages: int, size: int, since_us: int, now_us: int) -> Penalty | None:
        """Judge what a device sent from `since_us` to `now_us`: so many messages, of `size` bytes altogether."""
        took_s = (now_us - since_us) / SECOND
        if took_s <= 0:
            return None
        record = self._records.setdefault(device, _Record(looked_at=since_us))
        times = max(messages / took_s / budget.messages_s, size / took_s / budget.bytes_s)
        stale = since_us - record.looked_at > STALE_US
        record.looked_at = now_us
        if times <= FACTOR:
            self._keep_or_forget(device, record, now_us)
            return None
        if record.over_since is None or stale:
            record.over_since = since_us
        return self._bar(device, record, times, now_us) if now_us - record.over_since >= SUSTAINED_US else None

    def _keep_or_forget(self, device: str, record: _Record, now_us: int) -> None:
        record.over_since = None
        if now_us - record.ended_at >= FORGIVEN_US:
            del self._records[device]

    def _bar(self, device: str, record: _Record, times: float, now_us: int) -> Penalty:
        again = record.nth > 0 and now_us - record.ended_at < FORGIVEN_US
        record.nth = record.nth + 1 if again else 1
        lasts = min(FIRST_US << min(record.nth - 1, 16), LONGEST_US)
        record.over_since, record.ended_at = None, now_us + lasts
        return Penalty(device, record.ended_at, record.nth, times)
