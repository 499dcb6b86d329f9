"""Follows what the services want people to know: from the turn that names a notice first to the one that names it no more.

Urgent ones go out by the alert channels, each once: what ended and is named again within `AGAIN_US` goes on, and is told no
second time. That one is over is told when it can no longer go on: `AGAIN_US` after it was named last, with that moment. A
service that fails names nothing: what stood goes on.

INVARIANT: bounded: `MOST_NOTICES` of a service stand at a time, and `ALERTS_AN_HOUR` of it are sent on; the rest is counted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from cityward.guard.permit import Urgency
from cityward.guard.wellformed import are_names, is_text, is_whole
from cityward.runtime.serving.kept import NoticeRow
from cityward.runtime.watching.ports import AlertRow
from cityward.services.contract import Notice
from cityward.time import HOUR

MOST_NOTICES = 500
MOST_SOURCES = 128
LONGEST_ID = 96
AGAIN_US = HOUR
ALERTS_AN_HOUR = 30
END_OF_TIME = 253_402_300_800_000_000  # the year 10000

AlertRows = Callable[[NoticeRow], Sequence[AlertRow]]
"""What goes into the outbox of the alert channels for a notice that begins, or is over (`ended_at`)."""


class Notices:
    """See the module. `shed`: service -> how many were not taken since the start."""

    def __init__(self, alert_rows: AlertRows | None = None) -> None:
        self._alert_rows = alert_rows
        self._rows: dict[str, dict[str, NoticeRow]] = {}
        self._alerted: dict[str, deque[int]] = {}
        self.shed: Counter[str] = Counter()

    def take_up(self, rows: Iterable[NoticeRow]) -> None:
        """What stood, or ended lately, when an earlier run ended."""
        for row in rows:
            self._rows.setdefault(row.service, {})[row.id] = row

    def standing(self, service: str) -> int:
        """How many of it stand."""
        return sum(1 for row in self._rows.get(service, {}).values() if row.ended_at is None)

    def take(self, service: str, notices: Iterable[Any], now_us: int) -> tuple[list[NoticeRow], list[AlertRow]]:
        """What a turn names; the rows that changed by it, and what is to be sent."""
        known = self._rows.setdefault(service, {})
        named = self._sound(service, notices)
        changed: list[NoticeRow] = []
        alerts: list[AlertRow] = []
        for notice in named.values():
            before = known.get(notice.id)
            row = _row(service, notice, now_us if before is None else before.first_at)
            if row != before:
                changed.append(row)
            if before is None or (row.urgency != before.urgency and row.urgency == _SAFETY):
                alerts.extend(self._alerts(service, row, now_us))
            known[notice.id] = row
        for id_, row in known.items():
            if id_ not in named and row.ended_at is None:
                known[id_] = ended = msgspec.structs.replace(row, ended_at=now_us)
                changed.append(ended)
        self._rows[service] = {id_: row for id_, row in known.items() if _may_return(row, now_us)}
        over = [row for id_, row in known.items() if id_ not in self._rows[service]]
        alerts.extend(one for row in over if row.urgency == _SAFETY for one in self._closing(row))
        return changed, alerts

    def _sound(self, service: str, notices: Iterable[Any]) -> dict[str, Notice]:
        named: dict[str, Notice] = {}
        for notice in notices:
            if len(named) < MOST_NOTICES and _well_formed(notice):
                named[notice.id] = notice
            else:
                self.shed[service] += 1
        return named

    def _closing(self, row: NoticeRow) -> Sequence[AlertRow]:
        """Of what was opened, so no more of them than that: not held to `ALERTS_AN_HOUR`."""
        return self._alert_rows(row) if self._alert_rows is not None else ()

    def _alerts(self, service: str, row: NoticeRow, now_us: int) -> Sequence[AlertRow]:
        if row.urgency != _SAFETY or self._alert_rows is None:
            return ()
        lately = self._alerted.setdefault(service, deque())
        while lately and abs(now_us - lately[0]) >= HOUR:
            lately.popleft()
        if len(lately) >= ALERTS_AN_HOUR:
            self.shed[service] += 1
            return ()
        lately.append(now_us)
        return self._alert_rows(row)


_SAFETY = Urgency.SAFETY.name.lower()


def _may_return(row: NoticeRow, now_us: int) -> bool:
    return row.ended_at is None or abs(now_us - row.ended_at) < AGAIN_US


def _row(service: str, notice: Notice, first_at: int) -> NoticeRow:
    return NoticeRow(
        service=service,
        id=notice.id,
        subject=notice.subject,
        title=notice.title,
        urgency=Urgency(notice.urgency).name.lower(),
        since=notice.since,
        do=notice.do,
        sources=notice.sources,
        first_at=first_at,
    )


def _well_formed(notice: Any) -> bool:
    return (
        isinstance(notice, Notice)
        and all(map(is_text, (notice.id, notice.subject, notice.title)))
        and len(notice.id) <= LONGEST_ID
        and (notice.do == "" or is_text(notice.do))
        and notice.urgency in tuple(Urgency)
        and is_whole(notice.since)
        and 0 <= notice.since < END_OF_TIME
        and are_names(notice.sources, MOST_SOURCES)
    )
