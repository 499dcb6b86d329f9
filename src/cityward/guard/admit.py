"""The admit gate: what may come in.

Theory of operation
-------------------
Messages are stamped with a time that never goes back, then pass two steps. `screen` looks at the envelope (device known
and active, size, rate) before anything is decoded, so
that a flood costs little. `judge` looks at the claims a codec made of the rest: flow, finiteness, range, time, repetition.
What passes becomes `Admitted` once its evidence record exists (`Judged.seal`).

Time is the log's: the gate never reads a clock. Its `now` only rises, by a microsecond per message while the log's own clock
is behind, so that a clock that jumps back makes nobody's readings "future", and readings without a time are not taken for
one another. The age of a reading and the minute it is counted in go by the log's clock as it is: they would stand still
with `now`, and a town whose clock was ahead for a while would refuse and shed everything until it has caught up.

The state is small: per channel the newest `WINDOW` admitted times (a reading at or below the newest must not be among them,
nor lie before them all once they are full), and what is used up of each budget in the current minute (`guard.budgets`).

INVARIANTS
- Deterministic and independent of batching: judging A then B gives what judging A+B gives. A restart therefore judges the same
  range of the log again and comes to the same verdict; `digest` proves it.
- Total: every message gives at least one row, every row exactly one `Reason`.
- Of rows for one channel at one time, at most one is ever admitted.
- Only this module makes `Admitted`.

Fails when: a device sends its backlog newest first and longer than `WINDOW` readings: the oldest are refused as `replay`.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cityward.guard.batch import Claims, Messages
from cityward.guard.budgets import Arrivals, Windows, count_alone, count_shared
from cityward.guard.reasons import SHED, Reason
from cityward.place.registry import Registry
from cityward.place.services import Priority
from cityward.time import MINUTE, SECOND

WINDOW = 128  # PRECEDENT: IPsec's default anti-replay window is 64 packets; ours also lets a short backlog arrive late

RUN = 32
"""So many rising times are judged at once: where that is cheaper than one by one."""

UNDECLARED = "undeclared"
"""The flow under which rows are counted that no declared flow carries."""

_NEVER = np.iinfo(np.int64).min
_SEAL = object()


@dataclass(frozen=True, slots=True)
class Admitted:
    """Observations that passed the gate, and whose admission is on record. Columns of length N; made by `Judged.seal` only.

    channel: int32, registry channel. value: float64, catalogue unit. observed_at, received_at: int64 us, city time.
    seq: int64, the log sequence each row came in. record: the evidence entry.
    """

    channel: NDArray[np.int32]
    value: NDArray[np.float64]
    observed_at: NDArray[np.int64]
    received_at: NDArray[np.int64]
    seq: NDArray[np.int64]
    record: str
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("only the admit gate makes Admitted: judge the claims and seal them with their record")

    def __len__(self) -> int:
        return len(self.channel)


@dataclass(slots=True)
class AdmitState:
    """What the gate remembers. Shapes: C channels, U units. Owned by one worker, changed by `screen` and `judge` only.

    times: (C, WINDOW) the newest admitted times of a channel as a circle: ascending from `head`, `_NEVER` where empty.
    windows: what is used up of the budgets.
    now: the time stamp given to the newest message.
    """

    times: NDArray[np.int64]
    head: NDArray[np.int32]
    windows: Windows
    now: int = _NEVER

    @classmethod
    def empty(cls, registry: Registry, mine: NDArray[np.bool_] | None = None) -> AdmitState:
        """The state before the first message. `mine`: (U,) the units that this worker hears; all by default."""
        channels = len(registry.channel_unit)
        return cls(
            times=np.full((channels, WINDOW), _NEVER, dtype=np.int64),
            head=np.zeros(channels, dtype=np.int32),
            windows=Windows.empty(registry, mine),
        )

    def remember(self, channel: NDArray[np.int32], observed_at: NDArray[np.int64]) -> None:
        """Take up admitted rows from history, sorted by channel, then time: what a restart knows of the past."""
        _push(self, channel, observed_at)

    def newest(self, channel: NDArray[np.int32]) -> NDArray[np.int64]:
        """The newest admitted time of each channel; the smallest int64 where there is none."""
        return self.times[channel, (self.head[channel] - 1) % WINDOW]


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on every row of a batch: N rows, in message order.

    `flow` indexes `registry.flows`; the number of flows stands for `UNDECLARED`. `detail` columns are as claimed.
    """

    message: NDArray[np.int32]
    unit: NDArray[np.int32]
    channel: NDArray[np.int32]
    value: NDArray[np.float64]
    observed_at: NDArray[np.int64]
    received_at: NDArray[np.int64]
    seq: NDArray[np.int64]
    flow: NDArray[np.int32]
    reason: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.reason)

    @property
    def passed(self) -> NDArray[np.bool_]:
        """(N,) whether each row was admitted."""
        return self.reason == Reason.ADMITTED

    def seal(self, record: str) -> Admitted:
        """The admitted rows, once the evidence entry `record` says so."""
        ok = self.passed
        return Admitted(
            channel=self.channel[ok],
            value=self.value[ok],
            observed_at=self.observed_at[ok],
            received_at=self.received_at[ok],
            seq=self.seq[ok],
            record=record,
            _seal=_SEAL,
        )


def stamp(messages: Messages, state: AdmitState) -> Messages:
    """The messages with times that only rise, whatever the log's clock did. The first step; advances `state.now`."""
    if not len(messages):
        return messages
    logged = np.asarray(messages.received_at, dtype=np.int64)
    nth = np.arange(len(logged))
    stamps = (
        np.maximum.accumulate(np.maximum(logged - nth, state.now + 1)) + nth
    )  # each at least 1 us after the one before
    state.now = int(stamps[-1])
    return replace(messages, received_at=stamps, logged_at=logged)


def screen(messages: Messages, registry: Registry, state: AdmitState) -> NDArray[np.uint8]:
    """(M,) a `Reason` per stamped message from its envelope alone; 0 where it is worth decoding. Advances the budgets."""
    unit = np.asarray(messages.unit, dtype=np.int32)
    flow = _flow_of_unit(unit, registry)
    size = np.fromiter(map(len, messages.payload), dtype=np.int64, count=len(unit))
    largest = np.array([*(f.max_message_bytes for f in registry.flow_limits), 0], dtype=np.int64)[flow]
    known = unit >= 0
    active = known & _may_speak(unit, messages, registry) if len(registry.units) else known
    arrivals = Arrivals(unit, _logged_at(messages) // MINUTE, size)
    alone = count_alone(arrivals, registry, state.windows)
    reason = np.select(
        [~known, ~active, flow == len(registry.flows), alone > 0, size > largest],
        [Reason.UNKNOWN_DEVICE, Reason.INACTIVE_DEVICE, Reason.NO_FLOW, alone, Reason.TOO_LARGE],
        default=Reason.ADMITTED,
    ).astype(np.uint8)
    count_shared(arrivals, reason, registry, state.windows)
    return reason


def _may_speak(unit: NDArray[np.int32], messages: Messages, registry: Registry) -> NDArray[np.bool_]:
    """Declared active, and not barred when the message came: by the log's time, so that a restart judges alike."""
    row = np.where(unit >= 0, unit, 0)
    came = np.asarray(messages.received_at, dtype=np.int64)[:, None]
    barred = (came >= registry.unit_barred_from[row]) & (came < registry.unit_barred_until[row])
    return registry.unit_active[row] & ~barred.any(axis=1)


def judge(
    messages: Messages, screened: NDArray[np.uint8], claims: Claims, registry: Registry, state: AdmitState
) -> Judged:
    """Judge a batch.

    Args:
        messages: the M messages of the batch.
        screened: (M,) what `screen` said of each.
        claims: what the codecs made of the messages screened as 0; `claims.message` indexes `messages`.
        registry: the numbered declaration.
        state: advanced by what is admitted.
    """
    rows = _assemble(messages, screened, claims, registry)
    reason = rows.reason
    reason[(reason == 0) & (registry_flow(rows.channel, registry) < 0)] = Reason.NO_FLOW
    _check_values(rows, registry)
    _check_times(rows, _logged_at(messages)[rows.message], registry)
    _check_repeats(rows, state)
    return rows


def wave_through(messages: Messages, screened: NDArray[np.uint8], claims: Claims, registry: Registry) -> Judged:
    """The gate switched off: everything a codec could read is admitted. For measuring what the gate costs, nothing else."""
    return _assemble(messages, screened, claims, registry)


def registry_flow(channel: NDArray[np.int32], registry: Registry) -> NDArray[np.int32]:
    """The flow of each row's channel; -1 where there is no channel or no flow."""
    if not len(registry.channel_flow):
        return np.full(len(channel), -1, dtype=np.int32)
    return np.where(channel >= 0, registry.channel_flow[np.where(channel >= 0, channel, 0)], -1).astype(np.int32)


def digest(judged: Judged, registry: Registry) -> str:
    """SHA-256 over the admitted rows in canonical order, as hex: repeatable from history by anyone.

    Each row is 32 bytes: seq, the first 8 bytes of SHA-256(`device/property`), observed_at, value; all little-endian; rows
    sorted by these four.
    """
    ok = judged.passed
    name = registry.channel_name[judged.channel[ok]]
    value = judged.value[ok].view(np.int64)
    order = np.lexsort((value, judged.observed_at[ok], name, judged.seq[ok]))
    columns = (judged.seq[ok], name.view(np.int64), judged.observed_at[ok], value)
    table = np.stack([c[order] for c in columns], axis=1) if len(order) else np.empty((0, 4), np.int64)
    return hashlib.sha256(np.ascontiguousarray(table, dtype="<i8").tobytes()).hexdigest()


def _flow_of_unit(unit: NDArray[np.int32], registry: Registry) -> NDArray[np.int32]:
    flows = len(registry.flows)
    if not len(registry.units):
        return np.full(len(unit), flows, dtype=np.int32)
    flow = registry.unit_flow[np.where(unit >= 0, unit, 0)]
    return np.where((unit >= 0) & (flow >= 0), flow, flows).astype(np.int32)


def _assemble(messages: Messages, screened: NDArray[np.uint8], claims: Claims, registry: Registry) -> Judged:
    """One row per claim, and one per message that was not decoded, in message order."""
    stopped = np.flatnonzero(screened).astype(np.int32)
    none = len(stopped)
    message = np.concatenate([claims.message, stopped])
    order = np.argsort(message, kind="stable")
    message = message[order]
    channel = np.concatenate([claims.channel, np.full(none, -1, np.int32)])[order]
    unit = np.asarray(messages.unit, dtype=np.int32)[message]
    by_channel = registry_flow(channel, registry)
    return Judged(
        message=message,
        unit=unit,
        channel=channel,
        value=np.concatenate([claims.value, np.full(none, np.nan)])[order],
        observed_at=np.concatenate([claims.observed_at, np.zeros(none, np.int64)])[order],
        received_at=np.asarray(messages.received_at, dtype=np.int64)[message],
        seq=np.asarray(messages.seq, dtype=np.int64)[message],
        flow=np.where(by_channel >= 0, by_channel, _flow_of_unit(unit, registry)).astype(np.int32),
        reason=np.concatenate([claims.fault, screened[stopped]])[order],
    )


def _check_values(rows: Judged, registry: Registry) -> None:
    reason, value = rows.reason, rows.value
    reason[(reason == 0) & ~np.isfinite(value)] = Reason.NOT_FINITE
    left = np.flatnonzero(reason == 0)
    channel = rows.channel[left]
    outside = (value[left] < registry.channel_low[channel]) | (value[left] > registry.channel_high[channel])
    reason[left[outside]] = Reason.OUT_OF_RANGE


def _logged_at(messages: Messages) -> NDArray[np.int64]:
    return np.asarray(messages.logged_at if len(messages.logged_at) else messages.received_at, dtype=np.int64)


def _check_times(rows: Judged, logged_at: NDArray[np.int64], registry: Registry) -> None:
    now = rows.received_at
    ahead = np.array([*(f.max_future_s for f in registry.flow_limits), 0], dtype=np.int64)[rows.flow] * SECOND
    age = np.array([*(f.max_age_s for f in registry.flow_limits), 0], dtype=np.int64)[rows.flow] * SECOND
    open_ = rows.reason == 0
    rows.reason[open_ & (rows.observed_at > now + ahead)] = Reason.IN_THE_FUTURE
    rows.reason[open_ & (rows.observed_at < logged_at - age)] = Reason.TOO_OLD


def _check_repeats(rows: Judged, state: AdmitState) -> None:
    """Refuse what was admitted before. Channels whose times only rise are done in columns, the others one by one."""
    left = np.flatnonzero(rows.reason == 0)
    if not len(left):
        return
    order = left[np.argsort(rows.channel[left], kind="stable")]
    channel, at = rows.channel[order], rows.observed_at[order]
    first = np.r_[True, channel[1:] != channel[:-1]]
    before = np.where(first, state.newest(channel), np.r_[_NEVER, at[:-1]])
    falls = at <= before
    if falls.any():
        late = np.isin(channel, np.unique(channel[falls]))
        rows.reason[order[late]] = _one_by_one(channel[late], at[late], state)
        order, channel, at = order[~late], channel[~late], at[~late]
    _push(state, channel, at)


def _one_by_one(channel: NDArray[np.int32], at: NDArray[np.int64], state: AdmitState) -> NDArray[np.uint8]:
    """The verdicts on rows (sorted by channel, then arrival) of channels where time does not only rise."""
    verdicts = np.zeros(len(channel), dtype=np.uint8)
    bounds = np.flatnonzero(np.r_[True, channel[1:] != channel[:-1], True])
    for start, stop in itertools.pairwise(bounds.tolist()):
        ch = int(channel[start])
        known = np.sort(state.times[ch][state.times[ch] != _NEVER])
        verdicts[start:stop], known = _place_all(at[start:stop], known)
        state.times[ch] = _NEVER
        state.times[ch, WINDOW - len(known) :] = known
        state.head[ch] = 0
    return verdicts


def _place_all(at: NDArray[np.int64], known: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Judge the times of one channel against the `known` newest ones, ascending; the verdicts, and what is known then.

    A pack that is sent again is a long run of rising times, and done at once; short runs go one by one.
    """
    verdicts = np.zeros(len(at), dtype=np.uint8)
    turns = np.flatnonzero(at[1:] <= at[:-1]) + 1
    runs = np.r_[0, turns, len(at)]
    long = np.diff(runs) >= RUN
    parts = np.unique(np.r_[0, runs[:-1][long], runs[1:][long], len(at)]).tolist()
    rising = set(runs[:-1][long].tolist())
    for start, stop in itertools.pairwise(parts):
        place = _place_rising if start in rising else _place_each
        verdicts[start:stop], known = place(at[start:stop], known)
    return verdicts, known


def _place_rising(at: NDArray[np.int64], known: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Times that rise. What is not known and not before all that is known is admitted: at least one known time, or one of
    the run itself, always stays below it, so it never falls out of the window before it is judged.
    """
    old = at < known[0] if len(known) == WINDOW else np.zeros(len(at), dtype=np.bool_)
    verdicts = np.select([np.isin(at, known), old], [Reason.DUPLICATE, Reason.REPLAY], 0).astype(np.uint8)
    return verdicts, np.sort(np.concatenate([known, at[verdicts == 0]]))[-WINDOW:]


def _place_each(at: NDArray[np.int64], known: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Times in any order, one after the other."""
    newest: list[int] = known.tolist()
    held = set(newest)
    verdicts = [_place(one, newest, held) for one in at.tolist()]
    return np.array(verdicts, dtype=np.uint8), np.array(newest, dtype=np.int64)


def _place(at: int, newest: list[int], held: set[int]) -> int:
    """Judge one time against the `newest` ones (ascending; the oldest is dropped when it overflows), and take it up."""
    if at in held:
        return Reason.DUPLICATE
    if len(newest) == WINDOW:
        if at < newest[0]:
            return Reason.REPLAY
        held.discard(newest.pop(0))
    bisect.insort(newest, at)
    held.add(at)
    return Reason.ADMITTED


def _push(state: AdmitState, channel: NDArray[np.int32], at: NDArray[np.int64]) -> None:
    """Add times that rise within each channel and lie above its newest; rows sorted by channel."""
    if not len(channel):
        return
    starts = np.flatnonzero(np.r_[True, channel[1:] != channel[:-1]])
    lengths = np.diff(np.r_[starts, len(channel)])
    nth = np.arange(len(channel)) - np.repeat(starts, lengths)
    kept = nth >= np.repeat(lengths, lengths) - WINDOW
    slot = (state.head[channel] + nth) % WINDOW
    state.times[channel[kept], slot[kept]] = at[kept]
    touched = channel[starts]
    state.head[touched] = (state.head[touched] + lengths) % WINDOW


def by_class(judged: Judged, registry: Registry) -> dict[str, dict[str, int]]:
    """Class -> `admitted`, or the reason word -> rows. What no declared device sent is of the class `UNDECLARED`."""
    names, width = (*(p.word for p in Priority), UNDECLARED), max(Reason) + 1
    of_unit = np.append(registry.unit_priority, len(Priority)).astype(np.int64)  # the last is that of unit -1
    grid = np.bincount(of_unit[judged.unit] * width + judged.reason, minlength=len(names) * width)
    return {
        name: {Reason(int(r)).word if r else "admitted": int(row[r]) for r in np.flatnonzero(row)}
        for name, row in zip(names, grid.reshape(len(names), width), strict=True)
        if row.any()
    }


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a batch's rows. INVARIANT: received == admitted + sum(refused) + shed, in all and per flow.

    by_flow: flow -> (received, admitted, refused, shed). by_reason: (flow, reason word) -> rows, refused and shed alike.
    """

    received: int
    admitted: int
    refused: dict[str, int]
    shed: int
    by_flow: dict[str, tuple[int, int, int, int]]
    by_reason: dict[tuple[str, str], int]


def tally(judged: Judged, registry: Registry) -> Tally:
    """Count a batch's rows by flow and reason."""
    names = (*registry.flows, UNDECLARED)
    width = max(Reason) + 1
    grid = np.bincount(judged.flow.astype(np.int64) * width + judged.reason, minlength=len(names) * width)
    grid = grid.reshape(len(names), width)
    shed_columns = [int(r) for r in SHED]
    by_flow: dict[str, tuple[int, int, int, int]] = {}
    by_reason: dict[tuple[str, str], int] = {}
    for f in np.flatnonzero(grid.sum(axis=1)):
        received, admitted, shed = int(grid[f].sum()), int(grid[f, 0]), int(grid[f, shed_columns].sum())
        by_flow[names[f]] = (received, admitted, received - admitted - shed, shed)
        for r in np.flatnonzero(grid[f, 1:]) + 1:
            by_reason[names[f], Reason(int(r)).word] = int(grid[f, r])
    totals = grid.sum(axis=0)
    refused = {Reason(r).word: int(totals[r]) for r in range(1, width) if totals[r] and Reason(r) not in SHED}
    return Tally(
        received=int(totals.sum()),
        admitted=int(totals[0]),
        refused=refused,
        shed=int(totals[shed_columns].sum()),
        by_flow=by_flow,
        by_reason=by_reason,
    )
