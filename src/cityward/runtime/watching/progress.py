"""What the watch has done since it started, for metrics and for whoever asks how it goes. Judges nothing and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from cityward.evidence.records import Found
from cityward.runtime.watching.ports import Tailed, Told
from cityward.watch.casebook import Casebook, Verdict
from cityward.watch.findings import IncidentState
from cityward.watch.panel import Panel

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WatchProgress:
    """What was done since the start; for metrics. cpu: seconds by detector, and `(turns)` for all of it.

    late_learned: so many of the late rows a lesson has taken up.
    """

    turns: int = 0
    rows: int = 0
    events: int = 0
    steps: int = 0
    signs: int = 0
    findings: int = 0
    open_incidents: int = 0
    doubted: int = 0
    late_rows: int = 0
    late_learned: int = 0
    early_rows: int = 0
    unknown_rows: int = 0
    by_sequence: int = 0
    events_missed: int = 0
    events_unreadable: int = 0
    signs_shed: int = 0
    lessons: int = 0
    lessons_given_up: int = 0
    retries: int = 0
    last_error: str = ""
    now: int = 0
    history_version: int = 0
    faults: dict[str, int] = field(default_factory=dict[str, int])
    cpu: dict[str, float] = field(default_factory=dict[str, float])

    def turned(self, panel: Panel, book: Casebook, tailed: Tailed, told: Told, signs: int, verdict: Verdict) -> None:
        """Take in a turn that is held; a detector that failed in it is told loudly."""
        self.turns += 1
        self.rows, self.events, self.steps = panel.rows, panel.events, panel.steps
        self.signs += signs
        self.findings += sum(isinstance(r, Found) and r.phase == "began" for r in verdict.records)
        self.open_incidents = sum(c.incident.state is IncidentState.OPEN for c in book.docket.cases.values())
        self.doubted = len(book.trusts.standings)
        self.late_rows, self.early_rows = panel.grid.late, panel.grid.early
        self.unknown_rows += tailed.unknown
        self.by_sequence += tailed.by_sequence
        self.events_missed += told.missed
        self.events_unreadable += told.unreadable
        self.signs_shed = panel.shed
        self.history_version = tailed.at.version
        for id_ in panel.faults.keys() - self.faults.keys():
            log.error("a detector failed and begins anew", detector=id_, why=panel.last_fault[id_])
        self.faults, self.cpu = dict(panel.faults), dict(panel.cpu)

    def waits(self, why: str) -> None:
        """The world did not answer; loud at the first time and now and then."""
        self.retries += 1
        self.last_error = why
        if self.retries % 20 == 1:
            log.warning("the watch waits for the world", why=why, tries=self.retries)
