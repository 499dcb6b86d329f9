"""What the services are not to believe: devices by their standing, spans of their past by the marks in force.

Lives here: the question whether one value, or one remembered cause, may still be used. The permit gate asks for itself.

INVARIANT: more marks and less trust never make anything believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cityward.guard.confidence import FULL, Confidence
from cityward.insight.marks import Mark
from cityward.runtime.ports import Latest
from cityward.services.contract import Commanded
from cityward.time import HOUR
from cityward.watch.findings import DeviceStanding, Trust

READING_LASTS_US = HOUR  # how old a reading may be that a command rests on: twice the lighting service's `max_age_s`


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is not believed now: devices by their standing, spans of their past by the marks in force."""

    confidence: Confidence = FULL
    marks: Mapping[str, Sequence[Mark]] = field(default_factory=dict[str, Sequence[Mark]])

    def of(self, row: Latest, least_trust: float) -> str | None:
        """Why the value is not to be shown; None where it is."""
        why = self.of_device(row.device, least_trust)
        if why is not None:
            return why
        states = {m.state.value for m in self.marks.get(row.device, ()) if m.covers(row.property, row.observed_at)}
        return max(states, default=None)

    def of_device(self, device: str, least_trust: float) -> str | None:
        """Why nothing that it says is to be shown; None where it may be."""
        if device in self.confidence.barred:
            return "barred"
        if device in self.confidence.quarantined:
            return "quarantined"
        return None if self.confidence.believes(device, least_trust) else "not-trusted"

    def remembered(self, last: Commanded, least_trust: float) -> Commanded:
        """The command, without its cause where that rests on what is not believed (any more)."""
        doubted = any(self._doubts(source, last.sent_at, least_trust) for source in last.sources)
        return replace(last, cause={}) if doubted else last

    def _doubts(self, device: str, sent_at: int, least_trust: float) -> bool:
        near = any(m.since <= sent_at < m.until + READING_LASTS_US for m in self.marks.get(device, ()))
        return near or not self.confidence.believes(device, least_trust)


NO_DOUBT = Doubt()
NOBODY: frozenset[str] = frozenset()
NO_PAIR: frozenset[frozenset[str]] = frozenset()


def doubt_of(
    standings: Sequence[DeviceStanding],
    marks: Sequence[Mark],
    barred: frozenset[str] = NOBODY,
    one_source: frozenset[frozenset[str]] = NO_PAIR,
) -> Doubt:
    """What is not believed, as the watch's standings, the marks in force and the bars at the doors say; and which two are one."""
    by_device: dict[str, list[Mark]] = {}
    for mark in marks:
        by_device.setdefault(mark.device, []).append(mark)
    confidence = Confidence(
        trust={standing.device: standing.trust for standing in standings},
        quarantined=frozenset(s.device for s in standings if s.state is Trust.QUARANTINED),
        barred=barred,
        one_source=one_source,
    )
    return Doubt(confidence, by_device)
