"""A gate's heartbeats: which one is due, and what it says was judged since the one before.

Lives here: counting. When to beat is `runtime.heart`'s business; what a verifier makes of beats is `verifier`'s.

INVARIANTS
- Beats count from 1 and go on over restarts: a number is used up only once its record is on the ledger.
- What is counted between two beats is told by exactly one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cityward.evidence.records import (
    Admission,
    AnyRecord,
    CommandIssued,
    CommandRefused,
    Heartbeat,
    PlanIssued,
    PlanRefused,
    Release,
    ReleaseRefused,
)


@dataclass(slots=True)
class Pulse:
    """The heartbeats of one gate. `last`: the newest one on the ledger; 0 where there is none."""

    gate: str
    by: str
    within: int
    last: int = 0
    decided: Counter[str] = field(default_factory=Counter[str])

    def count(self, records: Sequence[AnyRecord]) -> None:
        """Take in what was put on record."""
        for record in records:
            self.decided.update(decided(record))

    def due(self, state: str, now_us: int) -> Heartbeat:
        """The next beat. It is no beat yet: see `beaten`.

        Args:
            state: begun | alive | stopped.
            now_us: city time.
        """
        return Heartbeat(
            at=now_us,
            by=self.by,
            gate=self.gate,
            beat=self.last + 1,
            decided={word: n for word, n in sorted(self.decided.items()) if n},
            within=self.within,
            state=state,
        )

    def beaten(self, beat: Heartbeat) -> None:
        """The beat is on the ledger. What was counted while it was written is for the next."""
        self.last = beat.beat
        self.decided.subtract(beat.decided)


def decided(record: AnyRecord) -> dict[str, int]:
    """What a record says was judged, by word; of one that is no verdict of a gate, that it was made."""
    match record:
        case Admission():
            refused = record.received - record.admitted - record.shed
            return {"received": record.received, "admitted": record.admitted, "refused": refused, "shed": record.shed}
        case CommandIssued() | PlanIssued():
            return {"issued": 1}
        case CommandRefused() | PlanRefused() | ReleaseRefused():
            return {"refused": getattr(record, "count", 1)}
        case Release():
            return {"released": record.rows, "withheld": sum(record.withheld.values())}
        case _:
            return {str(type(record).__struct_config__.tag): 1}


def last_beat(newest_first: Iterable[AnyRecord], gate: str) -> int:
    """The number of a gate's newest beat among records, newest first; 0 where there is none."""
    return next((r.beat for r in newest_first if isinstance(r, Heartbeat) and r.gate == gate), 0)
