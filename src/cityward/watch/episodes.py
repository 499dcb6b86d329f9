"""How often something happened lately, and whether that is an episode: leaky buckets by key, for detectors of events.

Theory of operation
-------------------
Each key (a device, an address, a person) has a bucket that drains evenly: `threshold` in `drains_us`. What happens is poured in.
An episode begins when a bucket reaches its threshold and ends when it has run dry; then the same key may begin another. In
between, each doubling of what was poured is worth telling again.

INVARIANTS
- Time never goes back: an event from a clock that is behind counts at the newest time seen.
- Independent of batching: a bucket runs dry at a moment that follows from what was poured, not from when somebody looks.
- Bounded: at most `most_keys` buckets a rule; the one longest untouched goes first, those in an episode last; all are counted.

Fails when: an attacker stays just below `threshold / drains_us`: that rate is what is tolerated, and the card says it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cityward.watch.contract import Phase

MOST_KEYS = 4096

LEVEL, AT, BEGAN, OPEN, POURED, TOLD = range(6)


@dataclass(frozen=True, slots=True)
class Rule:
    """`threshold` in one go, or spread over less than `drains_us`, is an episode. With threshold 1 each single one is."""

    kind: str
    threshold: float
    drains_us: int
    most_keys: int = MOST_KEYS


@dataclass(frozen=True, slots=True)
class Turn:
    """A key's episode began, went on or ended: when it began, when this was so, and how much was poured in it so far."""

    key: str
    phase: Phase
    began_at: int
    at: int
    poured: float
    score: float


Bucket = list[float]
"""[level, at, began_at, open, poured, told]: what JSON can hold."""


@dataclass(slots=True)
class Buckets:
    """The buckets of a detector's rules: rule -> key -> bucket, the one longest untouched first.

    calm: outside an episode. open: in one; apart, because time going on is asked of these alone, with every event.
    """

    now: int = 0
    forgotten: int = 0
    calm: dict[str, dict[str, Bucket]] = field(default_factory=dict[str, dict[str, Bucket]])
    open: dict[str, dict[str, Bucket]] = field(default_factory=dict[str, dict[str, Bucket]])


def pour(buckets: Buckets, rule: Rule, key: str, amount: float, at: int) -> Iterator[Turn]:
    """Something happened `amount` times to `key` at `at` (us). What ended before that comes first."""
    yield from drain(buckets, rule, at)
    now = buckets.now
    calm, in_episode = buckets.calm.setdefault(rule.kind, {}), buckets.open.setdefault(rule.kind, {})
    bucket = in_episode.pop(key, None) or calm.pop(key, None) or [0.0, float(now), float(now), 0.0, 0.0, 0.0]
    bucket[LEVEL] = max(0.0, bucket[LEVEL] - _drained(rule, now - bucket[AT]))
    if bucket[LEVEL] == 0.0 and not bucket[OPEN]:
        bucket[BEGAN], bucket[POURED] = float(now), 0.0
    bucket[LEVEL] += amount
    bucket[POURED] += amount
    bucket[AT] = float(now)
    yield from _told(bucket, rule, key, now)
    (in_episode if bucket[OPEN] else calm)[key] = bucket
    yield from _room(buckets, rule)


def drain(buckets: Buckets, rule: Rule, now: int) -> Iterator[Turn]:
    """Time goes on: the episodes that ended by `now`, earliest first."""
    buckets.now = max(buckets.now, now)
    in_episode = buckets.open.get(rule.kind, {})
    dry = [(at, key) for key, bucket in in_episode.items() if (at := _dry_at(bucket, rule)) <= buckets.now]
    for at, key in sorted(dry):
        bucket = in_episode.pop(key)
        yield Turn(key, Phase.ENDED, int(bucket[BEGAN]), at, bucket[POURED], 0.0)


def _told(bucket: Bucket, rule: Rule, key: str, now: int) -> Iterator[Turn]:
    if bucket[LEVEL] < rule.threshold and not bucket[OPEN]:
        return
    if bucket[OPEN] and bucket[POURED] < 2 * bucket[TOLD]:
        return
    phase = Phase.GOES_ON if bucket[OPEN] else Phase.BEGAN
    bucket[OPEN], bucket[TOLD] = 1.0, bucket[POURED]
    yield Turn(key, phase, int(bucket[BEGAN]), now, bucket[POURED], bucket[POURED] / rule.threshold)


def _room(buckets: Buckets, rule: Rule) -> Iterator[Turn]:
    calm, in_episode = buckets.calm[rule.kind], buckets.open[rule.kind]
    if len(calm) + len(in_episode) <= rule.most_keys:
        return
    buckets.forgotten += 1
    if calm:
        del calm[next(iter(calm))]
        return
    key = next(iter(in_episode))
    bucket = in_episode.pop(key)
    yield Turn(key, Phase.ENDED, int(bucket[BEGAN]), buckets.now, bucket[POURED], 0.0)


def _drained(rule: Rule, passed_us: float) -> float:
    return rule.threshold * passed_us / rule.drains_us


def _dry_at(bucket: Bucket, rule: Rule) -> int:
    return int(bucket[AT]) + round(bucket[LEVEL] / rule.threshold * rule.drains_us)
