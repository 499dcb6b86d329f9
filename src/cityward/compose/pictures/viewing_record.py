"""What is put on record of views, kept in their book, and told to the watch: in this order.

Texts that people typed are cut to what an entry holds. Times of people are machine us; records have city time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cityward.compose.setting import Setting
from cityward.evidence.records import AnyRecord, ViewAsked, ViewEnded, ViewGranted, ViewRefused
from cityward.guard.viewing import Decision, ViewReason
from cityward.runtime.pictures.viewing import ViewRefusal, ViewRow, ViewState
from cityward.runtime.pictures.viewing_ports import Viewer
from cityward.runtime.ports import EventSink
from cityward.watch.events import Event, EventKind, cut

ROLE = "viewing"
"""The ledger of views; its own, so that it can be written while the city runs."""
MOST_TEXT, MOST_NAME = 500, 128


@dataclass(frozen=True, slots=True)
class ViewRecord:
    """See the module. events: None where no watch listens."""

    setting: Setting
    events: EventSink | None = None

    def granted(self, row: ViewRow, decision: Decision, declaration: str, by: str = "web") -> str:
        """Somebody may look: the entry that says so. The caller puts the row, with the entry in it."""
        record = ViewGranted(
            at=self.setting.now_us(), by=ROLE, view=row.id, person=row.person, party=row.party, role=decision.role,
            second=row.second, camera=row.camera, purpose=row.purpose, reason=row.reason, picture=row.kind,
            cover=row.cover, since=row.since, until=row.until, ends=self.city(decision.until), source=row.source,
            postures=decision.postures, rules=decision.rules, declaration=declaration,
        )  # fmt: skip
        entry = self.append(record)
        detail = {"what": cut(f"camera {row.camera}"), "rows": "1", "devices": "1"}
        self._tell(EventKind.READ, row.person, row.source, detail, entry, by)
        return entry

    def refused(self, row: ViewRow, reasons: Sequence[ViewReason], who: Viewer, rules: str, now: int) -> None:
        """Somebody asked, or tried, and got nothing."""
        words = tuple(map(str, reasons))
        record = ViewRefused(
            at=self.setting.now_us(), by=ROLE, view=row.id, person=who.person, party=who.party,
            camera=row.camera[:MOST_NAME], purpose=row.purpose[:MOST_NAME], reason=row.reason[:MOST_TEXT],
            picture=row.kind, cover=row.cover, reasons=words, source=who.source, rules=rules,
        )  # fmt: skip
        entry = self.append(record)
        refusal = ViewRefusal(
            now, who.person, who.party, record.camera, record.purpose, record.reason, row.kind, row.cover, words,
            who.source, entry,
        )  # fmt: skip
        self.setting.state.views.refuse(refusal)
        detail = {"door": "camera", "why": cut(" ".join(words)), "count": "1", "camera": cut(record.camera)}
        self._tell(EventKind.TURNED_AWAY, who.person, who.source, detail, entry)

    def step(self, row: ViewRow, step: str, by: str) -> None:
        """A view that waits came a step on."""
        record = ViewAsked(
            at=self.setting.now_us(), by=ROLE, view=row.id, step=step, who=by, person=row.person, party=row.party,
            camera=row.camera, purpose=row.purpose, reason=row.reason, picture=row.kind, cover=row.cover,
            since=row.since, until=row.until, seconds=row.seconds,
        )  # fmt: skip
        self.append(record)
        self.setting.state.views.put(row)

    def over(self, row: ViewRow, outcome: str, now: int) -> ViewRow:
        """It is over; of one that was never opened, what it waited for will not come."""
        ended = replace(row, state=ViewState.ENDED, ended_at=now, outcome=outcome)
        if not row.opened_at:
            self.step(ended, "expired" if outcome == "expired" else "refused", row.person)
            return ended
        record = ViewEnded(
            at=self.setting.now_us(), by=ROLE, view=row.id, person=row.person, camera=row.camera, outcome=outcome,
            pictures=row.pictures, since=self.city(row.opened_at), until=self.city(row.shown_at or row.opened_at),
        )  # fmt: skip
        self.append(record)
        self.setting.state.views.put(ended)
        return ended

    def city(self, machine_us: int) -> int:
        """The city's time of a moment."""
        return self.setting.city.city_clock.to_city_us(machine_us)

    def append(self, record: AnyRecord) -> str:
        """The entry of a record."""
        with self.setting.ledger_when_free(ROLE) as ledger:
            [entry] = ledger.append([record])
        return entry

    def _tell(
        self, kind: EventKind, person: str, source: str, detail: dict[str, str], entry: str, by: str = "web"
    ) -> None:
        if self.events is not None:
            subject = cut(f"person:{person}")
            at = self.setting.now_us()
            event = Event(at=at, kind=kind, by=by, subject=subject, source=cut(source), detail=detail, record=entry)
            self.events.tell(event)
