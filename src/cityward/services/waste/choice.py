"""What to collect today: what must be, and what is worth it.

Lives here: one day's choice, from each container's level, pace and last visit. Does not live here: in which order
(`routing`), the round that is driven blind (`rounds`).

Theory of operation
-------------------
A container *must* be collected when it was not visited for its declared `longest_days` (whatever its sensor says), or when its
level is known and it would be full before the next round with a probability above one minus the service level. Any other
with a known level *may* be: what that saves is counted in metres (hours of being full before the next round, and part of a
stop of its own soon after), and the routing takes it where the way there costs less. Where a level is not known, the fixed
round decides.

INVARIANTS
- Total and bounded: any levels, never more than `stops_most`, each container once, only those it was given.
- Stops for the minimum round come first and rest on no reading.
- Of those chosen by their level, one group has at most `group_free`, or `group_share` of all stops: no street's sensors draw
  every lorry.
- A level counts as its container's past allows (`cleaning.believed`), and never above the measured one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cityward.services.waste.filling import Filling, full_by
from cityward.services.waste.routing import MUST_PRIZE_M

LOOK_AHEAD = 3.0  # rounds: what is full by then would soon need a stop of its own
LEAST_CHANCE = 0.02


class Why(StrEnum):
    """Why a container is in the round."""

    LONGEST = "not visited for its longest time"
    FIXED = "its fixed day, and its level is not known"
    LIKELY_FULL = "likely full before the next round"
    WORTH_IT = "worth it on the way"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One container, as the choice sees it. level: percent as it is believed; None: not known. days: since it was last in
    a plan.
    """

    unit: str
    group: str
    level: float | None
    filling: Filling
    full: float
    days: float
    longest_days: float
    fixed_today: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """One stop. prize: metres that it is worth; chance: of being full before the next round; hours: of being full, expected."""

    unit: str
    why: Why
    prize: int
    chance: float = 0.0
    hours: float = 0.0

    @property
    def by_level(self) -> bool:
        """Whether it rests on its container's readings."""
        return self.why in (Why.LIKELY_FULL, Why.WORTH_IT)


@dataclass(frozen=True, slots=True)
class Policy:
    """What was declared about choosing. next_days: until a container left out today could be visited; metres are of way."""

    service_level: float
    next_days: float
    m_per_hour: float
    m_per_visit: float
    stops_most: int
    group_share: float = 0.6
    group_free: int = 5


def choose(candidates: Sequence[Candidate], policy: Policy) -> list[Chosen]:
    """Today's stops: the minimum round, then what must be by likelihood, then what is worth it."""
    minimum = [chosen for one in candidates if (chosen := _minimum(one)) is not None]
    taken = {chosen.unit for chosen in minimum}
    judged = [judge(one, policy) for one in candidates if one.level is not None and one.unit not in taken]
    wanted = sorted((one for one in judged if one is not None), key=lambda one: (-one.prize, -one.chance, one.unit))
    groups = {one.unit: one.group for one in candidates}
    minimum.sort(key=lambda one: one.unit)
    return (minimum + _fair(wanted, groups, len(minimum), policy))[: policy.stops_most]


def _minimum(one: Candidate) -> Chosen | None:
    if one.days >= one.longest_days:
        return Chosen(one.unit, Why.LONGEST, MUST_PRIZE_M)
    return Chosen(one.unit, Why.FIXED, MUST_PRIZE_M) if one.fixed_today and one.level is None else None


def judge(one: Candidate, policy: Policy) -> Chosen | None:
    """What a container with a known level is worth today; None where it can well wait."""
    assert one.level is not None
    room = one.full - one.level
    grid = policy.next_days * np.array([0.125, 0.375, 0.625, 0.875, 1.0, LOOK_AHEAD])
    chance = full_by(room, one.filling, grid)
    soon, hours = float(chance[4]), float(chance[:4].mean()) * policy.next_days * 24
    if soon >= 1.0 - policy.service_level:
        return Chosen(one.unit, Why.LIKELY_FULL, MUST_PRIZE_M, soon, hours)
    prize = round(hours * policy.m_per_hour + float(chance[5]) * policy.m_per_visit)
    return Chosen(one.unit, Why.WORTH_IT, prize, soon, hours) if prize > 0 and soon >= LEAST_CHANCE else None


def _fair(wanted: Sequence[Chosen], groups: Mapping[str, str], others: int, policy: Policy) -> list[Chosen]:
    """Those wanted, in order, less what a group has beyond its share. A city of one group has no other to share with."""
    if len(set(groups.values())) < 2:
        return list(wanted)
    most = max(policy.group_free, int(policy.group_share * (others + len(wanted))))
    counts: Counter[str] = Counter()
    fair: list[Chosen] = []
    for one in wanted:
        counts[groups[one.unit]] += 1
        if counts[groups[one.unit]] <= most:
            fair.append(one)
    return fair
