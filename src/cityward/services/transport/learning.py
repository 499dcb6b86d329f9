"""Judges the arrival model's predictions against what came, and keeps what that teaches.

Theory of operation
-------------------
A call that a trip no longer has ahead of it was left. *When* is the last time that was expected or seen before it went: on feeds
that keep a standing vehicle's stop in the list with the present moment (NYCT's among them) that is when it was last seen there.
From this follow, in this order:

1. *Travel*: the time from leaving the stop before, less what the agency had planned for that leg. Legs differ from their plan far
   more than trips do from each other on one leg, so the recent ones, shrunk to the plan, tell of the next.
2. *Waits*: how long a vehicle that stood for so long stood on; how wrong the model was for one between two stops.
3. *Bias*: by how much the agency was early or late, by stage and time ahead; separately for arriving and leaving.
4. *Skill*: how wrong both were, lately. It sets how far each is believed (`arrivals`).

A trip that vanished from the feed teaches nothing: it may have been renamed, cut short or lost.

INVARIANTS
- Deterministic: trips in their order, no clock, no chance.
- Bounded: what has no room is dropped, the oldest first, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cityward.services.transport.memory import (
    LONGEST_NAME,
    MOST_AHEAD,
    MOST_DWELLS,
    MOST_LEGS,
    MOST_POOLS,
    MOST_TRIPS,
    OLDEST_LEG_S,
    RECENT,
    SAMPLES,
    Ahead,
    Learned,
    Leg,
    Skill,
    Trail,
    Waiting,
    added,
    shrunk,
)
from cityward.services.transport.runs import Run, Stage

FURTHEST_LEG_S = 180  # PRECEDENT: one vehicle held for long says little of the next one's travel time
FURTHEST_ERROR_S = 1800
BIAS_WEIGHT, WAIT_WEIGHT = 20.0, 5.0  # how many values a prior counts for
SHARPNESS = 3  # how much the better of two is preferred
FIRST_SKILL_S = 40.0  # what both are taken to err by before any was judged
SKILL_STEP = 0.02
EVERY = ""  # the pool of all stops
MARK = "|"  # between the stops of a leg
STOOD, CAME = "stood", "came"  # what buckets of waits begin with


@dataclass(frozen=True, slots=True)
class Habits:
    """What is taken for granted before anything was learned, s. stand: at a stop; report: between a vehicle's reports."""

    stand_s: float = 30.0
    report_s: float = 60.0

    @property
    def early_s(self) -> float:
        """By how much a predicted arrival precedes the last report from the stop, for most."""
        return (self.stand_s + self.report_s) / 2


@dataclass(slots=True)
class Notes:
    """`Learned`, open for writing during one turn."""

    trails: dict[str, Trail]
    legs: dict[str, Leg]
    waits: dict[str, tuple[int, ...]]
    held: dict[str, tuple[int, ...]]
    bias: dict[str, tuple[int, ...]]
    late: dict[str, tuple[int, ...]]
    missed: dict[str, tuple[int, ...]]
    dwell: dict[str, tuple[int, ...]]
    skill: dict[str, Skill]
    judged: int
    dropped: int

    @classmethod
    def of(cls, learned: Learned) -> Notes:
        """A copy that can be written to."""
        return cls(
            trails=dict(learned.trails),
            legs=dict(learned.legs),
            waits=dict(learned.waits),
            held=dict(learned.held),
            bias=dict(learned.bias),
            late=dict(learned.late),
            missed=dict(learned.missed),
            dwell=dict(learned.dwell),
            skill=dict(learned.skill),
            judged=learned.judged,
            dropped=learned.dropped,
        )

    def bias_of(self, bucket: str, habits: Habits) -> float:
        """How much later than the agency expects vehicles leave, s."""
        prior = 0.0 if bucket.startswith("n") else habits.early_s
        return shrunk(self.bias.get(bucket, ()), prior, BIAS_WEIGHT)

    def share_of(self, bucket: str) -> float:
        """How far our own model is believed rather than the agency's prediction less its bias, 0 to 1."""
        skill = self.skill.get(bucket)
        if skill is None:
            return 0.5
        ours, agency = max(skill.ours, 1.0) ** SHARPNESS, max(skill.agency, 1.0) ** SHARPNESS
        return agency / (agency + ours)

    def seal(self, read: str) -> Learned:
        """What is remembered. read: the head of the feed that it was learned from."""
        return Learned(
            trails=self.trails,
            legs=_newest_legs(self.legs),
            waits=self.waits,
            held=self.held,
            bias=self.bias,
            late=self.late,
            missed=self.missed,
            dwell=self.dwell,
            skill=self.skill,
            read=read,
            judged=self.judged,
            dropped=self.dropped,
        )


def learn(notes: Notes, runs: Sequence[Run], at_s: int, habits: Habits) -> None:
    """Judge what was left since the last feed, and write down where each trip is now. at_s: when the feed was made."""
    under_way = {run.trip: run for run in runs}
    for trip, trail in list(notes.trails.items()):
        run = under_way.get(trip)
        if run is None:
            del notes.trails[trip]
        else:
            notes.trails[trip] = _with_left(notes, trail, run, at_s, habits)
    for run in runs:
        _follow(notes, run, at_s)


def _with_left(notes: Notes, trail: Trail, run: Run, at_s: int, habits: Habits) -> Trail:
    """The trail after judging the calls that are no longer ahead."""
    ahead = {call.stop for call in run.calls}
    left = trail.left
    for call in trail.ahead:
        if call.stop in ahead:
            continue
        when = min(call.expected, at_s)
        _time_leg(notes, call, left, when)
        if trail.at == call.stop and 0 <= when - trail.since <= FURTHEST_ERROR_S:
            _dwelt(notes, call.stop, when - trail.since)
        for waiting in call.waiting:
            _judge_leaving(notes, waiting, when, habits)
        left = (*left[-1:], (call.stop, when))
    return Trail(trail.ahead, left, trail.at, trail.since, trail.seen)


def _time_leg(notes: Notes, call: Ahead, left: Sequence[tuple[str, int]], when: int) -> None:
    if not left or call.planned < 0:
        return
    before, then = left[-1]
    beyond = max(-FURTHEST_LEG_S, min(FURTHEST_LEG_S, when - then - call.planned))
    leg = before + MARK + call.stop
    known = notes.legs.get(leg)
    notes.legs[leg] = Leg(added(known.beyond if known is not None else (), beyond, RECENT), when)


def _dwelt(notes: Notes, stop: str, seconds: int) -> None:
    for name in (EVERY, stop):
        _put(notes.dwell, name, seconds, SAMPLES if name == EVERY else RECENT, MOST_DWELLS)


def _judge_leaving(notes: Notes, waiting: Waiting, when: int, habits: Habits) -> None:
    took, bucket = when - waiting.made, waiting.bucket
    if abs(took - waiting.ours) > FURTHEST_ERROR_S:
        return
    if bucket.startswith(STOOD):
        _put(notes.waits, bucket, took, SAMPLES, MOST_POOLS)
        if took > 0:
            _put(notes.held, bucket, took, SAMPLES, MOST_POOLS)
    elif bucket.startswith(CAME):
        _put(notes.waits, bucket, took - waiting.ours, SAMPLES, MOST_POOLS)
    elif took > 0:  # else it had left before the prediction was made: nothing was predicted
        _judge_prediction(notes, waiting, took, habits)


def _judge_prediction(notes: Notes, waiting: Waiting, took: int, habits: Habits) -> None:
    bucket = waiting.bucket
    corrected, share = waiting.agency + notes.bias_of(bucket, habits), notes.share_of(bucket)
    _learn_skill(notes, bucket, took - waiting.ours, took - corrected)
    _put(notes.bias, bucket, took - waiting.agency, SAMPLES, MOST_POOLS)
    published = share * waiting.ours + (1 - share) * corrected
    _put(notes.missed, bucket, took - published, SAMPLES, MOST_POOLS)
    notes.judged += 1


def _follow(notes: Notes, run: Run, at_s: int) -> None:
    """Write down the calls ahead, and an arrival if there is one."""
    trail = notes.trails.get(run.trip)
    if trail is None:
        if len(notes.trails) >= MOST_TRIPS or len(run.trip) > LONGEST_NAME:
            notes.dropped += 1
            return
        trail = Trail(())
    arrived = run.stage is Stage.STANDING and run.at != trail.at
    if arrived:
        _judge_arriving(notes, trail, run)
    at, since = (run.at, run.seen_at) if arrived else (trail.at, trail.since)
    notes.trails[run.trip] = Trail(tuple(_ahead(trail, run)), trail.left, at, since, at_s)


def _judge_arriving(notes: Notes, trail: Trail, run: Run) -> None:
    for call in trail.ahead:
        if call.stop == run.at:
            for waiting in call.waiting:
                if not waiting.bucket.startswith((STOOD, CAME)) and run.seen_at > waiting.made:
                    _put(notes.late, waiting.bucket, run.seen_at - waiting.made - waiting.agency, SAMPLES, MOST_POOLS)


def _ahead(trail: Trail, run: Run) -> Iterator[Ahead]:
    """The calls ahead. What is planned for a leg is only believed where neither end is held back by the vehicle's presence."""
    known = {call.stop: call for call in trail.ahead}
    first = {Stage.STANDING: run.standing + 2, Stage.BETWEEN: 2}.get(run.stage, 1)
    for n, call in enumerate(run.calls[: MOST_AHEAD + 1]):
        before = known.get(call.stop)
        planned = before.planned if before is not None else -1
        if n >= first:
            planned = max(0, call.expected - run.calls[n - 1].expected)
        yield Ahead(call.stop, call.expected, planned, before.waiting if before is not None else ())


def _learn_skill(notes: Notes, bucket: str, ours: float, agency: float) -> None:
    """Move the running errors of both by what one prediction was wrong by, seconds."""
    known = notes.skill.get(bucket, Skill(FIRST_SKILL_S, FIRST_SKILL_S))
    if bucket in notes.skill or len(notes.skill) < MOST_POOLS:
        notes.skill[bucket] = Skill(
            known.ours + (abs(ours) - known.ours) * SKILL_STEP, known.agency + (abs(agency) - known.agency) * SKILL_STEP
        )


def _put(pools: dict[str, tuple[int, ...]], name: str, value: float, most: int, rooms: int) -> None:
    if name in pools or (len(pools) < rooms and len(name) <= LONGEST_NAME):
        pools[name] = added(pools.get(name, ()), value, most)


def _newest_legs(legs: dict[str, Leg]) -> dict[str, Leg]:
    """At most MOST_LEGS, the newest, none much older than the newest of all."""
    if not legs:
        return legs
    newest = max(leg.newest for leg in legs.values())
    kept = {name: leg for name, leg in legs.items() if newest - leg.newest <= OLDEST_LEG_S}
    if len(kept) <= MOST_LEGS:
        return kept
    names = sorted(kept, key=lambda name: (kept[name].newest, name))[-MOST_LEGS:]
    return {name: kept[name] for name in sorted(names)}
