"""When the vehicles of the trips under way will arrive at their stops, and leave them.

Theory of operation
-------------------
Two predictions are made of every call, and mixed.

*Ours* goes along the trip. It begins with the moment at which the vehicle leaves where it stands (from how long others stood on
that had stood as long), or with the one at which it left the stop before; to this it adds, leg by leg, the planned time and what
recent vehicles took beyond it. So a slow leg is felt before any train is late, and a delay propagates.
*The agency's*, less its own bias at that stage and time ahead.

Each is believed by its errors of late: the share of the better one grows with the third power of their ratio. The interval is
that of our own past errors of the kind; before there are enough, it is wide.

Arriving is leaving less the time spent at the stop, mixed with the agency's arrival less *its* bias in the same shares.

INVARIANTS
- arrives <= leaves; low <= leaves <= high; no vehicle is expected in the past.
- One turn learns from a feed once, however often it is shown.

Source: shrinkage of group means, W. James and C. Stein (1961); the mix of forecasts by inverse errors, J. Bates and C. Granger
(1969), with a sharper power. The parts are the usual ones of arrival prediction; their numbers are in docs/transport.md.
Fails when
- a disruption begins: the first vehicles into it are predicted as if there were none.
- vehicles skip reports: what was seen at no stop is timed by the agency's word alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from cityward.services.transport.learning import (
    BIAS_WEIGHT,
    CAME,
    EVERY,
    MARK,
    STOOD,
    WAIT_WEIGHT,
    Habits,
    Notes,
    learn,
)
from cityward.services.transport.memory import MOST_AHEAD, MOST_WAITING, Ahead, Learned, Trail, Waiting, shrunk
from cityward.services.transport.runs import Arrival, Run, Stage

STEPS_S = (120, 300, 600, 1200, 1800)  # time ahead, in which errors are alike
LEG_WEIGHT = 1.0  # PRECEDENT: variance within a leg over variance between legs, 0.83 on the recorded subway
SOONEST_S = 30  # a vehicle that is due and not there
COVERAGE = 0.8
LEAST_FOR_INTERVAL = 20
WIDE_S, WIDER = 60.0, 0.25  # half the interval before enough was judged: so much, and so much of the time ahead
FURTHEST_PREDICTED_S = 4 * 3600


def advance(
    learned: Learned, runs: Sequence[Run], at_s: int, head: str, habits: Habits | None = None
) -> tuple[list[Arrival], Learned]:
    """Learn from one feed and predict every call of its trips.

    Args:
        learned: what was remembered.
        runs: the trips under way, each once.
        at_s: POSIX s at which the feed was made.
        head: what tells this feed from the one before.
        habits: priors.

    Returns:
        arrivals in the order of runs and calls, and what to remember.
    """
    habits = habits if habits is not None else Habits()
    notes = Notes.of(learned)
    if head != learned.read:
        learn(notes, runs, at_s, habits)
    arrivals = [arrival for run in runs for arrival in _predict(notes, run, at_s, habits, head != learned.read)]
    return arrivals, notes.seal(head)


def _predict(notes: Notes, run: Run, at_s: int, habits: Habits, fresh: bool) -> Iterator[Arrival]:
    trail = notes.trails.get(run.trip, Trail(()))
    waiting: list[list[Waiting]] = []
    for n, (call, (ours, own, wait)) in enumerate(zip(run.calls, _along(notes, trail, run, at_s, habits), strict=True)):
        if call.expected - at_s > FURTHEST_PREDICTED_S:
            break
        bucket = _bucket(run, n, call.expected - at_s)
        made = [Waiting(bucket, at_s, round(own - at_s), call.expected - at_s)]
        if wait:
            made.append(Waiting(wait, at_s, round(ours - at_s), call.expected - at_s))
        waiting.append(made)
        yield _mixed(notes, run, n, own, at_s, habits, bucket)
    if fresh and run.trip in notes.trails:
        notes.trails[run.trip] = _with_waiting(trail, waiting)


def _with_waiting(trail: Trail, made: Sequence[Sequence[Waiting]]) -> Trail:
    """Each new prediction of a kind that does not wait already: the first of a kind is judged, its repetitions are not."""
    ahead: list[Ahead] = []
    for n, call in enumerate(trail.ahead):
        new = made[n] if n < min(len(made), MOST_AHEAD) else ()
        known = {waiting.bucket for waiting in call.waiting}
        kept = (*call.waiting, *(waiting for waiting in new if waiting.bucket not in known))[-MOST_WAITING:]
        ahead.append(Ahead(call.stop, call.expected, call.planned, kept))
    return Trail(tuple(ahead), trail.left, trail.at, trail.since, trail.seen)


def _along(notes: Notes, trail: Trail, run: Run, at_s: int, habits: Habits) -> Iterator[tuple[float, float, str]]:
    """For each call: when it is left as the next legs count on, when it is left as we say of itself, and its bucket of waits."""
    planned = {call.stop: call.planned for call in trail.ahead}
    left, before, standing = 0.0, "", run.standing
    for n, call in enumerate(run.calls):
        own, wait = None, ""
        if run.stage is Stage.STANDING and n <= standing:
            left, own, wait = _standing(notes, trail, n == standing, at_s, habits)
        elif n == 0 and run.stage is Stage.BETWEEN:
            left, wait = _coming(notes, trail, run, at_s, habits)
        elif n == 0:
            left = max(float(call.expected), at_s)
        else:
            plan = planned.get(call.stop, -1)
            left += (plan if plan >= 0 else max(0, call.expected - run.calls[n - 1].expected)) + _beyond(
                notes, before, call.stop
            )
        before = call.stop
        yield left, left if own is None else own, wait


def _standing(notes: Notes, trail: Trail, here: bool, at_s: int, habits: Habits) -> tuple[float, float, str]:
    """Of the stop where it stands, or one behind it that the feed still has: how long others stood on.

    What is told of the stop itself is how long those stood that did stand on; the next legs count on all.
    """
    bucket = f"{STOOD}{min(4, max(0, at_s - trail.since) // 60)}" if here else f"{STOOD}-behind"
    stays = shrunk(notes.waits.get(bucket, ()), habits.report_s / 2 if here else 0.0, WAIT_WEIGHT)
    stayed = shrunk(notes.held.get(bucket, ()), habits.report_s - 5, WAIT_WEIGHT)
    return at_s + stays, at_s + stayed, bucket


def _coming(notes: Notes, trail: Trail, run: Run, at_s: int, habits: Habits) -> tuple[float, str]:
    """Of the next stop of a vehicle between two: since it left, and how wrong that was for others as far on."""
    call = run.calls[0]
    ahead = call.expected - at_s + habits.report_s / 2
    known = next((one.planned for one in trail.ahead if one.stop == call.stop), -1)
    if trail.left and known >= 0:
        before, when = trail.left[-1]
        ahead = when + known + _beyond(notes, before, call.stop) - at_s
    bucket = f"{CAME}{int(min(6, max(-2, ahead // 30)))}"
    left = at_s + max(ahead, SOONEST_S)
    return left + shrunk(notes.waits.get(bucket, ()), 0.0, WAIT_WEIGHT), bucket


def _beyond(notes: Notes, before: str, stop: str) -> float:
    leg = notes.legs.get(before + MARK + stop)
    return shrunk(leg.beyond, 0.0, LEG_WEIGHT) if leg is not None else 0.0


def _bucket(run: Run, n: int, ahead: int) -> str:
    """Predictions whose errors are alike: by stage and time ahead."""
    if run.stage is Stage.STANDING and n <= run.standing:
        return "at"
    stage = {Stage.STANDING: "s", Stage.BETWEEN: "b"}.get(run.stage, "n")
    return f"{stage}{bisect_right(STEPS_S, ahead)}"


def _mixed(notes: Notes, run: Run, n: int, own: float, at_s: int, habits: Habits, bucket: str) -> Arrival:
    call = run.calls[n]
    share = 1.0 if bucket == "at" else notes.share_of(bucket)
    leaves = max(share * own + (1 - share) * (call.expected + notes.bias_of(bucket, habits)), at_s)
    low, high = _interval(notes, bucket, leaves, at_s)
    return Arrival(
        trip=run.trip,
        stop=call.stop,
        arrives=_arrives(notes, run, n, leaves, share, at_s, habits, bucket),
        leaves=leaves,
        low=min(low, leaves),
        high=max(high, leaves),
        agency=call.expected,
        learned=share,
    )


def _arrives(
    notes: Notes, run: Run, n: int, leaves: float, share: float, at_s: int, habits: Habits, bucket: str
) -> float:
    call = run.calls[n]
    if bucket == "at":
        return min(float(call.expected), leaves, at_s)
    every = shrunk(notes.dwell.get(EVERY, ()), habits.early_s, BIAS_WEIGHT)
    dwell = shrunk(notes.dwell.get(call.stop, ()), every, WAIT_WEIGHT)
    agency = call.expected + shrunk(notes.late.get(bucket, ()), 0.0, BIAS_WEIGHT)
    return max(at_s, min(leaves, share * (leaves - dwell) + (1 - share) * agency))


def _interval(notes: Notes, bucket: str, leaves: float, at_s: int) -> tuple[float, float]:
    """Where it is left with probability COVERAGE, from our past errors of the kind."""
    errors = sorted(notes.missed.get(bucket, ()))
    if len(errors) < LEAST_FOR_INTERVAL:
        half = WIDE_S + WIDER * max(0.0, leaves - at_s)
        return max(leaves - half, at_s), leaves + half
    tail = round((1 - COVERAGE) / 2 * (len(errors) - 1))
    return max(leaves + errors[tail], at_s), leaves + errors[-1 - tail]
