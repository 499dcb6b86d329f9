"""The evidence as controls see it: a fold over the log's entries, the newest of each kind, and what was counted in all of them.

Theory of operation
-------------------
Entries are taken once, in order. Admissions are many and only their sums and last places matter, flow by flow. Of every other
kind the newest `MOST_KEPT` are kept with their ids, so that a judgement can name the very entry it rests on; how many there
were is counted. Taking an entry out of the log and folding again is how a test shows that a proof rests on it.

Does not live here: reading files, checking signatures (`cityward verify`).

INVARIANT: what is not kept is never taken for what did not happen: `whole_since` says from when on all is there.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar, cast

from cityward.evidence.records import Admission, AnyRecord, Record

R = TypeVar("R", bound=Record)
R_co = TypeVar("R_co", bound=Record, covariant=True)
K = TypeVar("K", bound=Hashable)

MOST_KEPT = 20_000  # entries of one kind; older ones are counted


@dataclass(frozen=True, slots=True)
class Entry(Generic[R_co]):
    """One entry of the log, with its id (`worker-0:118`)."""

    id: str
    record: R_co


@dataclass(slots=True)
class FlowSeen:
    """What the admit gate had of one flow. entry: the last admission in which something of it was admitted; at: when.

    declaration: by which it was judged. last_by_reason: the last admission in which something was turned away for a reason, when,
    and by which declaration.
    """

    received: int = 0
    admitted: int = 0
    refused: int = 0
    shed: int = 0
    by_reason: Counter[str] = field(default_factory=Counter[str])
    entry: str = ""
    at: int = 0
    declaration: str = ""
    refused_entry: str = ""
    refused_at: int = 0
    last_by_reason: dict[str, tuple[str, int, str]] = field(default_factory=dict[str, tuple[str, int, str]])


class Trail:
    """See the module. `entries`: id and record, oldest first."""

    def __init__(self, entries: Iterable[tuple[str, AnyRecord]]) -> None:
        self.flows: dict[str, FlowSeen] = defaultdict(FlowSeen)
        self.counts: Counter[str] = Counter()
        self._kept: dict[type[Record], deque[Entry[Record]]] = {}
        for entry, record in entries:
            self.counts[type(record).__name__] += 1
            if isinstance(record, Admission):
                self._admitted(entry, record)
            kept = self._kept.setdefault(type(record), deque(maxlen=MOST_KEPT))
            kept.append(Entry(entry, record))

    def _admitted(self, entry: str, record: Admission) -> None:
        for name, (received, admitted, refused, shed) in record.by_flow.items():
            seen = self.flows[name]
            seen.received, seen.admitted = seen.received + received, seen.admitted + admitted
            seen.refused, seen.shed = seen.refused + refused, seen.shed + shed
            seen.by_reason.update(record.by_reason.get(name, {}))
            if admitted:
                seen.entry, seen.at, seen.declaration = entry, record.at, record.declaration
            if refused or shed:
                seen.refused_entry, seen.refused_at = entry, record.at
                last = (entry, record.at, record.declaration)
                seen.last_by_reason.update(dict.fromkeys(record.by_reason.get(name, {}), last))

    def of(self, kind: type[R]) -> Sequence[Entry[R]]:
        """The newest entries of a kind, oldest first."""
        return cast("Sequence[Entry[R]]", tuple(self._kept.get(kind, ())))

    def whole_since(self, kind: type[Record], at: int) -> bool:
        """Whether every entry of a kind later than a moment (city us) is kept: else their absence shows nothing."""
        kept = self._kept.get(kind)
        return not kept or self.counts[kind.__name__] <= len(kept) or kept[0].record.at <= at

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of all entries that a judgement may name."""
        kept = {entry.id for entries in self._kept.values() for entry in entries}
        named = {one for seen in self.flows.values() for one in (seen.entry, seen.refused_entry)}
        reasons = {last[0] for seen in self.flows.values() for last in seen.last_by_reason.values()}
        return frozenset((kept | named | reasons) - {""})

    def newest(self, kind: type[R], key: Callable[[R], K]) -> Mapping[K, Entry[R]]:
        """Of each key the newest entry of a kind."""
        return {key(entry.record): entry for entry in self.of(kind)}
