"""Where a worker takes up again: what earlier runs left in the stores, taken back into the gate's memory.

Does not live here: judging again what is on record but not held (`intake`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from cityward.evidence.admissions import joined
from cityward.evidence.records import Admission
from cityward.guard.budgets import Windows, name_of
from cityward.ids import partition_of
from cityward.place.registry import Registry
from cityward.runtime.intake.batch import IntakeSettings, Stores
from cityward.runtime.ports import BatchEffects, FlowCount, Ledger, State
from cityward.time import MINUTE

TAIL_ENTRIES = 512  # the last admissions, each with its parts


def heard_by(settings: IntakeSettings, registry: Registry) -> NDArray[np.bool_]:
    """(U,) the units whose partition this worker reads."""
    mine, cut = set(settings.partitions), settings.log_partitions
    return np.array([partition_of(unit.id, cut) in mine for unit in registry.units], dtype=np.bool_)


def last_admissions(ledger: Ledger) -> Iterator[tuple[str, Admission]]:
    """The last batches on record, each with the entry that its parts end in."""
    return joined(ledger.tail(TAIL_ENTRIES))


def finish_held(stores: Stores, declaration: str) -> Mapping[int, int]:
    """Where state stands, once it counts what history already holds by an entry of another declaration.

    Such a batch cannot be judged again alike, and need not be: the entry stands. Its rows are held; state takes its
    counts, and its latest values and hours come with what follows.
    """
    state, held = stores.state.committed(), stores.history.committed()
    for _, record in last_admissions(stores.ledger):
        if record.declaration == declaration:
            continue
        upto = dict.fromkeys(record.partitions, record.last_seq)
        if all(state.get(p, 0) < at <= held.get(p, 0) for p, at in upto.items()):
            stores.state.apply(
                BatchEffects(
                    upto=upto,
                    counts=[FlowCount(flow, *numbers) for flow, numbers in record.by_flow.items()],
                    reasons={(f, word): n for f, words in record.by_reason.items() for word, n in words.items()},
                )
            )
    return stores.state.committed()


def take_up_rates(
    state: State, windows: Windows, registry: Registry, settings: IntakeSettings
) -> Mapping[int, tuple[int, int]]:
    """Take up the rate windows; partition -> when one of its devices was last heard, of ours that ever heard one: by the
    gate's time, and to the minute by the log's own clock, which is behind where it jumped back.

    Other workers' devices say nothing of the time up to which this one has judged.
    """
    heard: dict[int, tuple[int, int]] = {}
    for device, (window, count, last_seen) in state.rate_windows().items():
        unit = registry.unit_index.get(device)
        partition = partition_of(device, settings.log_partitions)
        if unit is not None and partition in settings.partitions:
            windows.minute[unit], windows.messages[unit] = window, count
            at = (last_seen, window * MINUTE)
            heard[partition] = max(heard.get(partition, at), at)
    return heard


def take_up_budgets(state: State, windows: Windows, registry: Registry, owner: str) -> None:
    """Take up what is used of the budgets, as state has it: of our devices, and of our part of the shared ones."""
    index = registry.unit_index
    shared = {name_of(budget): windows.shared[b] for b, budget in enumerate(registry.budgets)}
    for kept in state.budget_windows():
        kind, _, name = kept.name.partition(":")
        if kind == "device" and (unit := index.get(name)) is not None:
            windows.minute[unit], windows.messages[unit], windows.bytes[unit] = (
                kept.window,
                kept.messages,
                kept.bytes,
            )
        elif kept.owner == owner and (window := shared.get(kept.name)) is not None:
            window.minute, window.messages, window.bytes = kept.window, kept.messages, kept.bytes
            window.open_to = kept.open_to
