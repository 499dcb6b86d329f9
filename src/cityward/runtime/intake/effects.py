"""What a judged batch does: its entry in the evidence, its counts and newest values, and the sample of what was refused.

Pure: values in, values out. Does not live here: writing them (`intake`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cityward.evidence.records import Admission
from cityward.guard.admit import UNDECLARED, Judged, Tally, digest
from cityward.guard.batch import Messages
from cityward.guard.budgets import CLASSES, Windows, told
from cityward.guard.reasons import SHED, Reason
from cityward.insight.hourly import HourlyRow, by_hour
from cityward.insight.marks import Mark, covered
from cityward.place.registry import Registry
from cityward.runtime.intake.batch import EXCERPT_BYTES, Batch, IntakeSettings
from cityward.runtime.ports import BatchEffects, BudgetWindow, DeviceSeen, FlowCount, Latest, Quarantined
from cityward.watch.events import Event, EventKind

QUARANTINED_PER_BATCH = 1000  # a flood of bad rows is counted whole, and kept as a sample
SHED_PER_BATCH = 100  # of these what was shed is the smaller part: it was not read, so there is little to see
TOLD_PER_BATCH = 64  # devices told of as shed; counts have them all

_SHED = np.array(sorted(SHED), dtype=np.uint8)


def admission_of(
    messages: Messages, judged: Judged, counted: Tally, registry: Registry, settings: IntakeSettings
) -> Admission:
    """The entry of a batch."""
    return Admission(
        at=int(messages.received_at[-1]),
        by=settings.by,
        stream=settings.stream,
        partitions=settings.partitions,
        first_seq=messages.seq[0],
        last_seq=messages.seq[-1],
        received=counted.received,
        admitted=counted.admitted,
        shed=counted.shed,
        refused=counted.refused,
        by_flow=counted.by_flow,
        by_reason=_nested(counted.by_reason),
        digest=digest(judged, registry),
        declaration=settings.declaration,
    )


def seen_of(messages: Messages, registry: Registry, windows: Windows) -> Sequence[DeviceSeen]:
    """Each unit of the batch once, with its rate window as it stands now (before the next batch moves it on)."""
    last: dict[int, int] = dict(zip(messages.unit, map(int, messages.received_at), strict=True))
    last.pop(-1, None)
    return [
        DeviceSeen(registry.units[u].id, at, int(windows.minute[u]), int(windows.messages[u])) for u, at in last.items()
    ]


def used_of(messages: Messages, registry: Registry, windows: Windows, owner: str) -> Sequence[BudgetWindow]:
    """What is used up of the budgets of the batch, as it stands now."""
    units = np.unique(np.asarray(messages.unit, dtype=np.int32))
    units = units[units >= 0]
    alone = zip(
        units.tolist(),
        windows.minute[units].tolist(),
        windows.messages[units].tolist(),
        windows.bytes[units].tolist(),
        strict=True,
    )
    return [
        *(BudgetWindow("", f"device:{registry.units[u].id}", at, n, size, CLASSES) for u, at, n, size in alone),
        *(
            BudgetWindow(owner, name, w.minute, w.messages, w.bytes, w.open_to)
            for name, w in told(windows.shared, registry)
        ),
    ]


def effects_of(batch: Batch, registry: Registry) -> BatchEffects:
    """What state takes of a batch."""
    judged = batch.judged
    quarantine = _quarantine(batch, registry)
    refused = int((judged.reason != 0).sum())
    ok = judged.passed
    return BatchEffects(
        upto=batch.upto,
        counts=[FlowCount(flow, *numbers) for flow, numbers in batch.tally.by_flow.items()],
        reasons=batch.tally.by_reason,
        quarantine=quarantine,
        quarantine_dropped=refused - len(quarantine),
        latest=_latest(judged, np.flatnonzero(ok), registry),
        hourly=by_hour(judged.channel[ok], judged.value[ok], judged.observed_at[ok], registry),
        without=partial(_without, judged, registry),
        seen=batch.seen,
        budgets=batch.budgets,
    )


def _without(judged: Judged, registry: Registry, marks: Sequence[Mark]) -> tuple[Sequence[Latest], Sequence[HourlyRow]]:
    """What the passed rows make, but for those these marks cover."""
    rows = np.flatnonzero(judged.passed)
    rows = rows[~covered(judged.channel[rows], judged.observed_at[rows], marks, registry)]
    hourly = by_hour(judged.channel[rows], judged.value[rows], judged.observed_at[rows], registry)
    return _latest(judged, rows, registry), hourly


def _latest(judged: Judged, rows: NDArray[np.intp], registry: Registry) -> Sequence[Latest]:
    """The newest of these rows of each channel."""
    if not len(rows):
        return []
    order = rows[np.lexsort((judged.observed_at[rows], judged.channel[rows]))]
    newest = order[np.r_[judged.channel[order][1:] != judged.channel[order][:-1], True]]
    return [
        Latest(registry.units[u].id, registry.channel_property[c], value, at, received, seq)
        for u, c, value, at, received, seq in zip(
            judged.unit[newest].tolist(),
            judged.channel[newest].tolist(),
            judged.value[newest].tolist(),
            judged.observed_at[newest].tolist(),
            judged.received_at[newest].tolist(),
            judged.seq[newest].tolist(),
            strict=True,
        )
    ]


def _quarantine(batch: Batch, registry: Registry) -> Sequence[Quarantined]:
    judged = batch.judged
    flows = (*registry.flows, UNDECLARED)
    out: list[Quarantined] = []
    for i in _sample(judged.reason):
        message, channel, unit = int(judged.message[i]), int(judged.channel[i]), int(judged.unit[i])
        value, at = float(judged.value[i]), int(judged.observed_at[i])
        out.append(
            Quarantined(
                seq=int(judged.seq[i]),
                row=i,
                device=registry.units[unit].id if unit >= 0 else "",
                flow=flows[judged.flow[i]],
                property=registry.channel_property[channel] if channel >= 0 else "",
                reason=Reason(int(judged.reason[i])).word,
                value=value if np.isfinite(value) else None,
                observed_at=at or None,
                received_at=int(judged.received_at[i]),
                excerpt=batch.messages.payload[message][:EXCERPT_BYTES],
            )
        )
    return out


def _sample(reason: NDArray[np.uint8]) -> list[int]:
    """The rows kept to look at: what was refused first, for it was read; then some of what was shed."""
    shed = np.isin(reason, _SHED)
    refused = np.flatnonzero((reason > 0) & ~shed)[:QUARANTINED_PER_BATCH]
    room = min(SHED_PER_BATCH, QUARANTINED_PER_BATCH - len(refused))
    return np.sort(np.concatenate([refused, np.flatnonzero(shed)[:room]])).tolist()


def shed_events(batch: Batch, registry: Registry, by: str) -> Iterator[Event]:
    """Who sent more than its budget, for whoever watches; the worst, when there are many."""
    rows = np.flatnonzero(np.isin(batch.judged.reason, _SHED))
    if not len(rows):
        return
    pairs = np.stack([batch.judged.unit[rows], batch.judged.reason[rows]], axis=1)
    which, counts = np.unique(pairs, axis=0, return_counts=True)
    for i in np.argsort(-counts, kind="stable")[:TOLD_PER_BATCH].tolist():
        unit, reason = which[i].tolist()
        yield Event(
            at=batch.admission.at,
            kind=EventKind.SHED,
            by=by,
            subject=registry.units[unit].id,
            detail={"budget": Reason(reason).word, "count": str(int(counts[i]))},
        )


def _nested(by_reason: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """flow -> word -> rows, as a record keeps it."""
    out: dict[str, dict[str, int]] = {}
    for (flow, word), count in by_reason.items():
        out.setdefault(flow, {})[word] = count
    return out
